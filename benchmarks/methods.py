"""Names of methods and leagues, and the hyperparameters that they stand for."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from models.base import Shape
from models.catalogue import parse
from models.hyperparameters import StageOne
from models.methods.s2convscn import S2ConvSCN
from models.onfeatures import OnFeatures
from models.shallow import Shallow
from models.yardstick import Yardstick

League = Literal["printed", "auto", "tuned"]
Settings = S2ConvSCN | Shallow | Yardstick
LEAGUES: tuple[League, ...] = ("printed", "auto", "tuned")

PIXELS, FEATURES, START = "lsr-pixels", "lsr-features", "start"
DASC = "dasc"
UNTRAINED = (PIXELS, FEATURES, START)
"""C as it is before stage II."""
UNPRINTED = (DASC, START)
"""Without constants in the paper."""
DEEP: dict[str, dict[str, Any]] = {
    "dscnet-l1": {"method": "dscnet", "norm": "l1"},
    "dscnet-l2": {"method": "dscnet", "norm": "l2"},
    DASC: {"method": "dasc"},
    "s2convscn-l1": {"method": "s2convscn", "norm": "l1"},
    "s2convscn-l2": {"method": "s2convscn", "norm": "l2"},
    "s2convscn-l1-selected": {"method": "s2convscn", "norm": "l1"},
    "s2convscn-l1-L3": {"method": "s2convscn", "norm": "l1", "gamma4": 0},
    "s2convscn-l1-L4": {"method": "s2convscn", "norm": "l1", "gamma3": 0},
    "s2convscn-l2-L3": {"method": "s2convscn", "norm": "l2", "gamma4": 0},
    "s2convscn-l2-L4": {"method": "s2convscn", "norm": "l2", "gamma3": 0},
}
SHALLOW = (
    "lrr",
    "lrsc",
    "ssc",
    "ae-ssc",
    "kssc",
    "ssc-omp",
    "soft-s3c",
    "edsc",
    "ae-edsc",
    "ensc",
    "spectral",
    "kmeans",
)
"""Methods of the catalogue, each under its own name."""
TITLES = {
    "lrr": "LRR",
    "lrsc": "LRSC",
    "ssc": "SSC",
    "ae-ssc": "AE+SSC",
    "kssc": "KSSC",
    "ssc-omp": "SSC-OMP",
    "soft-s3c": "soft S3C",
    "edsc": "EDSC",
    "ae-edsc": "AE+EDSC",
    "ensc": "EnSC",
    "spectral": "spectral clustering",
    "kmeans": "k-means",
    PIXELS: "LSR on pixels",
    FEATURES: "LSR on stage-I features",
    START: "start of stage II",
    "dscnet-l1": "DSC-Net l1",
    "dscnet-l2": "DSC-Net l2",
    DASC: "DASC",
    "s2convscn-l1-L3": "S2ConvSCN l1, L3 alone",
    "s2convscn-l1-L4": "S2ConvSCN l1, L4 alone",
    "s2convscn-l2-L3": "S2ConvSCN l2, L3 alone",
    "s2convscn-l2-L4": "S2ConvSCN l2, L4 alone",
    "s2convscn-l2": "S2ConvSCN l2",
    "s2convscn-l1": "S2ConvSCN l1",
    "s2convscn-l1-selected": "S2ConvSCN l1, selected",
}
"""In the order of the tables' rows. Neither L3 nor L4 is DSC-Net."""
METHODS = tuple(TITLES)
TABLE5 = (*UNTRAINED, "dscnet-l1", "dscnet-l2", DASC, "s2convscn-l2", "s2convscn-l1")
TABLE3 = ("dscnet-l1", "s2convscn-l1-L3", "s2convscn-l1-L4", "s2convscn-l1")
SELECTED = "s2convscn-l1-selected"
"""S2ConvSCN with ``select``."""
GROUPS = {"table2": TABLE5, "table3": TABLE3, "table5": TABLE5, "shallow": SHALLOW}


