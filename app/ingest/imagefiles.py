"""An archive of image files to the canonical form."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, closing
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from app.ingest.archives import Archive, Member
from app.ingest.errors import BadLabels, NoImages, UnsupportedFormat
from app.ingest.naming import counted, natural, quoted
from app.ingest.options import Ingested, Order
from app.ingest.pictures import (
    MAGIC_BYTES,
    OTHER_SUFFIXES,
    READ,
    SUFFIXES,
    decode,
    looks_like_image,
)
from app.ingest.tars import gunzip, open_tar
from app.ingest.truth import LABELS_FILE, from_csv, from_folders
from app.ingest.writer import Truth, Writer, check_count
from app.ingest.zips import open_zip
from jobs.records import Notice

LABELS_BYTES = 64 * 1024**2
BYTES_A_PIXEL = 8
SPARE_BYTES = 1024**2
"""An image file may have 8 bytes for each pixel that is allowed, and this much besides."""
JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
REMARKS = {
    "first-frame": "Images with several frames or pages, of which the first is used",
    "transparency": "Images with transparent parts, which are laid on white",
}


class Contents(NamedTuple):
    images: list[Member]
    labels: list[Member]
    others: list[Member]


def read_archive(order: Order, folder: Path) -> Ingested:
    with _opened(order, folder) as archive, closing(Writer(folder, order.limits)) as writer:
        contents = _sorted_out(archive)
        _check(contents, order)
        truth, notices = _truth(archive, contents, order)
        remarks = _decode_all(archive, contents.images, writer)
        return writer.finish(truth, [*notices, *_remarks(remarks), *_ignored(contents.others)])


def _opened(order: Order, folder: Path) -> AbstractContextManager[Archive]:
    source = Path(order.source)
    if order.kind == "zip":
        return open_zip(source, order.limits)
    if order.kind == "tar":
        return open_tar(source, order.limits)
    unpacked = folder / "unpacked.tar"
    gunzip(source, unpacked, order.limits)
    return open_tar(unpacked, order.limits)


def _sorted_out(archive: Archive) -> Contents:
    contents = Contents([], [], [])
    for member in archive.members:
        path = PurePosixPath(member.name)
        if JUNK & set(path.parts) or any(part.startswith(".") for part in path.parts):
            continue
        if path.name == LABELS_FILE:
            contents.labels.append(member)
        elif _is_image(archive, member, path.suffix.lower()):
            contents.images.append(member)
        else:
            contents.others.append(member)
    contents.images.sort(key=lambda member: natural(member.name))
    return contents


def _is_image(archive: Archive, member: Member, suffix: str) -> bool:
    if suffix in OTHER_SUFFIXES:
        raise UnsupportedFormat(
            f"The image {quoted(member.name)} is of a kind that is not read; those read are {READ}."
        )
    return suffix in SUFFIXES or looks_like_image(archive.head(member, MAGIC_BYTES))


def _check(contents: Contents, order: Order) -> None:
    if not contents.images:
        others = _names(contents.others)
        found = f"only files of other kinds: {counted(others)}" if others else "no file"
        raise NoImages(f"The archive holds {found}. It must hold images: {READ}.")
    check_count(len(contents.images), order.limits)


def _names(members: list[Member]) -> list[str]:
    return [member.name for member in members]


def _truth(archive: Archive, contents: Contents, order: Order) -> tuple[Truth | None, list[Notice]]:
    names = _names(contents.images)
    files = contents.labels
    if order.options.truth == "none":
        text = f"Labels that are not read, as truth=none says: {counted(_names(files))}."
        return None, [Notice(code="truth-ignored", detail=text)] if files else []
    if len(files) + (order.options.truth == "folders") > 1:
        raise BadLabels(
            f"There is more than one source of labels: files {counted(_names(files))}"
            f"{' and truth=folders' if order.options.truth else ''}. Give one."
        )
    if files:
        data = archive.read(files[0], LABELS_BYTES, BadLabels)
        return from_csv(data, files[0].name, names), []
    return from_folders(names) if order.options.truth else None, []


def _decode_all(archive: Archive, images: Iterable[Member], writer: Writer) -> dict[str, list[str]]:
    """Write all images; returns the names under each remark."""
    most = BYTES_A_PIXEL * writer.limits.image_pixels + SPARE_BYTES
    remarks: dict[str, list[str]] = {remark: [] for remark in REMARKS}
    for member in images:
        picture = decode(member.name, archive.read(member, most), writer.limits)
        for remark in picture.remarks:
            remarks[remark].append(member.name)
        writer.add(member.name, picture.pixels)
    return remarks


def _remarks(remarks: dict[str, list[str]]) -> list[Notice]:
    return [
        Notice(code=code, detail=f"{REMARKS[code]}: {counted(names)}.")
        for code, names in remarks.items()
        if names
    ]


def _ignored(others: list[Member]) -> list[Notice]:
    if not others:
        return []
    detail = f"Files left out because they are not images: {counted(_names(others))}."
    return [Notice(code="ignored-files", detail=detail)]
