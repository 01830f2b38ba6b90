"""Tests of tasks: noise levels in decibels, OpenCV's blur tables, independence of order, and errors."""

import cv2
import numpy as np
import pytest
from scipy.stats import norm

from cxrlib.restoration.tasks import (
    BLUR_KERNELS,
    NOISE_FACTORS,
    add_gaussian_noise,
    corrupt,
    draw_levels,
    gaussian_blur,
)

# Rows of Pascal's triangle for 3 and 5; 7 and 9 from `small_gaussian_tab` in OpenCV's smooth.dispatch.cpp.
OPENCV_TABLES = {
    3: np.array([1, 2, 1]) / 4,
    5: np.array([1, 4, 6, 4, 1]) / 16,
    7: np.array([2, 7, 14, 18, 14, 7, 2]) / 64,
    9: np.array([4, 13, 30, 51, 60, 51, 30, 13, 4]) / 256,
}
MID_GREY = np.full((512, 512), 0.5, np.float32)


def decibels(reference, image):
    return -10 * np.log10(np.mean((reference.astype(np.float64) - image) ** 2))


@pytest.fixture
def images():
    smooth = [cv2.GaussianBlur(np.random.default_rng(i).random((40, 48), np.float32), (0, 0), 2) for i in range(6)]
    return np.stack(smooth)


def test_levels_are_the_papers():
    assert NOISE_FACTORS == (0.02, 0.04, 0.06, 0.08, 0.1)
    assert BLUR_KERNELS == (3, 5, 7, 9)


# A deviation s has a PSNR of -20 log10(s) dB.
@pytest.mark.parametrize(("factor", "expected"), list(zip(NOISE_FACTORS, (34.0, 28.0, 24.4, 21.9, 20.0), strict=True)))
def test_psnr_of_the_deviation_reading(factor, expected):
    noisy = add_gaussian_noise(MID_GREY, factor, np.random.default_rng(0))
    assert decibels(MID_GREY, noisy) == pytest.approx(expected, abs=0.08)


# A variance v has a PSNR of -10 log10(v) dB before clipping, which cuts errors at 0.5 for mid-grey.
@pytest.mark.parametrize(("factor", "unclipped"), list(zip(NOISE_FACTORS, (17.0, 14.0, 12.2, 11.0, 10.0), strict=True)))
def test_psnr_of_the_variance_reading(factor, unclipped):
    deviation = np.sqrt(factor)
    limit = 0.5 / deviation
    kept = (1 - 2 * norm.sf(limit) - 2 * limit * norm.pdf(limit)) + 2 * limit**2 * norm.sf(limit)
    expected = unclipped - 10 * np.log10(kept)
    noisy = add_gaussian_noise(MID_GREY, factor, np.random.default_rng(0), scale="variance")
    assert decibels(MID_GREY, noisy) == pytest.approx(expected, abs=0.08)


def test_noise_has_zero_mean_and_is_white():
    noise = add_gaussian_noise(MID_GREY, 0.1, np.random.default_rng(3)) - MID_GREY
    assert abs(noise.mean()) < 4 * 0.1 / 512
    assert abs(np.mean(noise[:, 1:] * noise[:, :-1])) < 4 * 0.01 / 512


def test_noise_is_float32_in_range_and_leaves_its_input():
    image = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    before = image.copy()
    noisy = add_gaussian_noise(image, 0.1, np.random.default_rng(0), scale="variance")
    assert noisy.dtype == np.float32
    assert noisy.shape == image.shape
    assert noisy.min() == 0
    assert noisy.max() == 1
    np.testing.assert_array_equal(image, before)


def test_noise_of_factor_zero_changes_nothing(images):
    np.testing.assert_array_equal(add_gaussian_noise(images[0], 0, np.random.default_rng(0)), images[0])


def test_colour_channels_get_independent_noise():
    colour = np.repeat(MID_GREY[..., None], 3, axis=-1)
    noise = (add_gaussian_noise(colour, 0.1, np.random.default_rng(1)) - colour).reshape(-1, 3)
    correlation = np.corrcoef(noise.T)
    np.testing.assert_allclose(correlation, np.eye(3), atol=0.01)


