"""Read lung masks with any coding of lung, and detect inverted ones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrlib.data.images import read_image
from cxrlib.data.issues import ImageError, Issue
from cxrlib.data.kermany import add_lung_masks
from cxrlib.data.parallel import map_files

LABELS = 3  # values of a mask without soft edges: background and one lung, or two
MAX_BETWEEN = 0.2  # share of pixels that soft edges may take; of a radiograph, most pixels are neither dark nor bright
MAX_BORDER = 0.5  # share of the border that may be lung


def read_mask(path: str | Path) -> np.ndarray:
    """Read a lung mask: 0 and 255, 0 and 1, or 0 and a number for each lung. Keep soft edges.

    Args:
        path: An image in which lungs are bright.

    Returns:
        Float32, shape (H, W), in [0, 1]: 1 is lung, 0 is not lung. All 0 if the mask is empty.

    Raises:
        ImageError: If it cannot be read, is inverted or is not a mask.
    """
    image = read_image(path)
    labels = np.unique(image)
    if len(labels) <= LABELS:
        mask = (image > 0).astype(np.float32)
    else:
        mask = image / labels[-1]
        between = ((mask > 0.1) & (mask < 0.9)).mean()
        if between > MAX_BETWEEN:
            fault = f"not a mask: {between:.0%} of its pixels are neither black nor white"
            raise ImageError(path, fault, "give the mask of this image, with two values and bright lungs")
    border = np.concatenate([mask[[0, -1]].ravel(), mask[:, [0, -1]].ravel()]).mean()
    if border > MAX_BORDER:
        raise ImageError(path, f"inverted: {border:.0%} of its border are lung", "swap black and white")
    return mask


def check_masks(frame: pd.DataFrame, folder: str | Path, workers: int = -1) -> tuple[int, list[Issue]]:
    """Read all lung masks of a data set and list what is wrong with them.

    Args:
        frame: One row per image, with `image`.
        folder: Folder of the masks, as for `add_lung_masks`.
        workers: Processes that read; -1 for all cores.

    Returns:
        How many masks can be used, and the issues: masks that cannot be read, are inverted or empty, or are not masks.
    """
    masked, issues = add_lung_masks(frame, folder)
    usable, faults = check_files(list(masked["mask"]), workers)
    return usable, issues + faults


def check_files(paths: Sequence[str], workers: int = -1) -> tuple[int, list[Issue]]:
    """Read masks and list what is wrong with them.

    Args:
        paths: Files.
        workers: Processes that read; -1 for all cores.

    Returns:
        The same as `check_masks`.
    """
    faults = list(map_files(_fault, paths, workers, together=16))
    usable = sum(fault is None or fault.severity != "error" for fault in faults)
    return usable, [fault for fault in faults if fault]


def _fault(path: str) -> Issue | None:
    try:
        mask = read_mask(path)
    except ImageError as error:
        return error.issue
    if mask.any():
        return None
    return Issue(path, "warning", "empty: no lung in it", "look at the image; it counts as an image without a mask")