class Choice(NamedTuple):
    """What was chosen for all runs of a command.

    Attributes:
        league: ``printed``, ``auto`` or ``tuned``.
        overrides: hyperparameters set by hand; in ``tuned`` alone.
        label: the name of that choice; in ``tuned`` alone.
        preset: what ``tuned`` starts from.
    """

    league: League = "auto"
    overrides: Mapping[str, Any] = MappingProxyType({})
    label: str = ""
    preset: str = "auto"


def expand(names: str, league: League) -> list[str]:
    """Methods and groups of them, separated by commas; groups hold what the league can run.

    Raises:
        ValueError: for a name that is neither.
    """
    groups = {name: constant(group, league) for name, group in GROUPS.items()}
    found = [m for name in names.split(",") for m in groups.get(name, (name,))]
    if unknown := [name for name in found if name not in METHODS]:
        known = ", ".join((*METHODS, *GROUPS))
        raise ValueError(f"There is no method {', '.join(unknown)}; there are {known}.")
    return list(dict.fromkeys(found))


def constant(group: Sequence[str], league: League) -> tuple[str, ...]:
    """Those of a group that have constants in a league."""
    return tuple(m for m in group if league != "printed" or m not in UNPRINTED)


def settings(method: str, choice: Choice, preset: str, shape: Shape, n_clusters: int) -> Settings:
    """The hyperparameters of a run, with nothing left open.

    What is not trained takes ridge, post-processing and stage I from S2ConvSCN's, so that all rows
    of a table have the same.

    Args:
        method: one of ``METHODS``.
        choice: league and overrides.
        preset: the one of the set, for ``printed``.
        shape: of the images.
        n_clusters: how many are looked for.

    Raises:
        pydantic.ValidationError: for an override that does not exist or is out of range.
        ValueError: for the league ``printed`` of a method without published constants.
    """
    alone = {"method": method} if method in SHALLOW else DEEP["s2convscn-l1"]
    chosen = parse(DEEP.get(method, alone) | dict(choice.overrides))
    constants = {"printed": preset, "auto": "auto", "tuned": choice.preset}[choice.league]
    if constants not in chosen.presets or not constant((method,), choice.league):
        raise ValueError(f"No source gives constants of {TITLES[method]} for {constants}.")
    resolved = chosen.with_preset(constants, n_clusters).resolve(shape, n_clusters)
    assert isinstance(resolved, Settings)  # noqa: S101 - all methods named here are
    return resolved


def has_stage_one(method: str) -> bool:
    """Whether a finished stage I is taken up."""
    return (method not in SHALLOW and method != PIXELS) or method.startswith("ae-")


def network_of(chosen: Settings, shape: Shape, n_clusters: int) -> S2ConvSCN:
    """Settings whose stage I is that of a method with one."""
    if isinstance(chosen, S2ConvSCN):
        return chosen
    assert isinstance(chosen, OnFeatures)  # noqa: S101 - see has_stage_one
    kept = {"view", *StageOne.model_fields}
    found = S2ConvSCN.model_validate(chosen.model_dump(include=kept))
    return found.resolve(shape, n_clusters)


def stage_one_settings(chosen: Settings) -> dict[str, Any]:
    """The hyperparameters that stage I follows."""
    dumped = chosen.model_dump(mode="json")
    shared = {"view", "encoder", "pixel_scale", "learning_rate"}
    return {k: v for k, v in dumped.items() if k in shared or k.startswith("pretrain_")}


def relevant(method: str, chosen: Settings) -> dict[str, Any]:
    """The hyperparameters that a method follows, as JSON can hold them."""
    dumped = chosen.model_dump(mode="json")
    if method not in UNTRAINED:
        return dumped
    keys = ["view", "ridge", "postprocessing", "assign"]
    keys += ["initial_coefficients"] if method == START else []
    spectral = {key: dumped[key] for key in keys}
    return spectral if method == PIXELS else spectral | stage_one_settings(chosen)