@pytest.mark.parametrize("kernel_size", BLUR_KERNELS)
def test_blur_of_a_point_is_opencvs_table(kernel_size):
    point = np.zeros((21, 21), np.float32)
    point[10, 10] = 1
    table = OPENCV_TABLES[kernel_size]
    half = kernel_size // 2
    expected = np.zeros((21, 21))
    expected[10 - half : 11 + half, 10 - half : 11 + half] = np.outer(table, table)
    np.testing.assert_allclose(gaussian_blur(point, kernel_size), expected, atol=1e-7)
    np.testing.assert_allclose(cv2.getGaussianKernel(kernel_size, 0).ravel(), table, atol=1e-7)


@pytest.mark.parametrize("kernel_size", BLUR_KERNELS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_blur_is_opencvs_bit_for_bit(kernel_size, dtype):
    image = np.random.default_rng(0).random((37, 53), np.float32)
    if dtype == np.uint8:
        image = (image * 255).astype(np.uint8)
    blurred = gaussian_blur(image, kernel_size)
    assert blurred.dtype == dtype
    np.testing.assert_array_equal(blurred, cv2.GaussianBlur(image, (kernel_size, kernel_size), 0))


def test_blur_keeps_flat_images_and_range(images):
    np.testing.assert_allclose(gaussian_blur(np.full((16, 16), 0.3, np.float32), 9), 0.3, atol=1e-6)
    assert gaussian_blur(images[0], 9).min() >= 0
    assert gaussian_blur(images[0], 9).max() <= 1


def test_drawn_levels_do_not_depend_on_the_count():
    many = draw_levels(50, NOISE_FACTORS, seed=7)
    np.testing.assert_array_equal(draw_levels(10, NOISE_FACTORS, seed=7), many[:10])
    assert len(draw_levels(0, NOISE_FACTORS, seed=7)) == 0


def test_drawn_levels_follow_the_seed_and_cover_all_levels_evenly():
    first, second = draw_levels(2000, BLUR_KERNELS, seed=0), draw_levels(2000, BLUR_KERNELS, seed=1)
    assert np.mean(first == second) < 0.5
    for kernel_size in BLUR_KERNELS:
        # Five binomial standard deviations around 2,000 / 4.
        assert abs(np.sum(first == kernel_size) - 500) < 5 * np.sqrt(2000 * 0.25 * 0.75)


@pytest.mark.parametrize("task", ["denoising", "deblurring"])
@pytest.mark.parametrize("channels", [1, 3])
def test_corrupted_images_are_8_bit_float32(images, task, channels):
    corrupted = corrupt(images, task, 0.08 if task == "denoising" else 7, seed=0, channels=channels)
    assert corrupted.dtype == np.float32
    assert corrupted.shape == images.shape
    np.testing.assert_allclose(corrupted * 255, np.rint(corrupted * 255), atol=1e-4)
    assert not np.array_equal(corrupted, images)
    assert corrupted.min() >= 0
    assert corrupted.max() <= 1


@pytest.mark.parametrize("task", ["denoising", "deblurring"])
def test_corruption_does_not_depend_on_order_or_parts(images, task):
    levels = draw_levels(len(images), NOISE_FACTORS if task == "denoising" else BLUR_KERNELS, seed=5)
    whole = corrupt(images, task, levels, seed=5)
    order = np.array([4, 0, 3])
    part = corrupt(images[order], task, levels[order], seed=5, image_numbers=order)
    np.testing.assert_array_equal(part, whole[order])


def test_noise_differs_between_images_and_seeds():
    grey = np.stack([MID_GREY[:32, :32]] * 2)
    noisy = corrupt(grey, "denoising", 0.1, seed=0)
    assert not np.array_equal(noisy[0], noisy[1])
    assert not np.array_equal(noisy, corrupt(grey, "denoising", 0.1, seed=1))


def test_noise_does_not_repeat_the_stream_of_the_level():
    level_stream = np.random.default_rng([0, 0]).standard_normal((64, 64), dtype=np.float32)
    noise = corrupt(MID_GREY[None, :64, :64], "denoising", 0.1, seed=0)[0] - 0.5
    assert abs(np.corrcoef(level_stream.ravel(), noise.ravel())[0, 1]) < 0.1


def test_each_image_gets_its_own_level():
    grey = np.stack([MID_GREY] * 2)
    noisy = corrupt(grey, "denoising", [0.02, 0.1], seed=0)
    assert decibels(MID_GREY, noisy[0]) == pytest.approx(34.0, abs=0.08)
    assert decibels(MID_GREY, noisy[1]) == pytest.approx(20.0, abs=0.08)


def test_variance_reading_reaches_the_corrupted_image():
    noisy = corrupt(MID_GREY[None], "denoising", 0.02, seed=0, noise_scale="variance")
    assert decibels(MID_GREY, noisy[0]) == pytest.approx(17.0, abs=0.08)


def test_three_channels_average_noise_away():
    # BT.601 grey weights: the noise of three equal channels shrinks by the root of their sum of squares.
    gain = -10 * np.log10(0.299**2 + 0.587**2 + 0.114**2)
    assert gain == pytest.approx(3.5, abs=0.01)
    one, three = (corrupt(MID_GREY[None], "denoising", 0.06, seed=0, channels=channels)[0] for channels in (1, 3))
    assert decibels(MID_GREY, three) - decibels(MID_GREY, one) == pytest.approx(gain, abs=0.08)


def test_blurred_images_are_rounded_blur(images):
    corrupted = corrupt(images, "deblurring", 5, seed=0)
    for image, blurred in zip(images, corrupted, strict=True):
        np.testing.assert_allclose(blurred, cv2.GaussianBlur(image, (5, 5), 0), atol=0.5001 / 255)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4), np.uint8), "floating point"),
        (np.zeros(4, np.float32), "axes"),
        (np.zeros((0, 4), np.float32), "axes"),
        (np.full((4, 4), 1.5, np.float32), r"\[0, 1\]"),
        (np.full((4, 4), -0.1, np.float32), r"\[0, 1\]"),
        (np.full((4, 4), np.nan, np.float32), r"\[0, 1\]"),
    ],
)
def test_bad_images_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        add_gaussian_noise(image, 0.1, np.random.default_rng(0))


