"""The stand-in for ImageNet: crops that are reproducible, 8-bit and of every photograph."""

import numpy as np
import pytest

from cxrlib.networks import photographs


@pytest.fixture(scope="module")
def crops():
    return photographs.draw_crops(200, 32, seed=1)


def test_crops_have_shape_type_and_every_scene(crops):
    images, labels = crops
    assert images.shape == (200, 32, 32)
    assert images.dtype == np.uint8
    assert set(labels) == set(range(len(photographs.SCENES)))


def test_equal_seeds_give_equal_crops_and_others_do_not(crops):
    again, other = (photographs.draw_crops(20, 32, seed)[0] for seed in (1, 2))
    assert not np.array_equal(again, other)
    assert np.array_equal(again, photographs.draw_crops(20, 32, 1)[0])


def test_scenes_are_grey_and_in_range():
    for scene in photographs.load_scenes():
        assert scene.ndim == 2
        assert scene.dtype == np.float32
        assert scene.min() >= 0
        assert 0.5 < scene.max() <= 1  # a scene divided by 255 twice would be black
