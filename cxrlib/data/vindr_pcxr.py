"""VinDr-PCXR (PediCXR 1.0.0): DICOM radiographs of children from Vietnam, and the CSV files that label them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cxrlib.data.images import DICOM_SUFFIXES
from cxrlib.data.issues import Issue
from cxrlib.data.listing import read_folder, read_ids, read_table
from cxrlib.data.table import BOX_COLUMNS

UNLABELLED = ("exclude", "abnormal", "normal")
NO_FINDING = "No finding"
FOLDERS = ("train", "test")
NEEDED = {"image_labels": ["image_id", NO_FINDING], "annotations": ["image_id", "class_name", *BOX_COLUMNS]}
TABLES = {f"{name}_{folder}.csv": columns for name, columns in NEEDED.items() for folder in FOLDERS}
"""The four files, and the columns that each must have."""

PLAIN = r"[0-9A-Za-z_][0-9A-Za-z_.-]*"  # an id becomes a file name, which must not lead out of the folder

# Two of the names are misspelled in the data set itself.
LABELS = (
    *(NO_FINDING, "Bronchitis", "Brocho-pneumonia", "Other disease", "Bronchiolitis", "Situs inversus", "Pneumonia"),
    *("Pleuro-pneumonia", "Diagphramatic hernia", "Tuberculosis", "Congenital emphysema", "CPAM"),
    *("Hyaline membrane disease", "Mediastinal tumor", "Lung tumor"),
)
"""The 15 label columns of an image."""

CLASS_NAMES = (
    *("Boot-shaped heart", "Peribronchovascular interstitial opacity", "Reticulonodular opacity"),
    *("Bronchial thickening", "Enlarged PA", "Cardiomegaly", "Diffuse aveolar opacity", "Other opacity"),
    *("Other lesion", "Consolidation", "Mediastinal shift", "Anterior mediastinal mass", "Dextro cardia"),
    *("Pleural effusion", "Stomach on the right side", "Atelectasis", "Lung hyperinflation", "Egg on string sign"),
    *("Interstitial lung disease - ILD", "Infiltration", "Lung cavity", "Pneumothorax", "Edema"),
    *("Pleural thickening", "Other nodule/mass", "Clavicle fracture", "Chest wall mass", "Lung cyst", "Emphysema"),
    *("Bronchectasis", "Expanded edges of the anterior ribs", "Pulmonary fibrosis", "Paraveterbral mass"),
    *("Aortic enlargement", "Calcification", "Intrathoracic digestive structure", NO_FINDING),
)
"""The 36 findings of a box, and `No finding`."""


def index_vindr_pcxr(
    root: str | Path, unlabelled: str = "exclude", exclude: Sequence[str] | str | Path = ()
) -> tuple[pd.DataFrame, list[Issue]]:
    """List the images of VinDr-PCXR with their labels.

    The files carry no patient id: one image is one patient. An image is normal only where `No finding` is 1.

    Args:
        root: Folder with `train/`, `test/` and the four CSV files.
        unlabelled: How to treat an image with none of its 15 labels set: leave it out ("exclude"), "abnormal" or
            "normal". The paper does not say.
        exclude: Ids of images to leave out, or a file with one id per line or with a column `image_id`. The paper left
            out 370 of 9,125 images and does not name them.

    Returns:
        The images that can be used, one row each: path, dataset, image (id), patient, label (0 normal, 1 abnormal),
        finding (the labels, joined by " | "), folder (train, test: the official split); no rows if a label table or
        `exclude` cannot be read. And the issues: rows and files that are left out, and bad tables, columns and ids.

    Raises:
        ValueError: If `unlabelled` is unknown.
    """
    if unlabelled not in UNLABELLED:
        raise ValueError(f"unlabelled {unlabelled!r}; choose one of {UNLABELLED}")
    root = Path(root)
    files, found = _list_files(root)
    tables, faults = zip(*(_read_labels(root, folder) for folder in FOLDERS), strict=True)
    table, issues = pd.concat(tables, ignore_index=True), sum(faults, [])
    ids, unread = read_ids(exclude)
    issues += unread + found
    if any(issue.severity == "error" for issue in issues):
        table = table[:0]
    else:
        issues += _name_unlisted_files(files, table)
        table, found = _exclude(table, ids, str(exclude) if isinstance(exclude, str | Path) else "exclude")
        issues += found
    table, found = _leave_out_bad_rows(table)
    issues += found
    labels = table[list(LABELS)].astype(bool)
    abnormal = labels.drop(columns=NO_FINDING).any(axis=1)
    none = ~abnormal & ~labels[NO_FINDING]
    becomes = "left out" if unlabelled == "exclude" else unlabelled
    others = " and ".join(repr(choice) for choice in UNLABELLED if choice != unlabelled)
    remedy = f"it is {becomes}, by unlabelled={unlabelled!r}; the other choices are {others}"
    for row in table[none].itertuples():
        issues.append(Issue(row.file, "note", f"{row.image_id} has none of the 15 labels", remedy))
    frame = pd.DataFrame(
        {
            "path": [
                str(files.get((row.folder, row.image_id), root / row.folder / f"{row.image_id}.dicom"))
                for row in table.itertuples()
            ],
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
    issues += [Issue(path, "error", "named in the CSV but not there", "fetch it") for path in frame.path[~there]]
    return frame[there].reset_index(drop=True), issues


def _read_labels(root: Path, folder: str) -> tuple[pd.DataFrame, list[Issue]]:
    """Read one table: image_id, the 15 labels as numbers (NaN if not a number), file, folder."""
    source = root / f"image_labels_{folder}.csv"
    table, issues = read_table(source, NEEDED["image_labels"])
    unknown = [name for name in table if name not in {"image_id", "rad_ID", *LABELS}]
    missing = [name for name in LABELS if name not in table]
    if not issues:
        fault, remedy = "is not one of the 15 labels", "correct its name, or remove it; it is not read"
        issues = [Issue(str(source), "warning", f"column {name!r} {fault}", remedy) for name in unknown]
        if missing:
            remedy = "fetch it again; an image with no other label counts as one without labels"
            issues.append(Issue(str(source), "warning", f"label columns {missing} are missing", remedy))
    table = table.reindex(columns=["image_id", *LABELS], fill_value="0")
    table[list(LABELS)] = table[list(LABELS)].apply(pd.to_numeric, errors="coerce")
    return table.assign(file=str(source), folder=folder), issues


def _list_files(root: Path) -> tuple[dict[tuple[str, str], Path], list[Issue]]:
    """Find the files by folder and id, with the suffix .dicom, .dcm or none, and list all other files."""
    files, issues = {}, []
    for folder in FOLDERS:
        paths, unread = read_folder(root / folder)
        issues += unread
        for path in paths:
            name = path.stem if path.suffix.lower() in DICOM_SUFFIXES else path.name
            if path.is_dir() or "." in name:
                issues.append(Issue(str(path), "warning", "not a .dicom file", "it is not read; remove it"))
            elif (known := files.setdefault((folder, name), path)) != path:
                fault = f"the same image as {known.name}, by its name"
                issues.append(Issue(str(path), "warning", fault, "it is not read; remove one of the two"))
    return files, issues


def _name_unlisted_files(files: dict[tuple[str, str], Path], table: pd.DataFrame) -> list[Issue]:
    """List the files that no row names."""
    named = set(zip(table.folder, table.image_id, strict=True))
    remedy = "it is not read; remove it, or fetch the CSV again"
    return [
        Issue(str(path), "warning", f"no row in image_labels_{folder}.csv", remedy)
        for (folder, image), path in files.items()
        if (folder, image) not in named
    ]


def _exclude(table: pd.DataFrame, ids: list[str], source: str) -> tuple[pd.DataFrame, list[Issue]]:
    """Leave out the images that the caller names; each must exist. If none of them exists, leave out all images."""
    known = set(table.image_id)
    unknown = [image for image in dict.fromkeys(ids) if image not in known]
    remedy = "correct the list of images to exclude"
    if unknown and len(unknown) == len(set(ids)):
        fault = f"none of its {len(unknown)} ids belongs to an image; the first is {unknown[0]!r}"
        return table[:0], [Issue(source, "error", fault, remedy)]
    issues = [Issue(source, "error", f"no table names image {image!r}", remedy) for image in unknown]
    named = table.image_id.isin(ids)
    if named.any():
        fault = f"{table.image_id[named].nunique()} images are left out, as asked"
        issues.append(Issue(source, "note", fault, "nothing to do"))
    return table[~named], issues


def _leave_out_bad_rows(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Leave out rows without content or with contradictions; return one issue per image."""
    issues = []

    def drop(bad: pd.Series, fault: str, remedy: str, severity: str = "error") -> pd.DataFrame:
        for row in table[bad].drop_duplicates("image_id").itertuples():
            issues.append(Issue(row.file, severity, f"{row.image_id or 'a row'} {fault}", remedy))
        return table[~bad]

    table = drop(table.image_id == "", "has no image_id", "correct the row")
    elsewhere = ~table.image_id.str.fullmatch(PLAIN)
    table = drop(elsewhere, "is not an image id, which has only letters, digits, dots and hyphens", "correct the row")
    across = table.groupby("image_id").folder.transform("nunique") > 1
    table = drop(across, "is in both label tables", "keep it in the one whose folder holds the file")
    again = table.duplicated(["image_id", *LABELS])
    table = drop(again, "occurs twice with the same labels", "keep one row", "warning")
    table = drop(table.duplicated("image_id", keep=False), "occurs twice with different labels", "keep the right row")
    odd = ~table[list(LABELS)].isin([0, 1]).all(axis=1)
    table = drop(odd, "has a label that is neither 0 nor 1", "correct the row")
    both = (table[NO_FINDING] == 1) & table[list(LABELS[1:])].any(axis=1)
    return drop(both, f"has {NO_FINDING} and a finding", "correct the row"), issues
