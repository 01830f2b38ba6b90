"""Score classifiers by the age and the sex of the children, where the files state them (TRIPOD+AI, item 23a)."""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cxrlib.evaluation.roc import roc_auc

AGE_LIMITS, AGE_NAMES = (0, 1, 5, np.inf), ("below 1 year", "1 to 4 years", "5 years or more")
SEX_NAMES = {"F": "girls", "M": "boys"}
NOT_STATED = "not stated"
FEWEST = 10
"""Smallest number of images of each class for which a group gets a score."""


def age_groups(years: ArrayLike) -> np.ndarray:
    """Return the age group of each image: infants, the years before school, and older children.

    Args:
        years: Age in years, 0 or more, NaN where it is not stated, shape (images,).

    >>> age_groups([0.5, 1, 7, float("nan")]).tolist()
    ['below 1 year', '1 to 4 years', '5 years or more', 'not stated']
    """
    cut = pd.cut(np.asarray(years, float), AGE_LIMITS, right=False, labels=AGE_NAMES)
    return cut.add_categories(NOT_STATED).fillna(NOT_STATED).to_numpy()


def by_group(y_true: ArrayLike, probabilities: Mapping[str, ArrayLike], groups: ArrayLike) -> pd.DataFrame:
    """Return the area under the ROC curve of each model in each group of images.

    Args:
        y_true: Labels, 0 normal and 1 abnormal, shape (images,).
        probabilities: Name of each model to its probability of abnormal, shape (images,).
        groups: Name of each image's group, shape (images,).

    Returns:
        One row per group and model: `group`, `model`, `normal` and `abnormal` (numbers of images), and `auc`, `low`,
        `high` as `roc.roc_auc` returns them; these are NaN if the group has fewer than `FEWEST` images of a class,
        because an interval would then say almost nothing.

    Raises:
        ValueError: The shapes differ, or as in `roc.roc_auc`.
    """
    labels, groups = np.asarray(y_true), np.asarray(groups)
    if labels.shape != groups.shape:
        raise ValueError(f"labels {labels.shape} and groups {groups.shape}: give one group per image")
    rows = []
    for group in dict.fromkeys(groups):
        inside = groups == group
        counts = {"normal": int((labels[inside] == 0).sum()), "abnormal": int((labels[inside] == 1).sum())}
        for model, probability in probabilities.items():
            found = {"auc": np.nan, "low": np.nan, "high": np.nan}
            if min(counts.values()) >= FEWEST:
                scored = roc_auc(labels[inside], np.asarray(probability)[inside])
                found = {name: scored[name] for name in found}
            rows.append({"group": group, "model": model, **counts, **found})
    return pd.DataFrame(rows)
