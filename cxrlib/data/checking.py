"""Check a data set before anyone trains on it: what cannot be used, what to look at, what occurs twice."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from cxrlib.data.boxes import check_boxes, name_orphans, read_annotations, usable_boxes
from cxrlib.data.dicom import ImageError
from cxrlib.data.duplicates import match_thumbnails, thumbnail
from cxrlib.data.images import MAX_PIXELS, read_image
from cxrlib.data.issues import SEVERITIES, Finding
from cxrlib.data.kermany import CLASSES, base_folder, index_kermany
from cxrlib.data.kermany import FOLDERS as KERMANY_FOLDERS
from cxrlib.data.vindr_pcxr import index_vindr_pcxr
from cxrlib.data.vindr_tables import TABLES, read_table

MIN_SIDE = 32  # pixels: less is a thumbnail, which the networks would enlarge sevenfold
MAX_SATURATED = 0.6  # share of pixels at 0 or 1; the Kermany set's largest is 0.30, for black borders
MIN_RANGE = 1 / 16  # of the grey range, what 8 bits fill of 12; the Kermany set's smallest is 0.44
BATCH = 16  # files a task: few enough for a steady bar with DICOM files of 10 megapixels
MEASURES = ["width", "height", "minimum", "maximum", "at_zero", "at_one", "sha256", "thumbnail", "error"]


class Report(NamedTuple):
    """What `check` finds.

    Attributes:
        frame: The rows that can be used, as the data set's reader gives them, with the measures of `check_images`.
        findings: One row a fault: file, severity, fault, remedy; errors first.
        duplicates: Pairs of (near-)identical images: first, second (paths), distance.
        boxes: Boxes that can be used, as `boxes.read_boxes` gives them; None for a data set without boxes.
        thumbnails: What `duplicates.thumbnail` gives for each row, to look for pairs across data sets.
        summary: Kind of data set, numbers of images, patients, labels, findings, and the range of sizes.
    """

    frame: pd.DataFrame
    findings: pd.DataFrame
    duplicates: pd.DataFrame
    boxes: pd.DataFrame | None
    thumbnails: np.ndarray
    summary: dict[str, Any]

    def below_root(self) -> pd.DataFrame:
        """Give the findings with their files named from the data set's folder on."""
        root = Path(self.summary["root"])
        paths = [Path(file) for file in self.findings.file]
        return self.findings.assign(
            file=[str(p.relative_to(root)) if p.is_relative_to(root) else p.name for p in paths]
        )

    def fingerprint(self) -> str:
        """Give one SHA-256 digest of the images that can be used: their contents and their names.

        It is that of the lines which `sha256sum` prints for them, from the data set's base folder (Kermany:
        `chest_xray`) on and sorted by path, so that a reader can check it without this package.
        """
        root = Path(self.summary["root"])
        base = base_folder(root) if self.summary["dataset"] == "kermany" else root
        paths = (Path(path).relative_to(base).as_posix() for path in self.frame.path)
        lines = (f"{digest}  {path}\n" for path, digest in sorted(zip(paths, self.frame.sha256, strict=True)))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def require(self, dataset: str) -> None:
        """Stop where nothing of a data set can be used.

        Args:
            dataset: The data set that the folder should hold, "kermany" or "vindr_pcxr".

        Raises:
            ValueError: With the first error found.
        """
        if len(self.frame) and self.summary["dataset"] == dataset:
            return
        errors = self.findings[self.findings.severity == "error"]
        first = Finding(*errors.iloc[0]) if len(errors) else f"{self.summary['root']}: not the data set {dataset}"
        raise ValueError(f"{first}. No image of {dataset} can be used; python -m cxrlib check tells more")


