"""A MATLAB file of version 5: ``fea``, a row for each image or vector, ``gnd``, their labels."""

import math
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.ingest.errors import (
    BadShape,
    PickledArray,
    TooLarge,
    TruncatedUpload,
    UnreadableArray,
)
from app.ingest.naming import quoted
from app.ingest.npyfiles import indexes, named, truth_ignored
from app.ingest.options import Ingested, IngestOptions, Order
from app.ingest.stacks import (
    Block,
    Layout,
    Stack,
    check_budget,
    check_dtype,
    layout_of,
    write_stack,
)
from app.ingest.truth import from_array
from app.ingest.writer import Truth, Writer
from jobs.records import Notice

IMAGES = "fea"
LABELS = "gnd"
OBJECTS = {"cell", "struct", "object", "function", "opaque", "unknown"}
TYPES: dict[str, Any] = {
    "double": np.float64,
    "single": np.float32,
    "logical": np.bool_,
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""MATLAB's classes of numbers and what they are here."""
HEADER_BYTES = 128
TAG_BYTES = 8


class Variable(NamedTuple):
    """What the file says of an array before it is read."""

    shape: tuple[int, ...]
    type: str


def read_mat(order: Order, folder: Path) -> Ingested:
    path = Path(order.source)
    _check_whole(path)
    variables = _variables(path)
    layout, notices = _layout(variables, order)
    truth, ignored = _truth(path, variables, layout.images, order)
    rows = _load(path, IMAGES)
    if rows.shape != variables[IMAGES].shape:
        raise UnreadableArray(f"{named(IMAGES)} is {rows.shape}, not as its header says.")
    check_dtype(rows.dtype, named(IMAGES))
    dtype = _dtype(IMAGES, variables[IMAGES])
    stack = _stack(rows, dtype, layout, by_columns=order.options.order != "C")
    with closing(Writer(folder, order.limits)) as writer:
        scaled = write_stack(stack, indexes(layout.images), writer)
        return writer.finish(truth, [*notices, *ignored, *scaled])


def _check_whole(path: Path) -> None:
    """Follow the file's elements to its end, which tells a file that was cut short."""
    size = path.stat().st_size
    with path.open("rb") as file:
        little = file.read(HEADER_BYTES).endswith(b"IM")
        position = HEADER_BYTES
        while position < size:
            file.seek(position + TAG_BYTES // 2)
            length = int.from_bytes(file.read(TAG_BYTES // 2), "little" if little else "big")
            position += TAG_BYTES + length
    if position > size or size <= HEADER_BYTES:
        raise TruncatedUpload(
            f"The .mat file has {size} bytes, and by its own word at least {position}."
        )


def _variables(path: Path) -> dict[str, Variable]:
    from scipy.io import whosmat  # noqa: PLC0415 - only for this kind of file

    try:
        return {name: Variable(tuple(shape), kind) for name, shape, kind in whosmat(path)}
    except MemoryError:
        raise
    except Exception as error:
        raise UnreadableArray(f"The .mat file cannot be read: {_why(error)}.") from error


def _load(path: Path, name: str) -> NDArray[Any]:
    from scipy.io import loadmat  # noqa: PLC0415 - only for this kind of file

    try:
        return np.asarray(loadmat(path, variable_names=[name])[name])
    except MemoryError:
        raise
    except Exception as error:
        raise UnreadableArray(f"{named(name)} cannot be read: {_why(error)}.") from error


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _layout(variables: dict[str, Variable], order: Order) -> tuple[Layout, list[Notice]]:
    if IMAGES not in variables:
        found = ", ".join(map(quoted, list(variables)[:10])) or "nothing"
        raise UnreadableArray(
            f"The .mat file must hold {IMAGES!r}, an image in each row, and {LABELS!r} if there "
            f"are labels; it holds {found}."
        )
    dtype = _dtype(IMAGES, variables[IMAGES])
    shape = variables[IMAGES].shape
    if len(shape) != 2 or min(shape) < 0:  # noqa: PLR2004 - rows and columns
        raise BadShape(f"{named(IMAGES)} has the shape {shape}: it must be N x (height * width).")
    layout, notices = _as_said(shape, order.options)
    check_budget(layout, dtype, named(IMAGES), order.limits)
    return layout, notices


def _dtype(name: str, variable: Variable) -> np.dtype[Any]:
    if variable.type in OBJECTS:
        raise PickledArray(
            f"{named(name)} is a MATLAB {variable.type}, which is never loaded: "
            "save a matrix of numbers."
        )
    if variable.type not in TYPES:
        raise UnreadableArray(
            f"{named(name)} is a {variable.type} array: save a full matrix of numbers."
        )
    dtype: np.dtype[Any] = np.dtype(TYPES[variable.type])
    return dtype


def _as_said(shape: tuple[int, ...], options: IngestOptions) -> tuple[Layout, list[Notice]]:
    if options.kind == "features":
        return layout_of(shape, named(IMAGES), options.kind), []
    sizes, notices = _sizes(shape[1], options)
    return Layout(shape[0], *sizes), notices


def _sizes(length: int, options: IngestOptions) -> tuple[tuple[int, int, int], list[Notice]]:
    """Height, width and channels of a row, as said or guessed."""
    if options.shape:
        height, width, channels = [*map(int, options.shape.split("x")), 1][:3]
        if height * width * channels != length:
            raise BadShape(
                f"The shape {options.shape} has {height * width * channels} values, and a row of "
                f"{IMAGES!r} has {length}."
            )
        return (height, width, channels), []
    side = math.isqrt(length)
    if side * side != length or side == 0:
        raise BadShape(
            f"A row of {IMAGES!r} has {length} values, which is no square: say the images' shape, "
            "such as shape=112x92, or shape=32x32x3 for colour, or kind=features if it is a vector."
        )
    detail = f"The images are taken to be {side} x {side}, since a row has {length} values."
    return (side, side, 1), [Notice(code="guessed-shape", detail=detail)]


def _stack(rows: NDArray[Any], dtype: np.dtype[Any], layout: Layout, *, by_columns: bool) -> Stack:
    """Rows as images. Numbers stored small, as MATLAB does, get their own type block by block."""
    _, height, width, channels = layout

    def read(start: int, stop: int) -> Block:
        block = np.ascontiguousarray(rows[start:stop], dtype)
        if not by_columns:
            return block.reshape(-1, height, width, channels)
        return block.reshape(-1, channels, width, height).transpose(0, 3, 2, 1)

    return Stack(layout, dtype, read)


def _truth(
    path: Path, variables: dict[str, Variable], count: int, order: Order
) -> tuple[Truth | None, list[Notice]]:
    if LABELS not in variables:
        return None, []
    if order.options.truth == "none":
        return None, [truth_ignored(LABELS)]
    variable = variables[LABELS]
    dtype = _dtype(LABELS, variable)
    if math.prod(variable.shape) * dtype.itemsize > order.limits.expanded_bytes:
        raise TooLarge(f"{named(LABELS)} has the shape {variable.shape}, which is too large.")
    return from_array(_load(path, LABELS), count, named(LABELS)), []
