"""The examples of comparisons in the OpenAPI document; a test validates each."""

from app.examples import DATASET_ID, JOB_ID, MADE, Example

COMPARISON_ID = "cmp_019aab3ca2c47e1d9b3f60a853"
PATH = f"/v1/comparisons/{COMPARISON_ID}"

COMPARISON_REQUEST: Example = {
    "dataset_id": DATASET_ID,
    "n_clusters": 40,
    "methods": ["lsr", "kmeans", {"method": "ensc", "gamma": 10}],
    "seeds": [0, 1],
    "name": "Faces, three ways",
}
SUMMARY: Example = {
    "id": COMPARISON_ID,
    "name": "Faces, three ways",
    "dataset_id": DATASET_ID,
    "status": "running",
    "terminal": False,
    "message": "3 of 6 jobs are over: 3 succeeded.",
    "progress": 0.55,
    "estimated_finish": None,
    "counts": {"succeeded": 3, "running": 1, "queued": 2},
    "request": {
        "n_clusters": 40,
        "methods": [{"method": "lsr"}, {"method": "kmeans"}, {"method": "ensc", "gamma": 10}],
        "seeds": [0, 1],
        "preset": None,
        "landmarks": None,
        "image_size": None,
    },
    "metadata": {},
    "notices": [],
    "created_at": MADE,
    "finished_at": None,
    "links": {
        "self": PATH,
        "dataset": f"/v1/datasets/{DATASET_ID}",
        "ranking": f"{PATH}/ranking",
        "chart": f"{PATH}/chart",
        "cancel": f"{PATH}/cancel",
    },
}
COMPARED_JOB: Example = {
    "job_id": JOB_ID,
    "method": {"method": "lsr"},
    "seed": 0,
    "status": "succeeded",
    "progress": 1.0,
    "error": None,
    "links": {"self": f"/v1/jobs/{JOB_ID}", "labels": f"/v1/jobs/{JOB_ID}/labels"},
}
COMPARISON: Example = SUMMARY | {"jobs": [COMPARED_JOB]}


def _spread(median: float, least: float, most: float) -> Example:
    return {"median": median, "min": least, "max": most}


RANKING: Example = {
    "comparison_id": COMPARISON_ID,
    "name": "Faces, three ways",
    "complete": False,
    "ordered_by": "error",
    "rows": [
        {
            "rank": 1,
            "method": "ensc",
            "changes": {"gamma": 10},
            "jobs": 2,
            "succeeded": 2,
            "failed": 0,
            "agreement": _spread(0.71, 0.70, 0.72),
            "stability": 0.93,
            "relative_eigengap": _spread(0.35, 0.35, 0.35),
            "clusters": _spread(40, 40, 40),
            "seconds": _spread(1.2, 1.1, 1.3),
            "accuracy": _spread(0.84, 0.83, 0.85),
            "error": _spread(0.16, 0.15, 0.17),
            "nmi": _spread(0.92, 0.91, 0.93),
            "ari": _spread(0.78, 0.77, 0.79),
        }
    ],
}
