"""Pictures of a result: the contact sheet, the affinity by cluster, the losses by epoch."""

from worker.pictures.curves import curves
from worker.pictures.heatmap import affinity_map
from worker.pictures.sheet import contact_sheet

__all__ = ["affinity_map", "contact_sheet", "curves"]
