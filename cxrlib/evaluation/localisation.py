"""Boxes from activation maps, and how well maps and boxes match a radiologist's boxes (sections 2.4 and 3.4)."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from skimage.filters import threshold_otsu

from cxrlib.arrays import check_array, check_same_shape
from cxrlib.evaluation.clusters import mean_interval

MEASURES = ("pointing", "iou")  # those in which maps are compared
PAIRED = ["model_1", "model_2", "measure", "only_1", "only_2", "difference", "low", "high"]
"""The columns of `paired_differences`."""


def _check_map(map: np.ndarray) -> np.ndarray:
    return check_array(map, "the map", (2,), low=0, remedy="give one map of score_cam")


def _check_boxes(boxes: Sequence[Sequence[float]]) -> np.ndarray:
    remedy = "give boxes (x_min, y_min, x_max, y_max), at least one"
    boxes = check_array(np.asarray(boxes, dtype=np.float64), "boxes", (2,), remedy=remedy)
    if boxes.shape[1] != 4:
        raise ValueError(f"boxes have shape {boxes.shape}: {remedy}")
    for box in boxes[(boxes[:, :2] >= boxes[:, 2:]).any(axis=1)]:
        raise ValueError(f"box {tuple(box.tolist())} is empty: x_min < x_max and y_min < y_max are needed")
    return boxes


def map_to_box(map: np.ndarray, threshold: float | str) -> tuple[int, int, int, int] | None:
    """Return the box around the extreme points of the strong part of a map (section 2.4; the paper gives no threshold).

    Args:
        map: Activation map (H, W), values 0 or above.
        threshold: Share of the map's maximum in [0, 1] that a pixel must reach, or "otsu", whose threshold a pixel must
            exceed. Pixels of value 0 never count.

    Returns:
        (x_min, y_min, x_max, y_max) in pixels, maxima exclusive; None if no pixel counts, as in a map of zeros, or in
        any flat map for "otsu".

    Raises:
        ValueError: The map is not (H, W), finite and 0 or more, or the threshold is neither in [0, 1] nor "otsu".

    >>> map_to_box(np.array([[0, 0.2, 0], [0, 1, 0.6]]), threshold=0.5)
    (1, 1, 3, 2)
    """
    map = _check_map(map)
    if threshold == "otsu":
        strong = map > threshold_otsu(map)
    elif not isinstance(threshold, str) and 0 <= threshold <= 1:
        strong = map >= threshold * map.max()
    else:
        raise ValueError(f'the threshold must be a share in [0, 1] or "otsu", got {threshold!r}')
    y, x = np.nonzero(strong & (map > 0))
    return (int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1) if x.size else None


def box_iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the intersection over union of two boxes.

    Args:
        a: (x_min, y_min, x_max, y_max), maxima exclusive.
        b: The other box.

    Returns:
        0 (disjoint or touching) to 1 (equal).

    Raises:
        ValueError: A box does not have four numbers, or is empty.

    >>> box_iou((0, 0, 3, 2), (1, 0, 3, 2))
    0.6666666666666666
    """
    a, b = _check_boxes([a, b])
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    intersection = np.prod(np.maximum(sides, 0))
    return float(intersection / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - intersection))


def _inside(shape: tuple[int, int], boxes: np.ndarray) -> np.ndarray:
    """Return the pixels whose centre lies in any box, bool (H, W)."""
    y, x = np.indices(shape) + 0.5
    return np.any([(x >= b[0]) & (x < b[2]) & (y >= b[1]) & (y < b[3]) for b in boxes], axis=0)


def pointing_game(map: np.ndarray, boxes: Sequence[Sequence[float]]) -> bool:
    """Return whether the map's maximum lies in an annotated box (Zhang et al. 2018, without their tolerance).

    Args:
        map: Activation map (H, W), values 0 or above.
        boxes: Annotated boxes (x_min, y_min, x_max, y_max), maxima exclusive, in the map's pixels.

    Returns:
        True if the maximum, the first in row order where several pixels share it, lies in any box; False for a flat
        map, which points nowhere.

    Raises:
        ValueError: The map is not (H, W), finite and 0 or more, or there is no box, or an empty one.
    """
    map, boxes = _check_map(map), _check_boxes(boxes)
    return bool(np.ptp(map) > 0 and _inside(map.shape, boxes).flat[map.argmax()])


