"""Apply a pretext task to a set of images.

Each image draws its level once, from its own generator, which depends only on the seed and on the image's number. So
the corrupted image does not depend on the other images, on their order, or on the number of processes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxrlib.arrays import check_image
from cxrlib.data.cohort import Pixels
from cxrlib.files import written_whole
from cxrlib.restoration.tasks import TASKS, find_task, to_8_bit


def draw_levels(numbers: Sequence[int], levels: Sequence[float], seed: int) -> np.ndarray:
    """Draw the corruption level of each image, once and uniformly (section 2.2, step iii).

    Image i draws from `numpy.random.default_rng([seed, i])`, so its level does not change when images are added.

    Args:
        numbers: Number of each image, 0 or more, shape (N,).
        levels: Levels to draw from, such as those of a task.
        seed: Non-negative integer.

    Returns:
        Levels, shape (N,), in the type of `levels`.

    Raises:
        ValueError: A number is negative, or there is no level to draw from.

    >>> draw_levels([7, 2, 5], (3, 5, 7, 9), seed=0)[1] == draw_levels([2], (3, 5, 7, 9), seed=0)[0]
    np.True_
    """
    levels = np.asarray(levels)
    if levels.ndim != 1 or levels.size == 0:
        raise ValueError(f"levels must be a non-empty sequence of numbers, got shape {levels.shape}")
    choices = [np.random.default_rng([seed, int(number)]).integers(levels.size) for number in numbers]
    return levels[np.asarray(choices, dtype=int)]


def corrupt(
    images: np.ndarray,
    task: str,
    levels: Sequence[float] | float,
    seed: int,
    image_numbers: Sequence[int] | None = None,
    **options,
) -> np.ndarray:
    """Return the corrupted images of a pretext task, with 8-bit precision as in the paper (section 2.2).

    Denoising has two options. `noise_scale` is "std" or "variance", as in `add_gaussian_noise`. With `channels=3`, an
    image is treated like a colour file: independent noise on three equal channels, 8-bit storage, then OpenCV's
    weighted grey (0.299, 0.587, 0.114). The weighting averages noise away: its standard deviation falls to 0.669 of
    that of one-channel noise, a gain of 3.5 dB before clipping.

    Args:
        images: Float images (N, H, W) in [0, 1].
        task: A name in `TASKS`.
        levels: Level of each image, shape (N,), from `draw_levels`; or one number for all images.
        seed: Non-negative integer; the noise does not depend on the levels drawn with the same seed.
        image_numbers: Distinct number of each image, shape (N,), which together with the seed fixes its noise; by
            default its position. Give the number in the whole data set (`cohort.ranks`), or two parts share their
            noise.
        options: Options of any task; the task uses its own and ignores the others.

    Returns:
        Corrupted images, float32 (N, H, W) in [0, 1], all of them multiples of 1/255.

    Raises:
        ValueError: An image, level or option is not valid, or there is not one level and one number for each image.
        TypeError: No task has an option of this name.

    >>> grey = np.full((1, 8, 8), 0.5, np.float32)
    >>> corrupt(grey, "deblurring", 3, seed=0).shape
    (1, 8, 8)
    """
    images = check_image(images, dimensions=(3,))
    entry = find_task(task)
    if unknown := options.keys() - {name for other in TASKS.values() for name in other.options}:
        raise TypeError(f"no pretext task has an option {', '.join(sorted(unknown))}")
    options = {name: value for name, value in options.items() if name in entry.options}
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
        # A child generator: the level was drawn from the parent's stream, and must not recur in the noise.
        rng = np.random.default_rng([seed, int(number)]).spawn(1)[0]
        corrupted[position] = to_8_bit(entry.function(image, level, rng, **options)) / np.float32(255)
    return corrupted


def save_corrupted(
    path: str | Path,
    images: Pixels,
    task: str,
    levels: Sequence[float],
    seed: int,
    image_numbers: Sequence[int],
    block: int = 256,
    **options,
) -> None:
    """Corrupt a set of images block by block into a `.npy` file, because all of them may not fit into memory.

    Args:
        path: File to write, 8-bit (N, H, W), in the order of `images.rows`. It appears only when it is complete.
        images: Clean images.
        task: A name in `TASKS`; this and all further arguments are as for `corrupt`, and so are the errors.
        levels: Level of each image.
        seed: Seed of the noise.
        image_numbers: Number of each image.
        block: Images in memory at a time.
        options: Options of any task.
    """
    levels, image_numbers = np.asarray(levels), np.asarray(image_numbers)
    with written_whole(path) as partial, open(partial, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": images.shape})
        # In turn, not through a memory map: there a full disk ends the process without a word (SIGBUS).
        for start in range(0, len(images), block):
            part = slice(start, start + block)
            changed = corrupt(images[images.rows[part]], task, levels[part], seed, image_numbers[part], **options)
            file.write(to_8_bit(changed).tobytes())
