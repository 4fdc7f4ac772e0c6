"""What is worth telling about images or vectors that are accepted: zeros, copies, sizes."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.ingest.naming import counted
from jobs.records import COLOURS, Notice


class Survey:
    """Sees every image once, in canonical form."""

    def __init__(self) -> None:
        self.black: list[str] = []
        self.copies: list[str] = []
        self.sizes: set[tuple[int, int]] = set()
        self.vectors = 0
        self.gray = 0
        self.coloured = 0
        self._seen: set[bytes] = set()

    def see(self, name: str, image: NDArray[Any]) -> None:
        height, width, channels = image.shape
        self.sizes.add((height, width))
        self.gray += channels == 1
        self.coloured += channels == COLOURS
        self.vectors += channels > COLOURS
        if not image.any():
            self.black.append(name)
        elif self._is_copy(image):
            self.copies.append(name)

    def _is_copy(self, image: NDArray[Any]) -> bool:
        digest = hashlib.sha256(f"{image.shape}{image.dtype}".encode())
        digest.update(np.ascontiguousarray(image).data)
        copy = digest.digest() in self._seen
        self._seen.add(digest.digest())
        return copy

    def notices(self) -> list[Notice]:
        zeros, things = ("All-zero", "vectors") if self.vectors else ("All-black", "images")
        sentences = {
            "black-images": self.black and f"{zeros} {things}: {counted(self.black)}.",
            "duplicate-images": self.copies
            and f"Exact copies of earlier {things}: {counted(self.copies)}.",
            "mixed-sizes": len(self.sizes) > 1 and self._sizes(),
            "mixed-colours": self.gray
            and self.coloured
            and f"Gray images stored as colour, because others are coloured: {self.gray}.",
        }
        return [Notice(code=code, detail=text) for code, text in sentences.items() if text]

    def _sizes(self) -> str:
        (low_h, low_w), (high_h, high_w) = min(self.sizes), max(self.sizes)
        return (
            f"The images have {len(self.sizes)} different sizes (height x width, from "
            f"{low_h} x {low_w} to {high_h} x {high_w}): a job must say image_size."
        )
