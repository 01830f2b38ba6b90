"""Write a synthetic cohort in the layout of the Kermany set: JPEGs in class folders, patients in the file names."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from phantom.anatomy import draw_anatomy
from phantom.findings import draw_findings
from phantom.radiograph import draw_radiograph
from phantom.storage import map_jobs, new_folder

SPLIT_SHARES = {"train": 0.87, "test": 0.12, "val": 0.01}
"""Share of the patients in each folder, close to the real set's."""

PLAN, CHILD = 1, 2
"""Streams beside the images' own, of the cohort's plan and of the children."""


@dataclass
class _Patient:
    kind: str  # "normal", "bacteria" or "virus"
    images: int
    prefix: str = ""
    number: int = 0
    split: str = ""

    @property
    def key(self) -> str:
        if self.kind == "normal":
            return f"{self.prefix}-{self.number:04d}"
        return f"person{self.number}_{self.kind}"


@dataclass(frozen=True)
class _Image:
    path: str  # split/CLASS/stem, without extension
    patient: int
    kind: str
    source: int  # index of the image whose drawing it is: its own, but for the re-encoded copy


def write_kermany(
    root: str | Path,
    normal: int,
    bacterial: int,
    viral: int,
    size: int = 256,
    seed: int = 0,
    workers: int | None = None,
    masks: str | Path | None = None,
    mildest: float = 0.0,
) -> pd.DataFrame:
    """Write `root/chest_xray/{train,test,val}/{NORMAL,PNEUMONIA}/*.jpeg` with file names like those of the real set.

    Bacterial pneumonia is mostly focal consolidation, viral pneumonia mostly diffuse interstitial disease. As in the
    real set, some children have several images, and a few bare numbers occur both as IM and NORMAL2-IM, or with both
    bacteria and virus. With 40 images or more, one normal image is a re-encoded copy of another patient's. All images
    of a patient are in one folder. Image i is drawn from `numpy.random.default_rng([seed, i])`, so the files do not
    depend on the number of workers.

    Args:
        root: Folder to write; new or empty.
        normal: Number of images of healthy children.
        bacterial: Number of images of bacterial pneumonia.
        viral: Number of images of viral pneumonia.
        size: Height of the images in pixels.
        seed: Seed of the cohort.
        workers: Processes; default: all cores.
        masks: Folder for the lung masks, new or empty: 1-bit PNG (0 and 255) in the same folders, such as
            `masks/train/NORMAL/IM-0115-0001.png`. Without it, no masks are written.
        mildest: Least severity of a finding, 0 to 1; see `draw_radiograph`.

    Returns:
        One row per image: `path` (relative to `root`), `patient`, `label` (0 normal, 1 abnormal), `findings` (tuple of
        VinDr-PCXR names), `split` (the folder).

    Raises:
        FileExistsError: `root` or `masks` is not empty.
        ValueError: A count is negative, all are zero, or `masks` is inside `root`.
    """
    counts = {"normal": normal, "bacteria": bacterial, "virus": viral}
    if min(counts.values()) < 0 or sum(counts.values()) == 0:
        raise ValueError(f"the counts {counts} make no cohort; give 0 or more images of each kind, at least 1 in all")
    if masks is not None and Path(root).resolve() in (Path(masks).resolve(), *Path(masks).resolve().parents):
        raise ValueError(f"the mask folder {masks} lies in {root}; name one beside it")
    patients, images = _plan(counts, np.random.default_rng([seed, 0, PLAN]))
    with new_folder(root) as folder:
        if masks is None:
            return _write(folder, None, patients, images, size, seed, workers, mildest)
        with new_folder(masks) as mask_folder:
            return _write(folder, mask_folder, patients, images, size, seed, workers, mildest)


def _write(
    folder: Path,
    mask_folder: Path | None,
    patients: list[_Patient],
    images: list[_Image],
    size: int,
    seed: int,
    workers: int | None,
    mildest: float,
) -> pd.DataFrame:
    for image in images:
        for base in (folder / "chest_xray", mask_folder):
            if base is not None:
                (base / image.path).parent.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, mask_folder, image, images[image.source], size, seed, mildest) for image in images]
    findings = map_jobs(_write_image, jobs, workers)
    return pd.DataFrame(
        {
            "path": [f"chest_xray/{image.path}.jpeg" for image in images],
            "patient": [patients[image.patient].key for image in images],
            "label": [int(image.kind != "normal") for image in images],
            "findings": findings,
            "split": [image.path.split("/")[0] for image in images],
        }
    )


