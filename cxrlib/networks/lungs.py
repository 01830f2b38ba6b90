"""Find the lungs, so that the networks see little else (paper, section 2.1)."""

from collections.abc import Iterable
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import layers, ops

from cxrlib.arrays import check_array, check_same_shape

SMALLEST_INPUT = 96  # Inception-V3 refuses less than 75; 96 leaves its last block more than one pixel


def inception_unet(
    input_shape: tuple[int, int, int],
    last_block: str = "mixed10",
    filters: tuple[int, ...] = (256, 128, 64, 32),
    seed: int | None = None,
) -> keras.Model:
    """Build a U-Net whose encoder is Inception-V3 from random weights.

    Inception's unpadded convolutions leave odd sizes, so each decoder step resizes to its skip's own size.

    Args:
        input_shape: (H, W, C), H and W at least 96.
        last_block: The encoder's last block, "mixed0" to "mixed10"; an early one is enough for small images.
        filters: Filters of the decoder steps, from deep to shallow; the last value is used for any further step.
        seed: Seed of all initial weights.

    Returns:
        Model from (N, H, W, C) in [0, 1] to (N, H, W, 1), probability of lung.

    Raises:
        ValueError: If a side is below 96 or the block is unknown.

    Source: Szegedy et al. 2016 (Inception-V3); Ronneberger et al. 2015 (U-Net). The paper names the pairing only.
    """
    if min(input_shape[:2]) < SMALLEST_INPUT:
        raise ValueError(f"input_shape {input_shape}; the segmenter needs at least {SMALLEST_INPUT} pixels a side")
    if last_block not in {f"mixed{block}" for block in range(11)}:
        raise ValueError(f"last_block {last_block!r}; choose mixed0 to mixed10")
    if seed is not None:
        keras.utils.set_random_seed(seed)
    backbone = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=input_shape)
    deepest = backbone.get_layer(last_block)
    skips = {}  # the last feature map of each size, (h, w) -> tensor, before the encoder shrinks it
    for layer in backbone.layers:
        skips[layer.output.shape[1:3]] = layer.output
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9  # a few hundred steps must be enough for the moving averages
        if layer is deepest:
            break
    del skips[deepest.output.shape[1:3]]
    x = deepest.output
    for step, (size, skip) in enumerate(sorted(skips.items())):
        width = filters[min(step, len(filters) - 1)]
        x = layers.Resizing(*size, interpolation="bilinear", name=f"up{step}")(x)
        # The input image itself is one of the skips: it brings back the exact outline.
        x = layers.Concatenate(name=f"skip{step}")([x, skip])
        for index in (1, 2):
            x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"decoder{step}_conv{index}")(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"decoder{step}_norm{index}")(x)
            x = layers.ReLU(name=f"decoder{step}_relu{index}")(x)
    lung = layers.Conv2D(1, 1, activation="sigmoid", name="lung")(x)
    return keras.Model(backbone.input, lung, name="inception_unet")


def dice_cross_entropy(y_true, y_pred):
    """Return the sum of soft Dice loss and binary cross-entropy, a common loss of segmentation.

    Args:
        y_true: Masks, (N, H, W, 1), 0 or 1.
        y_pred: Probabilities, same shape.

    Returns:
        Loss of each image, shape (N,).
    """
    y_true = ops.cast(y_true, y_pred.dtype)
    axes = (1, 2, 3)
    overlap = ops.sum(y_true * y_pred, axis=axes)
    dice_score = (2 * overlap + 1) / (ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes) + 1)
    return 1 - dice_score + ops.mean(keras.losses.binary_crossentropy(y_true, y_pred), axis=(1, 2))


def dice(reference: np.ndarray, mask: np.ndarray) -> float:
    """Return the overlap of two masks, `2 |A and B| / (|A| + |B|)`, in [0, 1]; NaN if both are empty.

    Args:
        reference: Bool, shape (H, W).
        mask: Bool, same shape.

    Raises:
        ValueError: If the shapes differ.

    >>> mask = np.array([[0, 1, 1], [0, 1, 1]], dtype=bool)
    >>> dice(mask, np.roll(mask, 1, axis=1))
    0.5
    """
    check_same_shape(reference, mask, ("the reference", "the mask"))
    total = reference.sum() + mask.sum()
    return float(2 * (reference & mask).sum() / total) if total else np.nan


