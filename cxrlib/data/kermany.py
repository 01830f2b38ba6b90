"""The paediatric pneumonia set of Kermany et al. 2018: children of 1 to 5 years, Guangzhou."""

import re
from collections import Counter
from pathlib import Path

import pandas as pd

from cxrlib.data.issues import Issue
from cxrlib.data.listing import read_folder, read_table

PERSON = re.compile(r"person(?P<number>\d+)_(?P<type>bacteria|virus)_\d+(_\d+)?")
NORMAL = re.compile(r"(?P<prefix>NORMAL2-)?IM-(?P<number>\d+)-\d+(-\d+)?")
RENAMED = re.compile(r"(?P<type>NORMAL|BACTERIA|VIRUS)-(?P<number>\d+)-\d+")  # the other distribution of the set
WRAPPERS = ("chest_xray", "archive", "ChestXRay2017")  # folders that archives of the set unpack to, also one in another
FOLDERS = ("train", "val", "test")  # the first distribution has no `val`
FINDINGS = {"bacteria": "bacterial pneumonia", "virus": "viral pneumonia"}
CLASSES = ("NORMAL", "PNEUMONIA")
SUFFIXES = (".jpeg", ".jpg", ".png")
PATIENT_KEYS = ("number", "number and type")
PUBLISHED = {
    "val": {"train": (1341, 3875), "val": (8, 8), "test": (234, 390)},
    "no val": {"train": (1349, 3883), "test": (234, 390)},
}
"""Normal and pneumonia images of both distributions, 5,856 in all."""


def _patient(stem: str, folder: str, key: str) -> tuple[str, str] | None:
    """Read patient and finding from a file name; return None if the name follows neither pattern."""
    if (match := RENAMED.fullmatch(stem)) and (match["type"] == "NORMAL") == (folder == "NORMAL"):
        patient = f"patient{match['number']}" if key == "number" else f"{match['type']}-{match['number']}"
        return patient, FINDINGS.get(match["type"].lower(), "normal")
    if folder == "PNEUMONIA" and (match := PERSON.fullmatch(stem)):
        number = f"person{int(match['number'])}"
        return (number if key == "number" else f"{number}_{match['type']}"), FINDINGS[match["type"]]
    if folder == "NORMAL" and (match := NORMAL.fullmatch(stem)):
        prefix = "IM-" if key == "number" else f"{match['prefix'] or ''}IM-"
        return f"{prefix}{int(match['number']):04d}", "normal"
    return None


def index_kermany(root: str | Path, patient_key: str = "number") -> tuple[pd.DataFrame, list[Issue]]:
    """List the images of a Kermany folder, in the layout with `train`, `val`, `test` or with `train`, `test`.

    Args:
        root: The folder `chest_xray`, or the folder that holds it.
        patient_key: What identifies a patient in a file name. "number" is the bare number within a class, the stricter
            reading: person1_bacteria and person1_virus are one child, and so are IM-0115 and NORMAL2-IM-0115. "number
            and type" is the number with prefix or type. In names such as BACTERIA-1135262-0004, the number identifies
            a child in all classes.

    Returns:
        The images that can be used, one row each, sorted by path: path, dataset, image (path below `chest_xray` without
        suffix), patient, label (0 normal, 1 abnormal), finding (normal, bacterial pneumonia, viral pneumonia), folder
        (train, val, test). And the issues: files that are left out, files that are not read, missing images.

    Raises:
        ValueError: If `patient_key` is unknown.

    >>> frame, issues = index_kermany("nowhere")
    >>> print(len(frame), issues[0])
    0 nowhere: no JPEG in train/NORMAL and so on; give the folder chest_xray or its parent
    """
    if patient_key not in PATIENT_KEYS:
        raise ValueError(f"patient_key {patient_key!r}; choose one of {PATIENT_KEYS}")
    base = base_folder(root)
    images, others, issues = _list_files(base)
    rows = []
    for path in others if images else ():
        fault = "a folder that the data set does not have" if path.is_dir() else "not a JPEG or PNG in a class folder"
        issues.append(Issue(str(path), "warning", fault, "it is not read; move it to its place, or remove it"))
    for path in images:
        folder, kind = path.parts[-3:-1]
        known = _patient(path.stem, kind, patient_key)
        if known is None:
            other = CLASSES[1 - CLASSES.index(kind)]
            swapped = f" of {kind} (but one of {other})" if _patient(path.stem, other, patient_key) else ""
            remedy = "rename it to the data set's pattern, or remove it"
            issues.append(Issue(str(path), "error", f"the name identifies no patient{swapped}", remedy))
            continue
        image = str(path.relative_to(base).with_suffix(""))
        rows.append((str(path), "kermany", image, known[0], int(kind == "PNEUMONIA"), known[1], folder))
    if images:
        issues += _compare_with_published(base, images)
    else:
        fault, remedy = "no JPEG in train/NORMAL and so on", "give the folder chest_xray or its parent"
        issues.append(Issue(str(base), "error", fault, remedy))
    columns = ["path", "dataset", "image", "patient", "label", "finding", "folder"]
    return pd.DataFrame(rows, columns=columns), issues