def energy_in_boxes(map: np.ndarray, boxes: Sequence[Sequence[float]]) -> float:
    """Return the share of the map's sum that lies in annotated boxes (energy-based pointing game, Wang et al. 2020).

    Args:
        map: Activation map (H, W), values 0 or above.
        boxes: Annotated boxes (x_min, y_min, x_max, y_max), maxima exclusive, in the map's pixels.

    Returns:
        0 to 1; pixels in several boxes count once. 0 for a map of zeros.

    Raises:
        ValueError: The map is not (H, W), finite and 0 or more, or there is no box, or an empty one.
    """
    map, boxes = _check_map(map), _check_boxes(boxes)
    return share_inside(map, _inside(map.shape, boxes))


def share_inside(map: np.ndarray, mask: np.ndarray) -> float:
    """Return the share of the map's sum that lies inside a mask, such as that of the lungs.

    Args:
        map: Activation map (H, W), values 0 or above.
        mask: Bool (H, W).

    Returns:
        0 to 1; 0 for a map of zeros, the mask's share of the area for a flat map.

    Raises:
        ValueError: The map is not (H, W), finite and 0 or more, or the mask has another shape.

    >>> share_inside(np.array([[3.0, 1.0]]), np.array([[True, False]]))
    0.75
    """
    map, mask = _check_map(map), np.asarray(mask, dtype=bool)
    check_same_shape(map, mask, ("the map", "the mask"))
    total = map.sum(dtype=np.float64)
    return float(map[mask].sum(dtype=np.float64) / total) if total > 0 else 0.0


def measure(maps: np.ndarray, boxes: Sequence[np.ndarray], threshold: float | str) -> pd.DataFrame:
    """Measure how well each map matches the boxes of its image.

    Args:
        maps: Activation maps (N, H, W), values 0 or above.
        boxes: Annotated boxes of each image, shape (K, 4), K at least 1, in the maps' pixels.
        threshold: As for `map_to_box`.

    Returns:
        One row per image: `iou` of the map's box and the smallest box around all annotated ones (0 where the map gives
        no box), `pointing` (bool), `energy`.

    Raises:
        ValueError: As `map_to_box`, `pointing_game` and `energy_in_boxes` do, or the numbers differ.
    """
    rows = []
    for heat, annotated in zip(maps, boxes, strict=True):
        annotated = _check_boxes(annotated)
        found, around = map_to_box(heat, threshold), (*annotated[:, :2].min(axis=0), *annotated[:, 2:].max(axis=0))
        overlap = box_iou(found, around) if found else 0.0
        rows.append((overlap, pointing_game(heat, annotated), energy_in_boxes(heat, annotated)))
    return pd.DataFrame(rows, columns=["iou", "pointing", "energy"])


def paired_differences(
    measured: pd.DataFrame,
    patients: pd.Series,
    pairs: Sequence[tuple[str, str]],
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the maps of pairs of models image by image, with intervals over resampled children.

    Args:
        measured: What `measure` returns, with columns `map` (its name) and `row` (the image).
        patients: The patient of each image, indexed by its row.
        pairs: Names of two maps each; the difference is the second minus the first.
        resamples: Resamples of the children.
        seed: Seed of the resampling.

    Returns:
        One row per pair and measure: `model_1`, `model_2`, `measure`, `only_1` and `only_2` (images where the first, or
        the second, is ahead), `difference` (mean), and its 95% interval `low` to `high`.

    Raises:
        ValueError: A map is missing for an image that another has.
    """
    rows = []
    by_measure = {name: measured.pivot(index="row", columns="map", values=name) for name in MEASURES}
    for (first, second), name in itertools.product(pairs, MEASURES):
        values = by_measure[name][[first, second]].astype(float)
        if values.isna().any(axis=None):
            raise ValueError(f"{first} and {second} were not measured on the same images: measure both on all of them")
        gain = (values[second] - values[first]).to_numpy()
        limits = mean_interval(gain, patients.loc[values.index], resamples, seed)
        rows.append((first, second, name, int((gain < 0).sum()), int((gain > 0).sum()), float(gain.mean()), *limits))
    return pd.DataFrame(rows, columns=PAIRED)
