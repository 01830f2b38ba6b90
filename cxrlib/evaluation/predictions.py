"""What every score and test asks of labels, probabilities and confusion matrices before it uses them.

The positive class is abnormal, label 1. A confusion matrix is written (tp, fn, fp, tn).
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

import numpy as np
from numpy.typing import ArrayLike

COUNTS = ("tp", "fn", "fp", "tn")


def check_counts(tp: int, fn: int, fp: int, tn: int) -> tuple[int, int, int, int]:
    """Return the confusion matrix as plain integers.

    Args:
        tp: abnormal images called abnormal.
        fn: abnormal images called normal.
        fp: normal images called abnormal.
        tn: normal images called normal.

    Raises:
        ValueError: a count is negative or no whole number, or one class has no image.
    """
    for name, count in zip(COUNTS, (tp, fn, fp, tn), strict=True):
        if not float(count).is_integer() or count < 0:
            raise ValueError(f"{name} is {count}: a count is a whole number, 0 or more")
    counts = int(tp), int(fn), int(fp), int(tn)
    if counts[0] + counts[1] == 0:
        raise ValueError("no abnormal image (tp + fn is 0): sensitivity is undefined; test on both classes")
    if counts[2] + counts[3] == 0:
        raise ValueError("no normal image (fp + tn is 0): specificity is undefined; test on both classes")
    return counts


def check_predictions(y_true: ArrayLike, probability: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as int and probabilities as float, both of shape (images,).

    Args:
        y_true: labels, 0 normal and 1 abnormal, shape (images,).
        probability: probability of abnormal, shape (images,), in [0, 1].

    Raises:
        ValueError: the arrays are empty, differ in shape, hold NaN, a label other than 0 and 1, a single class, or
            a probability outside [0, 1].
    """
    labels, scores = np.asarray(y_true, dtype=float), np.asarray(probability, dtype=float)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise ValueError(f"y_true {labels.shape} and probability {scores.shape} must both have shape (images,)")
    if labels.size == 0:
        raise ValueError("no image: y_true is empty")
    for name, values in (("y_true", labels), ("probability", scores)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds {np.count_nonzero(~np.isfinite(values))} values that are NaN or infinite")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"y_true holds labels {np.unique(labels)}: only 0 (normal) and 1 (abnormal) are known")
    if np.ptp(labels) == 0:
        raise ValueError(f"all {labels.size} images have label {labels[0]:.0f}: both classes are needed")
    # A softmax in single precision can overshoot 1 by a rounding error.
    if scores.min() < -1e-6 or scores.max() > 1 + 1e-6:
        raise ValueError(f"probability spans [{scores.min():g}, {scores.max():g}]: it must lie in [0, 1]")
    return labels.astype(int), np.clip(scores, 0, 1)
