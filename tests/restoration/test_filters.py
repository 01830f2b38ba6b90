"""Tests of filters: each filter is OpenCV's, restores what it is for, and is tuned on validation images."""

import cv2
import numpy as np
import pytest
from skimage import data

from cxrlib.restoration.corruption import corrupt
from cxrlib.restoration.filters import FILTERS, apply_filter, choose_strength
from cxrlib.restoration.quality import psnr
from cxrlib.restoration.tasks import TASKS

TASK_OF = {name: task for task, entry in TASKS.items() for name in entry.filters}


@pytest.fixture
def clean():
    photograph = data.camera()[::2, ::2].astype(np.float32) / 255
    return np.stack([photograph[40:136, 60:156], photograph[120:216, 20:116]])


@pytest.fixture
def corrupted(clean):
    return {task: corrupt(clean, task, entry.levels[-2:][0], seed=0) for task, entry in TASKS.items()}


@pytest.mark.parametrize("name", FILTERS)
def test_filter_keeps_shape_type_range_and_input(name, corrupted):
    entry = FILTERS[name]
    image = corrupted[TASK_OF[name]][0]
    before = image.copy()
    for strength in (entry.strengths[0], entry.strengths[-1]):
        restored = apply_filter(name, image, strength)
        assert restored.shape == image.shape
        assert restored.dtype == np.float32
        assert restored.min() >= 0
        assert restored.max() <= 1
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", FILTERS)
def test_filter_keeps_flat_images(name):
    flat = np.full((32, 32), 102 / 255, np.float32)
    np.testing.assert_allclose(apply_filter(name, flat, FILTERS[name].strengths[0]), flat, atol=1e-6)


@pytest.mark.parametrize("name", FILTERS)
def test_tuned_filter_improves_its_input(name, clean, corrupted):
    images = corrupted[TASK_OF[name]]
    strength = choose_strength(name, images, clean, psnr)
    for original, image in zip(clean, images, strict=True):
        assert psnr(original, apply_filter(name, image, strength)) > psnr(original, image) + 0.5


def test_filters_are_opencvs(corrupted):
    image = corrupted["denoising"][0]
    levels = np.rint(image * 255).astype(np.uint8)
    np.testing.assert_array_equal(apply_filter("gaussian", image, 1.5), cv2.GaussianBlur(image, (0, 0), 1.5))
    np.testing.assert_array_equal(np.rint(apply_filter("median", image, 7) * 255), cv2.medianBlur(levels, 7))
    np.testing.assert_array_equal(
        np.rint(apply_filter("non-local means", image, 20 / 255) * 255), cv2.fastNlMeansDenoising(levels, h=20)
    )


def test_unsharp_mask_adds_what_blur_takes_away():
    step = np.repeat([[0.25] * 16 + [0.5] * 16], 8, axis=0).astype(np.float32)
    detail = step - cv2.GaussianBlur(step, (0, 0), 1.5)
    np.testing.assert_allclose(apply_filter("unsharp mask", step, 0.5), step + 0.5 * detail, atol=1e-6)


def test_inpainting_fills_what_is_masked_and_touches_nothing_else(clean, corrupted):
    image = corrupted["filling"][0]
    holes = image == 0
    restored = apply_filter("inpainting", image, 3)
    levels = np.rint(image * 255).astype(np.uint8)
    oracle = cv2.inpaint(levels, holes.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    np.testing.assert_array_equal(np.rint(restored[holes] * 255), oracle[holes])
    np.testing.assert_array_equal(restored[~holes], image[~holes])
    ramp = np.tile(np.linspace(0.2, 0.8, 60, dtype=np.float32), (60, 1))
    gap = ramp.copy()
    gap[24:30, 30:36] = 0
    assert np.abs(apply_filter("inpainting", gap, 5) - ramp).max() < 0.04


def test_bilateral_filter_keeps_a_strong_edge_that_gaussian_blurs():
    step = np.repeat([[0.1] * 16 + [0.9] * 16], 32, axis=0).astype(np.float32)
    assert np.abs(apply_filter("bilateral", step, 0.1) - step).max() < 0.01
    assert np.abs(apply_filter("gaussian", step, 2) - step).max() > 0.2


def test_the_chosen_strength_has_the_best_mean_over_images(clean, corrupted):
    images, strengths = corrupted["denoising"], FILTERS["gaussian"].strengths
    means = [
        np.mean([psnr(c, cv2.GaussianBlur(i, (0, 0), strength)) for c, i in zip(clean, images, strict=True)])
        for strength in strengths
    ]
    assert choose_strength("gaussian", images, clean, psnr) == strengths[np.argmax(means)]
    # The opposite metric asks for the opposite choice.
    assert choose_strength("gaussian", images, clean, lambda r, i: -psnr(r, i)) == strengths[np.argmin(means)]
    assert choose_strength("gaussian", images, clean, psnr, strengths=(0.4, 3.0)) == 0.4


def test_a_tie_of_perfect_scores_goes_to_the_weaker_filter():
    flat = np.full((1, 16, 16), 102 / 255, np.float32)
    assert choose_strength("median", flat, flat, psnr) == 3


def test_bad_arguments_are_refused(clean):
    image = clean[0]
    with pytest.raises(ValueError, match="unknown filter 'wiener'"):
        apply_filter("wiener", image, 1)
    for strength in (0, -1, np.nan):
        with pytest.raises(ValueError, match="above 0"):
            apply_filter("gaussian", image, strength)
    for strength in (4, 3.5):
        with pytest.raises(ValueError, match="odd kernel size"):
            apply_filter("median", image, strength)
    with pytest.raises(ValueError, match="floating point"):
        apply_filter("gaussian", (image * 255).astype(np.uint8), 1)
    with pytest.raises(ValueError, match="two stacks"):
        choose_strength("gaussian", clean, clean[:1], psnr)
    with pytest.raises(ValueError, match="two stacks"):
        choose_strength("gaussian", clean[:0], clean[:0], psnr)
    with pytest.raises(ValueError, match="at least one"):
        choose_strength("gaussian", clean, clean, psnr, strengths=())
