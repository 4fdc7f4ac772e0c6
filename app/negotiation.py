"""Which of several formats a client wants."""

from collections.abc import Mapping

from app.errors import NotAcceptable


def choose_format(accept: str | None, wanted: str | None, formats: Mapping[str, str]) -> str:
    """``wanted`` if given, else the best of an Accept header. Raises NotAcceptable.

    ``formats``: the short name of each media type that is offered, the preferred one first.
    """
    if wanted is not None:
        return wanted
    for media_range in _by_quality(accept or "*/*"):
        for kind, form in formats.items():
            if media_range in {kind, f"{kind.partition('/')[0]}/*", "*/*"}:
                return form
    raise NotAcceptable(f"This is offered as {', '.join(formats)}.", offered=list(formats))


def _by_quality(accept: str) -> list[str]:
    """The media ranges of an Accept header, best first, without those of quality 0."""
    weighed = [_weighed(part) for part in accept.lower().split(",")]
    best_first = sorted(weighed, key=lambda item: item[1], reverse=True)
    return [media_range for media_range, quality in best_first if quality > 0]


def _weighed(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        return media_range, float(quality)
    except ValueError:
        return media_range, 0.0