def _write_image(
    folder: Path, mask_folder: Path | None, image: _Image, source: _Image, size: int, seed: int, mildest: float
) -> tuple[str, ...]:
    child = np.random.default_rng([seed, source.patient, CHILD])
    anatomy = draw_anatomy(child)
    pattern = {"bacteria": "bacterial", "virus": "viral"}.get(image.kind)
    findings = draw_findings(child, pattern) if pattern else ()
    rng = np.random.default_rng([seed, image.source])
    radiograph = draw_radiograph(rng, size, findings, anatomy, mildest=mildest)
    grey = np.round(radiograph.image * 255).astype(np.uint8)
    quality = 92 if image.path == source.path else 88
    _encode(folder / "chest_xray" / f"{image.path}.jpeg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if mask_folder is not None:
        mask = radiograph.lung_mask.astype(np.uint8) * 255
        _encode(mask_folder / f"{image.path}.png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1])
    return findings


def _encode(path: Path, pixels: np.ndarray, options: list[int]) -> None:
    encoded, data = cv2.imencode(path.suffix, pixels, options)
    if not encoded:
        raise OSError(f"OpenCV cannot encode {path.name}; check its build for {path.suffix} support")
    path.write_bytes(data.tobytes())


def _plan(counts: dict[str, int], rng: np.random.Generator) -> tuple[list[_Patient], list[_Image]]:
    """Choose the patients, their numbers and folders, and the name of every file."""
    patients = []
    for kind, count in counts.items():
        group = [_Patient(kind, images) for images in _group_sizes(count, kind, rng)]
        _assign_splits(group, rng)
        patients += group
    _number_patients(patients, rng)
    images: list[_Image] = []
    running = {"bacteria": int(rng.integers(1, 900)), "virus": int(rng.integers(1, 900))}
    for index, patient in enumerate(patients):
        if patient.kind == "normal":
            stems = _normal_stems(patient, rng)
        else:
            first = running[patient.kind]
            running[patient.kind] += patient.images
            stems = [f"{patient.key}_{first + offset}" for offset in range(patient.images)]
        folder = f"{patient.split}/{'NORMAL' if patient.kind == 'normal' else 'PNEUMONIA'}"
        images += [_Image(f"{folder}/{stem}", index, patient.kind, len(images) + k) for k, stem in enumerate(stems)]
    if len(images) >= 40:
        _copy_one_image(patients, images)
    return patients, images


def _group_sizes(count: int, kind: str, rng: np.random.Generator) -> list[int]:
    """Divide a number of images among patients with 1 to 5 images each."""
    sizes, left = [], count
    while left:
        several = rng.random() < (0.08 if kind == "normal" else 0.35)
        images = min(left, 1 + several * int(rng.choice([1, 2, 3, 4], p=[0.6, 0.25, 0.1, 0.05])))
        if kind == "normal":
            images = min(images, 2)
        sizes.append(images)
        left -= images
    return sizes


def _assign_splits(group: list[_Patient], rng: np.random.Generator) -> None:
    """Assign each patient to a folder; with three or more patients, each folder gets at least one."""
    enough = len(group) >= 3
    test = max(round(SPLIT_SHARES["test"] * len(group)), int(enough))
    validation = max(round(SPLIT_SHARES["val"] * len(group)), int(enough))
    for place, index in enumerate(rng.permutation(len(group))):
        group[index].split = "test" if place < test else "val" if place < test + validation else "train"


def _number_patients(patients: list[_Patient], rng: np.random.Generator) -> None:
    """Number the patients: unique with prefix and type, a few bare numbers shared as in the real set."""
    for one, two in (("IM", "NORMAL2-IM"), ("bacteria", "virus")):
        normals = one == "IM"
        group = [patient for patient in patients if (patient.kind == "normal") == normals]
        pool = rng.permutation(np.arange(1, max(2000, 3 * len(group))))
        for place, patient in enumerate(group):
            patient.number = int(pool[place])
            patient.prefix = ("IM" if place < 0.5 * len(group) else "NORMAL2-IM") if normals else "person"
        first = [patient for patient in group if (patient.prefix if normals else patient.kind) == one]
        second = [patient for patient in group if (patient.prefix if normals else patient.kind) == two]
        fewer = min(len(first), len(second))
        shared = max(1, round(0.04 * fewer)) if fewer >= 4 else 0
        for left, right in zip(first[:shared], second[:shared], strict=True):
            right.number = left.number


def _normal_stems(patient: _Patient, rng: np.random.Generator) -> list[str]:
    if patient.images == 1:
        return [f"{patient.key}-0001"]
    forms = (["0001", "0002"], ["0001", "0001-0002"], ["0001-0001", "0001-0002"])
    return [f"{patient.key}-{form}" for form in forms[rng.integers(len(forms))]]


def _copy_one_image(patients: list[_Patient], images: list[_Image]) -> None:
    """Replace one normal training image by a re-encoded copy of another patient's; the two share no number."""
    numbers = [patient.number for patient in patients if patient.kind == "normal"]
    single = [
        index
        for index, image in enumerate(images)
        if image.kind == "normal"
        and image.path.startswith("train/")
        and patients[image.patient].images == 1
        and numbers.count(patients[image.patient].number) == 1
    ]
    if len(single) >= 2:
        original, copy = single[-2:]
        image = images[copy]
        images[copy] = _Image(image.path, image.patient, image.kind, original)
