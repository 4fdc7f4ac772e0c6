"""The methods of self-supervised subspace clustering and their rivals, as a library.

``from models import S2ConvSCN`` gives the estimator of that name; ``models.estimators`` has all.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Estimators, which need torch and scikit-learn, once they are asked for."""
    if not name[:1].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from models import estimators  # noqa: PLC0415 - the API imports this package without torch

    return getattr(estimators, name)
