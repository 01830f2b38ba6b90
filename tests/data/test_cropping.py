"""From files to the array: pairs for the segmenter, and crops that hold the lungs."""

import itertools

import keras
import numpy as np
import pytest
from PIL import Image

from cxrlib.data import cropping
from cxrlib.data.images import read_image
from cxrlib.data.issues import ImageError


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
    table = cropping.crop_to_lungs(films, segmenter, tmp_path / "images.npy", 32, keep_aspect=False)
    corners = table[["crop_x_min", "crop_y_min", "crop_x_max", "crop_y_max"]].to_numpy().tolist()
    assert corners == [[30, 24, 60, 72], [120, 48, 240, 144], [0, 0, 96, 96]]
    assert table.lungs_found.tolist() == [True, True, False]
    images = np.load(tmp_path / "images.npy")
    assert images.shape == (3, 32, 32)
    assert images.dtype == np.uint8
    assert (images[:2] == 255).all()
    assert (images[2] == 0).all()


def test_without_a_segmenter_whole_frames_are_kept(films, tmp_path):
    table = cropping.crop_to_lungs(films, None, tmp_path / "images.npy", 96)
    corners = table[["crop_x_min", "crop_y_min", "crop_x_max", "crop_y_max"]].to_numpy().tolist()
    assert corners == [[0, 0, 96, 96], [0, 0, 384, 192], [0, 0, 96, 96]]
    assert not table.lungs_found.any()
    assert np.array_equal(np.load(tmp_path / "images.npy")[0] / 255, read_image(films[0]))


def test_pairs_are_squashed_to_one_size_and_masks_are_boolean(films):
    radiographs, masks = cropping.read_pairs(films, films, 48)
    assert radiographs.shape == masks.shape == (3, 48, 48)
    assert radiographs.dtype == np.uint8
    assert masks.dtype == bool
    assert masks[0, 12:36, 15:30].all()
    assert masks[0].sum() == 24 * 15


def test_masks_of_any_numbers_are_lungs_and_inverted_ones_are_refused(films, tmp_path):
    lung = np.zeros((96, 96), np.uint8)
    lung[24:72, 20:40], lung[24:72, 56:76] = 1, 2
    soft = np.asarray(Image.fromarray(255 * (lung > 0).astype(np.uint8)).resize((48, 48)).resize((96, 96)))
    for mask in (lung, lung > 0, 255 * (lung > 0), 100 * (lung > 0), soft):
        Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "mask.png")
        _, masks = cropping.read_pairs(films[:1], [tmp_path / "mask.png"], 48)
        assert np.array_equal(masks[0], lung[::2, ::2] > 0)
    for mask, fault in (
        (255 * (lung == 0), "inverted: 100% of its border"),
        (255 - soft, "inverted"),
        (lung * 0 + 1, "inv"),
    ):
        Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "mask.png")
        with pytest.raises(ImageError, match=f"mask.png: {fault}.*; swap black and white"):
            cropping.read_pairs(films[:1], [tmp_path / "mask.png"], 48)


class Kill(Exception):  # noqa: N818 - it is no error
    """Stands in for a kill."""


def test_killed_cropping_goes_on_to_the_same_bytes(films, segmenter, tmp_path, monkeypatch):
    paths = list(itertools.islice(itertools.cycle(films), 150))
    expected = cropping.crop_to_lungs(paths, segmenter, tmp_path / "whole.npy", 16)
    fed = []

    def feed(paths, last=None):
        for number, image in enumerate(map(read_image, paths)):
            if number == last:
                raise Kill
            fed.append(image.shape)
            yield image

    def crop(paths, last=None, size=16):
        monkeypatch.setattr(cropping, "map_files", lambda function, paths: feed(paths, last))
        fed.clear()
        return cropping.crop_to_lungs(paths, segmenter, tmp_path / "a.npy", size, unfinished=tmp_path / "kept")

    for stop in (100, 70):  # killed at image 100, then at image 134
        with pytest.raises(Kill):
            crop(paths, stop)
        assert not (tmp_path / "a.npy").exists()
    table = crop(paths)
    assert len(fed) == 150 - 128  # what two whole blocks held is not read again
    assert table.equals(expected)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert {path.name for path in tmp_path.glob("*.npy")} == {"a.npy", "whole.npy"}
    crop(paths)
    assert len(fed) == 150 - 128  # 22 images lie behind the last whole block
    crop(paths, size=12)
    assert len(fed) == 150  # other settings: nothing of it can be used
    crop(paths[::-1], size=12)
    assert len(fed) == 150


