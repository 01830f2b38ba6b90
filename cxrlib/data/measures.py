"""Decode each image of a data set once, measure it, and decide from the measures whether it can be used."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from cxrlib.data.duplicates import thumbnail
from cxrlib.data.images import MAX_PIXELS, read_image
from cxrlib.data.issues import ImageError, Issue
from cxrlib.data.parallel import map_files
from cxrlib.data.patients import read_patient

MIN_SIDE = 32  # pixels: less is a thumbnail, which the networks would enlarge sevenfold
MAX_SATURATED = 0.6  # share of pixels at 0 or 1; the Kermany set's largest is 0.30, for black borders
MIN_RANGE = 1 / 16  # of the grey range, what 8 bits fill of 12; the Kermany set's smallest is 0.44
MEASURES = ["width", "height", "minimum", "maximum", "at_zero", "at_one", "sha256", "thumbnail", "age_years", "sex"]
MEASURES += ["issue"]


def measure_images(
    frame: pd.DataFrame, workers: int = -1, progress: bool = False, max_pixels: int = MAX_PIXELS
) -> pd.DataFrame:
    """Decode every file once and measure it; each worker holds one image in memory.

    Args:
        frame: One row per image, with `path`.
        workers: Processes that read; -1 for all cores.
        progress: Whether to draw a progress bar.
        max_pixels: As for `read_image`.

    Returns:
        One row per image, with the frame's index: width, height in pixels; minimum, maximum; at_zero, at_one (shares of
        the pixels); sha256 of the file; thumbnail (as from `duplicates.thumbnail`); age_years, sex (as from
        `patients.read_patient`); issue (of the ImageError). A readable file has no issue; an unreadable file has
        nothing else.
    """
    measure = partial(_measure, max_pixels=max_pixels)
    measured = map_files(measure, frame.path, workers, "checking" if progress else "", together=16)
    return pd.DataFrame(list(measured), columns=MEASURES, index=frame.index)


def _measure(path: str, max_pixels: int) -> dict[str, Any]:
    try:
        image = read_image(path, max_pixels)
    except ImageError as error:
        return {"issue": error.issue}
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "width": image.shape[1],
        "height": image.shape[0],
        "minimum": float(image.min()),
        "maximum": float(image.max()),
        "at_zero": float((image == 0).mean()),
        "at_one": float((image == 1).mean()),
        "sha256": digest,
        "thumbnail": thumbnail(image),
        **read_patient(path),
    }


def judge(row: Any) -> Issue | None:
    """Return the most serious issue of a measured image, or None; for an image of a table, with its line.

    Args:
        row: One row of what `measure_images` returns, with the path.
    """
    fault = _fault(row)
    return fault._replace(fault=f"line {row.line}: {fault.fault}") if fault and hasattr(row, "line") else fault


def _fault(row: Any) -> Issue | None:
    if isinstance(row.issue, Issue):
        return row.issue
    size = f"{row.width:.0f} x {row.height:.0f} pixels"
    if min(row.width, row.height) < MIN_SIDE:
        return Issue(row.path, "error", f"{size}, less than {MIN_SIDE} a side", "fetch the full image")
    if row.minimum == row.maximum:
        return Issue(row.path, "error", f"blank: all {size} are {row.minimum:.3g}", "fetch it again, or leave it out")
    if row.maximum - row.minimum < MIN_RANGE:
        fault = f"grey values only from {row.minimum:.4f} to {row.maximum:.4f}, in a range of 0 to 1"
        remedy = "correct its bit depth or window (8-bit values may be stored in more bits), or leave it out"
        return Issue(row.path, "warning", fault, remedy)
    if row.at_zero + row.at_one > MAX_SATURATED:
        fault = f"saturated: {row.at_zero:.0%} of the pixels are black, {row.at_one:.0%} white"
        return Issue(row.path, "warning", fault, "look at it; its window or export may be wrong")
    return None
