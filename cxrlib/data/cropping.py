"""From files to the array that all networks read: find the lungs, crop, resize, store 8 bits (section 2.1)."""

import hashlib
import io
import itertools
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd

from cxrlib import progress
from cxrlib.data.images import crop_and_resize, read_image
from cxrlib.data.masks import read_mask
from cxrlib.data.parallel import map_files
from cxrlib.files import flush_to_disk, move_into_place, written_whole
from cxrlib.networks.lungs import bounding_box, scale_box, segment

BLOCK = 64  # crops between two records of how far the work has come


def read_pairs(images: Sequence[str], masks: Sequence[str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Read radiographs and their lung masks for training the segmenter.

    Args:
        images: Files of radiographs.
        masks: Files of masks that `masks.read_mask` can read, one per image.
        size: Side in pixels to which both are squashed.

    Returns:
        8-bit images (N, size, size) and bool masks of the same shape.

    Raises:
        ImageError: If a file cannot be read, or a mask is inverted or not a mask.
    """
    radiographs = np.empty((len(images), size, size), np.uint8)
    lungs = np.empty(radiographs.shape, bool)
    for index, image in enumerate(map_files(read_image, images)):
        radiographs[index] = np.rint(255 * cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))
    for index, mask in enumerate(map_files(read_mask, masks)):
        lungs[index] = cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA) > 0.5
    return radiographs, lungs


def crop_masks(masks: Sequence[str], crops: pd.DataFrame, size: int, keep_aspect: bool = True) -> np.ndarray:
    """Transform lung masks into the frame of the crops, so that they match the pixels of `crop_to_lungs`.

    Args:
        masks: Files of masks that `masks.read_mask` can read, one per image.
        crops: The rows that `crop_to_lungs` returns for these images.
        size: Side of the crops in pixels.
        keep_aspect: As given to `crop_to_lungs`.

    Returns:
        Bool, (N, size, size), True for lung.

    Raises:
        ImageError: If a mask cannot be read, is inverted or is not a mask.
    """
    lungs = np.zeros((len(masks), size, size), bool)
    for index, (mask, row) in enumerate(zip(map_files(read_mask, masks), crops.itertuples(), strict=True)):
        mask = cv2.resize(mask, (int(row.width), int(row.height)), interpolation=cv2.INTER_AREA)
        crop = (row.crop_x_min, row.crop_y_min, row.crop_x_max, row.crop_y_max)
        lungs[index] = crop_and_resize(mask, crop, size, keep_aspect) > 0.5
    return lungs


def crop_to_lungs(
    paths: Sequence[str],
    segmenter: keras.Model | None,
    target: str | Path,
    size: int,
    keep_aspect: bool = True,
    margin: float = 0.0,
    unfinished: str | Path | None = None,
) -> pd.DataFrame:
    """Crop every image to the box around its lungs and write all of them as one array.

    If no lung is found in an image, it keeps its whole frame.

    Args:
        paths: Files to read.
        segmenter: Trained `lungs.inception_unet`; None keeps every whole frame.
        target: `.npy` file to write: 8-bit, (N, size, size). It appears only when it is complete.
        size: Side of the crops in pixels.
        keep_aspect: True pads the crop to a square; False squashes it.
        margin: Share of the box's width and height to add on each side, 0 or more.
        unfinished: Folder for unfinished work, which continues after an interruption. By default, unfinished work is
            beside the target and starts again.

    Returns:
        One row per image: width, height of the file; crop_x_min, crop_y_min, crop_x_max, crop_y_max in its pixels;
        lungs_found (bool).
    """
    target = Path(target)
    folder = Path(unfinished or target.parent)
    folder.mkdir(parents=True, exist_ok=True)
    array, record = folder / f"partial-{target.name}", folder / f"partial-{target.stem}.jsonl"
    key = _fingerprint(paths, segmenter, (size, keep_aspect, margin))
    rows = _done_before(record, key) if unfinished else []
    header = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (len(paths), size, size)}
    np.lib.format.write_array_header_1_0(header, shape)
    # After power loss the file may be shorter than the record says.
    stored = (array.stat().st_size - len(header.getvalue())) // size**2 if array.is_file() else 0
    rows = rows[: max(0, min(len(rows), stored)) // BLOCK * BLOCK]
    with open(array, "r+b" if rows else "wb") as crops, open(record, "w") as lines:
        crops.write(header.getvalue())
        crops.seek(len(rows) * size**2, os.SEEK_CUR)
        crops.truncate()
        lines.writelines(f"{json.dumps(row)}\n" for row in [key, *rows])
        # In turn, not through a memory map: there a full disk ends the process without a word (SIGBUS).
        images, to_segment = itertools.tee(map_files(read_image, paths[len(rows) :]))
        masks = segment(segmenter, to_segment, batch_size=16) if segmenter else itertools.repeat(None)
        with progress.bar("cropping", len(paths), " images", len(rows)) as bar:
            for mask, image in zip(masks, images, strict=segmenter is not None):
                found = None if mask is None else bounding_box(mask, margin)
                height, width = image.shape
                crop = (0, 0, width, height) if found is None else scale_box(found, mask.shape, image.shape)
                crops.write(np.rint(255 * crop_and_resize(image, crop, size, keep_aspect)).astype(np.uint8).tobytes())
                rows.append([width, height, *crop, found is not None])
                if len(rows) % BLOCK == 0:
                    crops.flush()
                    flush_to_disk(array)  # before the rows: one that is recorded has its pixels
                    lines.writelines(f"{json.dumps(row)}\n" for row in rows[-BLOCK:])
                    lines.flush()
                bar.update()
    if unfinished:
        with written_whole(target) as partial:
            shutil.copyfile(array, partial)
    else:
        move_into_place(array, target)
        record.unlink()
    columns = ["width", "height", "crop_x_min", "crop_y_min", "crop_x_max", "crop_y_max", "lungs_found"]
    return pd.DataFrame(rows, columns=columns)


def _fingerprint(paths: Sequence[str], segmenter: keras.Model | None, settings: tuple) -> str:
    """Return a fingerprint of the work: the files in their present state, the segmenter and the settings."""
    files = [(str(path), stat.st_size, stat.st_mtime_ns) for path in paths for stat in [Path(path).stat()]]
    content = hashlib.sha256(json.dumps([files, settings]).encode())
    for weights in segmenter.get_weights() if segmenter else []:
        content.update(weights.tobytes())
    return content.hexdigest()


def _done_before(record: Path, key: str) -> list[list]:
    """Read the rows that an interrupted run of the same work has recorded, without a half-written line."""
    try:
        lines = record.read_text().splitlines(keepends=True) if record.is_file() else []
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
    except ValueError:  # after a loss of power there may be zeros in it
        return []
    return whole[1:] if whole[:1] == [key] else []
