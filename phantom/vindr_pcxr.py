"""Write a synthetic cohort in the layout of VinDr-PCXR: DICOM files without identity, and four CSV files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from phantom.anatomy import draw_anatomy
from phantom.findings import PERIBRONCHOVASCULAR, draw_findings
from phantom.radiograph import draw_radiograph
from phantom.storage import map_jobs, new_folder

NO_FINDING, PLEURO_PNEUMONIA = "No finding", "Pleuro-pneumonia"

DISEASES = {
    "Consolidation": {"Pneumonia": 0.55, "Brocho-pneumonia": 0.45},
    "Infiltration": {"Brocho-pneumonia": 0.7, "Pneumonia": 0.3},
    PERIBRONCHOVASCULAR: {"Bronchitis": 0.6, "Bronchiolitis": 0.4},
    "Bronchial thickening": {"Bronchitis": 0.75, "Bronchiolitis": 0.25},
    "Reticulonodular opacity": {"Bronchiolitis": 0.85, "Tuberculosis": 0.15},
    "Other opacity": {"Other disease": 0.6, "Pneumonia": 0.4},
    "Atelectasis": {"Other disease": 1.0},
    "Pleural effusion": {"Other disease": 1.0},
    "Cardiomegaly": {"Other disease": 1.0},
}
"""Disease that a reader writes down for the main finding."""

ALL_ZERO_SHARE = 0.01
"""Share of the images of healthy children whose 15 labels are all zero, as at least 56 of the real images."""

PLAN, CHILD, FILE = 1, 2, 3
"""Streams beside the images' own, of the cohort's plan, the children and the files' technical variety."""


def write_vindr_pcxr(
    root: str | Path,
    labels: Sequence[str],
    class_names: Sequence[str],
    train: int,
    test: int,
    abnormal_fraction: float = 0.33,
    size: int = 256,
    seed: int = 0,
    workers: int | None = None,
    mildest: float = 0.0,
) -> pd.DataFrame:
    """Write `root/{train,test}/<32 hex digits>.dicom` and the four CSV files `{image_labels,annotations}_*.csv`.

    The files vary as real ones do: MONOCHROME1 and MONOCHROME2, 12 to 16 bits stored, with and without a VOI window and
    a rescale slope and intercept. Some have age and sex, none has identity. Image i (training images first) is drawn
    from `numpy.random.default_rng([seed, i])`, so the files do not depend on the number of workers.

    Args:
        root: Folder to write; new or empty.
        labels: Columns of the label tables in the data set's own spelling: No finding and the diseases.
        class_names: Findings of boxes; `class_id` is the position in this list (the real ids are not public).
        train: Number of training images, one per child.
        test: Number of test images, one per child.
        abnormal_fraction: Share of sick children in each part, 0 to 1.
        size: Height of the images in pixels.
        seed: Seed of the cohort.
        workers: Processes; default: all cores.
        mildest: Least severity of a finding, 0 to 1; see `draw_radiograph`.

    Returns:
        One row per image: `path` (relative to `root`), `patient` (the image id), `label` (0 healthy, 1 sick child),
        `findings` (tuple of class names), `split` (the folder), `diseases` (tuple of the label columns set to 1; empty
        for the rows of zeros).

    Raises:
        FileExistsError: `root` is not empty.
        ValueError: A count is negative, both are zero, the fraction is outside [0, 1], or `labels` or `class_names`
            lacks a name that the phantom may use.
    """
    if min(train, test) < 0 or train + test == 0:
        raise ValueError(f"train={train} and test={test} make no cohort; give 0 or more, at least 1 in all")
    if not 0 <= abnormal_fraction <= 1:
        raise ValueError(f"abnormal_fraction is {abnormal_fraction}; give a share from 0 to 1")
    written = {NO_FINDING, PLEURO_PNEUMONIA, *(name for shares in DISEASES.values() for name in shares)}
    if missing := sorted(written - set(labels)) or sorted({NO_FINDING, *DISEASES} - set(class_names)):
        raise ValueError(f"labels or class_names lack {missing}; give the names of the real set")
    rng = np.random.default_rng([seed, 0, PLAN])
    with new_folder(root) as folder:
        rows, jobs = [], []
        for split, count in (("train", train), ("test", test)):
            (folder / split).mkdir()
            sick = np.zeros(count, bool)
            sick[rng.permutation(count)[: round(abnormal_fraction * count)]] = True
            healthy = rng.permutation(np.flatnonzero(~sick))
            unlabelled = healthy[: round(ALL_ZERO_SHARE * len(healthy))]
            for place in range(count):
                image_id, reader = rng.bytes(16).hex(), f"R{rng.integers(1, 16)}"
                rows.append((split, image_id, reader, bool(sick[place]), place in unlabelled))
                jobs.append((folder / split / f"{image_id}.dicom", bool(sick[place]), size, seed, len(jobs), mildest))
        drawn = map_jobs(_write_image, jobs, workers)
        return _write_tables(folder, rows, drawn, labels, class_names)


