"""What Schemathesis cannot make up: archives of images."""

import io
import zipfile

import numpy as np
import schemathesis
from hypothesis import strategies as st
from PIL import Image


def archive(n: int, seed: int) -> bytes:
    generator, file = np.random.default_rng(seed), io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for i in range(n):
            pixels, image = generator.integers(0, 256, (8, 8), np.uint8), io.BytesIO()
            Image.fromarray(pixels).save(image, "PNG")
            members.writestr(f"{'ab'[i % 2]}/{i}.png", image.getvalue())
    return file.getvalue()


schemathesis.openapi.media_type(
    "application/zip", st.sampled_from([archive(n, seed=n) for n in (4, 5, 6)])
)
