"""What is known of each image of a set: the documents that lie beside the pixels."""

import json
from functools import lru_cache
from typing import Any

from jobs.artifacts import ArtifactStore, read

KEPT = 2
"""Sets whose document stays in memory; one of 100,000 images takes some 30 MB."""


class Indexes:
    """Read once for the many pages and pictures that are asked for; they never change."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self.of = lru_cache(maxsize=KEPT)(self._read)
        self._artifacts = artifacts

    def _read(self, dataset_id: str) -> dict[str, Any]:
        """Raises FileNotFoundError."""
        document: dict[str, Any] = json.loads(
            read(self._artifacts, f"datasets/{dataset_id}/index.json")
        )
        return document
