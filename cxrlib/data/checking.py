"""Check a data set before you train on it: what cannot be used, what to look at, what occurs twice."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cxrlib.data import kermany, table
from cxrlib.data.boxes import read_boxes
from cxrlib.data.duplicates import find_duplicates, judge_duplicates
from cxrlib.data.images import MAX_PIXELS
from cxrlib.data.issues import SEVERITIES, Issue
from cxrlib.data.masks import check_files, check_masks
from cxrlib.data.measures import judge, measure_images
from cxrlib.data.vindr_pcxr import TABLES, index_vindr_pcxr


class Report(NamedTuple):
    """The result of `check`.

    Attributes:
        frame: The rows that can be used, as the data set's reader returns them, with the measures of `measure_images`.
        issues: One row per issue: file, severity, fault, remedy; errors first.
        duplicates: Pairs of (near-)identical images: first, second (paths), distance.
        boxes: Boxes that can be used, as `boxes.read_boxes` returns them; None for a data set without boxes.
        thumbnails: The `duplicates.thumbnail` of each row, for finding pairs across data sets.
        summary: Kind of data set, numbers of images, patients, labels by the names of the classes (negative first),
            issues, and the range of sizes.
    """

    frame: pd.DataFrame
    issues: pd.DataFrame
    duplicates: pd.DataFrame
    boxes: pd.DataFrame | None
    thumbnails: np.ndarray
    summary: dict[str, Any]

    def below_root(self) -> pd.DataFrame:
        """Return the issues with file names that start at the data set's folder, also inside their texts."""
        root = Path(self.summary["root"])
        paths = [Path(file) for file in self.issues.file]
        names = [str(path.relative_to(root)) if path.is_relative_to(root) else path.name for path in paths]
        said = {
            column: self.issues[column]
            .str.replace(f"{root}/", "", regex=False)
            .str.replace(str(root), ".", regex=False)
            for column in ("fault", "remedy")
        }
        return self.issues.assign(file=names, **said)

    def fingerprint(self) -> str:
        """Return one SHA-256 digest of the contents and names of the images that can be used.

        It is the digest of the lines that `sha256sum` prints for them in the data set's base folder (Kermany:
        `chest_xray`), sorted by path. So anyone can check it without this package.
        """
        root = Path(self.summary["root"])
        base = kermany.base_folder(root) if self.summary["dataset"] == "kermany" else root
        paths = (Path(path).relative_to(base).as_posix() for path in self.frame.path)
        lines = (f"{digest}  {path}\n" for path, digest in sorted(zip(paths, self.frame.sha256, strict=True)))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def require(self, dataset: str) -> None:
        """Raise an error if no image of the data set, or of one of its classes, can be used; for a table, at any error.

        Args:
            dataset: The expected data set, "kermany" or "vindr_pcxr", or "own" for a table.

        Raises:
            ValueError: With the first error found.
        """
        errors = self.issues[self.issues.severity == "error"]
        usable = self.frame.label.nunique() > 1 and self.summary["dataset"] == dataset
        # Nobody here can correct a published data set, but the owner of a table can correct the table.
        if usable and (dataset != "own" or errors.empty):
            return
        first = Issue(*errors.iloc[0]) if len(errors) else f"{self.summary['root']}: not the data set {dataset}"
        raise ValueError(f"{first}. {dataset} cannot be used; python -m cxrlib check says more")


