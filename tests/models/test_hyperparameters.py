import pytest
from pydantic import ValidationError

from models.catalogue import parse


@pytest.mark.parametrize("silenced", ["gamma4", "epochs"])
def test_a_head_that_is_not_trained_cannot_answer(silenced: str) -> None:
    with pytest.raises(ValidationError, match="needs a trained head"):
        parse({"method": "s2convscn", "final_labels": "head", silenced: 0})


def test_something_must_be_minimised() -> None:
    with pytest.raises(ValidationError, match="set at least one above 0"):
        parse({"method": "s2convscn", "gamma0": 0, "gamma1": 0, "gamma2": 0})
