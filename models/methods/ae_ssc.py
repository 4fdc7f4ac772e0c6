"""AE+SSC: SSC on the features of an auto-encoder."""

from typing import ClassVar, Literal

from models.methods.ssc import SSC
from models.onfeatures import OnFeatures


class AESSC(OnFeatures, SSC):
    """SSC (Elhamifar and Vidal, IEEE TPAMI 2013) on the features Z of stage I's auto-encoder.

    The baseline of Ji et al., NIPS 2017: the network of DSC-Net, trained on reconstruction alone.
    """

    title: ClassVar[str] = "Auto-Encoder and Sparse Subspace Clustering"
    presets: ClassVar[tuple[str, ...]] = ("auto",)

    method: Literal["ae-ssc"] = "ae-ssc"  # type: ignore[assignment]
