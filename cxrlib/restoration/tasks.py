"""The pretext tasks in one registry: each is a way to corrupt images that a network learns to undo (section 2.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

import cv2
import numpy as np

from cxrlib.arrays import check_image

NOISE_FACTORS = (0.02, 0.04, 0.06, 0.08, 0.1)
BLUR_KERNELS = (3, 5, 7, 9)
MASKED_SHARES = (0.1, 0.2, 0.3, 0.4)  # whole numbers of squares of the grid
GRID = 10  # squares a side


@dataclass(frozen=True)
class Task:
    """A pretext task.

    Attributes:
        encoder: Name of the encoder that learns it, and of the classifier that starts from this encoder.
        inputs: Name of its corrupted images on the page.
        outputs: Name of its restored images on the page.
        levels: Levels from which each image draws one, increasing.
        level_label: Name of a level, with its unit.
        function: Takes a float32 image (H, W) in [0, 1], a level, the image's own generator, and the options; returns
            the corrupted image in [0, 1].
        seed_offset: Number to add to a run's seed, different for each task. It is here so that the order of the tasks
            does not matter.
        filters: Names in `filters.FILTERS` of the classical filters to compare the network with; none if there is
            nothing to restore.
        options: Names of the options that the function takes.
    """

    encoder: str
    inputs: str
    outputs: str
    levels: tuple[float, ...]
    level_label: str
    function: Callable[..., np.ndarray]
    seed_offset: int
    filters: tuple[str, ...]
    options: tuple[str, ...] = ()


def to_8_bit(image: np.ndarray) -> np.ndarray:
    """Return an image in [0, 1] as the 8-bit values in which it is stored, 0 to 255."""
    return np.rint(image * 255).astype(np.uint8)


def add_gaussian_noise(
    image: np.ndarray, factor: float, rng: np.random.Generator, scale: str = "std", rescaling: str = "clip"
) -> np.ndarray:
    """Add zero-mean Gaussian noise, and bring the image back to [0, 1] (section 2.2, steps i to iv).

    The paper multiplies noise of unit standard deviation by what it calls a variance factor. By its formula the factor
    is a standard deviation (`scale="std"`): PSNR is -20 log10(factor) dB before clipping. By its name it is a variance
    (`scale="variance"`): -10 log10(factor) dB.

    Args:
        image: Float image (H, W), or (H, W, C) whose channels get independent noise, in [0, 1].
        factor: Standard deviation or variance of the noise, in units of the full intensity range; 0 or more.
        rng: Generator of the noise.
        scale: "std" or "variance".
        rescaling: "clip" cuts at 0 and 1; "min-max" stretches the image from its own darkest to its own brightest
            value.

    Returns:
        The noisy image, float32 in [0, 1], of the same shape.

    Raises:
        ValueError: The image is not floating point in [0, 1], the factor is negative or not finite, or the scale or
            the rescaling is unknown.
        TypeError: `rng` is not a NumPy Generator.

    >>> grey = np.full((64, 64), 0.5, np.float32)
    >>> round(float(add_gaussian_noise(grey, 0.1, np.random.default_rng(0)).std()), 2)
    0.1
    """
    image = check_image(image)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {rng!r}: pass numpy.random.default_rng(seed)")
    if not (np.isfinite(factor) and factor >= 0):
        raise ValueError(f"the noise factor must be finite and 0 or more, got {factor}")
    if scale not in ("std", "variance"):
        raise ValueError(f'the noise scale must be "std" or "variance", got {scale!r}')
    if rescaling not in ("clip", "min-max"):
        raise ValueError(f'the rescaling must be "clip" or "min-max", got {rescaling!r}')
    deviation = factor if scale == "std" else np.sqrt(factor)
    noisy = image + np.float32(deviation) * rng.standard_normal(image.shape, dtype=np.float32)
    if rescaling == "min-max":
        noisy = (noisy - noisy.min()) / max(np.ptp(noisy), np.finfo(np.float32).tiny)
    return noisy.clip(0, 1)


def gaussian_blur(image: np.ndarray, kernel_size: int) -> np.ndarray:
    """Blur with OpenCV's own Gaussian kernel for sigma 0 (section 2.2, blur).

    For the paper's sizes OpenCV uses fixed tables, not the sigma formula of its documentation: [1, 2, 1] / 4,
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


