"""The contact sheet: every cluster's images at a glance, the doubtful ones framed."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from worker.pictures.style import DOUBT, FAINT, INK, LINE, PAPER, SURE

WIDTH = 1440
MARGIN = 36
CAPTION, CAPTION_HEIGHT = 176, 36
GUTTER = 5
BAND_GAP = 22
HEAD = 92
SPLIT = 18
MOST_BANDS = 100
ENLARGE_UP_TO = 1.35
"""Images up to this multiple of the tile keep whole pixels; larger ones are reduced to the tile."""

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Grid(NamedTuple):
    """A band's tiles: ``rows`` x (``left`` + ``right``) of ``width`` x ``height`` pixels."""

    rows: int
    left: int
    right: int
    width: int
    height: int

    @property
    def pitch(self) -> int:
        return self.height + GUTTER + 4

    @property
    def band(self) -> int:
        return max(self.rows * self.pitch, CAPTION_HEIGHT) + BAND_GAP

    @property
    def end(self) -> int:
        return self.x(self.left + self.right) - GUTTER

    def x(self, column: int) -> int:
        split = SPLIT if column >= self.left else 0
        return MARGIN + CAPTION + column * (self.width + GUTTER) + split


def contact_sheet(
    images: FloatArray,
    labels: IntArray,
    confidence: FloatArray,
    path: Path | str,
    *,
    sure_by: str,
) -> None:
    """Write a PNG with one band per cluster, its surest images first, its least sure ones framed.

    Args:
        images: (N, C, H, W) in [0, 1], C = 1 or 3.
        labels: (N,) clusters; of more than 100, the largest are drawn.
        confidence: (N,) in [0, 1]; its length is the bar under an image.
        path: the file; at most 1440 pixels wide and 8700 high.
        sure_by: what the confidence is, in a few words.
    """
    numbers, sizes = np.unique(labels, return_counts=True)
    drawn = np.sort(numbers[np.argsort(-sizes, kind="stable")[:MOST_BANDS]])
    grid = _grid(images.shape[2], images.shape[3], len(drawn))
    size = grid.end + MARGIN, HEAD + len(drawn) * grid.band + MARGIN // 2
    sheet = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(sheet)
    _head(pen, len(images), len(numbers), len(drawn))
    _legend(pen, grid, sure_by)
    for band, cluster in enumerate(drawn):
        members = np.flatnonzero(labels == cluster)
        members = members[np.argsort(-confidence[members], kind="stable")]
        top = HEAD + band * grid.band
        pen.line((MARGIN, top - BAND_GAP // 2, grid.end, top - BAND_GAP // 2), LINE)
        _caption(pen, top, int(cluster), confidence[members])
        for index, x, y, colour in _places(members, grid, top):
            tile = _tile(images[index], float(confidence[index]), colour, grid)
            sheet.paste(tile, (x - 1, y - 1))
    sheet.save(path)


def _grid(height: int, width: int, bands: int) -> Grid:
    rows, target = (3, 54) if bands <= 12 else (2, 48) if bands <= 30 else (1, 40)  # noqa: PLR2004 - a layout
    side = max(height, width)
    scale = target / side
    if side <= ENLARGE_UP_TO * target:
        scale = max(1, round(scale))
    tile = max(1, round(width * scale)), max(1, round(height * scale))
    columns = (WIDTH - 2 * MARGIN - CAPTION - SPLIT) // (tile[0] + GUTTER)
    right = max(2, columns // 6)
    return Grid(rows, columns - right, right, *tile)


def _head(pen: ImageDraw.ImageDraw, images: int, clusters: int, drawn: int) -> None:
    title = f"{images:,} images in {clusters:,} clusters"
    pen.text((MARGIN, 22), title, INK, _font(24, bold=True))
    if drawn < clusters:
        left = pen.textlength(title, _font(24, bold=True)) + MARGIN + 16
        pen.text((left, 31), f"the {drawn} largest are shown", FAINT, _font(14))


def _legend(pen: ImageDraw.ImageDraw, grid: Grid, sure_by: str) -> None:
    edge = grid.x(grid.left)
    pen.text((MARGIN + CAPTION, 60), "surest first", FAINT, _font(13))
    pen.text((edge, 60), "least sure", DOUBT, _font(13))
    pen.text((edge - SPLIT - GUTTER, 60), f"bar: {sure_by}", FAINT, _font(13), anchor="ra")


def _caption(pen: ImageDraw.ImageDraw, top: int, cluster: int, confidence: FloatArray) -> None:
    number, left = str(cluster), MARGIN + 54
    room = (left - MARGIN - 8) / pen.textlength(number, _font(24, bold=True))
    pen.text((MARGIN, top + 1), number, INK, _font(int(24 * min(room, 1)), bold=True))
    noun = "image" if len(confidence) == 1 else "images"
    pen.text((left, top + 1), f"{len(confidence):,} {noun}", INK, _font(13))
    pen.text((left, top + 18), f"confidence {confidence.mean():.0%}", FAINT, _font(13))


def _places(members: IntArray, grid: Grid, top: int) -> Iterator[tuple[int, int, int, str]]:
    """Index, x, y and colour of a cluster's tiles."""
    sure, doubtful = _choose(members, grid)
    for place, index in enumerate(sure):
        row, column = divmod(place, grid.left)
        yield int(index), grid.x(column), top + row * grid.pitch, SURE
    for place, index in enumerate(doubtful):
        row, column = divmod(place, grid.right)
        yield int(index), grid.x(grid.left + column), top + row * grid.pitch, DOUBT


def _choose(members: IntArray, grid: Grid) -> tuple[IntArray, IntArray]:
    """Evenly thinned members in the order given, and the last of them, complete."""
    tail = min(grid.rows * grid.right, len(members) // 5)
    rest, doubtful = members[: len(members) - tail], members[len(members) - tail :]
    slots = min(len(rest), grid.rows * grid.left)
    return rest[np.linspace(0, len(rest) - 1, slots).round().astype(int)], doubtful


def _tile(image: FloatArray, confidence: float, colour: str, grid: Grid) -> Image.Image:
    """An image (C, H, W) in its frame, over a bar of its confidence."""
    right, bottom = grid.width + 1, grid.height + 1
    tile = Image.new("RGB", (right + 1, bottom + 4), PAPER)
    pen = ImageDraw.Draw(tile)
    pen.rectangle((0, 0, right, bottom), outline=DOUBT if colour == DOUBT else LINE)
    tile.paste(_resized(image, grid), (1, 1))
    pen.rectangle((1, bottom + 2, right - 1, bottom + 3), fill=LINE)
    length = round(min(max(confidence, 0.0), 1.0) * (grid.width - 1))
    pen.rectangle((1, bottom + 2, 1 + length, bottom + 3), fill=colour)
    return tile


def _resized(image: FloatArray, grid: Grid) -> Image.Image:
    """Whole pixels when enlarged, smooth when reduced."""
    pixels = (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    smaller = picture.height > grid.height
    how = Image.Resampling.LANCZOS if smaller else Image.Resampling.NEAREST
    return picture.resize((grid.width, grid.height), how)


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    import matplotlib as mpl  # noqa: PLC0415 - heavy, and only its fonts are wanted

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / name, size)
