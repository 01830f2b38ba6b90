"""How close a restored image is to its original: PSNR, SSIM and HaarPSI (section 2.5.1 of the paper).

PSNR is scikit-image's. SSIM has the same definition as scikit-image's but uses OpenCV's filter: it is faster and equal
to 14 digits. HaarPSI is written here because no maintained NumPy package offers it.
"""

import cv2
import numpy as np
import pandas as pd
from scipy.special import expit, logit
from skimage.metrics import peak_signal_noise_ratio

from cxrlib.arrays import check_pair

MEDICAL = {"c": 5.0, "alpha": 4.9}
"""HaarPSI constants proposed for medical images (HaarPSI-MED, Karner et al. 2024), for `haarpsi(a, b, **MEDICAL)`."""

PSNR_CEILING = float(10 * np.log10(12 * 255**2))
"""PSNR in dB (58.92) of an image against itself rounded to 8 bits; rounding errors are uniform, of variance 1/12 level
squared. Above it two images are the same as far as 8 bits can tell."""

_SSIM_WINDOW, _SSIM_SIGMA, _SSIM_K1, _SSIM_K2 = 11, 1.5, 0.01, 0.03  # Wang et al. 2004
_RGB_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def psnr(reference: np.ndarray, image: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB, -10 log10(mean squared error) (Eq. 4 and 5, scikit-image).

    Args:
        reference: Original image, float (H, W) in [0, 1].
        image: Image to score, of the same shape and range.

    Returns:
        0 or more, higher is better; infinity for identical images, which `mean_score` averages safely.

    Raises:
        ValueError: Shapes differ, or an image is not floating point (H, W) in [0, 1].

    >>> psnr(np.zeros((8, 8)), np.full((8, 8), 0.1))
    20.0
    """
    reference, image = check_pair(reference, image)
    with np.errstate(divide="ignore"):
        return float(peak_signal_noise_ratio(reference, image, data_range=1))


def ssim(reference: np.ndarray, image: np.ndarray) -> float:
    """Return the structural similarity index (Eq. 6) with the window of Wang et al. 2004: 11 x 11 Gaussian, sigma 1.5.

    Args:
        reference: Original image, float (H, W) in [0, 1], at least 11 pixels a side.
        image: Image to score, of the same shape and range.

    Returns:
        -1 to 1, higher is better; 1 for identical images. Mean over pixels whose window lies inside the image.

    Raises:
        ValueError: Shapes differ, or an image is not floating point (H, W) in [0, 1] or is smaller than the window.

    >>> image = np.linspace(0, 1, 400).reshape(20, 20)
    >>> round(ssim(image, image), 6), round(ssim(image, 0.9 * image), 3)
    (1.0, 0.989)
    """
    reference, image = check_pair(reference, image)
    if min(reference.shape) < _SSIM_WINDOW:
        raise ValueError(f"SSIM needs {_SSIM_WINDOW} pixels a side, got shape {reference.shape}: use a larger image")
    inside = slice(_SSIM_WINDOW // 2, -(_SSIM_WINDOW // 2))  # where the window lies within the image
    mean_1, mean_2, square_1, square_2, product = (
        cv2.GaussianBlur(values, (_SSIM_WINDOW, _SSIM_WINDOW), _SSIM_SIGMA)[inside, inside]
        for values in (reference, image, reference * reference, image * image, reference * image)
    )
    variances = (square_1 - mean_1 * mean_1) + (square_2 - mean_2 * mean_2)
    covariance = product - mean_1 * mean_2
    c1, c2 = _SSIM_K1**2, _SSIM_K2**2
    similarity = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    return float((similarity / ((mean_1**2 + mean_2**2 + c1) * (variances + c2))).mean())


def _correlate(image: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Filter with zero padding by the outer product of two even filters, centred as in MATLAB's `conv2(..., 'same')`.

    Convolution would flip the filters. That does not change means, and changes only the sign of Haar coefficients,
    whose magnitude HaarPSI uses.
    """
    anchor = (len(row) // 2 - 1, len(column) // 2 - 1)
    return cv2.sepFilter2D(image, cv2.CV_64F, row, column, anchor=anchor, borderType=cv2.BORDER_CONSTANT)


def _mean_2x2(image: np.ndarray) -> np.ndarray:
    return _correlate(image, np.full(2, 0.5), np.full(2, 0.5))


def _haar_magnitudes(luminance: np.ndarray) -> np.ndarray:
    """Return the absolute Haar coefficients, (orientation 2, scale 3, H, W)."""
    magnitudes = np.empty((2, 3, *luminance.shape))
    for scale in (1, 2, 3):
        smooth = np.full(2**scale, 2.0**-scale)
        step = np.repeat([-1.0, 1.0], 2 ** (scale - 1))
        magnitudes[0, scale - 1] = _correlate(luminance, step, smooth)
        magnitudes[1, scale - 1] = _correlate(luminance, smooth, step)
    return np.abs(magnitudes, out=magnitudes)


def _similarity(a: np.ndarray, b: np.ndarray, c: float) -> np.ndarray:
    return (2 * a * b + c) / (a**2 + b**2 + c)


def haarpsi(reference: np.ndarray, image: np.ndarray, c: float = 30.0, alpha: float = 4.2) -> float:
    """Return the Haar wavelet-based perceptual similarity index (Reisenhofer 2018, doi:10.1016/j.image.2017.11.001).

    Images are scaled to [0, 255], averaged over 2 x 2 pixels and halved. With Haar coefficients a_k and b_k of scale k
    in one orientation, the local similarity is the mean over k = 1, 2 of `(2 |a_k| |b_k| + c) / (a_k^2 + b_k^2 + c)`,
    and its weight is `max(|a_3|, |b_3|)`. The score is
    `(logit(sum(sigmoid(alpha * similarity) * weight) / sum(weight)) / alpha)^2`, summed over pixels and both
    orientations. For colour images the coefficients are those of luminance, and a third map compares I and Q of YIQ,
    weighted by the mean of the two weights. The third map is 1 without colour, so a grey image copied to three channels
    scores higher than the same image with one channel.

    Args:
        reference: Original image, float (H, W), or (H, W, 3) as RGB, in [0, 1].
        image: Image to score, of the same shape and range.
        c: Stabilising constant, above 0, in squared 8-bit levels; `MEDICAL` holds another proposal.
        alpha: Slope of the logistic function, above 0.

    Returns:
        0 to 1, higher is better; 1 for identical images. Two images of flat luminance have no structure to compare and
        score 1, although the formula would compare their edges with the zero padding.

    Raises:
        ValueError: Shapes differ, an image is not floating point (H, W) or (H, W, 3) in [0, 1], or a constant is not
            above 0.

    >>> image = np.linspace(0, 1, 400).reshape(20, 20)
    >>> round(haarpsi(image, 0.9 * image), 3), round(haarpsi(image, 0.9 * image, **MEDICAL), 3)
    (0.991, 0.99)
    """
    reference, image = check_pair(reference, image, dimensions=(2, 3))
    if reference.ndim == 3 and reference.shape[-1] != 3:
        raise ValueError(f"expected (H, W) or (H, W, 3), got shape {reference.shape}: use score for a stack of images")
    if not (c > 0 and alpha > 0):
        raise ValueError(f"the HaarPSI constants must be above 0, got c={c} and alpha={alpha}")
    planes = []
    for values in (reference, image):
        bands = (values[None] if values.ndim == 2 else np.moveaxis(values @ _RGB_TO_YIQ.T, -1, 0)) * 255
        planes.append(bands)
    if all(np.ptp(bands[0]) == 0 for bands in planes):
        return 1.0
    planes = [np.stack([_mean_2x2(band)[::2, ::2] for band in bands]) for bands in planes]

    a, b = (_haar_magnitudes(bands[0]) for bands in planes)
    similarities = _similarity(a[:, :2], b[:, :2], c).mean(axis=1)  # (orientation, H, W)
    weights = np.maximum(a[:, 2], b[:, 2])  # (orientation, H, W)
    if len(planes[0]) == 3:
        a, b = (np.abs([_mean_2x2(band) for band in bands[1:]]) for bands in planes)
        similarities = np.concatenate([similarities, _similarity(a, b, c).mean(axis=0, keepdims=True)])
        weights = np.concatenate([weights, weights.mean(axis=0, keepdims=True)])
    mean = np.sum(expit(alpha * similarities) * weights) / np.sum(weights)
    # Rounding may carry the mean an ulp past the logistic function's value at similarity 1.
    return min(float((logit(mean) / alpha) ** 2), 1.0)


def score(references: np.ndarray, images: np.ndarray, c: float = 30.0, alpha: float = 4.2) -> pd.DataFrame:
    """Return PSNR, SSIM and HaarPSI of each image of a stack.

    Args:
        references: Original images, float (N, H, W) in [0, 1].
        images: Images to score, of the same shape and range.
        c: HaarPSI's stabilising constant.
        alpha: HaarPSI's slope.

    Returns:
        One row per image, with columns `psnr` (dB), `ssim` and `haarpsi`.

    Raises:
        ValueError: The stacks differ in shape or are not (N, H, W), or an image is not valid.
    """
    references, images = check_pair(references, images, ("references", "images"), (3,), dtype=None)
    rows = [(psnr(r, i), ssim(r, i), haarpsi(r, i, c, alpha)) for r, i in zip(references, images, strict=True)]
    return pd.DataFrame(rows, columns=["psnr", "ssim", "haarpsi"])


def mean_score(scores: np.ndarray, ceiling: float = PSNR_CEILING) -> float:
    """Return a mean of scores that is finite even if an image was restored perfectly and its PSNR is infinite.

    Scores above the ceiling count as the ceiling. SSIM and HaarPSI are at most 1, so the ceiling does not affect them.

    Args:
        scores: Scores of one kind, shape (N,).
        ceiling: Largest score that counts in full; for PSNR, in dB.

    Returns:
        The mean.

    Raises:
        ValueError: There are no scores, or one is NaN.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.size == 0 or np.isnan(scores).any():
        raise ValueError(f"expected scores without NaN, got {scores}: score at least one valid image")
    return float(np.minimum(scores, ceiling).mean())