def two_lungs(mask: np.ndarray, smallest: float = 0.01) -> np.ndarray:
    """Return the two largest connected parts of a mask, if they are larger than a share of the image.

    Args:
        mask: Bool, shape (H, W).
        smallest: Smallest part kept, as a share of the image's pixels.

    Returns:
        Bool, shape (H, W).
    """
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = statistics[1:count, cv2.CC_STAT_AREA]
    kept = [1 + i for i in np.argsort(-areas, kind="stable")[:2] if areas[i] >= smallest * mask.size]
    return np.isin(parts, kept)


def bounding_box(mask: np.ndarray, margin: float = 0.0) -> tuple[int, int, int, int] | None:
    """Return the smallest box around all lung pixels.

    Args:
        mask: Bool, shape (H, W).
        margin: Share of the box's own width and height that is added on each side, within the image.

    Returns:
        (x_min, y_min, x_max, y_max) in pixels, max exclusive; None if the mask is empty.

    Raises:
        ValueError: If the mask is not two-dimensional.

    >>> bounding_box(np.array([[0, 0, 0], [0, 1, 1]], dtype=bool))
    (1, 1, 3, 2)
    """
    check_array(mask, "the mask", (2,), remedy="give one mask (H, W)")
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    x_min, x_max, y_min, y_max = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
    across, down = round(margin * (x_max - x_min)), round(margin * (y_max - y_min))
    height, width = mask.shape
    box = max(0, x_min - across), max(0, y_min - down), min(width, x_max + across), min(height, y_max + down)
    return tuple(int(value) for value in box)


def scale_box(
    box: tuple[int, int, int, int], source: tuple[int, int], target: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Return a box carried from one size of an image to another, rounded outwards to whole pixels.

    Args:
        box: (x_min, y_min, x_max, y_max), max exclusive.
        source: (H, W) of the image that the box belongs to.
        target: (H, W) of the same image at the new size.
    """
    # Whole numbers throughout: a ratio such as 110 / 100 would push an exact edge one pixel outwards.
    sides = (source[1], target[1]), (source[0], target[0])
    low = [value * new // old for value, (old, new) in zip(box[:2], sides, strict=True)]
    high = [min(new, -(-value * new // old)) for value, (old, new) in zip(box[2:], sides, strict=True)]
    return low[0], low[1], high[0], high[1]


def check_segmenter(model: keras.Model, source: str | Path) -> keras.Model:
    """Refuse a network that is not a segmenter, before it gets any image.

    Args:
        model: Loaded model.
        source: The file it came from, for the message.

    Returns:
        The same model.

    Raises:
        ValueError: If it does not take images (N, H, W, C) of one size and give a probability (N, H, W, 1) for each
            pixel, or has weights that are not finite.
    """
    remedy = "give a segmenter as chapter 1 saves it, segmenter.keras"
    taken, given = model.input_shape, model.output_shape
    if len(taken) != 4 or None in taken[1:] or given != (*taken[:3], 1):
        fault = f"takes {taken} and gives {given}, where a segmenter gives (None, height, width, 1) of its input's size"
        raise ValueError(f"{source}: {fault}; {remedy}")
    for variable in model.weights:
        if not np.isfinite(ops.convert_to_numpy(variable)).all():
            raise ValueError(f"{source}: {variable.path} has weights that are not finite; {remedy}")
    return model


def segment(model: keras.Model, images: Iterable[np.ndarray], batch_size: int = 32) -> Iterable[np.ndarray]:
    """Yield the lung mask of each image, at the segmenter's own size, without holding all images in memory.

    Args:
        model: Result of `inception_unet`, trained.
        images: Images (H, W) in [0, 1], of any sizes.
        batch_size: Images predicted at a time.

    Yields:
        Bool masks of the model's input size, at most two lungs each.
    """
    height, width, channels = model.input_shape[1:]
    batch = []

    def predict():
        inputs = np.zeros((batch_size, height, width, channels), np.float32)  # one shape, so that Keras traces once
        inputs[: len(batch)] = np.stack(batch)[..., None]
        probability = model.predict_on_batch(inputs)[: len(batch), ..., 0]
        return [two_lungs(lung > 0.5) for lung in probability]

    for image in images:
        batch.append(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        if len(batch) == batch_size:
            yield from predict()
            batch.clear()
    if batch:
        yield from predict()
