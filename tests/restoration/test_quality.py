"""Tests of quality: HaarPSI against a loop that follows the published formula, and the scikit-image metrics."""

import numpy as np
import pytest
from scipy.signal import convolve2d
from skimage import data
from skimage.metrics import structural_similarity

from cxrlib.restoration.quality import MEDICAL, PSNR_CEILING, haarpsi, mean_score, psnr, score, ssim


def noisy_pair(shape, seed=0, deviation=0.1):
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape[:2])
    reference = 0.5 + 0.3 * np.sin(rows / 5) * np.cos(columns / 7) + 0.1 * rng.random(shape[:2])
    if len(shape) == 3:
        reference = np.clip(reference[..., None] * np.array([1.0, 0.8, 0.5]), 0, 1)
    image = np.clip(reference + deviation * rng.standard_normal(shape), 0, 1)
    return reference.astype(np.float32), image.astype(np.float32)


@pytest.fixture
def photograph():
    clean = data.camera()[100:164, 200:264].astype(np.float32) / 255
    noise = 0.08 * np.random.default_rng(0).standard_normal(clean.shape)
    return clean, np.clip(clean + noise, 0, 1).astype(np.float32)


def conv2_same(image, kernel):
    """MATLAB's conv2(image, kernel, 'same'): the part of the full convolution that starts at ceil((size + 1) / 2)."""
    rows, columns = kernel.shape
    full = convolve2d(image, kernel, mode="full")
    return full[rows // 2 : rows // 2 + image.shape[0], columns // 2 : columns // 2 + image.shape[1]]


def slow_haarpsi(reference, image, c=30.0, alpha=4.2):
    """Reisenhofer et al. 2018, equations 9 to 13, written pixel by pixel."""

    def bands(values):
        values = values.astype(np.float64) * 255
        if values.ndim == 2:
            return [values]
        red, green, blue = values[..., 0], values[..., 1], values[..., 2]
        return [
            0.299 * red + 0.587 * green + 0.114 * blue,
            0.596 * red - 0.274 * green - 0.322 * blue,
            0.211 * red - 0.523 * green + 0.312 * blue,
        ]

    mean_filter = np.ones((2, 2)) / 4
    first, second = ([conv2_same(band, mean_filter)[::2, ::2] for band in bands(v)] for v in (reference, image))
    maps = []
    for transpose in (False, True):
        coefficients = []
        for scale in (1, 2, 3):
            side = 2**scale
            haar = np.ones((side, side)) / side
            haar[: side // 2] *= -1
            haar = haar.T if transpose else haar
            coefficients.append([np.abs(conv2_same(bands[0], haar)) for bands in (first, second)])
        maps.append(coefficients)

    total, weight_total = 0.0, 0.0
    for row in range(first[0].shape[0]):
        for column in range(first[0].shape[1]):
            weights = []
            for coefficients in maps:
                local = [(a[row, column], b[row, column]) for a, b in coefficients]
                similarity = sum((2 * a * b + c) / (a * a + b * b + c) for a, b in local[:2]) / 2
                weights.append(max(local[2]))
                total += weights[-1] / (1 + np.exp(-alpha * similarity))
            if len(first) == 3:
                similarity = 0.0
                for index in (1, 2):
                    a = abs(conv2_same(first[index], mean_filter)[row, column])
                    b = abs(conv2_same(second[index], mean_filter)[row, column])
                    similarity += (2 * a * b + c) / (a * a + b * b + c) / 2
                weights.append(sum(weights) / 2)
                total += weights[-1] / (1 + np.exp(-alpha * similarity))
            weight_total += sum(weights)
    mean = total / weight_total
    return (np.log(mean / (1 - mean)) / alpha) ** 2


@pytest.mark.parametrize("shape", [(32, 32), (33, 47), (8, 30), (5, 6), (20, 20, 3), (21, 18, 3)])
@pytest.mark.parametrize("constants", [{}, MEDICAL])
def test_haarpsi_follows_the_published_formula(shape, constants):
    reference, image = noisy_pair(shape)
    assert haarpsi(reference, image, **constants) == pytest.approx(
        slow_haarpsi(reference, image, **constants), abs=1e-6
    )


@pytest.mark.parametrize("metric", [ssim, haarpsi])
def test_identical_images_score_one(metric, photograph):
    assert metric(photograph[0], photograph[0]) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("metric", [psnr, ssim, haarpsi])
def test_metrics_are_symmetric_floats_and_leave_their_input(metric, photograph):
    clean, noisy = (values.copy() for values in photograph)
    assert metric(clean, noisy) == pytest.approx(metric(noisy, clean), abs=1e-12)
    assert type(metric(clean, noisy)) is float
    np.testing.assert_array_equal([clean, noisy], photograph)


@pytest.mark.parametrize("metric", [psnr, ssim, haarpsi])
def test_metrics_fall_as_noise_grows(metric):
    scores = [metric(*noisy_pair((64, 64), deviation=deviation)) for deviation in (0.01, 0.05, 0.2)]
    assert scores[0] > scores[1] > scores[2]


@pytest.mark.parametrize("seed", range(5))
def test_haarpsi_stays_in_range(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.random((2, 24, 24))
    assert 0 <= haarpsi(first, second) <= 1
    assert 0 <= haarpsi(first, 1 - first) <= 1
    assert haarpsi(first, first) <= 1


def test_haarpsi_of_flat_images_is_one():
    assert haarpsi(np.zeros((16, 16)), np.zeros((16, 16))) == 1
    assert haarpsi(np.full((16, 16), 0.2), np.full((16, 16), 0.7)) == 1
    assert haarpsi(np.zeros((16, 16, 3)), np.zeros((16, 16, 3))) == 1


def test_haarpsi_sees_structure_in_one_image_only(photograph):
    assert haarpsi(np.full((64, 64), 0.5), photograph[0].astype(np.float64)) < 0.5


def test_psnr_golden_values():
    # Equation 4: an error of 0.1 everywhere has a mean square of 0.01, 20 dB; of one 8-bit level, 48.13 dB.
    assert psnr(np.zeros((8, 8)), np.full((8, 8), 0.1)) == pytest.approx(20)
    assert psnr(np.zeros((8, 8)), np.full((8, 8), 1 / 255)) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(np.zeros((8, 8)), np.ones((8, 8))) == 0


def test_psnr_of_identical_images_is_infinite_without_a_warning(photograph, recwarn):
    assert psnr(photograph[0], photograph[0]) == np.inf
    assert not recwarn


@pytest.mark.parametrize("shape", [(11, 11), (12, 31), (64, 64)])
def test_ssim_is_scikit_images_with_wangs_window(shape):
    pair = noisy_pair(shape)
    expected = structural_similarity(
        *(values.astype(np.float64) for values in pair),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
    )
    assert ssim(*pair) == pytest.approx(expected, abs=1e-14)
    # Wang et al. 2004 for two flat images: (2ab + C1) / (a^2 + b^2 + C1) with C1 = 0.01^2.
    flat = ssim(np.full((16, 16), 0.4), np.full((16, 16), 0.6))
    assert flat == pytest.approx((2 * 0.4 * 0.6 + 1e-4) / (0.4**2 + 0.6**2 + 1e-4))


def test_dtype_does_not_change_scores(photograph):
    wide = [values.astype(np.float64) for values in photograph]
    for metric in (psnr, ssim, haarpsi):
        assert metric(*photograph) == metric(*wide)


def test_score_has_one_row_an_image(photograph):
    clean, noisy = photograph
    frame = score(np.stack([clean, clean]), np.stack([noisy, clean]), **MEDICAL)
    assert list(frame.columns) == ["psnr", "ssim", "haarpsi"]
    assert frame.shape == (2, 3)
    assert tuple(frame.loc[0]) == (psnr(clean, noisy), ssim(clean, noisy), haarpsi(clean, noisy, **MEDICAL))
    assert frame["psnr"][1] == np.inf


def test_mean_score_is_finite_for_perfect_images():
    # Uniform rounding errors have a variance of one twelfth of a squared level.
    by_hand = -10 * np.log10((1 / 255) ** 2 / 12)
    assert by_hand == pytest.approx(PSNR_CEILING)
    assert mean_score([20.0, 30.0]) == 25
    assert mean_score([20.0, np.inf]) == pytest.approx((20 + PSNR_CEILING) / 2)
    assert mean_score([0.5, 1.0]) == 0.75


@pytest.mark.parametrize("scores", [[], [0.5, np.nan]])
def test_mean_score_refuses_nothing_and_nan(scores):
    with pytest.raises(ValueError, match="without NaN"):
        mean_score(scores)


@pytest.mark.parametrize("metric", [psnr, ssim, haarpsi])
@pytest.mark.parametrize(
    ("reference", "image", "message"),
    [
        (np.zeros((16, 16)), np.zeros((16, 17)), r"reference has shape \(16, 16\), the image \(16, 17\)"),
        (np.zeros((2, 16, 16)), np.zeros((2, 16, 16)), r"axes|use score"),
        (np.full((16, 16), -0.1), np.zeros((16, 16)), "the reference must be"),
        (np.zeros((16, 16)), np.full((16, 16), np.nan), "the image must be"),
    ],
)
def test_bad_images_are_refused(metric, reference, image, message):
    with pytest.raises(ValueError, match=message):
        metric(reference, image)


def test_a_grey_image_in_three_channels_scores_higher_in_haarpsi_and_is_refused_elsewhere(photograph):
    colour = [np.repeat(values[..., None], 3, axis=-1) for values in photograph]
    assert haarpsi(*colour) > haarpsi(*photograph) + 0.01
    for metric in (psnr, ssim):
        with pytest.raises(ValueError, match="2 axes"):
            metric(*colour)


def test_ssim_refuses_images_smaller_than_its_window():
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(np.zeros((10, 40)), np.zeros((10, 40)))


@pytest.mark.parametrize("constants", [{"c": 0}, {"alpha": -1}, {"c": np.nan}])
def test_haarpsi_refuses_bad_constants(constants):
    with pytest.raises(ValueError, match="constants"):
        haarpsi(np.zeros((8, 8)), np.zeros((8, 8)), **constants)


@pytest.mark.parametrize("images", [np.zeros((3, 16, 16)), np.zeros((16, 16))])
def test_score_refuses_other_stacks(images):
    with pytest.raises(ValueError, match=r"shape \(2, 16, 16\)|3 axes"):
        score(np.zeros((2, 16, 16)) if images.ndim == 3 else images, images)
