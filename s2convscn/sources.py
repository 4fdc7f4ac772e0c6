"""What users have images in, made into a file that the service reads."""

import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

Source: TypeAlias = "str | Path | NDArray[Any]"

IMAGES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".pbm", ".tif", ".tiff", ".webp"}
)
LABELS = "labels.csv"
HIDDEN = "."


class SourceError(ValueError):
    """There is nothing to cluster in what was given."""


def packed(source: Source, folder: Path) -> Path:
    """A file to upload: the source itself, or one made in ``folder``.

    Args:
        source: a folder of images, in folders of any depth; an archive or array file; or an array
            (N, H, W), (N, H, W, 3) or (N, D).
        folder: for what has to be made.

    Raises:
        SourceError: if it is neither, holds no images, or has names that are not UTF-8.
    """
    if not isinstance(source, str | Path):
        return _array(source, folder / "array.npy")
    path = Path(source).expanduser()
    if path.is_file():
        return path
    if not path.is_dir():
        message = f"{path} is not there."
        raise SourceError(message)
    return _zip(path, folder / f"{path.resolve().name or 'images'}.zip")


def images(folder: Path) -> list[Path]:
    """The images of a folder and those below it, without hidden ones, by their names."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGES
        and path.is_file()
        and not any(part.startswith(HIDDEN) for part in path.relative_to(folder).parts)
    )


def _zip(folder: Path, target: Path) -> Path:
    found = images(folder)
    if not found:
        kinds = ", ".join(sorted(IMAGES))
        message = f"There is no image in {folder}, nor in a folder below it; images end in {kinds}."
        raise SourceError(message)
    labels = folder / LABELS
    with zipfile.ZipFile(target, "w") as archive:  # images are compressed already
        for path in [*found, *([labels] if labels.is_file() else [])]:
            member = zipfile.ZipInfo(_name(path.relative_to(folder)))  # of no time: same bytes
            with path.open("rb") as source, archive.open(member, "w") as sink:
                shutil.copyfileobj(source, sink)
    return target


def _name(path: Path) -> str:
    name = path.as_posix()
    try:
        name.encode()
    except UnicodeEncodeError as error:
        message = f"The name {name!r} is not UTF-8: rename what it names."
        raise SourceError(message) from error
    return name


def _array(array: "NDArray[Any]", target: Path) -> Path:
    import numpy as np  # noqa: PLC0415 - the command does without for most of what it does

    np.save(target, array, allow_pickle=False)
    return target
