"""Test whether a classifier uses what its activation map shows: remove the bright pixels, or show them alone.

Petsiuk, Das and Saenko 2018, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC.
"""

from collections.abc import Iterator
from itertools import islice

import cv2
import keras
import numpy as np
import pandas as pd

from cxrlib.arrays import check_same_shape
from cxrlib.evaluation.activation import as_input, predict_probability


def deletion_and_insertion(
    model: keras.Model,
    images: np.ndarray,
    maps: np.ndarray,
    class_index: int = 1,
    steps: int = 16,
    sigma: float = 5.0,
    batch_size: int = 32,
) -> pd.DataFrame:
    """Return the areas under the deletion and the insertion curve of each image.

    Pixels are taken in the order of the map, the brightest first, equal ones in row order. Deletion sets them to black;
    the probability of the class is drawn over the share of pixels that are gone. Insertion begins with the blurred
    image and restores the pixels. A map that shows what the classifier uses has a small area under deletion and a large
    one under insertion.

    Args:
        model: Classifier ending in a softmax, input (N, H, W, C).
        images: (N, H, W) or (N, H, W, C), as for `activation.score_cam`.
        maps: One map per image, (N, H, W).
        class_index: Class whose probability is drawn; 1 is abnormal.
        steps: Equal steps from no pixel to all.
        sigma: Standard deviation of the blur, pixels; 5 is that of the method's code, for images of 224 pixels a side.
        batch_size: Images per forward pass.

    Returns:
        One row per image: `deletion` and `insertion`, trapezoid areas over the share of pixels, in [0, 1].

    Raises:
        ValueError: Images, maps and model do not fit, or there is no step.
    """
    images, maps = as_input(model, images), np.asarray(maps)
    check_same_shape(images[..., 0], maps, ("the images", "the maps"))
    if steps < 1:
        raise ValueError(f"{steps} steps: take at least one")
    inputs = (
        changed
        for image, heat in zip(images, maps, strict=True)
        for begin, end in ((image, np.zeros_like(image)), (_blurred(image, sigma), image))
        for changed in _steps(begin, end, heat, steps)
    )
    found = []
    while batch := list(islice(inputs, batch_size)):  # of any image: each batch is padded to its full size
        found.extend(predict_probability(model, np.stack(batch), batch_size)[:, class_index])
    curves = np.reshape(found, (len(images), 2, steps + 1))
    return pd.DataFrame(np.trapezoid(curves, dx=1 / steps), columns=["deletion", "insertion"])


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return np.reshape(cv2.GaussianBlur(image, (0, 0), sigma), image.shape)


def _steps(begin: np.ndarray, end: np.ndarray, heat: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """Yield the image after each step; each step turns the next brightest pixels of `begin` into those of `end`."""
    order = np.argsort(-heat, axis=None, kind="stable")
    place = np.empty(order.size, int)
    place[order] = np.arange(order.size)
    for count in np.rint(np.linspace(0, order.size, steps + 1)):
        yield np.where((place < count).reshape(*heat.shape, 1), end, begin)
