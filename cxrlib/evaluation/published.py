"""The numbers that the paper prints, and the confusion matrices that are possible for its Table 3.

Rajaraman et al., Frontiers in Artificial Intelligence 7 (2024) 1419638. The cells are strings, as printed: their last
digit shows how far each was rounded.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from cxrlib.evaluation.scores import COUNTS, SCORES, from_counts

TABLE_1 = MappingProxyType(
    {
        "pneumonia": {"images": 5856, "train": 4100, "validation": 586, "test": 1170},
        "VinDr-PCXR": {"images": 8755, "train": 6129, "validation": 876, "test": 1750},
    }
)
"""Images of each data set and split."""

VINDR_CLASSES = MappingProxyType({"normal": 5876, "abnormal": 2879})
"""Images of each class of VinDr-PCXR (section 2.1), over all splits."""

TABLE_2 = MappingProxyType(
    {
        "denoising": {"psnr": "29.7535", "ssim": "0.6578", "haarpsi": "0.7909"},
        "deblurring": {"psnr": "39.7211", "ssim": "0.9700", "haarpsi": "0.9502"},
    }
)
"""Restored test images against the originals; PSNR in decibels."""

TABLE_3 = MappingProxyType(
    {
        model: dict(zip(SCORES, cells.split(), strict=True))
        for model, cells in {
            "Baseline": "0.5654 0.1983 0.9344 0.2977 0.1998 0.1599 0.1327",
            "Den-P": "0.5948 0.3130 0.8765 0.4000 0.2289 0.2132 0.1895",
            "Deb-P": "0.5938 0.3391 0.8484 0.4114 0.2150 0.2060 0.1875",
            "SA": "0.5892 0.2643 0.9140 0.3671 0.2381 0.2080 0.1783",
            "SLSQP-WA": "0.6082 0.3739 0.8424 0.4410 0.2420 0.2345 0.2163",
            "A-F": "0.6376 0.4991 0.7760 0.5102 0.2783 0.2782 0.2751",
        }.items()
    }
)
"""Scores of the six classifiers on the test images, in the order of `cxrlib.evaluation.scores.SCORES`."""

PAIRS_NOT_SIGNIFICANT = frozenset({("Den-P", "Deb-P")})
"""The only pairs of models that section 3.3 calls not significantly different in sensitivity."""


def as_frame(table: Mapping[str, Mapping[str, str | int]]) -> pd.DataFrame:
    """Return a printed table as numbers, one row per model, task or data set.

    Args:
        table: `TABLE_1`, `TABLE_2` or `TABLE_3`, or another of their form.
    """
    return pd.DataFrame.from_dict(dict(table), orient="index").apply(pd.to_numeric)


def decode_counts(row: Mapping[str, str], max_images: int = 1750) -> pd.DataFrame:
    """Return every confusion matrix that rounds to a printed row of scores, one misprinted cell allowed.

    A sensitivity of four digits leaves at most a few numerators for each number of positives. The same is true of a
    specificity. So all test sets up to `max_images` can be tried. Where the misprint is the sensitivity or the
    specificity itself, Youden's index and the other one stand in for it.

    Args:
        row: the seven scores of `cxrlib.evaluation.scores.from_counts`, as printed.
        max_images: largest test set to try; the search grows with its square.

    Returns:
        One row per confusion matrix, with `tp`, `fn`, `fp`, `tn` and `misprints`, a list of the printed scores (at
        most one) that it contradicts. Empty if none fits.

    Raises:
        ValueError: a score is missing or is not a number.

    >>> decode_counts(TABLE_3["A-F"])[["tp", "fn", "fp", "tn"]].iloc[-1].tolist()
    [287, 288, 263, 911]
    """
    try:
        printed = np.array([float(row[score]) for score in SCORES])
    except (KeyError, ValueError) as error:
        raise ValueError(f"the row needs a printed number for each of {', '.join(SCORES)}: {error}") from None
    # Half a unit of the last digit, whichever way a tie was rounded.
    tolerance = np.array([0.5 * 10.0 ** -len(str(row[score]).partition(".")[2]) for score in SCORES]) + 1e-9
    value, slack = dict(zip(SCORES, printed, strict=True)), dict(zip(SCORES, tolerance, strict=True))
    rates = {name: (value[name], slack[name]) for name in ("sensitivity", "specificity")}
    from_youden = {
        name: (value["youden"] + 1 - value[other], slack["youden"] + slack[other])
        for name, other in (("sensitivity", "specificity"), ("specificity", "sensitivity"))
    }
    found: dict[tuple[int, ...], list[str]] = {}
    for sensitivity, specificity in (
        (rates["sensitivity"], rates["specificity"]),
        (from_youden["sensitivity"], rates["specificity"]),
        (rates["sensitivity"], from_youden["specificity"]),
    ):
        tp, positives = _fractions(*sensitivity, max_images)
        tn, negatives = _fractions(*specificity, max_images)
        first, second = np.nonzero(positives[:, None] + negatives <= max_images)
        cells = np.stack(
            [tp[first], (positives - tp)[first], (negatives - tn)[second], tn[second]], axis=1
        )  # (candidates, 4)
        given = np.stack(list(from_counts(*cells.T).values()), axis=1)
        wrong = np.abs(given - printed) > tolerance  # (candidates, 7)
        for candidate in np.nonzero(wrong.sum(axis=1) <= 1)[0]:
            found[tuple(cells[candidate].tolist())] = [SCORES[score] for score in np.nonzero(wrong[candidate])[0]]
    return pd.DataFrame([(*cells, found[cells]) for cells in sorted(found)], columns=[*COUNTS, "misprints"])


def decode_table(table: Mapping[str, Mapping[str, str]] = TABLE_3, max_images: int = 1750) -> pd.DataFrame:
    """Return the confusion matrices of models that were tested on the same images.

    A row alone often allows several matrices. Together they must agree on the numbers of abnormal and of normal
    images.

    Args:
        table: name of each model to its printed row, as `decode_counts` takes it.
        max_images: largest test set to try.

    Returns:
        One row per matrix, for each test set that all rows allow, with `model`, `positives`, `negatives`, `tp`, `fn`,
        `fp`, `tn`, `misprints`. Empty if no test set fits all models.

    Raises:
        ValueError: as in `decode_counts`.
    """
    decoded = []
    for model, row in table.items():
        frame = decode_counts(row, max_images)
        frame.insert(0, "model", model)
        frame.insert(1, "positives", frame["tp"] + frame["fn"])
        frame.insert(2, "negatives", frame["fp"] + frame["tn"])
        decoded.append(frame)
    frame = pd.concat(decoded, ignore_index=True)
    models = frame.groupby(["positives", "negatives"])["model"].transform("nunique")
    return frame[models == len(table)].sort_values(["positives", "negatives"], kind="stable", ignore_index=True)


def _fractions(value: float, slack: float, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return numerators and denominators, up to `largest`, of the fractions in [0, 1] within slack of value."""
    denominators = np.arange(1, largest)
    lowest = np.ceil(denominators * max(value - slack, 0)).astype(int)
    highest = np.floor(denominators * min(value + slack, 1)).astype(int)
    choices = np.maximum(highest - lowest + 1, 0)
    offset = np.arange(choices.sum()) - np.repeat(np.cumsum(choices) - choices, choices)
    return np.repeat(lowest, choices) + offset, np.repeat(denominators, choices)
