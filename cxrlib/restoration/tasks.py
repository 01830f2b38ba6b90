"""The two corruptions of the pretext tasks: Gaussian noise and Gaussian blur (section 2.2 of the paper).

Each image draws its level once, from a generator of its own that depends on the seed and on the image's number alone.
What an image looks like corrupted therefore does not depend on the other images, on their order, or on how many
processes share the work.
"""

from collections.abc import Sequence
from numbers import Integral

import cv2
import numpy as np

from cxrlib.arrays import check_image

NOISE_FACTORS = (0.02, 0.04, 0.06, 0.08, 0.1)
BLUR_KERNELS = (3, 5, 7, 9)

LEVELS = {"denoising": NOISE_FACTORS, "deblurring": BLUR_KERNELS}


def _to_8_bit(image: np.ndarray) -> np.ndarray:
    return np.rint(image * 255).astype(np.uint8)


def add_gaussian_noise(image: np.ndarray, factor: float, rng: np.random.Generator, scale: str = "std") -> np.ndarray:
    """Add zero-mean Gaussian noise, and clip to [0, 1] (section 2.2, steps i to iv).

    The paper multiplies unit-deviation noise by what it calls a variance factor. Read as it is computed, the factor is
    a standard deviation (`scale="std"`): PSNR is -20 log10(factor) dB before clipping. Read as it is named, it is a
    variance (`scale="variance"`): -10 log10(factor) dB.

    Args:
        image: Float image (H, W), or (H, W, C) whose channels get independent noise, in [0, 1].
        factor: Standard deviation or variance of the noise, in units of the full intensity range; 0 or more.
        rng: Generator the noise is drawn from.
        scale: "std" or "variance".

    Returns:
        The noisy image, float32 in [0, 1], of the same shape.

    Raises:
        ValueError: The image is not floating point in [0, 1], the factor is negative or not finite, or the scale is
            unknown.
        TypeError: `rng` is not a NumPy Generator.
    """
    image = check_image(image)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {rng!r}: pass numpy.random.default_rng(seed)")
    if not (np.isfinite(factor) and factor >= 0):
        raise ValueError(f"the noise factor must be finite and 0 or more, got {factor}")
    if scale not in ("std", "variance"):
        raise ValueError(f'the noise scale must be "std" or "variance", got {scale!r}')
    deviation = factor if scale == "std" else np.sqrt(factor)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image + np.float32(deviation) * noise, 0, 1)


