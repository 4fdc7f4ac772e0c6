"""Whether a fit on an accelerator shall be as fast as it can, or take as little memory as it can.

The CPU's way is the thrifty one already: few images at a time, nothing recorded. On a thrifty
accelerator post-processing and spectral embedding are left to the CPU, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

_asked: ContextVar[bool] = ContextVar("thrift", default=False)


@contextmanager
def thrift(asked: bool = True) -> Iterator[None]:
    """Take as little memory of an accelerator as there is a way to, if ``asked``."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def spends(X: Tensor) -> bool:
    """Whether what is computed on X may take memory to be fast: on an accelerator, unless asked."""
    return not (X.is_cpu or _asked.get())
