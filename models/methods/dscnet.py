"""DSC-Net: S2ConvSCN without self-supervision."""

from typing import ClassVar, Literal

from pydantic import Field

from models.methods.s2convscn import S2ConvSCN


class DSCNet(S2ConvSCN):
    """Deep subspace clustering networks (Ji et al., NIPS 2017).

    The case gamma3 = gamma4 = 0 of S2ConvSCN (Remark 2 of Zhang et al., CVPR 2019), by the same
    code: an auto-encoder with a self-expression layer, clustered once at the end.
    """

    title: ClassVar[str] = "Deep Subspace Clustering Network"
    citation: ClassVar[str] = (
        "P. Ji, T. Zhang, H. Li, M. Salzmann, I. Reid: Deep Subspace Clustering Networks. "
        "NIPS 2017."
    )

    constants: ClassVar[frozenset[str]] = frozenset({"gamma3", "gamma4", "final_labels"})

    method: Literal["dscnet"] = "dscnet"  # type: ignore[assignment]
    gamma3: Literal[0] = Field(0, description="No ||C||_Q.")
    gamma4: Literal[0] = Field(0, description="No head.")
    final_labels: Literal["spectral"] = Field("spectral", description="There is no head to answer.")
