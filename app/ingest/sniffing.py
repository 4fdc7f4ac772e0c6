"""What kind of file an upload is: its first bytes decide, and must agree with what was said."""

from pathlib import Path

from app.ingest.errors import EmptyUpload, NotAnArchive, UnsupportedFormat
from app.ingest.options import Kind

ACCEPTED = (
    "Send a zip, tar or tar.gz of PNG, JPEG, BMP, PGM, TIFF or WebP images, an .npz or .npy array, "
    "or a .mat file of version 5 (-v7)."
)
BLOCK = 512
NPZ_SUFFIX = b".npy"
GENERIC_TYPES = {
    "",
    "application/octet-stream",
    "binary/octet-stream",
    "application/x-www-form-urlencoded",
}
"""Content types that say nothing: what clients send when they are not told better."""
TYPES: dict[str, set[Kind]] = {
    "application/zip": {"zip", "npz"},
    "application/x-zip-compressed": {"zip", "npz"},
    "application/x-tar": {"tar", "tar.gz"},
    "application/gzip": {"tar.gz"},
    "application/x-gzip": {"tar.gz"},
    "application/x-gtar": {"tar", "tar.gz"},
    "application/x-compressed-tar": {"tar.gz"},
    "application/x-npz": {"npz"},
    "application/x-npy": {"npy"},
    "application/x-mat": {"mat"},
    "application/x-matlab-data": {"mat"},
    "application/matlab-mat": {"mat"},
}
SUFFIXES: dict[str, set[Kind]] = {
    ".zip": {"zip", "npz"},
    ".tar": {"tar"},
    ".tar.gz": {"tar.gz"},
    ".tgz": {"tar.gz"},
    ".npz": {"npz"},
    ".npy": {"npy"},
    ".mat": {"mat"},
}
HDF5 = b"\x89HDF\r\n\x1a\n"
STRANGERS = {
    b"\x89PNG\r\n\x1a\n": "a single PNG image: put the images into a zip",
    b"\xff\xd8\xff": "a single JPEG image: put the images into a zip",
    b"GIF8": "a GIF image: put PNG or JPEG images into a zip",
    b"%PDF": "a PDF document",
    b"Rar!": "a RAR archive: pack the images as a zip",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: pack the images as a zip",
    b"BZh": "a bzip2 file: pack the images as tar.gz",
    b"\xfd7zXZ": "an xz file: pack the images as tar.gz",
    b"\x28\xb5\x2f\xfd": "a Zstandard file: pack the images as tar.gz",
    b"\x80\x04\x95": "a Python pickle, which is never loaded: save the array with numpy.save",
    HDF5: "an HDF5 file: a .mat file of version 7.3 must be saved with -v7",
}


def sniff(path: Path, content_type: str | None = None, filename: str | None = None) -> Kind:
    """The kind of an upload. ``content_type`` and ``filename`` are as the user sent them.

    Raises:
        EmptyUpload: if the file has no bytes.
        NotAnArchive: if its first bytes are of nothing known.
        UnsupportedFormat: if they are of a kind that is not read, or of another than declared.
    """
    with path.open("rb") as file:
        head = file.read(2 * BLOCK + 8)
    if not head:
        raise EmptyUpload(f"The upload has 0 bytes. {ACCEPTED}")
    kind = _kind(head)
    _agree(kind, content_type, filename)
    return kind


def _kind(head: bytes) -> Kind:
    if head.startswith(b"PK\x03\x04"):
        return "npz" if _first_member(head).endswith(NPZ_SUFFIX) else "zip"
    if head.startswith(b"PK\x05\x06"):
        return "zip"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"\x1f\x8b"):
        return "tar.gz"
    if head.startswith(b"MATLAB"):
        return _matlab(head)
    if _is_tar(head):
        return "tar"
    for magic, what in STRANGERS.items():
        if head.startswith(magic):
            raise UnsupportedFormat(f"The upload is {what}. {ACCEPTED}")
    raise NotAnArchive(f"The upload's first bytes are of no known kind of file. {ACCEPTED}")


def _first_member(head: bytes) -> bytes:
    return head[30 : 30 + int.from_bytes(head[26:28], "little")]


def _matlab(head: bytes) -> Kind:
    if head[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return "mat"
    raise UnsupportedFormat(
        "The .mat file is not of version 5 but of version 7.3 (HDF5) or unknown: "
        "save it in MATLAB with save(..., '-v7')."
    )


def _is_tar(head: bytes) -> bool:
    """Whether the first block carries its own checksum, as in every dialect of tar."""
    block = head[:BLOCK]
    digits = block[148:156].strip(b"\x00 ")
    if len(block) < BLOCK or not digits or not digits.isdigit():
        return False
    stated = int(digits, 8) if not set(digits) & set(b"89") else -1
    return stated == sum(block[:148]) + 8 * ord(" ") + sum(block[156:])


def _agree(kind: Kind, content_type: str | None, filename: str | None) -> None:
    declared = (content_type or "").partition(";")[0].strip().lower()
    if declared not in GENERIC_TYPES:
        if declared not in TYPES:
            raise UnsupportedFormat(
                f"Content-Type {declared!r} is not of a kind that is read. {ACCEPTED}"
            )
        _same(kind, TYPES[declared], f"Content-Type {declared!r}")
    for suffix, kinds in SUFFIXES.items():
        if (filename or "").lower().endswith(suffix):
            _same(kind, kinds, f"its name {(filename or '')[-80:]!r}")


def _same(kind: Kind, kinds: set[Kind], claim: str) -> None:
    if kind not in kinds:
        raise UnsupportedFormat(
            f"By {claim} the upload should be {' or '.join(sorted(kinds))}, but by its first bytes "
            f"it is {kind}: declare it as what it is.",
        )
