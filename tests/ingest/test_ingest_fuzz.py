"""Damaged uploads: whatever is wrong, the answer is a data set or a refusal, never a crash."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ingest_uploads import gray, order_for, png, tarred, zipped
from scipy.io import savemat

from app.ingest import errors
from app.ingest.__main__ import attempt
from jobs.settings import Settings

LIMITS = Settings(
    data_dir=Path("unused"),
    max_upload_bytes=10**6,
    max_dataset_bytes=10**6,
    max_images=50,
    max_image_pixels=10_000,
)
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DAMAGE = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=4
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one sound upload of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    images = {"a/1.png": png(1), "b/2.png": png(2), "labels.csv": b"1.png,x\n2.png,y\n"}
    stack = np.stack([gray(i) for i in range(3)])
    np.savez(folder / "npz", images=stack * 0.5, labels=np.arange(3))
    np.save(folder / "npy", stack)
    savemat(
        folder / "mat.mat", {"fea": stack[:, :8, :8].reshape(3, -1) * 0.5, "gnd": [[1], [2], [3]]}
    )
    zipped(folder / "zip.zip", images)
    tarred(folder / "tar.tar", images)
    tarred(folder / "tar.gz", images)
    return folder


@pytest.mark.parametrize("name", ["zip.zip", "tar.tar", "tar.gz", "npz.npz", "npy.npy", "mat.mat"])
@EXAMPLES
@example(damage=[(0.9921875, b"\x03")], length=1.0)
@given(damage=DAMAGE, length=st.floats(0, 1))
def test_damaged_uploads(
    whole: Path, name: str, damage: list[tuple[float, bytes]], length: float
) -> None:
    data = bytearray((whole / name).read_bytes())
    for where, what in damage:
        start = int(where * len(data))
        data[start : start + len(what)] = what
    data = data[: max(1, int((0.5 + length) * len(data)))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = folder / "upload"
        source.write_bytes(data)
        try:
            outcome = attempt(order_for(source, LIMITS), folder)
        except errors.UnsupportedFormat:
            return
        assert bool(outcome.ingested) != bool(outcome.refusal)
        assert outcome.model_dump_json()