def check(
    root: str | Path,
    patient_key: str = "number",
    unlabelled: str = "exclude",
    exclude: Sequence[str] | str | Path = (),
    workers: int = -1,
    progress: bool = False,
    max_pixels: int = MAX_PIXELS,
    masks: str | Path | None = None,
    positive: str = "",
) -> Report:
    """Recognise a data set by its layout, read all of it, and list what is wrong with it.

    Args:
        root: Folder of the Kermany set or of VinDr-PCXR, or a table that `table.index_table` can read.
        patient_key: For the Kermany set, as for `index_kermany`.
        unlabelled: For VinDr-PCXR, as for `index_vindr_pcxr`.
        exclude: For VinDr-PCXR, as for `index_vindr_pcxr`.
        workers: Processes that read; -1 for all cores.
        progress: Whether to draw a progress bar.
        max_pixels: As for `read_image`.
        masks: Folder of lung masks to check as well.
        positive: For a table, as for `index_table`.

    Returns:
        The report. A missing folder or table is an issue in it, not an error.

    Raises:
        ValueError: If `patient_key` or `unlabelled` is unknown.

    >>> report = check("nowhere")
    >>> report.summary["images"], report.issues.fault.tolist()
    (0, ['no such folder'])
    """
    given = Path(root)
    kind, issues = recognise(given)
    root = given.parent if kind == "own" else given
    if kind == "own":
        frame, issues = table.index_table(given, positive)
    elif kind == "kermany":
        frame, issues = kermany.index_kermany(root, patient_key)
    elif kind == "vindr_pcxr":
        frame, issues = index_vindr_pcxr(root, unlabelled, exclude)
    else:
        frame = pd.DataFrame(columns=["path", "image", "patient", "label", "folder"])
    frame = frame.join(measure_images(frame, workers, progress, max_pixels))
    names = _class_names(frame)
    issues += (judged := [issue for row in frame.itertuples() if (issue := judge(row))])
    unusable = {issue.file for issue in judged if issue.severity == "error"}
    frame = frame[~frame.path.isin(unusable)].reset_index(drop=True).astype({"width": int, "height": int})
    thumbnails = np.array(frame.thumbnail.tolist())
    duplicates = find_duplicates(list(frame.path), thumbnails)
    issues += judge_duplicates(root, frame, duplicates)
    boxes, found = None, []
    if kind == "vindr_pcxr":
        boxes, found = read_boxes(root, frame)
    elif kind == "own":
        boxes, found = table.read_boxes(given, frame)
        issues += table.judge_sizes(given, frame)
    issues += found
    count = 0
    if kind == "own":
        count, found = check_files([mask for mask in frame["mask"] if mask], workers)
        issues += found
    elif masks is not None:
        count, found = check_masks(frame, masks, workers)
        issues += found
    if frame.label.nunique() == 1:
        missing = names[1 - int(frame.label[0])]
        issues.append(Issue(str(root), "error", f"no image that can be used is {missing}", "fetch the rest of the set"))
    if frame.empty and all(issue.severity != "error" for issue in issues):
        issues.append(Issue(str(root), "error", "no images", "fetch the data set again"))
    listed = pd.DataFrame(list(dict.fromkeys(issues)), columns=Issue._fields)
    listed = listed.sort_values("severity", key=lambda column: column.map(SEVERITIES.index), kind="stable")
    frame = frame.drop(columns=["thumbnail", "issue"])
    summary = _summarise(root, kind, frame, names, listed.severity, duplicates, boxes)
    if masks is not None or count:
        summary["masks"] = count
    return Report(frame, listed.reset_index(drop=True), duplicates, boxes, thumbnails, summary)


def recognise(root: Path) -> tuple[str | None, list[Issue]]:
    """Return which data set a folder contains.

    Args:
        root: Folder to look into, or a table.

    Returns:
        "kermany", "vindr_pcxr", "own" for a table, or None; and an issue if it is None.
    """
    if root.suffix.lower() in table.SUFFIXES and not root.is_dir():
        return "own", []
    base = kermany.base_folder(root)
    if any((base / folder / kind).is_dir() for folder in kermany.FOLDERS for kind in kermany.CLASSES):
        return "kermany", []
    if any((root / name).is_file() for name in TABLES):
        return "vindr_pcxr", []
    looked_for = f"train/NORMAL and so on (Kermany), or {', '.join(TABLES)} (VinDr-PCXR)"
    fault = f"holds no known data set, that is {looked_for}" if root.is_dir() else "no such folder"
    if root.is_file():
        remedy = f"unpack it, if it is an archive; for images of your own, {table.HOW}"
        return None, [Issue(str(root), "error", "a file, not a folder, and no CSV", remedy)]
    remedy = f"give the folder of the data set; for images of your own, {table.HOW}, and give the table"
    return None, [Issue(str(root), "error", fault, remedy)]


def _class_names(frame: pd.DataFrame) -> tuple[str, str]:
    """Return the names of the labels 0 and 1."""
    named = frame.drop_duplicates("label").set_index("label")["class"] if "class" in frame else {}
    return named.get(0, "normal"), named.get(1, "abnormal")


def _summarise(
    root: Path,
    kind: str | None,
    frame: pd.DataFrame,
    names: tuple[str, str],
    severities: pd.Series,
    duplicates: pd.DataFrame,
    boxes: pd.DataFrame | None,
) -> dict[str, Any]:
    summary = {
        "dataset": kind,
        "root": str(root),
        "images": len(frame),
        "patients": frame.patient.nunique(),
        "labels": {name: int((frame.label == value).sum()) for value, name in enumerate(names)},
        "folders": {str(name): int(count) for name, count in frame.folder.value_counts(sort=False).items()},
        "issues": {name: int((severities == name).sum()) for name in SEVERITIES},
        "duplicates": len(duplicates),
    }
    if len(frame):
        summary |= {side: [int(frame[side].min()), int(frame[side].max())] for side in ("width", "height")}
    if boxes is not None:
        summary["boxes"] = len(boxes)
    return summary