def check_images(
    frame: pd.DataFrame, workers: int = -1, stream: TextIO | None = None, max_pixels: int = MAX_PIXELS
) -> pd.DataFrame:
    """Decode every file once and measure it; no more images are in memory than workers.

    Args:
        frame: One row an image, with `path`.
        workers: Processes that read; -1 for all cores.
        stream: Where a progress bar is drawn; None for none.
        max_pixels: As for `read_image`.

    Returns:
        One row an image, index as the frame's: width, height in pixels; minimum, maximum; at_zero, at_one (shares of
        the pixels); sha256 of the file; thumbnail (as `duplicates.thumbnail`); error (text of the ImageError;
        missing where the file is readable, as all else is where it is not).
    """
    paths = list(frame.path)
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    measured: list[dict[str, Any]] = []
    parallel = Parallel(n_jobs=workers, return_as="generator")
    seconds = 0.1 if stream and stream.isatty() else 1  # a log keeps every state of a bar
    with tqdm(
        total=len(paths), unit=" images", file=stream, disable=stream is None, ascii=True, mininterval=seconds
    ) as bar:
        for rows in parallel(delayed(_measure_all)(batch, max_pixels) for batch in batches):
            measured += rows
            bar.update(len(rows))
    return pd.DataFrame(measured, columns=MEASURES, index=frame.index)


def _measure_all(paths: Sequence[str], max_pixels: int) -> list[dict[str, Any]]:
    return [_measure(path, max_pixels) for path in paths]


def _measure(path: str, max_pixels: int) -> dict[str, Any]:
    try:
        image = read_image(path, max_pixels)
    except ImageError as error:
        return {"error": str(error)}
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
    }


