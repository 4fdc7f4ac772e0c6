"""AE+EDSC: EDSC on the features of an auto-encoder."""

from typing import ClassVar, Literal

from models.methods.edsc import EDSC
from models.onfeatures import OnFeatures


class AEEDSC(OnFeatures, EDSC):
    """EDSC (Ji, Salzmann, Li, WACV 2014) on the features Z of stage I's auto-encoder.

    The baseline of Ji et al., NIPS 2017: the network of DSC-Net, trained on reconstruction alone.
    """

    title: ClassVar[str] = "Auto-Encoder and Efficient Dense Subspace Clustering"
    presets: ClassVar[tuple[str, ...]] = ("auto",)

    method: Literal["ae-edsc"] = "ae-edsc"  # type: ignore[assignment]