def mask_squares(image: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Black out random squares of a grid of 10 x 10 (not in the paper; compare He et al. 2022).

    Only masked pixels are black: pixels darker than 1/255 are first raised to 1/255. So a network and a filter can read
    the mask from the image, even from its 8 bits (`masked`).

    Args:
        image: Float image (H, W) in [0, 1], 10 pixels a side or more.
        share: Share of the squares to mask, 0 to 1; the squares of a small share are among those of a larger one.
        rng: Generator of the squares.

    Returns:
        The masked image, float32 in [0, 1], of the same shape.

    Raises:
        ValueError: The image is not floating point (H, W) in [0, 1] or too small, or the share is not in [0, 1].

    >>> grey = np.full((20, 20), 0.5, np.float32)
    >>> float(masked(mask_squares(grey, 0.3, np.random.default_rng(0))).mean())
    0.3
    """
    image = check_image(image, (2,))
    if min(image.shape) < GRID:
        raise ValueError(f"an image of shape {image.shape} has no {GRID} squares a side: give a larger one")
    if not 0 <= share <= 1:
        raise ValueError(f"the masked share must be 0 to 1, got {share}")
    squares = np.zeros(GRID * GRID, bool)
    squares[rng.permutation(GRID * GRID)[: round(share * GRID * GRID)]] = True
    down, across = (np.arange(side) * GRID // side for side in image.shape)  # square of each line, of each column
    return np.where(squares[down[:, None] * GRID + across], 0, np.maximum(image, np.float32(1 / 255)))


def masked(image: np.ndarray) -> np.ndarray:
    """Return which pixels `mask_squares` has blacked out, bool (H, W), from the image (H, W) in [0, 1] alone."""
    return to_8_bit(image) == 0


def _noise(
    image: np.ndarray,
    level: float,
    rng: np.random.Generator,
    noise_scale: str = "std",
    channels: int = 1,
    rescaling: str = "clip",
) -> np.ndarray:
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, got {channels!r}")
    if channels == 1:
        return add_gaussian_noise(image, level, rng, noise_scale, rescaling)
    colour = np.repeat(image[..., None], 3, axis=-1)
    stored = to_8_bit(add_gaussian_noise(colour, level, rng, noise_scale, rescaling))
    return cv2.cvtColor(stored, cv2.COLOR_RGB2GRAY) / np.float32(255)


def _blur(image: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    return gaussian_blur(image, level)


def _keep(image: np.ndarray, level: float, rng: np.random.Generator) -> np.ndarray:
    return check_image(image, (2,))


TASKS = {
    "denoising": Task(
        encoder="Den-P",
        inputs="noisy",
        outputs="denoised",
        levels=NOISE_FACTORS,
        level_label="noise factor",
        function=_noise,
        seed_offset=0,
        filters=("gaussian", "median", "bilateral", "non-local means"),
        options=("noise_scale", "channels"),
    ),
    "deblurring": Task(
        encoder="Deb-P",
        inputs="blurred",
        outputs="deblurred",
        levels=BLUR_KERNELS,
        level_label="kernel (pixels)",
        function=_blur,
        seed_offset=1,
        filters=("unsharp mask",),
    ),
    "filling": Task(
        encoder="Fil-P",
        inputs="masked",
        outputs="filled",
        levels=MASKED_SHARES,
        level_label="masked share",
        function=mask_squares,
        seed_offset=2,
        filters=("inpainting",),
    ),
    # The control: its network trains as long, on the same images, and has nothing to undo.
    "identity": Task(
        encoder="Id-P",
        inputs="unchanged",
        outputs="returned",
        levels=(0.0,),
        level_label="corruption",
        function=_keep,
        seed_offset=3,
        filters=(),
    ),
}


def find_task(name: str) -> Task:
    """Return the task with this name.

    Raises:
        ValueError: No task has this name.

    >>> find_task("denoising").encoder
    'Den-P'
    """
    if name not in TASKS:
        raise ValueError(f"no pretext task {name!r}: choose one of {', '.join(TASKS)}, or register it in TASKS")
    return TASKS[name]
