"""VinDr-PCXR (PediCXR 1.0.0): DICOM radiographs of children from Vietnam, with labels and boxes in four CSV files."""

from pathlib import Path

import pandas as pd

NO_FINDING = "No finding"
FOLDERS = ("train", "test")
BOX_COLUMNS = ["x_min", "y_min", "x_max", "y_max"]
UNLABELLED = ("exclude", "abnormal", "normal")


def _read_csv(path: Path, needed: list[str]) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: not there; VinDr-PCXR keeps its four CSV files in the root folder")
    try:
        table = pd.read_csv(path, encoding="utf-8-sig", dtype={"image_id": str})
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path}: empty; fetch it again") from None
    missing = [name for name in needed if name not in table]
    if missing:
        raise ValueError(f"{path}: columns {missing} are missing; fetch the file again")
    return table


def index_vindr_pcxr(root: str | Path, unlabelled: str = "exclude") -> pd.DataFrame:
    """List the images of VinDr-PCXR with their labels.

    The files carry no patient id: one image is one patient. An image is normal only where `No finding` is 1.

    Args:
        root: Folder with `train/`, `test/` and the four CSV files.
        unlabelled: What an image with none of its 15 labels set is: left out ("exclude"), "abnormal" or "normal".
            The paper does not say.

    Returns:
        One row an image: path, dataset, image (id), patient, label (0 normal, 1 abnormal), finding (the labels,
        joined by " | "), folder (train, test: the official split).

    Raises:
        ValueError: If `unlabelled` is unknown, or a CSV lacks a column, has an id twice, or contradicts itself.
        FileNotFoundError: If a CSV or an image named in it is missing.
    """
    if unlabelled not in UNLABELLED:
        raise ValueError(f"unlabelled {unlabelled!r}; choose one of {UNLABELLED}")
    root, parts = Path(root), []
    for folder in FOLDERS:
        source = root / f"image_labels_{folder}.csv"
        table = _read_csv(source, ["image_id", NO_FINDING])
        labels = [name for name in table if name not in {"image_id", "rad_ID"}]
        twice = table.image_id[table.image_id.duplicated()]
        if len(twice):
            raise ValueError(f"{source}: {twice.iloc[0]} and {len(twice) - 1} more ids occur twice; keep one row each")
        odd = table.image_id[~table[labels].isin([0, 1]).all(axis=1)]
        if len(odd):
            raise ValueError(f"{source}: {odd.iloc[0]} has a label that is neither 0 nor 1; correct the row")
        values = table[labels].astype(bool)
        abnormal = values.drop(columns=NO_FINDING).any(axis=1)
        both = table.image_id[abnormal & values[NO_FINDING]]
        if len(both):
            raise ValueError(f"{source}: {both.iloc[0]} has {NO_FINDING} and a finding; correct the row")
        none = ~abnormal & ~values[NO_FINDING]
        frame = pd.DataFrame(
            {
                "path": [str(root / folder / f"{image}.dicom") for image in table.image_id],
                "dataset": "vindr_pcxr",
                "image": table.image_id,
                "patient": table.image_id,
                "label": (abnormal | (none & (unlabelled == "abnormal"))).astype(int),
                "finding": [" | ".join(name for name in labels if row[name]) for _, row in values.iterrows()],
                "folder": folder,
            }
        )
        parts.append(frame[~none] if unlabelled == "exclude" else frame)
    result = pd.concat(parts, ignore_index=True)
    absent = [path for path in result.path if not Path(path).is_file()]
    if absent:
        raise FileNotFoundError(f"{absent[0]}: named in the CSV but not there, with {len(absent) - 1} more; fetch them")
    return result


def read_boxes(root: str | Path) -> pd.DataFrame:
    """Read the boxes that radiologists drew; rows without a finding have none.

    Args:
        root: Folder with the four CSV files.

    Returns:
        One row a box: image (id), finding, x_min, y_min, x_max, y_max in pixels of the DICOM image, max exclusive.

    Raises:
        ValueError: If a CSV lacks a column, or a finding has no or an empty box.
        FileNotFoundError: If a CSV is missing.
    """
    parts = []
    for folder in FOLDERS:
        source = Path(root) / f"annotations_{folder}.csv"
        table = _read_csv(source, ["image_id", "class_name", *BOX_COLUMNS])
        table = table[table.class_name != NO_FINDING]
        empty = ~((table.x_max > table.x_min) & (table.y_max > table.y_min))  # also true for NaN
        if empty.any():
            raise ValueError(f"{source}: {table.image_id[empty].iloc[0]} has a box without area; correct the row")
        parts.append(table.rename(columns={"image_id": "image", "class_name": "finding"}))
    return pd.concat(parts, ignore_index=True)[["image", "finding", *BOX_COLUMNS]].astype(
        {c: float for c in BOX_COLUMNS}
    )
