"""Recalibration, which gives a threshold of one half its meaning."""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from cxrlib.evaluation.scores import check_predictions

CLIP = 1e-6  # a probability of 0 or 1 has no finite logit


def recalibrate(validation: tuple[ArrayLike, ArrayLike], probability: ArrayLike) -> np.ndarray:
    """Return probabilities recalibrated on validation images, by a logistic regression on their logits.

    Platt, Advances in Large Margin Classifiers (1999) 61; in clinical prediction the slope and intercept of logistic
    recalibration. Two numbers are fitted, so the order of the images, and with it the AUC, does not change, unless the
    model ranks the validation images worse than chance: then the slope is negative, and the order is reversed.

    Args:
        validation: labels, 0 normal and 1 abnormal, and probabilities of abnormal, each (images,), of both classes.
        probability: those to recalibrate, (N,), in [0, 1].

    Returns:
        Probabilities (N,).

    Raises:
        ValueError: as in `cxrlib.evaluation.scores.check_predictions`.

    >>> recalibrate(([0, 0, 1, 0, 1, 1], [0.5, 0.6, 0.7, 0.8, 0.9, 0.9]), [0.55, 0.95]).round(1)
    array([0.1, 1. ])
    """
    labels, known = check_predictions(*validation)
    fitted = LogisticRegression(C=np.inf).fit(_logits(known), labels)
    return fitted.predict_proba(_logits(probability))[:, 1]


def _logits(probability: ArrayLike) -> np.ndarray:
    return logit(np.clip(np.asarray(probability, dtype=float), CLIP, 1 - CLIP))[:, None]
