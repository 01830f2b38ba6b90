"""Linear probes: how much of a label a logistic regression can read from an encoder's features as they are.

A probe does not train the encoder. Its AUC measures what a weighted sum of the features can read. It does not show that
the encoder was taught to put it there, or what fine-tuning would make of it.

Source: Alain and Bengio 2016.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from cxrlib.arrays import check_array
from cxrlib.evaluation.baselines import classifier
from cxrlib.evaluation.roc import roc_auc

STRENGTHS = (0.001, 0.01, 0.1, 1.0)
"""Candidates for C, scikit-learn's inverse of the strength of the penalty."""


class Part(NamedTuple):
    """Images of one part of a split: features (N, C), and labels (N,), 0 or 1, both present."""

    features: np.ndarray
    labels: np.ndarray


def linear_probe(train: Part, validation: Part, scored: Part) -> dict[str, float]:
    """Fit a logistic regression on standardised features, and score it.

    Features are standardised on the training part; a feature that is constant there has no effect. The member of
    `STRENGTHS` with the lowest log loss on the validation part is used.

    Args:
        train: Part to learn from.
        validation: Part that chooses the strength.
        scored: Part that is scored. On the validation part the score is a little too good.

    Returns:
        `C`, and of the scored part `auc`, `standard_error`, `low`, `high`, as `roc.roc_auc` gives them. Where no
        feature varies the AUC is 0.5.

    Raises:
        ValueError: A part's shapes do not fit, a value is not finite, or a class is missing.
    """
    train, validation, scored = (
        _checked(part, name)
        for part, name in ((train, "train"), (validation, "validation"), (scored, "the part that is scored"))
    )
    with threadpool_limits(1):  # in problems as small as these, threads would mostly wait for each other
        probes = [classifier(strength).fit(train.features, train.labels) for strength in STRENGTHS]
        losses = [log_loss(validation.labels, probe.predict_proba(validation.features)[:, 1]) for probe in probes]
        best = int(np.argmin(losses))
        return {"C": STRENGTHS[best], **roc_auc(scored.labels, probes[best].predict_proba(scored.features)[:, 1])}


def by_labels(
    train: Part, validation: Part, scored: Part, counts: Sequence[int], draws: int = 1, seed: int = 0
) -> pd.DataFrame:
    """Fit probes on few of the training images, drawn so that both classes keep their shares.

    The draws depend on the labels, the counts and the seed alone: encoders that saw the same images get the same draws.

    Args:
        train: Part to draw from.
        validation: Part that chooses the strength; all of it is used.
        scored: Part that is scored.
        counts: Numbers of labelled images to learn from, each at least 2 less than there are.
        draws: Draws of each number.
        seed: Seed of the draws.

    Returns:
        One row per number and draw: `labels`, `draw` (from 0), and what `linear_probe` gives.

    Raises:
        ValueError: A number is too small or too large, or as in `linear_probe`.
    """
    train = _checked(train, "train")
    found = []
    for count in counts:
        if not 2 <= count <= len(train.labels) - 2:
            raise ValueError(f"{count} labels of {len(train.labels)} images; give 2 to {len(train.labels) - 2}")
        for draw in range(draws):
            chosen, _ = train_test_split(
                np.arange(len(train.labels)),
                train_size=count,
                stratify=train.labels,
                random_state=np.random.RandomState([seed % 2**32, count, draw]),
            )
            few = Part(train.features[chosen], train.labels[chosen])
            found.append({"labels": count, "draw": draw, **linear_probe(few, validation, scored)})
    return pd.DataFrame(found)


def _checked(part: Part, name: str) -> Part:
    remedy = "look at the encoder, which may have diverged"
    features = check_array(np.asarray(part.features, dtype=float), f"features of {name}", (2,), remedy=remedy)
    labels = np.asarray(part.labels)
    if labels.shape != features.shape[:1] or set(np.unique(labels)) != {0, 1}:
        raise ValueError(
            f"{name}: features {features.shape}, labels {labels.shape}; give one label per image, 0 or 1, both present"
        )
    return Part(features, labels)