def check(
    root: str | Path,
    patient_key: str = "number",
    unlabelled: str = "exclude",
    exclude: Sequence[str] | str | Path = (),
    workers: int = -1,
    stream: TextIO | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Report:
    """Recognise a data set by its layout, read all of it, and say what is wrong with it.

    Args:
        root: Folder of the Kermany set or of VinDr-PCXR.
        patient_key: For the Kermany set, as for `index_kermany`.
        unlabelled: For VinDr-PCXR, as for `index_vindr_pcxr`.
        exclude: For VinDr-PCXR, as for `index_vindr_pcxr`.
        workers: Processes that read; -1 for all cores.
        stream: Where a progress bar is drawn; None for none.
        max_pixels: As for `read_image`.

    Returns:
        The report; a missing folder or table is a finding in it, too.

    Raises:
        ValueError: If `patient_key` or `unlabelled` is unknown.
    """
    root = Path(root)
    findings: list[Finding] = []
    kind, frame, boxes = None, pd.DataFrame(columns=["path", "image", "patient", "label", "folder"]), None
    with _gathered(findings):
        kind = recognise(root)
    if kind == "kermany":
        with _gathered(findings):
            frame = index_kermany(root, patient_key, findings)
    if kind == "vindr_pcxr":
        for name, needed in TABLES.items():  # all that are unreadable, not the first
            with _gathered(findings):
                read_table(root / name, needed)
        with _gathered(findings):
            frame = index_vindr_pcxr(root, unlabelled, exclude, findings)
    frame = frame.join(check_images(frame, workers, stream, max_pixels))
    judged = [finding for row in frame.itertuples() if (finding := _judge(row))]
    findings += judged
    unusable = {finding.file for finding in judged if finding.severity == "error"}
    frame = frame[~frame.path.isin(unusable)].reset_index(drop=True).astype({"width": int, "height": int})
    if frame.empty and all(finding.severity != "error" for finding in findings):
        findings.append(Finding(str(root), "error", "no images", "fetch the data set again"))
    thumbnails = np.array(frame.thumbnail.tolist())
    duplicates = match_thumbnails(list(frame.path), thumbnails)
    findings += _judge_pairs(root, frame, duplicates)
    if kind == "vindr_pcxr":
        with _gathered(findings):
            rows = read_annotations(root)
            findings += name_orphans(root, rows)
            boxes = check_boxes(usable_boxes(rows, findings), frame, findings)
    table = pd.DataFrame(list(dict.fromkeys(findings)), columns=Finding._fields)
    table = table.sort_values("severity", key=lambda column: column.map(SEVERITIES.index), kind="stable")
    frame = frame.drop(columns=["thumbnail", "error"])
    summary = _summarise(root, kind, frame, table.severity, duplicates, boxes)
    return Report(frame, table.reset_index(drop=True), duplicates, boxes, thumbnails, summary)


@contextmanager
def _gathered(findings: list[Finding]) -> Iterator[None]:
    """Record a reader's fault that stops it; an error of the caller passes through."""
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        if not (error.args and isinstance(error.args[0], Finding)):
            raise
        findings.append(error.args[0])


def recognise(root: Path) -> str:
    """Tell which data set a folder holds.

    Args:
        root: Folder to look into.

    Returns:
        "kermany" or "vindr_pcxr".

    Raises:
        FileNotFoundError: If it is neither.
    """
    if any((base_folder(root) / folder / kind).is_dir() for folder in KERMANY_FOLDERS for kind in CLASSES):
        return "kermany"
    if any((root / name).is_file() for name in TABLES):
        return "vindr_pcxr"
    looked_for = f"train/NORMAL and so on (Kermany), or {', '.join(TABLES)} (VinDr-PCXR)"
    fault = f"holds no known data set, that is {looked_for}" if root.is_dir() else "no such folder"
    raise FileNotFoundError(Finding(str(root), "error", fault, "give the folder of the data set"))


def _judge(row: Any) -> Finding | None:
    """Give the gravest fault of a measured image."""
    if isinstance(row.error, str):
        fault, _, remedy = row.error.removeprefix(f"{row.path}: ").rpartition("; ")
        return Finding(row.path, "error", fault, remedy)
    size = f"{row.width:.0f} x {row.height:.0f} pixels"
    if min(row.width, row.height) < MIN_SIDE:
        return Finding(row.path, "error", f"{size}, less than {MIN_SIDE} a side", "fetch the full image")
    if row.minimum == row.maximum:
        return Finding(row.path, "error", f"blank: all {size} are {row.minimum:.3g}", "fetch it again, or leave it out")
    if row.maximum - row.minimum < MIN_RANGE:
        fault = f"grey values only from {row.minimum:.4f} to {row.maximum:.4f} of 0 to 1"
        remedy = "correct its bit depth or window (8-bit values may be stored in more bits), or leave it out"
        return Finding(row.path, "warning", fault, remedy)
    if row.at_zero + row.at_one > MAX_SATURATED:
        fault = f"saturated: {row.at_zero:.0%} of the pixels are black, {row.at_one:.0%} white"
        return Finding(row.path, "warning", fault, "look at it; its window or export may be wrong")
    return None


def _judge_pairs(root: Path, frame: pd.DataFrame, duplicates: pd.DataFrame) -> Iterable[Finding]:
    """Name both images of a pair, and both patients where they differ."""
    known = frame.set_index("path")
    for pair in duplicates.itertuples():
        first, second = known.loc[pair.first], known.loc[pair.second]
        same = first.sha256 == second.sha256
        likeness = "identical to" if same else f"nearly identical (distance {pair.distance:.3f}) to"
        label = "" if first.label == second.label else ", which has the other label"
        remedy = "look at both; they must not be in two splits (split_by_patient sees to it)"
        yield Finding(pair.first, "warning", f"{likeness} {Path(pair.second).relative_to(root)}{label}", remedy)
        if first.patient != second.patient:
            fault = f"patients {first.patient} and {second.patient} share this image"
            yield Finding(pair.first, "note", fault, "split_by_patient takes them as one")


def _summarise(
    root: Path,
    kind: str | None,
    frame: pd.DataFrame,
    severities: pd.Series,
    duplicates: pd.DataFrame,
    boxes: pd.DataFrame | None,
) -> dict[str, Any]:
    summary = {
        "dataset": kind,
        "root": str(root),
        "images": len(frame),
        "patients": frame.patient.nunique(),
        "labels": {name: int((frame.label == value).sum()) for value, name in enumerate(("normal", "abnormal"))},
        "folders": {str(name): int(count) for name, count in frame.folder.value_counts(sort=False).items()},
        "findings": {name: int((severities == name).sum()) for name in SEVERITIES},
        "duplicates": len(duplicates),
    }
    if len(frame):
        summary |= {side: [int(frame[side].min()), int(frame[side].max())] for side in ("width", "height")}
    if boxes is not None:
        summary["boxes"] = len(boxes)
    return summary
