"""Zip files: their members, refused where they are links, encrypted or oddly compressed."""

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.ingest.archives import Archive, Member, safe_name
from app.ingest.errors import TruncatedUpload, UnsafeArchive, UnsupportedFormat
from app.ingest.naming import quoted
from app.ingest.options import Limits

UTF8_FLAG = 0x800
ENCRYPTED_FLAG = 0x1
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""The others cannot be unpacked in pieces of bounded size."""


@contextmanager
def open_zip(path: Path, limits: Limits) -> Iterator[Archive]:
    """The members of a zip.

    Raises:
        TruncatedUpload: if its list of members, at its end, is missing or damaged.
    """
    with _zip(path) as archive:
        yield Archive((_zip_member(archive, info) for info in archive.infolist()), limits)


def _zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except UnicodeDecodeError as error:
        raise UnsupportedFormat(
            "A member's name in the zip is not the UTF-8 that it is marked as: pack it again."
        ) from error
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError) as error:
        raise TruncatedUpload(
            f"The zip's list of members, at its end, is missing or damaged ({error}): "
            "was the upload cut short?"
        ) from error


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member | None:
    name = safe_name(_zip_name(info))
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeArchive(f"The archive's entry {quoted(name)} is a link or a device, no file.")
    if info.is_dir() or kind == stat.S_IFDIR:
        return None
    if info.flag_bits & ENCRYPTED_FLAG:
        raise UnsupportedFormat(
            f"The member {quoted(name)} is encrypted: send it without password."
        )
    if info.compress_type not in METHODS:
        raise UnsupportedFormat(
            f"The member {quoted(name)} is compressed by method {info.compress_type}: "
            "use the usual one, deflate."
        )
    return Member(name, info.file_size, lambda: archive.open(info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name; many tools write UTF-8 without saying so."""
    name = info.orig_filename
    if info.flag_bits & UTF8_FLAG or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name