def test_blur_refuses_bad_images():
    with pytest.raises(ValueError, match="floating point"):
        gaussian_blur(np.zeros((4, 4), np.int16), 3)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        gaussian_blur(np.full((4, 4), 2, np.float32), 3)


@pytest.mark.parametrize("factor", [-0.1, np.nan, np.inf])
def test_bad_noise_factors_are_refused(factor):
    with pytest.raises(ValueError, match="noise factor"):
        add_gaussian_noise(MID_GREY, factor, np.random.default_rng(0))


def test_unknown_noise_scale_is_refused():
    with pytest.raises(ValueError, match="'sd'"):
        add_gaussian_noise(MID_GREY, 0.1, np.random.default_rng(0), scale="sd")


def test_noise_needs_a_generator():
    with pytest.raises(TypeError, match="default_rng"):
        add_gaussian_noise(MID_GREY, 0.1, 0)


@pytest.mark.parametrize("kernel_size", [0, 4, -3, 3.0])
def test_bad_kernel_sizes_are_refused(kernel_size):
    with pytest.raises(ValueError, match="odd positive integer"):
        gaussian_blur(MID_GREY, kernel_size)


def test_bad_draws_are_refused():
    with pytest.raises(ValueError, match="negative"):
        draw_levels(-1, NOISE_FACTORS, seed=0)
    with pytest.raises(ValueError, match="non-empty"):
        draw_levels(3, (), seed=0)


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
def test_bad_arguments_of_corrupt_are_refused(images, arguments, message):
    with pytest.raises(ValueError, match=message):
        corrupt(**({"images": images, "task": "denoising", "levels": 0.1, "seed": 0} | arguments))
