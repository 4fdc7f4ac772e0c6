"""The settings that ``select`` tries beside those asked for: each differs in one thing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from models.base import Candidate, Method
from models.hyperparameters import PostProcessing

if TYPE_CHECKING:
    from models.methods.s2convscn import S2ConvSCN

RIDGES = (1.0, 3.0)
FEWER, MORE = 2 / 3, 5 / 3
"""Factors of the number of neighbours, or of the share of the threshold."""
LARGEST_POWER = 20.0


def candidates(settings: "S2ConvSCN") -> tuple[Candidate, ...]:
    """Resolved settings with another seed, clean-up, ridge or weight; as they are come last."""
    changed = [
        Candidate(name, settings.model_copy(update=change), change)
        for name, change in _changes(settings)
        if any(getattr(settings, key) != value for key, value in change.items())
    ]
    asked = Candidate("as-asked", settings, {})
    return (Candidate("another-seed", settings, {}, seed_offset=1), *changed, asked)


def cleaned_up(settings: Method) -> tuple[Candidate, ...]:
    """The same coefficients under other constants of their post-processing."""
    base = getattr(settings, "postprocessing", None)
    if getattr(settings, "affinity", None) != "processed" or base is None:
        return ()
    return tuple(
        Candidate(name, settings.model_copy(update={"postprocessing": x}), {"postprocessing": x})
        for name, x in _clean_ups(base)
        if x != base
    )


def _changes(settings: "S2ConvSCN") -> Iterator[tuple[str, dict[str, Any]]]:
    if settings.affinity == "processed" and settings.postprocessing is not None:
        for name, clean_up in _clean_ups(settings.postprocessing):
            yield name, {"postprocessing": clean_up}
    for ridge in RIDGES if settings.initial_coefficients != "constant" else ():
        yield f"ridge-{ridge:g}", {"ridge": ridge, "initial_coefficients": "closed_form"}
    if settings.final_labels == "spectral":
        yield "no-self-supervision", {"gamma3": 0.0, "gamma4": 0.0}


def _clean_ups(base: PostProcessing) -> Iterator[tuple[str, PostProcessing]]:
    yield "half-power", base.model_copy(update={"power": max(base.power / 2, 1.0)})
    yield "double-power", base.model_copy(update={"power": min(base.power * 2, LARGEST_POWER)})
    for name, factor in (("fewer", FEWER), ("more", MORE)):
        if base.neighbours is not None:
            count = max(round(base.neighbours * factor), 1)
            yield f"{name}-neighbours", base.model_copy(update={"neighbours": count})
        elif base.threshold < 1:
            share = min(base.threshold * factor, 1.0)
            yield f"{name}-coefficients", base.model_copy(update={"threshold": share})