def _write_image(path: Path, sick: bool, size: int, seed: int, index: int, mildest: float) -> tuple[tuple, tuple, list]:
    """Draw and write one image; return its findings, diseases and boxes."""
    child = np.random.default_rng([seed, index, CHILD])
    anatomy = draw_anatomy(child)
    findings = draw_findings(child) if sick else ()
    diseases = _diseases(findings, child)
    radiograph = draw_radiograph(np.random.default_rng([seed, index]), size, findings, anatomy, mildest=mildest)
    dataset = _dataset(radiograph.image, anatomy.age, path.stem, np.random.default_rng([seed, index, FILE]))
    dataset.save_as(path, enforce_file_format=True)
    return findings, diseases, radiograph.boxes


def _diseases(findings: tuple[str, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """Return random label columns that a radiologist might set for the findings."""
    if not findings:
        return (NO_FINDING,)
    if findings[0] == "Consolidation" and "Pleural effusion" in findings and rng.random() < 0.2:
        return (PLEURO_PNEUMONIA,)
    main = DISEASES[findings[0]]
    chosen = [str(rng.choice(list(main), p=list(main.values())))]
    if len(findings) > 1 and rng.random() < 0.3:
        chosen.append(str(rng.choice(list(DISEASES[findings[1]]))))
    return tuple(dict.fromkeys(chosen))


def _dataset(image: np.ndarray, age: float, image_id: str, rng: np.random.Generator) -> Dataset:
    """Return an image (H, W) in [0, 1] as a DICOM data set that displays as that image."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[image_id])
    dataset.Modality, dataset.PatientID, dataset.PatientName = "DX", "", ""
    if rng.random() < 0.7:
        dataset.PatientSex = str(rng.choice(["M", "F", "O"], p=[0.57, 0.42, 0.01]))
    if rng.random() < 0.7:
        form = rng.choice(["Y", "M", "D"], p=[0.6, 0.35, 0.05])
        # An age string has three digits at most, so days do only for the youngest.
        form = "M" if form == "D" and age * 365 >= 999 else form
        dataset.PatientAge = f"{int(age * {'Y': 1, 'M': 12, 'D': 365}[form]):03d}{form}"
    bits = int(rng.choice([12, 14, 15, 16], p=[0.55, 0.25, 0.1, 0.1]))
    highest = 2**bits - 1
    inverted = bool(rng.random() < 0.4)
    windowed, rescaled = bool(rng.random() < 0.6), bool(rng.random() < 0.35)
    low, high = 0, highest
    if windowed:
        low, high = int(rng.uniform(0.02, 0.2) * highest), int(rng.uniform(0.7, 0.95) * highest)
    if rescaled:
        # Without a window only the identity keeps the stored range meaningful.
        slope, intercept = (float(rng.choice([0.5, 1, 2])), float(rng.choice([-1024, 0, 100]))) if windowed else (1, 0)
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = slope, intercept, "US"
    else:
        slope, intercept = 1, 0
    if windowed:
        # PS3.3 C.11.2.1.2: the linear function reaches its ends at center - 0.5 -+ (width - 1) / 2.
        first, last = low * slope + intercept, high * slope + intercept
        dataset.WindowCenter, dataset.WindowWidth = (first + last + 1) / 2, last - first + 1
    shown = 1 - image if inverted else image
    stored = np.round(low + shown * (high - low)).astype("<u2")
    dataset.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    dataset.Rows, dataset.Columns = image.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, bits, bits - 1
    dataset.PixelData = stored.tobytes()
    return dataset


def _write_tables(
    folder: Path, rows: list[tuple], drawn: list[tuple], labels: Sequence[str], class_names: Sequence[str]
) -> pd.DataFrame:
    """Write the four CSV files and return the overview."""
    set_labels, annotations, overview = [], [], []
    for (split, image_id, reader, sick, unlabelled), (findings, diseases, boxes) in zip(rows, drawn, strict=True):
        diseases = () if unlabelled else diseases
        who = {"split": split, "image_id": image_id, "rad_ID": reader}
        set_labels.append({**who, **{label: float(label in diseases) for label in labels}})
        for name, *box in boxes if sick else [(NO_FINDING, *[np.nan] * 4)]:
            corners = dict(zip(("x_min", "y_min", "x_max", "y_max"), box, strict=True))
            annotations.append({**who, "class_name": name, **corners, "class_id": class_names.index(name)})
        path = f"{split}/{image_id}.dicom"
        overview.append((path, image_id, int(sick), findings, split, diseases))
    columns = ["split", "image_id", "rad_ID"]
    box_columns = ["class_name", "x_min", "y_min", "x_max", "y_max", "class_id"]
    tables = {
        "image_labels": pd.DataFrame(set_labels, columns=[*columns, *labels]),
        "annotations": pd.DataFrame(annotations, columns=[*columns, *box_columns]),
    }
    for name, table in tables.items():
        for split in ("train", "test"):
            chosen = table[table["split"] == split].drop(columns="split")
            chosen.to_csv(folder / f"{name}_{split}.csv", index=False)
    return pd.DataFrame(overview, columns=["path", "patient", "label", "findings", "split", "diseases"])
