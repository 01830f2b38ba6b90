"""Deletion and insertion curves of a classifier whose answer is known by hand: the mean brightness of the image."""

import keras
import numpy as np
import pytest

from cxrlib.evaluation.faithfulness import deletion_and_insertion

SIDE = 8


@pytest.fixture(scope="module")
def model():
    """Abnormal with probability 1 / (1 + exp(-4 mean)), normal otherwise."""
    inputs = keras.Input((SIDE, SIDE, 1))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(2, activation="softmax", name="probability")
    built = keras.Model(inputs, dense(mean))
    dense.set_weights([np.array([[0.0, 4.0]]), np.zeros(2)])
    return built


def probability(mean):
    return 1 / (1 + np.exp(-4 * np.asarray(mean)))


def trapezoid(values):
    return (values[0] / 2 + sum(values[1:-1]) + values[-1] / 2) / (len(values) - 1)


@pytest.fixture(scope="module")
def half():
    """The left half is bright, the right half black."""
    image = np.zeros((SIDE, SIDE), np.float32)
    image[:, : SIDE // 2] = 1
    return image


def test_areas_by_hand_for_a_right_and_a_wrong_order(model, half):
    right, wrong = half, 1 - half
    found = deletion_and_insertion(model, np.stack([half, half]), np.stack([right, wrong]), steps=4)
    # Quarters of the pixels go: in the right order the brightness falls at once, in the wrong order at the end.
    assert found.deletion[0] == pytest.approx(trapezoid(probability([0.5, 0.25, 0, 0, 0])), abs=1e-6)
    assert found.deletion[1] == pytest.approx(trapezoid(probability([0.5, 0.5, 0.5, 0.25, 0])), abs=1e-6)
    assert found.insertion[0] > found.insertion[1]


def test_insertion_ends_with_the_image_and_begins_with_the_blurred_one(model, half):
    # So wide a blur leaves one grey, the mean of the image (OpenCV mirrors at its borders): from it, 1 comes or 0 does.
    found = deletion_and_insertion(model, half[None], half[None], steps=2, sigma=200.0).insertion[0]
    middle = 0.5 * 1 + 0.5 * 0.5
    assert found == pytest.approx(trapezoid(probability([0.5, middle, 0.5])), abs=2e-3)


def test_a_map_without_opinion_takes_the_rows_in_their_order(model):
    image = np.zeros((SIDE, SIDE), np.float32)
    image[0] = 1  # the first row alone is bright
    found = deletion_and_insertion(model, image[None], np.ones((1, SIDE, SIDE)), steps=SIDE)
    assert found.deletion[0] == pytest.approx(trapezoid(probability([1 / SIDE] + [0] * SIDE)), abs=1e-6)


def test_the_other_class_has_the_rest_and_batches_change_nothing(model, half):
    abnormal = deletion_and_insertion(model, half[None], half[None], class_index=1)
    normal = deletion_and_insertion(model, half[None], half[None], class_index=0, batch_size=3)
    np.testing.assert_allclose(abnormal + normal, 1, atol=1e-6)


def test_what_does_not_fit_is_refused(model, half):
    with pytest.raises(ValueError, match="one shape"):
        deletion_and_insertion(model, half[None], half[None, :4])
    with pytest.raises(ValueError, match="0 steps"):
        deletion_and_insertion(model, half[None], half[None], steps=0)
