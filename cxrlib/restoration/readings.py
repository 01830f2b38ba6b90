"""The possible readings of the paper's text, each with the scores of its corrupted input, without any network.

Section 2.2 does not say whether an image was corrupted before or after it was resized, how it was resized, or what
happened to values outside [0, 1]. Each choice changes the scores of a network's input.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import cv2
import numpy as np
import pandas as pd

from cxrlib.arrays import check_image
from cxrlib.restoration import quality
from cxrlib.restoration.tasks import TASKS, to_8_bit

INTERPOLATIONS = {"area": cv2.INTER_AREA, "bilinear": cv2.INTER_LINEAR}
CHOICES = {
    "order": ("after", "before"),  # the image is corrupted after or before it is resized
    "interpolation": tuple(INTERPOLATIONS),
    "rescaling": ("clip", "min-max"),  # of a noisy image, back to [0, 1]
    "factor": ("std", "variance"),  # the noise factor is a standard deviation or a variance
    "channels": (1, 3),  # noise on the grey image, or on three equal channels that are then turned to grey
}
"""What is open, and how each can be read. A blur knows the first two alone."""


def input_scores(
    films: Iterable[np.ndarray], size: int, task: str, seed: int, choices: Mapping[str, Sequence] = CHOICES
) -> pd.DataFrame:
    """Score corrupted images against their clean ones in every reading of the text.

    The films take the task's levels in turn. All readings use the same films and levels, and noise from the same seed.

    Args:
        films: Original images, float (H, W) in [0, 1], larger than `size`: an enlarged image has no detail to lose.
        size: Side to which they are squashed, in pixels.
        task: "denoising" or "deblurring".
        seed: Non-negative integer.
        choices: Choices to combine, as in `CHOICES`; a blur uses only order and interpolation.

    Returns:
        One row per reading, with its choices and the mean `psnr` (dB), `ssim` and `haarpsi` over the films.

    Raises:
        ValueError: No film, a film smaller than `size`, an unknown choice, or a task that has no reading here.

    >>> film = np.random.default_rng(0).random((64, 64))
    >>> input_scores([film], 32, "deblurring", seed=0).columns.tolist()
    ['order', 'interpolation', 'psnr', 'ssim', 'haarpsi']
    """
    if task not in ("denoising", "deblurring"):
        raise ValueError(f"no readings of {task!r}: the paper describes denoising and deblurring")
    levels = TASKS[task].levels
    names = list(CHOICES) if task == "denoising" else list(CHOICES)[:2]
    for name in names:
        if unknown := set(choices[name]) - set(CHOICES[name]):
            raise ValueError(f"{name} {unknown.pop()!r} is unknown: choose one of {', '.join(map(str, CHOICES[name]))}")
    rows = []
    for number, film in enumerate(films):
        film = check_image(film, (2,), f"film {number}")
        if min(film.shape) < size:
            raise ValueError(f"film {number} has {film.shape[1]} x {film.shape[0]} pixels: give one above {size}")
        level = levels[number % len(levels)]
        small = {name: _resize(film, size, name) for name in choices["interpolation"]}
        for order, *how in product(choices["order"], *(choices[name] for name in names[2:])):
            # Once, not for each interpolation: the film is what takes time.
            whole = _corrupt(film, task, level, [seed, number], how) if order == "before" else None
            for interpolation, clean in small.items():
                if order == "before":
                    image = to_8_bit(_resize(whole, size, interpolation)) / np.float32(255)
                else:
                    image = _corrupt(clean, task, level, [seed, number], how)
                scores = quality.score(clean[None], image[None]).iloc[0]
                rows.append(dict(zip(names, (order, interpolation, *how), strict=True)) | scores.to_dict())
    if not rows:
        raise ValueError("no film to score: give at least one")
    return pd.DataFrame(rows).groupby(names, sort=False).agg(quality.mean_score).reset_index()


def nearest(grid: pd.DataFrame, published: Mapping[str, float], count: int = 3) -> pd.DataFrame:
    """Return the readings whose input scores are nearest to published scores.

    The distance of each score is divided by the score's standard deviation over the grid; then the squares are added.

    Args:
        grid: The rows that `input_scores` returns.
        published: `psnr`, `ssim` and `haarpsi`.
        count: Number of readings.

    Returns:
        The rows, nearest first, with `distance`.
    """
    scores = grid[["psnr", "ssim", "haarpsi"]]
    gaps = (scores - pd.Series(published)[list(scores)]) / scores.std()
    return grid.assign(distance=np.sqrt((gaps**2).sum(axis=1))).nsmallest(count, "distance")


def _resize(image: np.ndarray, size: int, interpolation: str) -> np.ndarray:
    return cv2.resize(image, (size, size), interpolation=INTERPOLATIONS[interpolation]).clip(0, 1)


def _corrupt(image: np.ndarray, task: str, level: float, seed: list[int], how: Sequence) -> np.ndarray:
    """Corrupt an image as the chapters do, with the choices in `how`, and round it to 8 bits."""
    options = dict(zip(("rescaling", "noise_scale", "channels"), how, strict=False))
    return to_8_bit(TASKS[task].function(image, level, np.random.default_rng(seed), **options)) / np.float32(255)
