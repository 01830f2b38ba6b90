"""What functions ask of an array before they use it: type, axes and range. Each error names the fault and a remedy."""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

import numpy as np
from numpy.typing import ArrayLike


def check_array(
    values: ArrayLike,
    name: str,
    dimensions: tuple[int, ...] | None = None,
    low: float = -np.inf,
    high: float = np.inf,
    remedy: str = "look at where it comes from",
) -> np.ndarray:
    """Return an array of finite numbers within bounds, or say why it is none.

    Args:
        values: Numbers or bools.
        name: What to call the array in an error.
        dimensions: Numbers of axes that are accepted; by default any.
        low: Least value.
        high: Greatest value.
        remedy: What to do about another array, for the error.

    Returns:
        The same values.

    Raises:
        ValueError: The number of axes is not accepted, the array is empty, or a value is NaN, infinite or out of
            bounds.

    >>> check_array([[0.2, 0.7]], "probabilities", (2,), 0, 1).shape
    (1, 2)
    """
    values = np.asarray(values)
    if values.size == 0 or (dimensions is not None and values.ndim not in dimensions):
        axes = "any number of" if dimensions is None else " or ".join(str(number) for number in dimensions)
        raise ValueError(f"{name} must be a non-empty array with {axes} axes, got shape {values.shape}: {remedy}")
    lowest, highest = values.min(), values.max()
    # Written so that NaN, which fails every comparison, is refused too.
    if not (-np.inf < lowest >= low and np.inf > highest <= high):
        raise ValueError(
            f"{name} must be finite and lie in [{low:g}, {high:g}], got values from {lowest} to {highest}: {remedy}"
        )
    return values


def check_image(
    image: ArrayLike,
    dimensions: tuple[int, ...] = (2, 3),
    name: str = "the image",
    dtype: type | None = np.float32,
) -> np.ndarray:
    """Return an image, or a stack of images, in floating point, or say why it is none.

    Args:
        image: Floating-point array, values in [0, 1].
        dimensions: Numbers of axes that are accepted.
        name: What to call it in an error.
        dtype: Floating-point type of the result; None keeps the image's own.

    Returns:
        The same values; the array itself where its type is the one asked for.

    Raises:
        ValueError: The type is not floating point, the number of axes is not accepted, the array is empty, or a value
            is NaN, infinite or outside [0, 1].
    """
    image = np.asarray(image)
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"{name} must be floating point in [0, 1], got {image.dtype}: divide 8-bit images by 255")
    check_array(image, name, dimensions, 0, 1, "give the shape that is asked for, scaled or clipped to [0, 1]")
    return image.astype(dtype or image.dtype, copy=False)


def check_pair(
    first: ArrayLike,
    second: ArrayLike,
    names: tuple[str, str] = ("the reference", "the image"),
    dimensions: tuple[int, ...] = (2,),
    dtype: type | None = np.float64,
) -> tuple[np.ndarray, np.ndarray]:
    """Return two images of one shape that are compared pixel by pixel; arguments and errors as `check_image`.

    Raises:
        ValueError: An image is not valid, or the shapes differ.
    """
    first, second = (
        check_image(image, dimensions, name, dtype) for image, name in zip((first, second), names, strict=True)
    )
    check_same_shape(first, second, names)
    return first, second


def check_same_shape(first: np.ndarray, second: np.ndarray, names: tuple[str, str]) -> None:
    """Raise a ValueError where two arrays that belong together differ in shape."""
    if first.shape != second.shape:
        raise ValueError(f"{names[0]} has shape {first.shape}, {names[1]} {second.shape}: give both in one shape")
