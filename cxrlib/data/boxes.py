"""The boxes that radiologists drew on VinDr-PCXR, and whether they lie on their images."""

from pathlib import Path

import pandas as pd

from cxrlib.data.issues import Finding, leave_out, remark
from cxrlib.data.vindr_tables import BOX_COLUMNS, CLASS_NAMES, FOLDERS, NEEDED, NO_FINDING, read_table


def read_annotations(root: str | Path) -> pd.DataFrame:
    """Read the rows of both annotation tables as they are.

    Args:
        root: Folder with the four CSV files.

    Returns:
        One row a line: image (id), finding, x_min, y_min, x_max, y_max (NaN where not a number), file.

    Raises:
        ValueError: If a CSV cannot be read or lacks a column.
        FileNotFoundError: If a CSV is missing.
    """
    parts = []
    for folder in FOLDERS:
        source = Path(root) / f"annotations_{folder}.csv"
        parts.append(read_table(source, NEEDED["annotations"]).assign(file=str(source)))
    rows = pd.concat(parts, ignore_index=True).rename(columns={"image_id": "image", "class_name": "finding"})
    rows[BOX_COLUMNS] = rows[BOX_COLUMNS].apply(pd.to_numeric, errors="coerce").astype(float)
    return rows[["image", "finding", *BOX_COLUMNS, "file"]]


def read_boxes(root: str | Path, findings: list[Finding] | None = None) -> pd.DataFrame:
    """Read the boxes that radiologists drew; rows without a finding have none.

    Args:
        root: Folder with the four CSV files.
        findings: List that takes what is wrong; boxes that cannot be used are then left out.

    Returns:
        One row a box: image (id), finding, x_min, y_min, x_max, y_max in pixels of the DICOM image, max exclusive.

    Raises:
        ValueError: If a CSV lacks a column, or, without `findings`, if a finding has no or an empty box.
        FileNotFoundError: If a CSV is missing.
    """
    return usable_boxes(read_annotations(root), findings)[["image", "finding", *BOX_COLUMNS]]


def usable_boxes(rows: pd.DataFrame, findings: list[Finding] | None = None) -> pd.DataFrame:
    """Keep the annotations that are boxes.

    Args:
        rows: What `read_annotations` gives.
        findings: As for `read_boxes`.

    Returns:
        The rows with a finding and a box, all columns.

    Raises:
        ValueError: If a finding has no or an empty box and there is no list to record it.
    """
    rows = rows[rows.finding != NO_FINDING]
    size = rows[["x_max", "y_max"]].to_numpy() - rows[["x_min", "y_min"]].to_numpy()
    drawn = (size > 0).all(axis=1)  # not for NaN either
    faults = [
        Finding(row.file, "error", f"{row.image} has a box without area for {row.finding!r}", "correct the row")
        for row in rows[~drawn].itertuples()
    ]
    leave_out(faults, findings)
    for (file, name), boxes in rows[~rows.finding.isin(CLASS_NAMES)].groupby(["file", "finding"]):
        fault = f"{len(boxes)} boxes of {name!r}, which is none of the 36 findings, the first on {boxes.image.iloc[0]}"
        remark(findings, file, "warning", fault, "correct the spelling; the boxes are kept as they are")
    return rows[drawn].reset_index(drop=True)


def check_boxes(boxes: pd.DataFrame, frame: pd.DataFrame, findings: list[Finding]) -> pd.DataFrame:
    """Compare boxes with the size of their images.

    Args:
        boxes: What `usable_boxes` gives.
        frame: One row an image, with image, width, height.
        findings: List that takes a finding for each box that reaches beyond its image.

    Returns:
        The boxes that lie on an image of the frame, wholly or partly.
    """
    boxes = boxes.merge(frame[["image", "width", "height"]], on="image")
    outside = (boxes.x_max <= 0) | (boxes.y_max <= 0) | (boxes.x_min >= boxes.width) | (boxes.y_min >= boxes.height)
    beyond = (boxes.x_min < 0) | (boxes.y_min < 0) | (boxes.x_max > boxes.width) | (boxes.y_max > boxes.height)
    for row in boxes.assign(outside=outside)[beyond].itertuples():
        box = f"box ({row.x_min:g}, {row.y_min:g}, {row.x_max:g}, {row.y_max:g})"
        place, severity = ("outside", "error") if row.outside else ("partly outside", "warning")
        fault = f"{row.image} has a {box} of {row.finding!r} {place} its {row.width} x {row.height} pixels"
        findings.append(Finding(row.file, severity, fault, "correct the row; it may be meant for another image"))
    return boxes[~outside].drop(columns=["width", "height"]).reset_index(drop=True)


def name_orphans(root: str | Path, rows: pd.DataFrame) -> list[Finding]:
    """Name the annotated images that no label table has.

    Args:
        root: Folder with the four CSV files.
        rows: What `read_annotations` gives.

    Returns:
        One finding an image.

    Raises:
        ValueError: If a label table cannot be read.
        FileNotFoundError: If a label table is missing.
    """
    tables = [read_table(Path(root) / f"image_labels_{folder}.csv", NEEDED["image_labels"]) for folder in FOLDERS]
    orphans = rows[~rows.image.isin(pd.concat(tables).image_id)].drop_duplicates("image")
    remedy = "correct the id, or remove the rows; they are not used"
    return [
        Finding(row.file, "warning", f"image {row.image!r} is in no label table", remedy)
        for row in orphans.itertuples()
    ]
