"""From files to the array that all networks read: lungs found, cropped, resized, stored as 8 bits (section 2.1)."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from cxrlib.images import crop_and_resize, read_image
from cxrlib.lungs import bounding_box, scale_box, segment


def read_images(paths: Sequence[str], workers: int = -1) -> Iterator[np.ndarray]:
    """Read images in order on several threads, a few ahead of their use: memory does not grow with their number.

    Args:
        paths: Files to read.
        workers: Threads; -1 for all cores.

    Yields:
        Images (H, W) in [0, 1].
    """
    parallel = Parallel(n_jobs=workers, prefer="threads", return_as="generator", pre_dispatch="2*n_jobs")
    return parallel(delayed(read_image)(path) for path in paths)


def read_pairs(images: Sequence[str], masks: Sequence[str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read radiographs and their lung masks for training the segmenter.

    Args:
        images: Files of radiographs.
        masks: Files of masks, bright where there is lung, one an image.
        size: Side to which both are squashed.

    Returns:
        8-bit images (N, size, size) and bool masks, same shape.
    """
    radiographs = np.empty((len(images), size, size), np.uint8)
    lungs = np.empty(radiographs.shape, bool)
    for index, (image, mask) in enumerate(zip(read_images(images), read_images(masks), strict=True)):
        radiographs[index] = np.rint(255 * cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))
        lungs[index] = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA) > 0.5
    return radiographs, lungs


def crop_to_lungs(
    paths: Sequence[str],
    segmenter: keras.Model,
    target: str | Path,
    size: int,
    keep_aspect: bool = True,
    margin: float = 0.0,
) -> pd.DataFrame:
    """Crop every image to the box around its lungs and write all as one array.

    An image in which no lung is found keeps its whole frame.

    Args:
        paths: Files to read.
        segmenter: Trained `lungs.inception_unet`.
        target: `.npy` file to write: 8-bit, (N, size, size).
        size: Side of the crops in pixels.
        keep_aspect: Pad the crop to a square; otherwise squash it.
        margin: Share of the box's width and height added on each side.

    Returns:
        One row an image: width, height of the file; crop_x_min, crop_y_min, crop_x_max, crop_y_max in its pixels;
        lungs_found (bool).
    """
    array = np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=(len(paths), size, size))
    images, to_segment = itertools.tee(read_images(paths))
    rows = []
    for index, (mask, image) in enumerate(zip(segment(segmenter, to_segment), images, strict=True)):
        height, width = image.shape
        found = bounding_box(mask, margin)
        crop = (0, 0, width, height) if found is None else scale_box(found, mask.shape, image.shape)
        array[index] = np.rint(255 * crop_and_resize(image, crop, size, keep_aspect))
        rows.append((width, height, *crop, found is not None))
    array.flush()
    columns = ["width", "height", "crop_x_min", "crop_y_min", "crop_x_max", "crop_y_max", "lungs_found"]
    return pd.DataFrame(rows, columns=columns)
