"""The cohort: what the columns of `cohort.csv` mean, and the pixels that belong to its rows.

Only the number `row` identifies an image, not its position in a table, nor the order in which data sets were combined.
"""

from pathlib import Path

import numpy as np
import pandas as pd

PURPOSES = ("restoration", "pretext", "classification")
PARTS = ("train", "validation", "test")
_PART = f"part of the split for this purpose, one of {', '.join(PARTS)}; empty if the purpose does not use the image"
_CORNER = "of the part that is kept, in pixels of the file; a maximum is the first pixel outside"
COLUMNS = {
    "row": "number of the image, counted from 0: its position in `images.npy`, and its name in all later tables",
    "dataset": "data set that it comes from: `kermany`, `vindr_pcxr`, or `own` for the user's table",
    "image": "its name in the data set, for example the path below the set's folder without suffix",
    "patient": "child that it shows; no child is in two parts of a purpose",
    "label": "class, 0 or 1; `classes.csv` names the two",
    "finding": "finding or disease, in the data set's own words; several are joined by ` | `",
    "age_years": "age of the child in years, if the file's header states it",
    "sex": "F, M or O, if the file's header states it",
    "folder": "folder of the data set that it lies in, such as `train` or `test`",
    **dict.fromkeys(PURPOSES, _PART),
    "width": "of the file, in pixels",
    "height": "of the file, in pixels",
    **{f"crop_{corner}": f"{corner} {_CORNER}" for corner in ("x_min", "y_min", "x_max", "y_max")},
    "lungs_found": "True if the crop is around the lungs, False if the whole frame is kept",
}


def read(folder: str | Path) -> pd.DataFrame:
    """Read `cohort.csv`, sorted by the number of the image, which is also the index.

    Args:
        folder: Folder with the results of the preprocessing.

    Returns:
        One row per image, with at least `COLUMNS`; index and column `row` are equal.

    Raises:
        ValueError: A column is missing, or the numbers are not 0, 1, 2 and so on, each once.
    """
    path = Path(folder) / "cohort.csv"
    cohort = pd.read_csv(path)
    if missing := [name for name in COLUMNS if name not in cohort]:
        raise ValueError(f"{path}: no column {', '.join(missing)}; run the preprocessing again")
    cohort = cohort.sort_values("row", ignore_index=True)
    if not np.array_equal(cohort.row, np.arange(len(cohort))):
        raise ValueError(
            f"{path}: the column row must have each number from 0 to {len(cohort) - 1} once, or images.npy cannot be "
            "matched; run the preprocessing again"
        )
    return cohort


def rows(
    cohort: pd.DataFrame,
    purpose: str,
    part: str | None = None,
    limit: int = 0,
    seed: int | np.random.Generator = 0,
) -> np.ndarray:
    """Return the numbers of the images in a part of a purpose, ascending.

    Args:
        cohort: What `read` returns.
        purpose: One of `PURPOSES`.
        part: One of `PARTS`; None for all three.
        limit: Largest number of images; a random sample if there are more. 0 for all.
        seed: Seed of the random sample, or a generator.

    Returns:
        Integers, shape (N,).

    Raises:
        ValueError: The purpose or the part is unknown.

    >>> cohort = pd.DataFrame({"row": [0, 1, 2, 3], "restoration": ["test", "train", None, "test"]})
    >>> rows(cohort, "restoration", "test")
    array([0, 3])
    """
    if purpose not in PURPOSES or part not in (None, *PARTS):
        raise ValueError(
            f"{purpose!r}, {part!r}: give a purpose ({', '.join(PURPOSES)}) and a part ({', '.join(PARTS)})"
        )
    inside = cohort[purpose].notna() if part is None else cohort[purpose] == part
    found = cohort.row[inside].to_numpy()
    return np.sort(np.random.default_rng(seed).permutation(found)[: limit or None])


def ranks(cohort: pd.DataFrame) -> np.ndarray:
    """Return each image's position within its own data set, counted from 0. It seeds the image's levels and noise.

    The number of the image cannot do this: it changes with the order in which data sets are combined, and the noise of
    every image would change with it. Ranks of two data sets are equal, so one purpose must use one data set only.

    Args:
        cohort: What `read` returns.

    Returns:
        Integers (N,), in the order of the rows.
    """
    return cohort.groupby("dataset").cumcount().to_numpy()


class Pixels:
    """Images that are found by their number and read from the disk on demand.

    `pixels[7]` is image number 7, float32 (H, W) in [0, 1]; `pixels[[7, 2]]` are two images, (2, H, W), in this order.

    Args:
        stored: 8-bit images (M, H, W), which may be memory-mapped, or the `.npy` file that contains them.
        rows: Number of each image, distinct.
        places: Position of each image in `stored`; by default 0, 1, 2 and so on, for all of `stored`.

    Attributes:
        rows: Numbers of the images.
        shape: (N, H, W).

    Raises:
        ValueError: The array is not 8-bit (M, H, W), or does not have one image for each number.
        IndexError: A requested image is not there.

    >>> pixels = Pixels(np.full((2, 1, 1), [[[51]], [[255]]], np.uint8), rows=[30, 10])
    >>> pixels[10].item()
    1.0
    """

    def __init__(self, stored: np.ndarray | str | Path, rows: np.ndarray, places: np.ndarray | None = None):
        name = stored if isinstance(stored, str | Path) else "the array"
        self.stored = np.load(stored, mmap_mode="r") if isinstance(stored, str | Path) else stored
        self.rows = np.asarray(rows)
        self.places = np.arange(len(self.stored)) if places is None else np.asarray(places)
        if self.stored.dtype != np.uint8 or self.stored.ndim != 3:
            raise ValueError(f"{name}: {self.stored.dtype} {self.stored.shape}; give 8-bit images (N, H, W)")
        self._index = pd.Index(self.rows)
        if len(self.places) != len(self.rows) or not self._index.is_unique:
            raise ValueError(
                f"{name}: {len(self.places)} images for {len(self.rows)} numbers, of which {self._index.nunique()} are "
                "distinct; they do not belong together: run again the chapters that wrote them"
            )
        self.shape = (len(self.rows), *self.stored.shape[1:])

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, rows) -> np.ndarray:
        wanted = np.asarray(rows)
        found = self._index.get_indexer(wanted.ravel())
        if (found < 0).any():
            raise IndexError(f"no image number {wanted.ravel()[found < 0][0]} among these {len(self)}")
        return self.stored[self.places[found].reshape(wanted.shape)] / np.float32(255)


def pixels(
    cohort: pd.DataFrame, images: np.ndarray | str | Path, purpose: str | None = None, part: str | None = None
) -> Pixels:
    """Return the pixels of a part of a purpose, by the numbers of its images.

    Args:
        cohort: What `read` returns.
        images: The cohort's `images.npy`, or its array: 8-bit, (N, H, W), in the order of the rows.
        purpose: One of `PURPOSES`; None for the whole cohort.
        part: One of `PARTS`; None for all three.

    Raises:
        ValueError: The images are not those of the cohort, or the purpose or the part is unknown.
    """
    every = Pixels(images, cohort.row)
    if purpose is None:
        return every
    chosen = rows(cohort, purpose, part)
    return Pixels(every.stored, chosen, places=chosen)