def gaussian_blur(image: np.ndarray, kernel_size: int) -> np.ndarray:
    """Blur with OpenCV's own Gaussian kernel for sigma 0 (section 2.2, blur).

    For the paper's sizes OpenCV takes fixed tables, not the sigma formula of its documentation: [1, 2, 1] / 4,
    [1, 4, 6, 4, 1] / 16, [2, 7, 14, 18, 14, 7, 2] / 64 and [4, 13, 30, 51, 60, 51, 30, 13, 4] / 256. The border is
    mirrored without repeating the edge pixel (OpenCV's default).

    Args:
        image: (H, W) or (H, W, C); floating point in [0, 1], or uint8, which OpenCV blurs in fixed-point arithmetic.
        kernel_size: Side of the square kernel in pixels; odd, 1 or more.

    Returns:
        The blurred image, of the same shape; uint8 for uint8, else float32 in [0, 1].

    Raises:
        ValueError: The image is neither uint8 nor floating point in [0, 1], or the kernel size is not an odd positive
            integer.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8:
        image = check_image(image)
    if not isinstance(kernel_size, Integral) or kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"the blur kernel size must be an odd positive integer, got {kernel_size!r}")
    return cv2.GaussianBlur(image, (int(kernel_size), int(kernel_size)), 0)


def draw_levels(count: int, levels: Sequence[float], seed: int) -> np.ndarray:
    """Draw the corruption level of each image, once and uniformly (section 2.2, step iii).

    Image i draws from `numpy.random.default_rng([seed, i])`, so its level stays what it is when images are added
    behind it.

    Args:
        count: Number of images.
        levels: Levels to draw from, such as `NOISE_FACTORS` or `BLUR_KERNELS`.
        seed: Non-negative integer.

    Returns:
        Levels, shape (count,), in the type of `levels`.

    Raises:
        ValueError: `count` is negative, or there is no level to draw from.
    """
    if count < 0:
        raise ValueError(f"the number of images cannot be negative, got {count}")
    levels = np.asarray(levels)
    if levels.ndim != 1 or levels.size == 0:
        raise ValueError(f"levels must be a non-empty sequence of numbers, got shape {levels.shape}")
    choices = [np.random.default_rng([seed, number]).integers(levels.size) for number in range(count)]
    return levels[np.asarray(choices, dtype=int)]


def corrupt(
    images: np.ndarray,
    task: str,
    levels: Sequence[float] | float,
    seed: int,
    noise_scale: str = "std",
    channels: int = 1,
    image_numbers: Sequence[int] | None = None,
) -> np.ndarray:
    """Corrupt images as the pretext task's input, stored to 8-bit precision as the paper saves them (section 2.2).

    With `channels=3` an image is handled as a colour file: independent noise on three equal channels, 8-bit storage,
    then OpenCV's weighted grey (0.299, 0.587, 0.114). The weighting averages noise away: its deviation falls to 0.669
    of the one-channel noise, a gain of 3.5 dB before clipping. Blur is the same for both.

    Args:
        images: Float images (N, H, W) in [0, 1].
        task: "denoising" or "deblurring".
        levels: Level of each image, shape (N,), from `draw_levels`; or one number for all images.
        seed: Non-negative integer; the noise does not depend on the levels drawn with the same seed.
        noise_scale: "std" or "variance", as in `add_gaussian_noise`; of no effect for blur.
        channels: 1 or 3.
        image_numbers: Distinct number of each image, shape (N,), which together with the seed fixes its noise; by
            default its position. Give the row in the whole data set when corrupting a part, else two parts corrupted
            with one seed share their noise.

    Returns:
        Corrupted images, float32 (N, H, W) in [0, 1], all of them multiples of 1/255.

    Raises:
        ValueError: An image, level or option is not valid, or there is not one level and one number for each image.
    """
    images = check_image(images, dimensions=(3,))
    if task not in LEVELS:
        raise ValueError(f"the task must be one of {', '.join(LEVELS)}, got {task!r}")
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, got {channels!r}")
    levels = np.full(len(images), levels) if np.ndim(levels) == 0 else np.asarray(levels)
    if levels.shape != (len(images),):
        raise ValueError(
            f"expected one level for each of {len(images)} images, got shape {levels.shape}: use draw_levels"
        )
    numbers = np.arange(len(images)) if image_numbers is None else np.asarray(image_numbers)
    if len(np.unique(numbers)) != len(images) or numbers.shape != (len(images),):
        raise ValueError(f"image_numbers must hold {len(images)} distinct numbers, got shape {numbers.shape}")

    corrupted = np.empty_like(images)
    for position, (image, level, number) in enumerate(zip(images, levels, numbers, strict=True)):
        if task == "deblurring":
            stored = _to_8_bit(gaussian_blur(image, level))
        else:
            # A child generator: the level was drawn from the parent's stream, and must not recur in the noise.
            rng = np.random.default_rng([seed, int(number)]).spawn(1)[0]
            clean = image if channels == 1 else np.repeat(image[..., None], 3, axis=-1)
            stored = _to_8_bit(add_gaussian_noise(clean, level, rng, noise_scale))
            if channels == 3:
                stored = cv2.cvtColor(stored, cv2.COLOR_RGB2GRAY)
        corrupted[position] = stored / np.float32(255)
    return corrupted
