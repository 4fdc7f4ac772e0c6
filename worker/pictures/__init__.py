"""Pictures of a result: contact sheet, affinity by cluster, losses by epoch, map, spectrum."""

from worker.pictures.curves import curves
from worker.pictures.heatmap import affinity_map
from worker.pictures.map import scatter
from worker.pictures.sheet import contact_sheet
from worker.pictures.spectrum import spectrum

__all__ = ["affinity_map", "contact_sheet", "curves", "scatter", "spectrum"]
