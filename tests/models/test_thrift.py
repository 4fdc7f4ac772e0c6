import numpy as np
import torch

from models.affinity import affinity, on_accelerator
from models.network import CHUNK, WIDE, chunk
from models.thrift import spends, thrift

HERE, THERE = torch.zeros(3, 3), torch.zeros(3, 3, device="meta")
"""On the CPU, and not on it: all that tells is where they are."""


def test_an_accelerator_spends_memory_unless_asked_not_to() -> None:
    assert (spends(HERE), spends(THERE)) == (False, True)
    assert (chunk(HERE), chunk(THERE)) == (CHUNK, WIDE)
    with thrift():
        assert not spends(THERE)
        assert (chunk(THERE), on_accelerator(THERE)) == (CHUNK, False)
        with thrift(asked=False):
            assert spends(THERE)
    assert on_accelerator(THERE)


def test_an_affinity_is_made_on_the_cpu_then() -> None:
    assert isinstance(affinity(THERE, 2, "plain", None), torch.Tensor)
    with thrift():
        assert isinstance(affinity(HERE, 2, "plain", None), np.ndarray)
