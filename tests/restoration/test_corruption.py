"""Tests of corruption: each image by its number alone, 8-bit precision, the options, and files written whole."""

import cv2
import numpy as np
import pytest

from cxrlib.data.cohort import Pixels
from cxrlib.restoration.corruption import corrupt, draw_levels, save_corrupted
from cxrlib.restoration.tasks import BLUR_KERNELS, NOISE_FACTORS, TASKS

GREY = np.full((1, 512, 512), 0.5, np.float32)


def decibels(image):
    return -10 * np.log10(np.mean((0.5 - image.astype(np.float64)) ** 2))


@pytest.fixture
def images():
    smooth = [cv2.GaussianBlur(np.random.default_rng(i).random((40, 48), np.float32), (0, 0), 2) for i in range(6)]
    return np.rint(255 * np.stack(smooth)).astype(np.uint8) / np.float32(255)


def test_drawn_levels_depend_on_seed_and_number_and_cover_all_evenly():
    many = draw_levels(range(2000), BLUR_KERNELS, seed=0)
    np.testing.assert_array_equal(draw_levels([7, 1999, 3], BLUR_KERNELS, seed=0), many[[7, 1999, 3]])
    assert np.mean(many == draw_levels(range(2000), BLUR_KERNELS, seed=1)) < 0.5
    assert len(draw_levels([], BLUR_KERNELS, seed=0)) == 0
    for kernel_size in BLUR_KERNELS:
        # Five binomial standard deviations around 2,000 / 4.
        assert abs(np.sum(many == kernel_size) - 500) < 5 * np.sqrt(2000 * 0.25 * 0.75)


@pytest.mark.parametrize("task", TASKS)
def test_corrupted_images_are_8_bit_float32(images, task):
    corrupted = corrupt(images, task, TASKS[task].levels[-1], seed=0, channels=3)
    assert corrupted.dtype == np.float32
    assert corrupted.shape == images.shape
    np.testing.assert_allclose(corrupted * 255, np.rint(corrupted * 255), atol=1e-4)
    if task == "identity":
        np.testing.assert_array_equal(corrupted, images)
    else:
        assert 0.001 < np.abs(corrupted - images).mean() < 0.25
    assert 0 <= corrupted.min() <= corrupted.max() <= 1


@pytest.mark.parametrize("task", TASKS)
def test_corruption_depends_on_the_number_of_an_image_and_not_on_order_parts_or_blocks(images, task, tmp_path):
    numbers = np.array([10, 11, 12, 3, 14, 15])
    levels = draw_levels(numbers, TASKS[task].levels, seed=5)
    whole = corrupt(images, task, levels, seed=5, image_numbers=numbers)
    order = np.array([4, 0, 3])
    part = corrupt(images[order], task, levels[order], seed=5, image_numbers=numbers[order])
    np.testing.assert_array_equal(part, whole[order])
    pixels = Pixels(np.rint(images[::-1] * 255).astype(np.uint8), rows=[6, 5, 4, 3, 2, 1])
    numbered = numbers[::-1], levels[::-1]
    save_corrupted(tmp_path / "in-blocks.npy", pixels, task, numbered[1], 5, numbered[0], block=4)
    np.testing.assert_array_equal(np.load(tmp_path / "in-blocks.npy") / np.float32(255), whole[::-1])


def test_a_corruption_that_fails_leaves_no_file(images, tmp_path):
    pixels = Pixels(np.rint(images * 255).astype(np.uint8), rows=range(6))
    levels = [0.1, 0.1, 0.1, 0.1, 0.1, -1]
    with pytest.raises(ValueError, match="noise factor"):
        save_corrupted(tmp_path / "noisy.npy", pixels, "denoising", levels, 0, range(6), block=2)
    assert list(tmp_path.iterdir()) == []


def test_noise_differs_between_images_seeds_and_levels_and_does_not_repeat_the_stream_of_the_level():
    noisy = corrupt(np.concatenate([GREY, GREY]), "denoising", [0.02, 0.1], seed=0)
    assert [decibels(image) for image in noisy] == pytest.approx([34.0, 20.0], abs=0.08)
    same = corrupt(np.concatenate([GREY, GREY]), "denoising", 0.1, seed=0)
    assert not np.array_equal(same[0], same[1])
    assert not np.array_equal(same, corrupt(np.concatenate([GREY, GREY]), "denoising", 0.1, seed=1))
    level_stream = np.random.default_rng([0, 0]).standard_normal((512, 512), dtype=np.float32)
    assert abs(np.corrcoef(level_stream.ravel(), same[0].ravel())[0, 1]) < 0.02


def test_options_reach_their_task_and_no_other():
    noisy = corrupt(GREY, "denoising", 0.02, seed=0, noise_scale="variance")
    assert decibels(noisy[0]) == pytest.approx(17.0, abs=0.08)
    # BT.601 grey weights: the noise of three equal channels shrinks by the root of their sum of squares.
    gain = -10 * np.log10(0.299**2 + 0.587**2 + 0.114**2)
    one, three = (corrupt(GREY, "denoising", 0.06, seed=0, channels=channels) for channels in (1, 3))
    assert decibels(three) - decibels(one) == pytest.approx(gain, abs=0.08)
    blurred = [corrupt(GREY, "deblurring", 5, seed=0, channels=channels) for channels in (1, 3)]
    np.testing.assert_array_equal(*blurred)
    with pytest.raises(TypeError, match="no pretext task has an option chanels"):
        corrupt(GREY, "denoising", 0.06, seed=0, chanels=3)


def test_blurred_images_are_rounded_blur(images):
    corrupted = corrupt(images, "deblurring", 5, seed=0)
    for image, blurred in zip(images, corrupted, strict=True):
        np.testing.assert_allclose(blurred, cv2.GaussianBlur(image, (5, 5), 0), atol=0.5001 / 255)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "sharpening"}, "task"),
        ({"channels": 2}, "channels"),
        ({"levels": NOISE_FACTORS}, "draw_levels"),
        ({"levels": -0.1}, "noise factor"),
        ({"noise_scale": "sd"}, "noise scale"),
        ({"image_numbers": [0, 0, 1, 2, 3, 4]}, "distinct"),
        ({"image_numbers": [0, 1]}, "distinct"),
        ({"images": np.zeros((4, 4), np.float32)}, "axes"),
    ],
)
def test_bad_arguments_are_refused(images, arguments, message):
    with pytest.raises(ValueError, match=message):
        corrupt(**({"images": images, "task": "denoising", "levels": 0.1, "seed": 0} | arguments))
    with pytest.raises(ValueError, match="non-empty"):
        draw_levels([3], (), seed=0)
