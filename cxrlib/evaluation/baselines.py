"""Classifiers that know almost nothing: a few pixels, a few grey values, the shape of the frame.

A network that is no better than these has shown nothing about what it sees (shortcuts: Zech et al., PLOS Medicine 15
(2018) e1002683; DeGrave et al., Nature Machine Intelligence 3 (2021) 610).
"""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

PIXELS, GREYS, FRAME = "256 pixels", "Ten grey values", "Frame's geometry"
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def pixels(images: np.ndarray) -> np.ndarray:
    """Return each image shrunk to 16 x 16 by averaging areas.

    Args:
        images: Float (N, H, W) in [0, 1], 16 pixels a side or more.

    Returns:
        Float (N, 256).
    """
    return np.stack([cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA).ravel() for image in images])


def grey_values(images: np.ndarray) -> np.ndarray:
    """Return ten statistics of each image that ignore position: mean, deviation, skewness, and seven quantiles.

    Args:
        images: Float (N, H, W) in [0, 1].

    Returns:
        Float (N, 10), finite: an image of one grey has skewness 0.
    """
    flat = np.reshape(images, (len(images), -1)).astype(float)
    mean, deviation = flat.mean(axis=1), flat.std(axis=1)
    cubes = ((flat - mean[:, None]) ** 3).mean(axis=1)
    skewness = np.where(deviation > 1e-9, cubes / np.maximum(deviation, 1e-9) ** 3, 0)
    return np.stack([mean, deviation, skewness, *np.quantile(flat, QUANTILES, axis=1)], axis=1)


def frame_geometry(cohort: pd.DataFrame) -> np.ndarray:
    """Return width, height (pixels) and aspect ratio of each original file.

    Args:
        cohort: Columns `width` and `height`, as in `cxrlib.data.cohort.COLUMNS`.

    Returns:
        Float (N, 3).
    """
    width, height = (cohort[name].to_numpy(float) for name in ("width", "height"))
    return np.stack([width, height, width / height], axis=1)


def classifier(strength: float = 0.1) -> Pipeline:
    """Return scikit-learn's logistic regression on standardised features, not fitted yet.

    Args:
        strength: scikit-learn's C, above 0; a larger value penalises large weights less.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def cross_validated(features: np.ndarray, labels: np.ndarray, patients: np.ndarray, folds: int = 5) -> np.ndarray:
    """Return a probability of abnormal for each image from a classifier that saw no image of its child.

    Args:
        features: Float (N, F).
        labels: 0 normal and 1 abnormal, (N,).
        patients: Child of each image, (N,).
        folds: Parts of the children, each predicted once.

    Returns:
        Probabilities (N,).
    """
    split = GroupKFold(folds)
    found = cross_val_predict(classifier(), features, labels, groups=patients, cv=split, method="predict_proba")
    return found[:, 1]


def probabilities(
    cohort: pd.DataFrame, images: Callable[[np.ndarray], np.ndarray], rows: Mapping[str, np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """Fit the three classifiers on the training part and return their probabilities on every part.

    Args:
        cohort: What `cxrlib.data.cohort.read` returns.
        images: Gives the pixels of rows, float (N, H, W) in [0, 1], such as `cxrlib.data.cohort.Pixels.__getitem__`.
        rows: Part to the numbers of its images; the classifiers are fitted on "train".

    Returns:
        Name of each classifier to part to probabilities of abnormal, (N,), in the order of the rows.
    """
    features = {name: {} for name in (PIXELS, GREYS, FRAME)}
    for part, numbers in rows.items():
        # Block by block: thousands of images at 224 pixels do not fit into a small machine's memory.
        blocks = np.array_split(numbers, max(1, len(numbers) // 128))
        values = [(pixels(loaded), grey_values(loaded)) for loaded in map(images, blocks)]
        features[PIXELS][part], features[GREYS][part] = map(np.concatenate, zip(*values, strict=True))
        features[FRAME][part] = frame_geometry(cohort.loc[numbers])
    labels = cohort.loc[rows["train"], "label"]
    found = {}
    for name, parts in features.items():
        fitted = classifier().fit(parts["train"], labels)
        found[name] = {part: fitted.predict_proba(values)[:, 1] for part, values in parts.items()}
    return found
