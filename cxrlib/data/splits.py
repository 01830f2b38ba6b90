"""Split images so that no child is in two parts (paper, section 2.1), and check that it is so."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from cxrlib.data.cohort import PARTS


class LeakageError(ValueError):
    """A patient or an image is in two splits."""


def _check_frame(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ValueError(f"the frame lacks {missing}; a split by patient needs one row per image with these columns")
    if frame.empty:
        raise ValueError("the frame has no rows; index a data set first")
    twice = frame.path[frame.path.duplicated()]
    if len(twice):
        raise ValueError(f"{twice.iloc[0]} and {len(twice) - 1} more paths occur twice; keep one row each")
    if frame.patient.isna().any():
        raise ValueError(f"{frame.path[frame.patient.isna()].iloc[0]}: no patient; give one, or leave the row out")


def _exact_sizes(sizes: Sequence[float], total: int) -> list[int]:
    """Return counts: convert fractions by the largest remainder, or check given counts."""
    if len(sizes) != len(PARTS) or min(sizes) < 0:
        raise ValueError(f"sizes {tuple(sizes)}; give three values, none negative, for {PARTS}")
    if all(float(size).is_integer() for size in sizes) and sum(sizes) != 1:
        if sum(sizes) != total:
            raise ValueError(f"sizes {tuple(sizes)} sum to {sum(sizes)}, the frame has {total} images; correct them")
        return [int(size) for size in sizes]
    if not np.isclose(sum(sizes), 1):
        raise ValueError(f"fractions {tuple(sizes)} sum to {sum(sizes)}; they must sum to 1")
    return _largest_remainder(np.array(sizes) * total, total)


def _largest_remainder(shares: np.ndarray, total: int) -> list[int]:
    counts = np.floor(shares).astype(int)
    counts[np.argsort(counts - shares, kind="stable")[: total - counts.sum()]] += 1
    return counts.tolist()


def merge_patients(frame: pd.DataFrame, duplicates: pd.DataFrame) -> np.ndarray:
    """Return a group number for each image; patients that share a (near-)identical image are one group.

    Args:
        frame: One row per image, with `path` and `patient`.
        duplicates: Pairs of paths, as `find_duplicates` returns them.

    Returns:
        Group number of each row, shape (N,).
    """
    patient, _ = pd.factorize(frame.patient)
    row = pd.Series(patient, index=frame.path)
    known = duplicates[duplicates["first"].isin(row.index) & duplicates["second"].isin(row.index)]
    first, second = row[known["first"]].to_numpy(), row[known["second"]].to_numpy()
    count = patient.max() + 1
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(count, count))
    return connected_components(links, directed=False)[1][patient]


def split_by_patient(
    frame: pd.DataFrame, sizes: Sequence[float], seed: int, duplicates: pd.DataFrame, exact: bool = True
) -> pd.DataFrame:
    """Add a `split` column (train, validation, test): whole patients, stratified by label, exact sizes.

    Args:
        frame: One row per image, with `path`, `patient` and `label`.
        sizes: Counts of images that sum to the rows, or fractions that sum to 1, for train, validation, test.
        seed: Seed of the order in which patients are drawn.
        duplicates: Pairs of (near-)identical images, as `find_duplicates` returns them. Their patients count as one.
        exact: Raise an error if whole patients cannot give the sizes; False allows slightly smaller parts.

    Returns:
        A copy of the frame with `split`.

    Raises:
        ValueError: If columns or patients are missing, a path occurs twice, sizes do not fit, or whole patients cannot
            give them; with `exact=False`, if a part would have no image of a label.

    >>> frame = pd.DataFrame({"path": list("abcde"), "patient": list("ppqrs"), "label": 0})
    >>> no_pairs = pd.DataFrame(columns=["first", "second", "distance"])
    >>> split_by_patient(frame, (0.6, 0.2, 0.2), seed=0, duplicates=no_pairs).split.tolist()
    ['train', 'train', 'validation', 'test', 'train']
    """
    _check_frame(frame, ["path", "patient", "label"])
    sizes = _exact_sizes(sizes, len(frame))
    group = merge_patients(frame, duplicates)
    labels = np.unique(frame.label)
    # (groups, labels): images of each label that a group would bring
    brings = np.stack([np.bincount(group, weights=frame.label == label) for label in labels], axis=1).astype(int)
    waiting = np.random.default_rng(seed).permutation(len(brings))
    split = np.full(len(brings), "train", dtype=object)
    for name, size in (("test", sizes[2]), ("validation", sizes[1])):
        wanted = np.array(_largest_remainder(brings.sum(axis=0) * size / len(frame), size))
        taken = []
        for number in waiting:
            if (brings[number] <= wanted).all():
                wanted = wanted - brings[number]
                taken.append(number)
        if wanted.any() and exact:
            raise ValueError(
                f"whole patients do not add up to {size} {name} images, {wanted.sum()} are missing; "
                "give another size or seed"
            )
        if size and not exact and not brings[taken].sum(axis=0).all():
            lacking = labels[brings[taken].sum(axis=0) == 0].tolist()
            raise ValueError(f"no patient fits into the {name} part with label {lacking}; give more patients or images")
        split[taken] = name
        waiting = waiting[~np.isin(waiting, taken)]
    return frame.assign(split=split[group])


def split_as_given(frame: pd.DataFrame, sizes: Sequence[float], seed: int, duplicates: pd.DataFrame) -> pd.DataFrame:
    """Keep the split that a table gives in its column `split`, or draw one if it gives none.

    Args:
        frame: As for `split_by_patient`, with `split`, which is "" if none is given.
        sizes: Fractions, used if no split is given.
        seed: As for `split_by_patient`.
        duplicates: As for `split_by_patient`.

    Returns:
        A copy of the frame with `split`; a drawn split is near the sizes.

    Raises:
        ValueError: As for `split_by_patient`, or if a part of a given split is missing.
    """
    _check_frame(frame, ["path", "patient", "label", "split"])
    if not frame.split.any():
        return split_by_patient(frame, sizes, seed, duplicates, exact=False)
    if missing := [name for name in PARTS if name not in set(frame.split)]:
        raise ValueError(f"the given split has no {' and no '.join(missing)} part; give all of {', '.join(PARTS)}")
    return frame.copy()


def split_official(frame: pd.DataFrame, sizes: Sequence[float], seed: int, duplicates: pd.DataFrame) -> pd.DataFrame:
    """Add a `split` column: the test is the data set's own test folder, train and validation are drawn from the rest.

    Args:
        frame: As for `split_by_patient`, with `folder`.
        sizes: As for `split_by_patient`. Of counts, the third must be the number of images in the test folder. Of
            fractions, the first two keep their proportion.
        seed: Seed of the order in which patients are drawn.
        duplicates: As for `split_by_patient`.

    Returns:
        A copy of the frame with `split`.

    Raises:
        ValueError: As for `split_by_patient`, or if there is no test folder, or it has another size.
    """
    _check_frame(frame, ["path", "patient", "label", "folder"])
    tested = frame.folder == "test"
    if not tested.any() or tested.all():
        raise ValueError(f"{tested.sum()} of {len(frame)} images are in the folder test; an official split needs both")
    counts = sum(sizes) > 1
    if counts and sizes[2] != tested.sum():
        raise ValueError(f"sizes {tuple(sizes)}, but the official test has {tested.sum()} images; correct them")
    rest = sizes[0] + sizes[1]
    own = (*sizes[:2], 0) if counts else (sizes[0] / rest, sizes[1] / rest, 0)
    drawn = split_by_patient(frame[~tested], own, seed, duplicates).split
    return frame.assign(split=drawn.reindex(frame.index).fillna("test"))


def check_leakage(frame: pd.DataFrame, duplicates: pd.DataFrame) -> None:
    """Raise an error if a patient, an identical file or a near-identical image is in two splits.

    Args:
        frame: One row per image, with `path`, `patient` and `split`.
        duplicates: Pairs of (near-)identical images, as `find_duplicates` returns them.

    Raises:
        LeakageError: With the first case, by name, and the number of cases.
        ValueError: If columns or patients are missing, or a path occurs twice.
    """
    _check_frame(frame, ["path", "patient", "split"])
    spread = frame.groupby("patient").split.nunique()
    if (spread > 1).any():
        raise LeakageError(f"patient {spread.idxmax()} and {(spread > 1).sum() - 1} more are in two splits")
    split = frame.set_index("path").split
    pairs = duplicates[duplicates["first"].isin(split.index) & duplicates["second"].isin(split.index)]
    across = pairs[split[pairs["first"]].to_numpy() != split[pairs["second"]].to_numpy()]
    if len(across):
        first, second = (Path(path).name for path in across.iloc[0][["first", "second"]])
        raise LeakageError(f"{first} and {second}, and {len(across) - 1} more pairs of one image, are in two splits")


def split_in_halves(
    frame: pd.DataFrame, seed: int, duplicates: pd.DataFrame, validation: float = 0.1, exact: bool = True
) -> pd.DataFrame:
    """Divide one data set for both parts of the study: half for pretext learning, half for classification.

    Children of the restoration test go to the classification test, so none of them is in any training set.

    Args:
        frame: One row per image, with `path`, `patient`, `label` and `restoration` (train, validation, test).
        seed: Seed of the order in which patients are drawn.
        duplicates: As for `split_by_patient`.
        validation: Share of each half that becomes its validation part, 0 to 1.
        exact: As for `split_by_patient`.

    Returns:
        A copy of the frame with `pretext` (train, validation, or missing) and `classification` (train, validation,
        test, or missing); each image has exactly one of the two.

    Raises:
        ValueError: If the restoration test is larger than half, or whole patients cannot give the sizes.
    """
    _check_frame(frame, ["path", "patient", "label", "restoration"])
    half, tested = len(frame) // 2, frame.restoration == "test"
    held_out = round(validation * half)
    if tested.sum() + held_out >= half:
        raise ValueError(f"{tested.sum()} of {len(frame)} images are test images; both halves need others to train on")
    rest = frame[~tested]
    sizes = (len(frame) - half, 0, len(rest) - (len(frame) - half))
    parts = split_by_patient(rest, sizes, seed, duplicates, exact).split
    result = frame.assign(
        pretext=pd.Series(index=frame.index, dtype=object), classification=frame.restoration.where(tested)
    )
    for name, column in (("train", "pretext"), ("test", "classification")):
        own = rest[parts == name]
        result.loc[own.index, column] = split_by_patient(
            own, (len(own) - held_out, held_out, 0), seed, duplicates, exact
        ).split
    return result
