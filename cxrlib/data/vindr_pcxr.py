"""VinDr-PCXR (PediCXR 1.0.0): DICOM radiographs of children from Vietnam, labelled in two CSV files."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrlib.data.issues import Finding, leave_out, remark
from cxrlib.data.vindr_tables import FOLDERS, LABELS, NEEDED, NO_FINDING, read_ids, read_table

UNLABELLED = ("exclude", "abnormal", "normal")


def index_vindr_pcxr(
    root: str | Path,
    unlabelled: str = "exclude",
    exclude: Sequence[str] | str | Path = (),
    findings: list[Finding] | None = None,
) -> pd.DataFrame:
    """List the images of VinDr-PCXR with their labels.

    The files carry no patient id: one image is one patient. An image is normal only where `No finding` is 1.

    Args:
        root: Folder with `train/`, `test/` and the four CSV files.
        unlabelled: What an image with none of its 15 labels set is: left out ("exclude"), "abnormal" or "normal".
            The paper does not say.
        exclude: Ids of images to leave out, or a file with one a line or with a column `image_id`. The paper left out
            370 of 9,125 images and does not name them.
        findings: List that takes what is wrong; rows that cannot be used are then left out.

    Returns:
        One row an image: path, dataset, image (id), patient, label (0 normal, 1 abnormal), finding (the labels,
        joined by " | "), folder (train, test: the official split).

    Raises:
        ValueError: If `unlabelled` is unknown, or a CSV cannot be read or lacks a column; without `findings` also if
            one has a column of unknown name, an id twice, contradicts itself, or `exclude` names an unknown id.
        FileNotFoundError: If a CSV is missing; without `findings` also if an image named in it is.
    """
    if unlabelled not in UNLABELLED:
        raise ValueError(f"unlabelled {unlabelled!r}; choose one of {UNLABELLED}")
    root = Path(root)
    table = pd.concat([_read_labels(root, folder, findings) for folder in FOLDERS], ignore_index=True)
    if findings is not None:
        findings += _strangers(root, table)
    table = _sift(_without(table, exclude, findings), findings)
    labels = table[list(LABELS)].astype(bool)
    abnormal = labels.drop(columns=NO_FINDING).any(axis=1)
    none = ~abnormal & ~labels[NO_FINDING]
    becomes = "left out" if unlabelled == "exclude" else unlabelled
    for row in table[none].itertuples():
        others = " and ".join(repr(choice) for choice in UNLABELLED if choice != unlabelled)
        remedy = f"it is {becomes}, by unlabelled={unlabelled!r}; the other choices are {others}"
        remark(findings, row.file, "note", f"{row.image_id} has none of the 15 labels", remedy)
    frame = pd.DataFrame(
        {
            "path": [str(root / row.folder / f"{row.image_id}.dicom") for row in table.itertuples()],
            "dataset": "vindr_pcxr",
            "image": table.image_id,
            "patient": table.image_id,
            "label": (abnormal | (none & (unlabelled == "abnormal"))).astype(int),
            "finding": [" | ".join(name for name in LABELS if row[name]) for _, row in labels.iterrows()],
            "folder": table.folder,
        }
    )
    if unlabelled == "exclude":
        frame = frame[~none]
    there = frame.path.map(lambda path: Path(path).is_file()).astype(bool)
    absent = [Finding(path, "error", "named in the CSV but not there", "fetch it") for path in frame.path[~there]]
    leave_out(absent, findings, FileNotFoundError)
    return frame[there].reset_index(drop=True)


def _read_labels(root: Path, folder: str, findings: list[Finding] | None) -> pd.DataFrame:
    """Read one table: image_id, the 15 labels as numbers (NaN where not one), file, folder."""
    source = root / f"image_labels_{folder}.csv"
    table = read_table(source, NEEDED["image_labels"])
    fault, remedy = "is none of the 15 labels", "correct its name, or remove it; it is not read"
    unknown = [name for name in table if name not in {"image_id", "rad_ID", *LABELS}]
    leave_out([Finding(str(source), "warning", f"column {name!r} {fault}", remedy) for name in unknown], findings)
    missing = [name for name in LABELS if name not in table]
    if missing:
        remedy = "fetch it again; an image with no other label counts as one without labels"
        remark(findings, str(source), "warning", f"label columns {missing} are missing", remedy)
    table = table.reindex(columns=["image_id", *LABELS], fill_value="0")
    table[list(LABELS)] = table[list(LABELS)].apply(pd.to_numeric, errors="coerce")
    return table.assign(file=str(source), folder=folder)


def _strangers(root: Path, table: pd.DataFrame) -> list[Finding]:
    """Name the files that no row names."""
    found = []
    for folder in FOLDERS:
        named = set(table.image_id[table.folder == folder])
        for path in sorted((root / folder).glob("[!.]*")):
            if path.suffix != ".dicom":
                found.append(Finding(str(path), "warning", "not a .dicom file", "it is not read; remove it"))
            elif path.stem not in named:
                fault = f"no row in image_labels_{folder}.csv"
                found.append(Finding(str(path), "warning", fault, "it is not read; remove it, or fetch the CSV again"))
    return found


def _without(table: pd.DataFrame, exclude: Sequence[str] | str | Path, findings: list[Finding] | None) -> pd.DataFrame:
    """Leave out the images that the caller names, each of which must be there."""
    ids = read_ids(exclude)
    source = str(exclude) if isinstance(exclude, str | Path) else "exclude"
    unknown = [image for image in dict.fromkeys(ids) if image not in set(table.image_id)]
    remedy = "correct the list of images to exclude"
    leave_out([Finding(source, "error", f"no table names image {image!r}", remedy) for image in unknown], findings)
    named = table.image_id.isin(ids)
    if named.any():
        fault = f"{table.image_id[named].nunique()} images are left out, as asked"
        remark(findings, source, "note", fault, "nothing to do")
    return table[~named]


def _sift(table: pd.DataFrame, findings: list[Finding] | None) -> pd.DataFrame:
    """Leave out the rows that say nothing or contradict each other, one finding an image."""

    def drop(bad: pd.Series, fault: str, remedy: str, severity: str = "error") -> pd.DataFrame:
        rows = table[bad].drop_duplicates("image_id")
        faults = [
            Finding(row.file, severity, f"{row.image_id or 'a row'} {fault}", remedy) for row in rows.itertuples()
        ]
        leave_out(faults, findings)
        return table[~bad]

    table = drop(table.image_id == "", "has no image_id", "correct the row")
    across = table.groupby("image_id").folder.transform("nunique") > 1
    table = drop(across, "is in both label tables", "keep it in the one whose folder holds the file")
    again = table.duplicated(["image_id", *LABELS])
    table = drop(again, "occurs twice with the same labels", "keep one row", "warning")
    table = drop(table.duplicated("image_id", keep=False), "occurs twice with different labels", "keep the right row")
    odd = ~table[list(LABELS)].isin([0, 1]).all(axis=1)
    table = drop(odd, "has a label that is neither 0 nor 1", "correct the row")
    both = (table[NO_FINDING] == 1) & table[list(LABELS[1:])].any(axis=1)
    return drop(both, f"has {NO_FINDING} and a finding", "correct the row")