def base_folder(root: str | Path) -> Path:
    """Return the folder with `train` and `test`, also if a folder above it or an unpacked archive is given."""
    root = Path(root)
    places = [root]
    for _ in range(4):  # a link may lead back
        for place in places:
            if any((place / folder / kind).is_dir() for folder in FOLDERS for kind in CLASSES):
                return place
        places = [place / name for place in places for name in WRAPPERS if (place / name).is_dir()]
    return root / "chest_xray" if (root / "chest_xray").is_dir() else root


def _list_files(base: Path) -> tuple[list[Path], list[Path], list[Issue]]:
    """List the images in the class folders and all other files; ignore the hidden files and __MACOSX of archives."""
    above, issues = read_folder(base)
    above = [path for path in above if path.is_dir() and path.name not in {*FOLDERS, "__MACOSX"}]
    images, others = [], []
    for folder in FOLDERS:
        between, unread = read_folder(base / folder)
        above += [path for path in between if path.name not in CLASSES]
        issues += unread
        for place in (path for path in between if path.name in CLASSES):
            entries, unread = read_folder(place)
            kept = {path for path in entries if path.suffix.lower() in SUFFIXES and not path.is_dir()}
            images += sorted(kept)
            others += sorted(set(entries) - kept)
            if not kept and not unread:
                unread = [Issue(str(place), "error", "no image in this class", "fetch it again, or remove the folder")]
            issues += unread
    return images, above + others, issues


def _compare_with_published(base: Path, images: list[Path]) -> list[Issue]:
    """List names that occur twice, and numbers of images that differ from the published ones."""
    issues: list[Issue] = []
    first: dict[str, Path] = {}
    for path in images:
        if path.stem in first:
            fault = f"the same name as {first[path.stem].relative_to(base)}"
            issues.append(Issue(str(path), "warning", fault, "keep the file in one folder, under one ending"))
        first.setdefault(path.stem, path)
    published = PUBLISHED["val" if (base / "val").is_dir() else "no val"]
    counts = Counter(path.parts[-3:-1] for path in images)
    here = {folder: tuple(counts[folder, kind] for kind in CLASSES) for folder in published}
    if here != published:
        shown = [", ".join(f"{folder} {n} + {p}" for folder, (n, p) in c.items()) for c in (here, published)]
        fault = f"normal + pneumonia images: {shown[0]}; the published set has {shown[1]}"
        issues.append(Issue(str(base), "note", fault, "expect numbers that differ from those of the whole set"))
    return issues


def add_lung_masks(frame: pd.DataFrame, folder: str | Path | None) -> tuple[pd.DataFrame, list[Issue]]:
    """Find the lung masks of a Kermany set: PNG files in the same folders with the same names.

    Args:
        frame: The frame that `index_kermany` returns.
        folder: Folder of the masks, with `mask_map.csv` (columns file, confidence) if there is one; None for no masks.

    Returns:
        The rows that have a mask, with `mask` (path) and `confidence` (first letter of the map's; "?" without one). And
        the issues: no mask in the folder belongs to an image, or the map has a column missing.
    """
    if folder is None:
        return frame.iloc[:0].assign(mask="", confidence=""), []
    folder = Path(folder)
    frame = frame.assign(mask=[str(folder / f"{image}.png") for image in frame.image], confidence="?")
    frame = frame[[Path(mask).is_file() for mask in frame["mask"]]]
    if frame.empty:
        fault = "no mask such as train/NORMAL/….png belongs to an image"
        return frame, [Issue(str(folder), "error", fault, "give the folder of masks that contains train and test")]
    table = folder / "mask_map.csv"
    if table.is_file():
        known, issues = read_table(table, ["file", "confidence"])
        if issues:
            return frame, issues
        letters = pd.Series(known.confidence.str[0].to_numpy(), known.file.str.replace(r"\.\w+$", "", regex=True))
        frame = frame.assign(confidence=frame.image.map(letters[~letters.index.duplicated()]).fillna("?"))
    return frame, []
