"""The presets against the tables of the paper, typed here a second time."""

from typing import Any

import pytest

from models import presets
from models.catalogue import METHODS
from models.methods.s2convscn import S2ConvSCN

TABLES: list[tuple[str, int, dict[str, Any]]] = [
    ("yaleb", 10, {"gamma1": 1, "gamma2": 0.01, "gamma3": 16, "gamma4": 72, "epochs": 410}),
    ("yaleb", 20, {"gamma2": 0.1, "epochs": 810}),
    ("yaleb", 38, {"gamma2": 10**0.8, "epochs": 1530}),
    ("orl", 40, {"gamma1": 0.1, "gamma2": 0.01, "gamma3": 8, "gamma4": 1.2, "epochs": 940}),
    ("coil20", 20, {"gamma1": 1, "gamma2": 30, "gamma3": 8, "gamma4": 6, "epochs": 80}),
    ("coil100", 100, {"gamma1": 1, "gamma2": 30, "gamma3": 8, "gamma4": 7, "epochs": 110}),
]
LAYERS = {
    "yaleb": ([(5, 10), (3, 20), (3, 30)], 5),
    "orl": ([(3, 3), (3, 3), (3, 5)], 5),
    "coil20": ([(3, 15)], 4),
    "coil100": ([(5, 50)], 16),
}


@pytest.mark.parametrize(("name", "n", "table"), TABLES)
def test_presets_hold_the_papers_tables(name: str, n: int, table: dict[str, Any]) -> None:
    found = S2ConvSCN().with_preset(name, n)
    layers, round_epochs = LAYERS[name]
    assert [tuple(layer) for layer in found.encoder or ()] == layers
    assert found.round_epochs == round_epochs
    assert found.learning_rate == 1e-3
    for key, value in table.items():
        assert getattr(found, key) == pytest.approx(value), key


@pytest.mark.parametrize(("n", "rho"), [(10, 0.31), (15, 0.26), (35, 0.1), (38, 0.1)])
def test_the_threshold_of_yale_b_falls_with_n(n: int, rho: float) -> None:
    processing = S2ConvSCN().with_preset("yaleb", n).postprocessing
    assert processing is not None
    assert processing.threshold == pytest.approx(rho)


def test_what_was_set_explicitly_wins() -> None:
    assert S2ConvSCN(gamma2=3).with_preset("orl", 40).gamma2 == 3


@pytest.mark.parametrize(("method", "name"), [(m, p) for m in METHODS for p in METHODS[m].presets])
def test_every_preset_suits_every_method_that_names_it(method: str, name: str) -> None:
    assert name in presets.NAMES
    METHODS[method].model_validate({"method": method}).with_preset(name, 10)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_auto_and_refuses_the_unknown(method: str) -> None:
    assert METHODS[method].presets[0] == "auto"
    chosen = METHODS[method].model_validate({"method": method})
    assert chosen.with_preset("auto", 10) == chosen
    with pytest.raises(KeyError):
        chosen.with_preset("mnist", 10)
