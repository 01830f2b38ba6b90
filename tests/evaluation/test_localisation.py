"""Tests of localisation: boxes, overlaps, the pointing game and energies worked by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from cxrlib.evaluation.localisation import (
    box_iou,
    energy_in_boxes,
    map_to_box,
    measure,
    paired_differences,
    pointing_game,
    share_inside,
)


def example_map():
    values = np.zeros((8, 10))
    values[2:5, 3:7] = 0.6
    values[3, 4] = 1.0
    values[6, 9] = 0.2
    return values


@pytest.mark.parametrize(
    ("threshold", "box"),
    [(1.0, (4, 3, 5, 4)), (0.6, (3, 2, 7, 5)), (0.2, (3, 2, 10, 7)), (0, (3, 2, 10, 7)), ("otsu", (3, 2, 7, 5))],
)
def test_map_to_box_finds_the_extreme_points(threshold, box):
    assert map_to_box(example_map(), threshold) == box
    # The threshold is a share of the maximum.
    assert map_to_box(0.5 * example_map(), threshold) == box


def test_map_to_box_gives_plain_integers_and_exclusive_maxima():
    box = map_to_box(np.ones((8, 10), np.float32), 0.5)
    assert box == (0, 0, 10, 8)
    assert all(type(side) is int for side in box)


@pytest.mark.parametrize("threshold", [0, 0.5, 1, "otsu"])
def test_map_of_zeros_has_no_box(threshold):
    assert map_to_box(np.zeros((8, 10)), threshold) is None


def test_flat_map_has_no_otsu_box():
    assert map_to_box(np.full((8, 10), 0.5), "otsu") is None


@pytest.mark.parametrize("threshold", [-0.1, 1.1, np.nan, "mean"])
def test_bad_thresholds_are_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        map_to_box(example_map(), threshold)


# Worked by hand: areas 6 and 8 that share 2 give 2 / 12.
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 3, 2), (0, 0, 3, 2), 1),
        ((0, 0, 3, 2), (2, 0, 6, 2), 2 / 12),
        ((0, 0, 4, 4), (1, 1, 3, 3), 4 / 16),
        ((0, 0, 3, 2), (3, 0, 5, 2), 0),
        ((0, 0, 1, 1), (5, 5, 6, 6), 0),
        ((0.5, 0, 1.5, 1), (0, 0, 1, 1), 0.5 / 1.5),
    ],
)
def test_box_iou(a, b, expected):
    assert box_iou(a, b) == pytest.approx(expected)
    assert box_iou(b, a) == pytest.approx(expected)


def test_pointing_game():
    values = example_map()
    assert pointing_game(values, [(4, 3, 5, 4)]) is True
    assert pointing_game(values, [(0, 0, 2, 2), (0, 0, 10, 8)]) is True
    # The maximum at x = 4, y = 3 is just outside each of these.
    assert pointing_game(values, [(5, 3, 6, 4), (0, 3, 4, 4), (4, 4, 5, 8), (4, 0, 5, 3)]) is False
    assert pointing_game(np.ones((8, 10)), [(0, 0, 10, 8)]) is False
    assert pointing_game(np.zeros((8, 10)), [(0, 0, 10, 8)]) is False


def test_energy_in_boxes():
    values = example_map()
    total = 11 * 0.6 + 1.0 + 0.2
    assert energy_in_boxes(values, [(0, 0, 10, 8)]) == pytest.approx(1)
    assert energy_in_boxes(values, [(3, 2, 5, 5)]) == pytest.approx((5 * 0.6 + 1) / total)
    # Overlap counts once, and what lies outside the map does not matter.
    assert energy_in_boxes(values, [(3, 2, 5, 5), (4, 3, 5, 4)]) == pytest.approx((5 * 0.6 + 1) / total)
    assert energy_in_boxes(values, [(9, 6, 30, 30)]) == pytest.approx(0.2 / total)
    assert energy_in_boxes(values, [(0, 0, 2, 2)]) == 0
    assert energy_in_boxes(np.zeros((8, 10)), [(0, 0, 2, 2)]) == 0


def test_boxes_between_pixels_take_the_pixels_whose_centre_they_hold():
    assert energy_in_boxes(np.ones((1, 4)), [(0.4, 0, 2.6, 1)]) == pytest.approx(3 / 4)
    assert energy_in_boxes(np.ones((1, 4)), [(0.6, 0, 2.4, 1)]) == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    "values",
    [np.zeros((2, 8, 10)), np.zeros((0, 10)), np.full((8, 10), np.nan), np.full((8, 10), -1), np.full((8, 10), np.inf)],
)
def test_bad_maps_are_refused(values):
    for measured in (lambda map, _: map_to_box(map, 0.5), pointing_game, energy_in_boxes):
        with pytest.raises(ValueError, match="the map"):
            measured(values, [(0, 0, 1, 1)])


@pytest.mark.parametrize("boxes", [[], [(0, 0, 1)], (0, 0, 1, 1), [(3, 0, 3, 1)], [(0, 2, 1, 1)], [(0, 0, np.nan, 1)]])
def test_bad_boxes_are_refused(boxes):
    with pytest.raises(ValueError, match="box"):
        pointing_game(example_map(), boxes)
    with pytest.raises(ValueError, match="box"):
        energy_in_boxes(example_map(), boxes)


def test_box_iou_refuses_bad_boxes():
    with pytest.raises(ValueError, match="empty"):
        box_iou((0, 0, 1, 1), (2, 2, 1, 3))
    with pytest.raises(ValueError, match="x_min"):
        box_iou((0, 0, 1), (0, 0, 1))


def test_measure_gathers_all_three():
    maps = np.stack([example_map(), np.zeros((8, 10)), np.ones((8, 10))])
    boxes = [np.array([[4, 3, 5, 4], [6, 4, 8, 6]]), np.array([[0, 0, 2, 2]]), np.array([[0, 0, 5, 8]])]
    found = measure(maps, boxes, 0.5)
    # Map 1: its box (3, 2, 7, 5) meets the box around both, (4, 3, 8, 6), in 3 x 2 of 12 + 12 - 6 pixels.
    assert found.iou.tolist() == pytest.approx([6 / 18, 0, 0.5])
    assert found.pointing.tolist() == [True, False, False]
    assert found.energy.tolist() == pytest.approx([(1 + 0.6) / (11 * 0.6 + 1.2), 0, 0.5])
    with pytest.raises(ValueError):
        measure(maps, boxes[:2], 0.5)


def test_share_inside_a_mask():
    values = example_map()
    total = 11 * 0.6 + 1.0 + 0.2
    lungs = np.zeros((8, 10), bool)
    lungs[2:5, 3:5] = lungs[6, 9] = True
    assert share_inside(values, lungs) == pytest.approx((5 * 0.6 + 1 + 0.2) / total)
    assert share_inside(np.full((8, 10), 0.3), lungs) == pytest.approx(lungs.mean())
    assert share_inside(np.zeros((8, 10)), lungs) == 0
    assert share_inside(values, ~lungs) == pytest.approx(1 - share_inside(values, lungs))
    with pytest.raises(ValueError, match="one shape"):
        share_inside(values, lungs[:4])


@pytest.fixture
def measured():
    """Four images of three children, two maps, in another order of rows for the second."""
    rows = [("a", 7, 0.1, True), ("a", 3, 0.4, False), ("a", 9, 0.2, False), ("a", 1, 0.5, True)]
    rows += [("b", 1, 0.4, True), ("b", 3, 0.7, True), ("b", 7, 0.3, False), ("b", 9, 0.2, True)]
    return pd.DataFrame(rows, columns=["map", "row", "iou", "pointing"])


def test_maps_are_compared_image_by_image(measured):
    patients = pd.Series(["x", "x", "y", "z"], index=[1, 3, 7, 9])
    found = paired_differences(measured, patients, [("a", "b")], resamples=5000).set_index("measure")
    # Rows 1, 3, 7, 9: hits 0, +1, -1, +1 and IoU -0.1, +0.3, +0.2, 0.
    assert found.difference.to_dict() == pytest.approx({"pointing": 0.25, "iou": 0.1})
    assert found[["only_1", "only_2"]].to_numpy().tolist() == [[1, 2], [1, 2]]
    sums, sizes = np.array([0.2, 0.2, 0.0]), np.array([2, 1, 1])  # of each child
    expected = bootstrap(
        (sums, sizes),
        lambda sums, sizes, axis=-1: sums.sum(axis=axis) / sizes.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=5000,
        method="percentile",
        rng=0,
    ).confidence_interval
    assert (found.low["iou"], found.high["iou"]) == pytest.approx(tuple(expected), abs=0.02)
    turned = paired_differences(measured, patients, [("b", "a")], resamples=5000).set_index("measure")
    assert turned.low["iou"] == pytest.approx(-found.high["iou"])


def test_maps_of_other_images_are_not_compared(measured):
    with pytest.raises(ValueError, match="a and b were not measured on the same images"):
        paired_differences(measured[1:], pd.Series("x", index=[1, 3, 7, 9]), [("a", "b")])
