"""The boxes that radiologists drew on VinDr-PCXR, and a check that they are inside their images."""

from pathlib import Path

import pandas as pd

from cxrlib.data.issues import Issue
from cxrlib.data.listing import read_table
from cxrlib.data.table import BOX_COLUMNS, off_image
from cxrlib.data.vindr_pcxr import CLASS_NAMES, FOLDERS, NEEDED, NO_FINDING


def read_boxes(root: str | Path, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Read the boxes that radiologists drew; rows of `No finding` have no box.

    Args:
        root: Folder with the four CSV files.
        frame: One row per image, with image (id), width, height in pixels.

    Returns:
        The boxes that are on an image of the frame, wholly or partly, one row each: image (id), finding, x_min, y_min,
        x_max, y_max in pixels of the DICOM image, max exclusive, file (the table). And the issues: boxes without area
        or outside their image, unknown names, ids that are in no label table, tables that cannot be read.
    """
    rows, issues = _read_tables(Path(root), "annotations")
    labels, unread = _read_tables(Path(root), "image_labels")
    if issues + unread:
        rows = rows[:0]
    rows = rows.rename(columns={"image_id": "image", "class_name": "finding"})
    rows[BOX_COLUMNS] = rows[BOX_COLUMNS].apply(pd.to_numeric, errors="coerce").astype(float)
    rows = rows[["image", "finding", *BOX_COLUMNS, "file"]]
    remedy = "correct the id, or remove the rows; they are not used"
    for row in rows[~rows.image.isin(labels.image_id)].drop_duplicates("image").itertuples():
        unread.append(Issue(row.file, "warning", f"image {row.image!r} is in no label table", remedy))
    boxes, unusable = _leave_out_empty(rows[rows.finding != NO_FINDING])
    boxes, outside = _leave_out_outside(boxes, frame)
    return boxes, issues + unread + unusable + outside


def _read_tables(root: Path, name: str) -> tuple[pd.DataFrame, list[Issue]]:
    """Read the train and test tables of a name as one table, with the file of each row."""
    parts, issues = [], []
    for folder in FOLDERS:
        source = root / f"{name}_{folder}.csv"
        table, unread = read_table(source, NEEDED[name])
        parts.append(table.assign(file=str(source)))
        issues += unread
    return pd.concat(parts, ignore_index=True), issues


def _leave_out_empty(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Drop rows whose corners make no box, and list the rows with an unknown finding."""
    size = rows[["x_max", "y_max"]].to_numpy() - rows[["x_min", "y_min"]].to_numpy()
    drawn = (size > 0).all(axis=1)  # not for NaN either
    issues = [
        Issue(row.file, "error", f"{row.image} has a box without area for {row.finding!r}", "correct the row")
        for row in rows[~drawn].itertuples()
    ]
    for (file, name), boxes in rows[~rows.finding.isin(CLASS_NAMES)].groupby(["file", "finding"]):
        fault = f"{len(boxes)} boxes of {name!r}, not one of the 36 findings, the first on {boxes.image.iloc[0]}"
        issues.append(Issue(file, "warning", fault, "correct the spelling; the boxes are kept as they are"))
    return rows[drawn], issues


def _leave_out_outside(boxes: pd.DataFrame, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Drop boxes that are outside their image, and list the boxes that reach beyond it."""
    boxes = boxes.merge(frame[["image", "width", "height"]], on="image")
    outside, beyond = off_image(boxes, boxes.width, boxes.height)
    issues = []
    for row in boxes.assign(outside=outside)[beyond].itertuples():
        box = f"box ({row.x_min:g}, {row.y_min:g}, {row.x_max:g}, {row.y_max:g})"
        place, severity = ("outside", "error") if row.outside else ("partly outside", "warning")
        fault = f"{row.image} has a {box} of {row.finding!r} {place} its {row.width} x {row.height} pixels"
        issues.append(Issue(row.file, severity, fault, "correct the row; it may be meant for another image"))
    return boxes[~outside].drop(columns=["width", "height"]).reset_index(drop=True), issues
