"""Arrays in .npy and .npz files to the canonical form."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.ingest.archives import Archive, Member, check_expanded, unpacking
from app.ingest.errors import BadLabels, BadNames, PickledArray, UnreadableArray
from app.ingest.naming import LONGEST, flaw, quoted
from app.ingest.npyheaders import Header, check_length, checked_layout, read_header, stack_of
from app.ingest.options import Content, Ingested, Limits, Order
from app.ingest.stacks import COLOUR_DIMENSIONS, GRAY_DIMENSIONS, Layout, write_stack
from app.ingest.truth import from_array, strings
from app.ingest.vectors import DIMENSIONS
from app.ingest.writer import Truth, Writer
from app.ingest.zips import open_zip
from jobs.errors import DomainError
from jobs.records import Notice

IMAGES: Final = "images"
FEATURES: Final = "features"
IMAGE_KEYS = (IMAGES, "x", "X", "data")
LABEL_KEYS = ("labels", "y", "gnd")
NAME_KEYS = ("names",)
SUFFIX = ".npy"
TEXT_BYTES = 4 * LONGEST
CHUNK = 1 << 20
SHOWN = 10


def read_npy(order: Order, folder: Path) -> Ingested:
    path = Path(order.source)
    where = "The array"
    with path.open("rb") as file:
        header = read_header(file, where)
    layout = checked_layout(header, where, order.limits, order.options.kind)
    check_length(path.stat().st_size, header.offset + header.data_bytes, where)
    with closing(Writer(folder, order.limits)) as writer:
        notices = write_stack(stack_of(path, header, layout), indexes(layout.images), writer)
        notices += _guessed(layout, where, said=order.options.kind is not None)
        return writer.finish(None, notices)


def read_npz(order: Order, folder: Path) -> Ingested:
    with open_zip(Path(order.source), order.limits) as archive:
        arrays = Arrays(archive, order.limits)
        key = arrays.data_key(order.options.kind)
        header = arrays.headers[key]
        content = order.options.kind or (IMAGES if key == IMAGES else None)
        layout = checked_layout(header, named(key), order.limits, content)
        names = arrays.names(layout.images)
        truth, notices = _truth(arrays, layout.images, order)
        path = arrays.unpack(key, folder / "images.npy")
    with closing(Writer(folder, order.limits)) as writer:
        notices += write_stack(stack_of(path, header, layout), names, writer)
        said = key == FEATURES or order.options.kind is not None
        notices += _guessed(layout, named(key), said=said)
        return writer.finish(truth, notices)


def _guessed(layout: Layout, where: str, *, said: bool) -> list[Notice]:
    """Tells that rows were read as feature vectors, unless the user said that they are."""
    if said or not layout.is_features:
        return []
    detail = (
        f"{where} is {layout.images} x {layout.channels}: each row was read as a feature vector. "
        "If the rows are images, send them as N x H x W."
    )
    return [Notice(code="read-as-features", detail=detail)]


def _truth(arrays: "Arrays", count: int, order: Order) -> tuple[Truth | None, list[Notice]]:
    key = arrays.first(LABEL_KEYS)
    if key is None:
        return None, []
    if order.options.truth == "none":
        return None, [truth_ignored(key)]
    return from_array(arrays.small(key, count, BadLabels), count, named(key)), []


def truth_ignored(key: str) -> Notice:
    detail = f"{named(key)} is not read, as truth=none says."
    return Notice(code="truth-ignored", detail=detail)


def named(key: str) -> str:
    return f"The array {quoted(key)}"


def indexes(count: int) -> list[str]:
    """Names for images that have none: their positions."""
    return [str(position) for position in range(count)]


class Arrays:
    """The arrays of an .npz by name, their headers read."""

    def __init__(self, archive: Archive, limits: Limits) -> None:
        self.limits = limits
        self.members = {
            member.name.removesuffix(SUFFIX): member
            for member in archive.members
            if member.name.endswith(SUFFIX)
        }
        self.headers = {key: _header(member, key) for key, member in self.members.items()}

    def first(self, keys: Iterable[str]) -> str | None:
        return next((key for key in keys if key in self.headers), None)

    def data_key(self, content: Content | None) -> str:
        """The array of images or else of features: by its name, or the only one of its dimensions.

        Raises:
            UnreadableArray: if there is none, or more than one.
        """
        images = self.first(IMAGE_KEYS) or self._only(GRAY_DIMENSIONS, COLOUR_DIMENSIONS)
        features = self.first((FEATURES,)) or self._only(DIMENSIONS, but=(*LABEL_KEYS, *NAME_KEYS))
        key = (features or images) if content == FEATURES else (images or features)
        if key:
            return key
        found = [f"{quoted(k)} of shape {h.shape}" for k, h in self.headers.items()]
        raise UnreadableArray(
            "The .npz must hold one array of images, named 'images' or the only one of 3 or 4 "
            "dimensions, or one of feature vectors, named 'features' or the only one of 2; it "
            f"holds {', '.join(found[:SHOWN]) or 'no array'}."
        )

    def _only(self, *dimensions: int, but: Iterable[str] = ()) -> str | None:
        """The array of so many dimensions, if there is one alone."""
        keys = [k for k, h in self.headers.items() if len(h.shape) in dimensions and k not in but]
        return keys[0] if len(keys) == 1 else None

    def names(self, count: int) -> list[str]:
        """The images' own names, or their positions. Raises BadNames."""
        key = self.first(NAME_KEYS)
        if key is None:
            return indexes(count)
        values = self.small(key, count, BadNames)
        if values.dtype.kind not in "USui":
            raise BadNames(f"{named(key)} holds {values.dtype}: names are strings or integers.")
        try:
            names = strings(values) if values.dtype.kind in "US" else [str(v) for v in values]
        except ValueError as error:
            raise BadNames(f"{named(key)} holds a name that is no text: {error}.") from error
        check_names(names, named(key))
        return names

    def small(self, key: str, count: int, error: type[DomainError]) -> NDArray[Any]:
        """An array of one number or text an image, read whole, as (count,).

        Raises:
            PickledArray: if it holds objects.
            DomainError: of the class ``error``, for another length or texts that are too long.
        """
        header = self.headers[key]
        if header.dtype.hasobject:
            raise PickledArray(
                f"{named(key)} holds Python objects: save it as numbers, or as text by "
                ".astype(str)."
            )
        if header.shape not in ((count,), (count, 1), (1, count)):
            raise error(
                f"{named(key)} has the shape {header.shape}, and must hold one for each of the "
                f"{count} images."
            )
        if not 0 < header.dtype.itemsize <= TEXT_BYTES:
            raise error(
                f"{named(key)} is of type {header.dtype}: texts have 1 to {LONGEST} characters."
            )
        return np.frombuffer(self._data(key), header.dtype)

    def _data(self, key: str) -> bytes:
        member, header = self.members[key], self.headers[key]
        check_expanded(header.data_bytes, self.limits)
        with unpacking(member.name, UnreadableArray), member.open() as stream:
            stream.read(header.offset)
            data = stream.read(header.data_bytes + 1)
        check_length(len(data), header.data_bytes, named(key))
        return data

    def unpack(self, key: str, target: Path) -> Path:
        """Copy an array's .npy file to disk, no more of it than its header says."""
        member, header = self.members[key], self.headers[key]
        wanted = header.offset + header.data_bytes
        size = 0
        reading = unpacking(member.name, UnreadableArray)
        with reading, member.open() as stream, target.open("wb") as file:
            while chunk := stream.read(min(CHUNK, wanted + 1 - size)):
                size += file.write(chunk)
        check_length(size, wanted, named(key))
        return target


def _header(member: Member, key: str) -> Header:
    with unpacking(member.name, UnreadableArray), member.open() as stream:
        return read_header(stream, named(key))


def check_names(names: list[str], where: str) -> None:
    """Whether names are safe and distinct. Raises BadNames."""
    seen: set[str] = set()
    for position, name in enumerate(names):
        if problem := flaw(name):
            raise BadNames(f"{where}: the name of image {position}, {quoted(name)}, {problem}.")
        if name in seen:
            raise BadNames(f"{where} holds {quoted(name)} twice: names must be distinct.")
        seen.add(name)
