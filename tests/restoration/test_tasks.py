"""Tests of tasks: noise levels in decibels, OpenCV's blur tables, errors, and what the registry promises."""

import cv2
import numpy as np
import pytest
from scipy.stats import norm

from cxrlib.restoration.filters import FILTERS
from cxrlib.restoration.tasks import (
    BLUR_KERNELS,
    NOISE_FACTORS,
    TASKS,
    add_gaussian_noise,
    find_task,
    gaussian_blur,
    mask_squares,
    masked,
)

# Rows of Pascal's triangle for 3 and 5; 7 and 9 from `small_gaussian_tab` in OpenCV's smooth.dispatch.cpp.
OPENCV_TABLES = {
    3: np.array([1, 2, 1]) / 4,
    5: np.array([1, 4, 6, 4, 1]) / 16,
    7: np.array([2, 7, 14, 18, 14, 7, 2]) / 64,
    9: np.array([4, 13, 30, 51, 60, 51, 30, 13, 4]) / 256,
}
MID_GREY = np.full((512, 512), 0.5, np.float32)
RAMP = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)


def decibels(reference, image):
    return -10 * np.log10(np.mean((reference.astype(np.float64) - image) ** 2))


def test_levels_are_the_papers():
    assert TASKS["denoising"].levels == NOISE_FACTORS == (0.02, 0.04, 0.06, 0.08, 0.1)
    assert TASKS["deblurring"].levels == BLUR_KERNELS == (3, 5, 7, 9)


def test_tasks_share_no_encoder_and_no_seed_and_each_that_changes_an_image_has_a_filter():
    assert len({task.encoder for task in TASKS.values()}) == len({t.seed_offset for t in TASKS.values()}) == len(TASKS)
    assert all(set(task.filters) <= set(FILTERS) for task in TASKS.values())
    assert [name for name, task in TASKS.items() if not task.filters] == ["identity"]


@pytest.mark.parametrize("name", TASKS)
def test_a_stronger_level_is_further_from_the_original_and_the_input_stays(name):
    task, before = TASKS[name], RAMP.copy()
    image = cv2.GaussianBlur(np.random.default_rng(0).random((64, 64), np.float32), (0, 0), 1)
    distances = [
        decibels(image, task.function(image, level, np.random.default_rng(0)).astype(float)) for level in task.levels
    ]
    assert distances == sorted(distances, reverse=True)
    task.function(RAMP, task.levels[-1], np.random.default_rng(0))
    np.testing.assert_array_equal(RAMP, before)


def test_a_masked_square_is_black_and_nothing_else_is():
    hidden = mask_squares(RAMP[:60, :50], 0.3, np.random.default_rng(0))
    squares = hidden.reshape(10, 6, 10, 5).swapaxes(1, 2).reshape(100, 30)
    black = (squares == 0).any(axis=1)
    assert black.sum() == 30
    assert (squares[black] == 0).all()
    assert (hidden.dtype, hidden[hidden > 0].min()) == (np.float32, np.float32(1 / 255))
    bright = RAMP[:60, :50] >= 1 / 255
    np.testing.assert_array_equal(hidden[bright & (hidden > 0)], RAMP[:60, :50][bright & (hidden > 0)])
    np.testing.assert_array_equal(masked(hidden), hidden == 0)
    # Read back from 8 bits, the mask is the same.
    np.testing.assert_array_equal(masked(np.rint(hidden * 255).astype(np.uint8) / np.float32(255)), hidden == 0)


def test_which_squares_are_masked_is_drawn_and_a_larger_share_holds_the_smaller():
    few, many, other = (
        masked(mask_squares(MID_GREY, share, np.random.default_rng(seed)))
        for share, seed in ((0.1, 0), (0.4, 0), (0.1, 1))
    )
    assert (many[few]).all()
    assert not np.array_equal(few, other)
    assert [masked(mask_squares(MID_GREY, share, np.random.default_rng(0))).all() for share in (0, 1)] == [False, True]


def test_sides_that_are_no_multiple_of_ten_are_covered_by_squares_all_the_same():
    assert masked(mask_squares(RAMP[:37, :53], 1, np.random.default_rng(0))).all()
    hidden = masked(mask_squares(np.full((10, 10), 0.5), 0.04, np.random.default_rng(7)))
    # NumPy's permutation of 100 by the seed 7 begins with 88, 42, 26, 50: row and column of the squares.
    assert np.argwhere(hidden).tolist() == [[2, 6], [4, 2], [5, 0], [8, 8]]


def test_the_identity_keeps_the_image():
    np.testing.assert_array_equal(TASKS["identity"].function(RAMP, 0.0, np.random.default_rng(0)), RAMP)


@pytest.mark.parametrize(
    ("image", "share", "message"),
    [
        (RAMP[:9], 0.1, "no 10 squares a side"),
        (RAMP, 1.1, "0 to 1"),
        (RAMP, np.nan, "0 to 1"),
        (RAMP + 1, 0.1, r"\[0, 1\]"),
    ],
)
def test_what_cannot_be_masked_is_refused(image, share, message):
    with pytest.raises(ValueError, match=message):
        mask_squares(image, share, np.random.default_rng(0))


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="no pretext task 'sharpening': choose one of .*deblurring"):
        find_task("sharpening")


