"""One upload to the canonical form, by its kind. Runs in the reading process alone."""

from collections.abc import Callable
from pathlib import Path

from app.ingest.errors import BadLabels, BadShape
from app.ingest.imagefiles import read_archive
from app.ingest.matfiles import read_mat
from app.ingest.npyfiles import read_npy, read_npz
from app.ingest.options import Ingested, Kind, Order

READERS: dict[Kind, Callable[[Order, Path], Ingested]] = {
    "zip": read_archive,
    "tar": read_archive,
    "tar.gz": read_archive,
    "npz": read_npz,
    "npy": read_npy,
    "mat": read_mat,
}


def read(order: Order, folder: Path) -> Ingested:
    """Write pixels.npy and index.json into ``folder``.

    Raises:
        DomainError: one of app.ingest.errors.
    """
    _check_options(order)
    return READERS[order.kind](order, folder)


def _check_options(order: Order) -> None:
    reader, options = READERS[order.kind], order.options
    if options.truth == "folders" and reader is not read_archive:
        raise BadLabels(f"truth=folders is for archives of images: {order.kind} has no folders.")
    if options.kind == "features" and (reader is read_archive or options.shape or options.order):
        raise BadShape(
            "kind=features is for .npz, .npy and .mat files, without shape and order: a feature "
            f"vector is a row of an array. This upload is {order.kind}."
        )
    if (options.shape or options.order) and reader is not read_mat:
        raise BadShape(
            f"shape and order are for .mat files: in {order.kind} the images have their own shape."
        )
