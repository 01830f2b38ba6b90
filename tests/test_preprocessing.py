"""From files to the array: pairs for the segmenter, and crops that hold the lungs."""

import keras
import numpy as np
import pytest
from PIL import Image

from cxrlib import preprocessing


class Bright(keras.layers.Layer):
    """A segmenter that takes every bright pixel for lung, so that the right crop is known."""

    def call(self, images):
        return keras.ops.cast(images > 0.5, "float32")


@pytest.fixture(scope="module")
def segmenter():
    inputs = keras.Input((96, 96, 1))
    return keras.Model(inputs, Bright()(inputs))


@pytest.fixture
def films(tmp_path):
    """Three films: a bright block at a known place, in two sizes, and one with nothing."""
    paths = []
    for name, (height, width), block in (
        ("a", (96, 96), (24, 72, 30, 60)),
        ("b", (192, 384), (48, 144, 120, 240)),
        ("c", (96, 96), (0, 0, 0, 0)),
    ):
        film = np.zeros((height, width), np.uint8)
        film[block[0] : block[1], block[2] : block[3]] = 255
        Image.fromarray(film).save(tmp_path / f"{name}.png")
        paths.append(str(tmp_path / f"{name}.png"))
    return paths


def test_crop_is_the_box_of_the_mask_in_pixels_of_the_file(films, segmenter, tmp_path):
    table = preprocessing.crop_to_lungs(films, segmenter, tmp_path / "images.npy", 32, keep_aspect=False)
    corners = table[["crop_x_min", "crop_y_min", "crop_x_max", "crop_y_max"]].to_numpy().tolist()
    assert corners == [[30, 24, 60, 72], [120, 48, 240, 144], [0, 0, 96, 96]]
    assert table.lungs_found.tolist() == [True, True, False]
    images = np.load(tmp_path / "images.npy")
    assert images.shape == (3, 32, 32)
    assert images.dtype == np.uint8
    assert (images[:2] == 255).all()
    assert (images[2] == 0).all()


def test_images_are_read_in_order(films):
    shapes = [image.shape for image in preprocessing.read_images(films)]
    assert shapes == [(96, 96), (192, 384), (96, 96)]


def test_pairs_are_squashed_to_one_size_and_masks_are_boolean(films):
    radiographs, masks = preprocessing.read_pairs(films, films, 48)
    assert radiographs.shape == masks.shape == (3, 48, 48)
    assert radiographs.dtype == np.uint8
    assert masks.dtype == bool
    assert masks[0, 12:36, 15:30].all()
    assert masks[0].sum() == 24 * 15
