"""Classical filters, each one line of OpenCV, to compare with the networks of section 2.3.1.

A filter has one strength, chosen on validation images as a network's weights are, never on the test images. Each task
in `tasks.TASKS` names the filters that its network is compared with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cxrlib.arrays import check_image
from cxrlib.restoration.quality import mean_score
from cxrlib.restoration.tasks import masked, to_8_bit


@dataclass(frozen=True)
class ClassicalFilter:
    """A filter with one parameter.

    Attributes:
        strength_name: Name of the strength, with its unit.
        strengths: Candidates for `choose_strength`, increasing.
        function: Takes a float32 image (H, W) in [0, 1] and a strength above 0.
    """

    strength_name: str
    strengths: tuple[float, ...]
    function: Callable[[np.ndarray, float], np.ndarray]


def _gaussian(image: np.ndarray, strength: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), strength)


def _median(image: np.ndarray, strength: float) -> np.ndarray:
    if strength != int(strength) or int(strength) % 2 == 0:
        raise ValueError(f"the strength of the median filter is an odd kernel size in pixels, got {strength}")
    # OpenCV offers windows above 5 pixels for 8-bit images only.
    return cv2.medianBlur(to_8_bit(image), int(strength)) / np.float32(255)


def _bilateral(image: np.ndarray, strength: float) -> np.ndarray:
    return cv2.bilateralFilter(image, d=9, sigmaColor=strength, sigmaSpace=2)


def _non_local_means(image: np.ndarray, strength: float) -> np.ndarray:
    levels = to_8_bit(image)
    return cv2.fastNlMeansDenoising(levels, h=255 * strength) / np.float32(255)


def _unsharp_mask(image: np.ndarray, strength: float) -> np.ndarray:
    return image + np.float32(strength) * (image - cv2.GaussianBlur(image, (0, 0), 1.5))


def _inpaint(image: np.ndarray, strength: float) -> np.ndarray:
    holes = masked(image)
    filled = cv2.inpaint(to_8_bit(image), holes.astype(np.uint8), strength, cv2.INPAINT_TELEA) / np.float32(255)
    return np.where(holes, filled, image)


FILTERS = {
    "gaussian": ClassicalFilter("standard deviation (pixels)", (0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0), _gaussian),
    "median": ClassicalFilter("kernel size (pixels)", (3, 5, 7, 9), _median),
    "bilateral": ClassicalFilter(
        "intensity deviation (share of the range)", (0.05, 0.1, 0.2, 0.3, 0.5, 0.8), _bilateral
    ),
    "non-local means": ClassicalFilter(
        "filter strength h (share of the range)", (0.02, 0.04, 0.06, 0.08, 0.1, 0.15), _non_local_means
    ),
    "unsharp mask": ClassicalFilter("amount (factor)", (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0), _unsharp_mask),
    "inpainting": ClassicalFilter("radius (pixels)", (1, 2, 3, 5, 8), _inpaint),
}


def _find(name: str) -> ClassicalFilter:
    if name not in FILTERS:
        raise ValueError(f"unknown filter {name!r}: choose one of {', '.join(FILTERS)}")
    return FILTERS[name]


def apply_filter(name: str, image: np.ndarray, strength: float) -> np.ndarray:
    """Restore an image with a classical filter.

    Args:
        name: A name in `FILTERS`.
        image: Float image (H, W) in [0, 1]. The median filter, non-local means and inpainting round it to 8 bits;
            inpainting (Telea 2004) fills the pixels that `tasks.masked` returns.
        strength: Above 0, in the unit of the filter's `strength_name`.

    Returns:
        The restored image, float32 (H, W), clipped to [0, 1].

    Raises:
        ValueError: The name is unknown, the image is not floating point (H, W) in [0, 1], or the strength is not
            finite and above 0, or not an odd kernel size for the median filter.

    >>> speck = np.pad(np.ones((1, 1), np.float32), 2)
    >>> apply_filter("median", speck, 3).max()
    np.float32(0.0)
    """
    entry = _find(name)
    image = check_image(image, dimensions=(2,))
    if not (np.isfinite(strength) and strength > 0):
        raise ValueError(f"the strength of a filter must be finite and above 0, got {strength}")
    return np.clip(entry.function(image, strength), 0, 1)


def choose_strength(
    name: str,
    corrupted: np.ndarray,
    clean: np.ndarray,
    metric: Callable[[np.ndarray, np.ndarray], float],
    strengths: Sequence[float] | None = None,
) -> float:
    """Return the strength with the best mean score on validation images, or the weaker of two that tie.

    Args:
        name: A name in `FILTERS`.
        corrupted: Corrupted validation images, float (N, H, W) in [0, 1].
        clean: Their originals, of the same shape.
        metric: Function of the original and the restored image; higher is better, as for `quality.ssim`. Its mean
            (`quality.mean_score`) decides.
        strengths: Strengths to try, increasing; by default the filter's own.

    Raises:
        ValueError: The stacks differ in shape or have no image, no strength is given, or `apply_filter` raises it.
    """
    strengths = _find(name).strengths if strengths is None else tuple(strengths)
    corrupted, clean = np.asarray(corrupted), np.asarray(clean)
    if corrupted.shape != clean.shape or corrupted.ndim != 3 or len(clean) == 0:
        raise ValueError(f"expected two stacks of one shape (N, H, W), got {corrupted.shape} and {clean.shape}")
    if not strengths:
        raise ValueError(f"no strength of the {name} filter to try: give at least one")

    def mean(strength: float) -> float:
        pairs = zip(clean, corrupted, strict=True)
        return mean_score([metric(original, apply_filter(name, image, strength)) for original, image in pairs])

    return float(max(strengths, key=mean))
