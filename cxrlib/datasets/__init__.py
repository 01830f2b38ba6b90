"""Read the two public data sets of the study into frames with one row an image, and split them by patient."""

from cxrlib.datasets.boxes import read_boxes
from cxrlib.datasets.duplicates import find_duplicates, match_thumbnails
from cxrlib.datasets.findings import Finding
from cxrlib.datasets.kermany import add_lung_masks, index_kermany
from cxrlib.datasets.splits import LeakageError, check_leakage, split_by_patient, split_in_halves, split_official
from cxrlib.datasets.vindr_pcxr import index_vindr_pcxr

__all__ = [
    "Finding",
    "LeakageError",
    "add_lung_masks",
    "check_leakage",
    "find_duplicates",
    "index_kermany",
    "index_vindr_pcxr",
    "match_thumbnails",
    "read_boxes",
    "split_by_patient",
    "split_in_halves",
    "split_official",
]
