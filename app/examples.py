"""The examples of the OpenAPI document; a test validates each against its schema."""

from typing import Any

DATASET_ID = "ds_019aab3c91e05f0c2d4b7a9e31"
JOB_ID = "job_019aab3ca2c47e1d9b3f60a852"
MADE = "2026-11-23T21:06:26Z"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

Example = dict[str, Any]

PROBLEM: Example = {
    "type": "/v1/problems/not-found",
    "title": "There is no such object.",
    "detail": f"There is no job {JOB_ID!r}.",
    "status": 404,
    "instance": f"/v1/jobs/{JOB_ID}",
    "request_id": "5d0b1c5f7a2e4c90",
}
PROBLEM_KIND: Example = {
    "type": "/v1/problems/not-found",
    "title": "There is no such object.",
    "status": 404,
    "explanation": "There is no such object.",
}
DATASET: Example = {
    "id": DATASET_ID,
    "name": "faces.zip",
    "sha256": SHA256,
    "options": {"truth": "folders"},
    "kind": "images",
    "dimension": None,
    "n_images": 400,
    "height": 32,
    "width": 32,
    "channels": 1,
    "dtype": "uint8",
    "classes": ["s01", "s02"],
    "bytes": 409600,
    "notices": [{"code": "duplicate-images", "detail": "2 images are equal: a/1.png, a/2.png."}],
    "created_at": MADE,
    "links": {"self": f"/v1/datasets/{DATASET_ID}", "images": f"/v1/datasets/{DATASET_ID}/images"},
}
DATASET_PAGE: Example = {"items": [DATASET], "next_cursor": None}
IMAGE: Example = {
    "index": 0,
    "name": "s01/1.png",
    "height": 32,
    "width": 32,
    "truth": "s01",
    "links": {"png": f"/v1/datasets/{DATASET_ID}/images/0"},
}
JOB_REQUEST: Example = {
    "dataset_id": DATASET_ID,
    "n_clusters": 40,
    "method": "s2convscn",
    "seed": 0,
    "metadata": {"experiment": "first look"},
}
JOB_REQUEST_TUNED: Example = {
    "dataset_id": DATASET_ID,
    "n_clusters": 40,
    "method": {"method": "s2convscn", "norm": "l2"},
    "seed": 7,
    "image_size": [32, 32],
    "max_seconds": 3600,
}
PREDICTION_REQUEST: Example = {"dataset_id": DATASET_ID, "metadata": {"camera": "second"}}
JOB: Example = {
    "id": JOB_ID,
    "dataset_id": DATASET_ID,
    "status": "running",
    "terminal": False,
    "message": "Training: epoch 40 of 200.",
    "phase": "training",
    "progress": 0.42,
    "epoch": 40,
    "epochs": 200,
    "losses": {"total": 3.1, "reconstruction": 1.9},
    "estimated_finish": MADE,
    "priority": 5,
    "queue_position": None,
    "attempt": 1,
    "worker": {"name": "worker@desk", "seen_at": MADE},
    "error": None,
    "notices": [],
    "result": None,
    "method": {"method": "s2convscn", "norm": "l1"},
    "request": {
        "n_clusters": 40,
        "method": {"method": "s2convscn"},
        "preset": None,
        "seed": 0,
        "ensemble": 1,
        "select": None,
        "landmarks": None,
        "image_size": None,
    },
    "metadata": {"experiment": "first look"},
    "webhook": None,
    "resumed_from": None,
    "predicts": None,
    "needs_bytes": 1_261_830_144,
    "device": None,
    "max_seconds": None,
    "seconds_used": 0.0,
    "created_at": MADE,
    "started_at": MADE,
    "finished_at": None,
    "links": {"self": f"/v1/jobs/{JOB_ID}", "cancel": f"/v1/jobs/{JOB_ID}/cancel"},
}
EVENT: Example = {
    "id": 1,
    "at": MADE,
    "kind": "claimed",
    "data": {"attempt": 1, "worker": "worker@desk"},
}
ARTIFACT: Example = {
    "name": "clusters.png",
    "kind": "picture",
    "media_type": "image/png",
    "bytes": 48213,
    "sha256": SHA256,
    "links": {"self": f"/v1/jobs/{JOB_ID}/artifacts/clusters.png"},
}
LABELS: Example = {
    "job_id": JOB_ID,
    "n_clusters": 2,
    "labels": [
        {"name": "s01/1.png", "label": 0, "confidence": 0.97},
        {"name": "s02/1.png", "label": 1, "confidence": 0.88},
    ],
}
SPECTRUM: Example = {
    "n_clusters": 2,
    "asked": "auto",
    "eigenvalues": [0.0, 0.02, 0.61, 0.7],
    "relative_eigengap": 60.0,
    "widest_gap": 2,
    "survey": {
        "n_images": 400,
        "suggested": 2,
        "counts": [
            {"n_clusters": 2, "agreement": 0.98, "relative_eigengap": 41.0, "support": 2.5},
            {"n_clusters": 3, "agreement": 0.61, "relative_eigengap": 1.4, "support": 0.6},
        ],
    },
    "choice": None,
    "trust": "A hint, no measurement.",
}
WORKER: Example = {
    "name": "worker@desk",
    "device": "cpu",
    "kind": "cpu",
    "memory_bytes": 25_769_803_776,
    "version": "0.1.0",
    "versions": {"python": "3.11.7", "torch": "2.13.0+cpu"},
    "since": MADE,
    "seen_at": MADE,
    "job_id": None,
}
READY: Example = {
    "status": "ready",
    "checks": {"database": "ok", "broker": "ok", "store": "ok"},
    "workers": 1,
}

DELETED: Example = {"id": JOB_ID, "bytes_freed": 41_203_118}
