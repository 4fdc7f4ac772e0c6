"""Ground truth: from labels.csv, from class folders, from an array of labels."""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.ingest.errors import BadLabels
from app.ingest.naming import counted, natural, quoted, unfit
from app.ingest.writer import Truth

LABELS_FILE = "labels.csv"
HEADER = ["name", "label"]


def from_labels(labels: Sequence[str], key: Callable[[str], Any] = natural) -> Truth:
    """One label for each image; classes sorted as people sort. Raises BadLabels."""
    classes = sorted(set(labels), key=key)
    for name in classes:
        if problem := unfit(name):
            raise BadLabels(f"The label {quoted(name)} {problem}.")
    position = {name: index for index, name in enumerate(classes)}
    return Truth([position[label] for label in labels], classes)


def from_folders(names: Sequence[str]) -> Truth:
    """The class of an image is its folder below the one that all images share.

    Raises:
        BadLabels: if an image lies in no class folder.
    """
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    shared = _shared(folders)
    bare = [name for name, parts in zip(names, folders, strict=True) if len(parts) == shared]
    if bare:
        raise BadLabels(
            "With truth=folders every image must lie in a class folder below the one that all "
            f"share. Images that do not: {counted(bare)}."
        )
    return from_labels([parts[shared] for parts in folders])


def _shared(folders: Sequence[tuple[str, ...]]) -> int:
    """How many leading folders all paths have in common."""
    low, high = min(folders), max(folders)
    pairs = enumerate(zip(low, high, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(low), len(high)))


def from_csv(data: bytes, where: str, names: Sequence[str]) -> Truth:
    """Labels from rows ``name,label``; a name is a path in the archive or beside the file.

    A name without folders may also be that of one image anywhere in the archive.

    Raises:
        BadLabels: for rows that do not fit, and images without a row.
    """
    find = _Finder(names, str(PurePosixPath(where).parent))
    labels: dict[str, str] = {}
    for line, name, label in _rows(data, where):
        image = find(name)
        if image is None:
            raise BadLabels(
                f"{where}, line {line}: the archive holds no single image named {quoted(name)}."
            )
        if image in labels:
            raise BadLabels(f"{where}, line {line}: the image {quoted(image)} has a label already.")
        labels[image] = label
    missing = [name for name in names if name not in labels]
    if missing:
        raise BadLabels(
            f"{where} must have a row for each image. Images without: {counted(missing)}."
        )
    return from_labels([labels[name] for name in names])


class _Finder:
    def __init__(self, names: Sequence[str], folder: str) -> None:
        self.paths = {_normal(name): name for name in names}
        self.folder = PurePosixPath(folder)
        stems = Counter(PurePosixPath(path).name for path in self.paths)
        self.basenames = {
            PurePosixPath(path).name: name
            for path, name in self.paths.items()
            if stems[PurePosixPath(path).name] == 1
        }

    def __call__(self, name: str) -> str | None:
        """The image that a row means, or None."""
        path = _normal(name.replace("\\", "/").removeprefix("./"))
        return (
            self.paths.get(path)
            or self.paths.get(str(self.folder / path))
            or self.basenames.get(path)
        )


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _rows(data: bytes, where: str) -> Iterator[tuple[int, str, str]]:
    """Line number, name and label of each row; a header and blank lines are passed over."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells) or (reader.line_num == 1 and [c.lower() for c in cells] == HEADER):
                continue
            if len(cells) != len(HEADER) or not all(cells):
                raise BadLabels(
                    f"{where}, line {reader.line_num}: a row must be name,label, "
                    f"and this one is {quoted(','.join(row))}."
                )
            yield reader.line_num, cells[0], cells[1]
    except UnicodeDecodeError as error:
        raise BadLabels(f"{where} is not UTF-8 text: save it as UTF-8.") from error
    except csv.Error as error:
        raise BadLabels(f"{where} is not readable as CSV: {error}.") from error


def from_array(values: NDArray[Any], count: int, where: str) -> Truth:
    """Truth from whole numbers or strings, one for each image.

    Raises:
        BadLabels: for another length or another type.
    """
    if values.size != count or max(values.shape, default=0) != count:
        raise BadLabels(
            f"{where} has the shape {values.shape}, and must hold one label for each of the "
            f"{count} images."
        )
    values = values.ravel()
    if values.dtype.kind in "US":
        return from_labels(_texts(values, where))
    return from_labels(_numbers(values, where), key=int)


def _texts(values: NDArray[Any], where: str) -> list[str]:
    try:
        texts = strings(values)
    except ValueError as error:
        raise BadLabels(f"{where} holds a label that is no text: {error}.") from error
    if not all(texts):
        raise BadLabels(f"{where} holds an empty label, for image {texts.index('')}.")
    return texts


def _numbers(values: NDArray[Any], where: str) -> list[str]:
    if values.dtype.kind == "f":
        odd = ~(np.isfinite(values) & (values == np.rint(values)))
        if odd.any():
            at = int(np.argmax(odd))
            raise BadLabels(f"{where} holds {values[at]} for image {at}: labels are whole numbers.")
    elif values.dtype.kind not in "bui":
        raise BadLabels(f"{where} holds {values.dtype}: labels are whole numbers or strings.")
    return [str(int(value)) for value in values]


def strings(values: NDArray[Any]) -> list[str]:
    """The elements of an array of text or bytes (UTF-8, or else Latin-1).

    Raises:
        ValueError: for code points that Unicode does not have.
    """
    try:
        return [decoded(v) if isinstance(v, bytes) else v for v in values.tolist()]
    except SystemError as error:
        raise ValueError(str(error)) from error


def decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