@pytest.fixture
def cropped_once(films, segmenter, tmp_path):
    """Give what 150 crops keep for a restart, and a function that crops again and finds the same."""

    def crop():
        table = cropping.crop_to_lungs(films * 50, segmenter, tmp_path / "a.npy", 16, unfinished=tmp_path / "kept")
        return table, (tmp_path / "a.npy").read_bytes()

    def check_again():
        table, content = crop()
        assert table.equals(expected)
        assert content == whole

    expected, whole = crop()
    return tmp_path / "kept", check_again


def test_half_a_line_of_the_record_is_dropped(cropped_once):
    kept, check_again = cropped_once
    record = kept / "partial-a.jsonl"
    record.write_text(record.read_text()[:-10])
    check_again()


@pytest.mark.parametrize("length", [0, 100, 128 + 256 * 70, 128 + 256 * 150 - 1])
def test_pixels_that_a_power_loss_took_are_made_again(cropped_once, length):
    kept, check_again = cropped_once
    with open(kept / "partial-a.npy", "r+b") as partial:
        partial.truncate(length)
    check_again()


def test_a_row_is_recorded_once_its_pixels_are_on_the_disk(films, segmenter, tmp_path, monkeypatch, disk):
    def feed(function, paths):
        for number, path in enumerate(paths):
            if number == 100:
                raise Kill
            yield function(path)

    monkeypatch.setattr(cropping, "map_files", feed)
    with pytest.raises(Kill):
        cropping.crop_to_lungs(films * 50, segmenter, tmp_path / "a.npy", 16, unfinished=tmp_path / "kept")
    recorded = len((tmp_path / "kept/partial-a.jsonl").read_text().splitlines()) - 1
    array = tmp_path / "kept/partial-a.npy"
    assert recorded == 64
    assert len(disk.kept[array.stat().st_ino]) >= 128 + 256 * recorded


@pytest.mark.parametrize("kept", [None, "kept"])
def test_crops_are_on_the_disk_before_they_have_their_name(films, segmenter, tmp_path, disk, kept):
    target = tmp_path / "a.npy"
    cropping.crop_to_lungs(films, segmenter, target, 16, unfinished=kept and tmp_path / kept)
    assert disk.at_renaming(target)[target.stat().st_ino] == target.read_bytes()


def test_a_record_with_zeros_in_it_is_not_used(cropped_once):
    kept, check_again = cropped_once
    record = kept / "partial-a.jsonl"
    content = bytearray(record.read_bytes())
    content[200:300] = bytes(100)
    record.write_bytes(content)
    check_again()


@pytest.mark.parametrize("keep_aspect", [True, False])
def test_masks_lie_on_the_pixels_of_the_crops(films, segmenter, tmp_path, keep_aspect):
    """The films serve as their own masks: where a crop is bright, its mask has lung, also at half the size."""
    table = cropping.crop_to_lungs(films[:2], segmenter, tmp_path / "images.npy", 32, keep_aspect, margin=0.5)
    bright = np.load(tmp_path / "images.npy") > 127
    assert 0 < bright.mean() < 1
    assert np.array_equal(cropping.crop_masks(films[:2], table, 32, keep_aspect), bright)
    small = [tmp_path / f"small-{name}.png" for name in "ab"]
    for film, path in zip(films, small, strict=False):
        with Image.open(film) as image:
            image.resize((image.width // 2, image.height // 2)).save(path)
    assert np.array_equal(cropping.crop_masks(small, table, 32, keep_aspect), bright)


def test_no_masks_are_no_masks(films, tmp_path):
    table = cropping.crop_to_lungs(films, None, tmp_path / "images.npy", 32)
    assert cropping.crop_masks([], table[:0], 32).shape == (0, 32, 32)
