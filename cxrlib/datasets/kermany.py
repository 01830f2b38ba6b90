"""The paediatric pneumonia set of Kermany et al. 2018: children of 1 to 5 years, Guangzhou."""

import re
from pathlib import Path

import pandas as pd

PERSON = re.compile(r"person(?P<number>\d+)_(?P<type>bacteria|virus)_\d+(_\d+)?")
NORMAL = re.compile(r"(?P<prefix>NORMAL2-)?IM-(?P<number>\d+)-\d+(-\d+)?")
FOLDERS = ("train", "val", "test")  # the first distribution has no `val`
FINDINGS = {"bacteria": "bacterial pneumonia", "virus": "viral pneumonia"}
PATIENT_KEYS = ("number", "number and type")


def _patient(stem: str, folder: str, key: str) -> tuple[str, str] | None:
    """Read patient and finding from a file name; None where the name follows neither pattern."""
    if folder == "PNEUMONIA" and (match := PERSON.fullmatch(stem)):
        number = f"person{int(match['number'])}"
        return (number if key == "number" else f"{number}_{match['type']}"), FINDINGS[match["type"]]
    if folder == "NORMAL" and (match := NORMAL.fullmatch(stem)):
        prefix = "IM-" if key == "number" else f"{match['prefix'] or ''}IM-"
        return f"{prefix}{int(match['number']):04d}", "normal"
    return None


def index_kermany(root: str | Path, patient_key: str = "number") -> pd.DataFrame:
    """List the images of a Kermany folder, in the layout with `train`, `val`, `test` or with `train`, `test`.

    Args:
        root: The folder `chest_xray`, or the folder that holds it.
        patient_key: What names a patient in a file name. "number": the bare number within a class, the stricter
            reading (person1_bacteria and person1_virus are one child, as are IM-0115 and NORMAL2-IM-0115);
            "number and type": number with prefix or type.

    Returns:
        One row an image, sorted by path: path, dataset, image (path below `chest_xray` without ending), patient,
        label (0 normal, 1 abnormal), finding (normal, bacterial pneumonia, viral pneumonia), folder (train, val, test).

    Raises:
        ValueError: If `patient_key` is unknown, or a file name follows no known pattern.
        FileNotFoundError: If the layout or any image is missing.
    """
    if patient_key not in PATIENT_KEYS:
        raise ValueError(f"patient_key {patient_key!r}; choose one of {PATIENT_KEYS}")
    root = Path(root)
    base = root / "chest_xray" if (root / "chest_xray").is_dir() else root
    rows = []
    for folder in FOLDERS:
        for kind in ("NORMAL", "PNEUMONIA"):
            for path in sorted((base / folder / kind).glob("*")):
                if path.name.startswith(".") or path.suffix.lower() not in {".jpeg", ".jpg", ".png"}:
                    continue  # .DS_Store and __MACOSX leftovers of the distribution
                known = _patient(path.stem, kind, patient_key)
                if known is None:
                    raise ValueError(f"{path}: the name tells no patient; rename it as the data set does, or remove it")
                image = str(path.relative_to(base).with_suffix(""))
                rows.append((str(path), "kermany", image, known[0], int(kind == "PNEUMONIA"), known[1], folder))
    if not rows:
        raise FileNotFoundError(f"{base}: no JPEG in train/NORMAL and so on; give the folder chest_xray or its parent")
    return pd.DataFrame(rows, columns=["path", "dataset", "image", "patient", "label", "finding", "folder"])
