"""The cohort: what the columns of `cohort.csv` mean, and the pixels that belong to its rows.

An image is known by its number, `row`, and by nothing else: not by its place in a table, and not by the order in which
the data sets were put together.
"""

from pathlib import Path

import numpy as np
import pandas as pd

PURPOSES = ("restoration", "pretext", "classification")
PARTS = ("train", "validation", "test")
_PART = f"part of the split for this purpose, one of {', '.join(PARTS)}; empty where the image has no part in it"
_CORNER = "of the part that is kept, in pixels of the file; a maximum is the first pixel that is left out"
COLUMNS = {
    "row": "number of the image, from 0 on: its place in `images.npy`, and its name in all later tables",
    "dataset": "data set that it comes from: `kermany`, `vindr_pcxr`, or `own` for a table of the reader's",
    "image": "its name in the data set, such as the path below the set's folder without suffix",
    "patient": "child that it shows; no child is in two parts of a purpose",
    "label": "class, 0 or 1; `classes.csv` names the two",
    "finding": "what the data set says of it, in the set's own words; several are joined by ` | `",
    "age_years": "age of the child in years, where the file's header states it",
    "sex": "F, M or O, where the file's header states it",
    "folder": "folder of the data set that it lies in, such as `train` or `test`",
    **dict.fromkeys(PURPOSES, _PART),
    "width": "of the file, in pixels",
    "height": "of the file, in pixels",
    **{f"crop_{corner}": f"{corner} {_CORNER}" for corner in ("x_min", "y_min", "x_max", "y_max")},
    "lungs_found": "True where the crop is around the lungs, False where the whole frame is kept",
}


def read(folder: str | Path) -> pd.DataFrame:
    """Read `cohort.csv`, in the order of its rows: the index is the image's number, too.

    Args:
        folder: Where the preprocessing left it.

    Returns:
        One row an image, with at least `COLUMNS`; index and column `row` are equal.

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
            f"{path}: the column row does not hold each of 0 to {len(cohort) - 1} once, so that its images cannot be "
            "found in images.npy; run the preprocessing again"
        )
    return cohort


def rows(
    cohort: pd.DataFrame,
    purpose: str,
    part: str | None = None,
    limit: int = 0,
    seed: int | np.random.Generator = 0,
) -> np.ndarray:
    """Give the numbers of the images in a part of a purpose, ascending.

    Args:
        cohort: What `read` returns.
        purpose: One of `PURPOSES`.
        part: One of `PARTS`; None for all three.
        limit: At most so many, drawn at random; 0 for all.
        seed: Seed of the draw, or a generator.

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
    """Give each image's place within its own data set, from 0 on: what seeds its levels and noise.

    The number of the image would do so, too, but it changes with the order in which the data sets are put together,
    and with it would the noise of every image. Two data sets have equal ranks, so one purpose takes images of one.

    Args:
        cohort: What `read` returns.

    Returns:
        Integers (N,), in the order of the rows.
    """
    return cohort.groupby("dataset").cumcount().to_numpy()


class Pixels:
    """Images that are found by their number, and read from the disk when they are asked for.

    `pixels[7]` is image number 7, float32 (H, W) in [0, 1]; `pixels[[7, 2]]` are two of them, (2, H, W), in this order.

    Args:
        stored: 8-bit images (M, H, W), also memory-mapped, or the `.npy` file that holds them.
        rows: Number of each image, distinct.
        places: Where each image stands in `stored`; by default one after the other, and `stored` holds no others.

    Attributes:
        rows: Numbers of the images.
        shape: (N, H, W).

    Raises:
        ValueError: The array is not 8-bit (M, H, W), or has not one image for each number.
        IndexError: An image is asked for that is not there.

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
                "distinct; the two were not made together, run the chapters that wrote them again"
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
    """Give the pixels of a part of a purpose, by the numbers of its images.

    Args:
        cohort: What `read` returns.
        images: The cohort's `images.npy`, or what it holds: 8-bit, (N, H, W), in the order of the rows.
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