# A deviation s has a PSNR of -20 log10(s) dB; a variance v one of -10 log10(v) before clipping, which cuts errors at
# 0.5 for mid-grey.
@pytest.mark.parametrize("scale", ["std", "variance"])
@pytest.mark.parametrize("factor", NOISE_FACTORS)
def test_psnr_of_both_readings(factor, scale):
    deviation = factor if scale == "std" else np.sqrt(factor)
    limit = 0.5 / deviation
    kept = (1 - 2 * norm.sf(limit) - 2 * limit * norm.pdf(limit)) + 2 * limit**2 * norm.sf(limit)
    expected = {"std": -20, "variance": -10}[scale] * np.log10(factor) - 10 * np.log10(kept)
    noisy = add_gaussian_noise(MID_GREY, factor, np.random.default_rng(0), scale)
    assert decibels(MID_GREY, noisy) == pytest.approx(expected, abs=0.08)


def test_noise_has_zero_mean_and_is_white_also_between_channels():
    noise = add_gaussian_noise(MID_GREY, 0.1, np.random.default_rng(3)) - MID_GREY
    assert abs(noise.mean()) < 4 * 0.1 / 512
    assert abs(np.mean(noise[:, 1:] * noise[:, :-1])) < 4 * 0.01 / 512
    colour = np.repeat(MID_GREY[..., None], 3, axis=-1)
    noise = (add_gaussian_noise(colour, 0.1, np.random.default_rng(1)) - colour).reshape(-1, 3)
    np.testing.assert_allclose(np.corrcoef(noise.T), np.eye(3), atol=0.01)


def test_noise_is_float32_in_range_and_of_factor_zero_nothing():
    noisy = add_gaussian_noise(RAMP, 0.1, np.random.default_rng(0), scale="variance")
    assert (noisy.dtype, noisy.shape, noisy.min(), noisy.max()) == (np.float32, RAMP.shape, 0, 1)
    np.testing.assert_array_equal(add_gaussian_noise(RAMP, 0, np.random.default_rng(0)), RAMP)


def test_min_max_uses_the_whole_range_and_moves_the_image():
    grey = np.full((160, 128), 0.3, np.float32)
    grey[:, 64:] = 0.7
    noisy = add_gaussian_noise(grey, 0.02, np.random.default_rng(1), rescaling="min-max")
    assert (noisy.min(), noisy.max()) == (0, 1)
    assert noisy[:, 0].mean() < 0.2
    flat = add_gaussian_noise(np.full((4, 4), 0.5), 0.0, np.random.default_rng(1), rescaling="min-max")
    np.testing.assert_array_equal(flat, np.zeros((4, 4)))


@pytest.mark.parametrize("kernel_size", BLUR_KERNELS)
def test_blur_of_a_point_is_opencvs_table(kernel_size):
    point = np.zeros((21, 21), np.float32)
    point[10, 10] = 1
    table = OPENCV_TABLES[kernel_size]
    half = kernel_size // 2
    expected = np.zeros((21, 21))
    expected[10 - half : 11 + half, 10 - half : 11 + half] = np.outer(table, table)
    np.testing.assert_allclose(gaussian_blur(point, kernel_size), expected, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_blur_is_opencvs_bit_for_bit_and_stays_in_range(dtype):
    image = np.random.default_rng(0).random((37, 53), np.float32)
    image = (image * 255).astype(np.uint8) if dtype == np.uint8 else image
    blurred = gaussian_blur(image, 9)
    assert blurred.dtype == dtype
    assert image.min() <= blurred.min() <= blurred.max() <= image.max()
    np.testing.assert_array_equal(blurred, cv2.GaussianBlur(image, (9, 9), 0))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4), np.int16), "floating point"),
        (np.zeros(4, np.float32), "axes"),
        (np.zeros((0, 4), np.float32), "axes"),
        (np.full((4, 4), 1.5, np.float32), r"\[0, 1\]"),
        (np.full((4, 4), -0.1, np.float32), r"\[0, 1\]"),
        (np.full((4, 4), np.nan, np.float32), r"\[0, 1\]"),
    ],
)
def test_bad_images_are_refused(image, message):
    for function, arguments in ((add_gaussian_noise, (0.1, np.random.default_rng(0))), (gaussian_blur, (3,))):
        with pytest.raises(ValueError, match=message):
            function(image, *arguments)


def test_bad_options_of_noise_and_blur_are_refused():
    rng = np.random.default_rng(0)
    for factor in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="noise factor"):
            add_gaussian_noise(MID_GREY, factor, rng)
    with pytest.raises(ValueError, match="'sd'"):
        add_gaussian_noise(MID_GREY, 0.1, rng, scale="sd")
    with pytest.raises(ValueError, match="rescaling"):
        add_gaussian_noise(MID_GREY, 0.1, rng, rescaling="stretch")
    with pytest.raises(TypeError, match="default_rng"):
        add_gaussian_noise(MID_GREY, 0.1, 0)
    for kernel_size in (0, 4, -3, 3.0):
        with pytest.raises(ValueError, match="odd positive integer"):
            gaussian_blur(MID_GREY, kernel_size)
