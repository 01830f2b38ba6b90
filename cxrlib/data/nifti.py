"""Read one slice of a NIfTI-1 file (Cox et al. 2004), a research format for MR and CT."""

import gzip
import struct
from pathlib import Path

import numpy as np

from cxrlib.data.dicom import check_size
from cxrlib.data.issues import ImageError

SUFFIXES = (".nii", ".nii.gz")
HEADER = 348  # bytes
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
"""NIfTI's number of a type of values to NumPy's name, without the order of its bytes."""


def read_nifti(path: Path, max_pixels: int) -> np.ndarray:
    """Read the single slice of a NIfTI file.

    The format does not define the range of its values. They are scaled by the display range of the header (cal_min,
    cal_max) or, without one, from the smallest to the largest value of the slice. So files without a display range can
    be compared only in their contrast.

    Args:
        path: Single file, `.nii` or `.nii.gz`; all axes but the first two must have length one.
        max_pixels: Largest number of pixels to decode.

    Returns:
        Image, float32, shape (H, W), in [0, 1]; the first axis of the file runs to the right, the second upwards.

    Raises:
        ImageError: The file is not a single NIfTI-1 file, is cut short, or has several slices, values that are not
            finite, or too many pixels.
    """
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        header = file.read(HEADER)
        order = {b"\x5c\x01\x00\x00": "<", b"\x00\x00\x01\x5c": ">"}.get(header[:4])
        if order is None or len(header) < HEADER or header[344:348] != b"n+1\0":
            raise ImageError(path, "not a single NIfTI-1 file, by its header", "save it as .nii or .nii.gz")
        dimensions = struct.unpack_from(f"{order}8h", header, 40)
        (kind,) = struct.unpack_from(f"{order}h", header, 70)
        start, slope, shift = struct.unpack_from(f"{order}3f", header, 108)
        high, low = struct.unpack_from(f"{order}2f", header, 124)
        count, (width, height), others = dimensions[0], dimensions[1:3], dimensions[3:]
        slices = int(np.prod([max(1, length) for length in others[: max(0, count - 2)]]))
        if slices > 1:
            raise ImageError(path, f"{slices} slices", "save the slice to use as a file of its own")
        if count < 2 or width < 1 or height < 1 or kind not in TYPES:
            fault = f"a NIfTI of {count} axes and values of type {kind}, which is not a grey slice"
            raise ImageError(path, fault, "save it as whole or real numbers, of one slice")
        check_size(path, height, width, max_pixels)
        dtype = np.dtype(order + TYPES[kind])
        file.read(max(0, round(start) - HEADER))
        stored = file.read(width * height * dtype.itemsize)
    if len(stored) < width * height * dtype.itemsize:
        raise ImageError(path, "cut short: its data end before the slice does", "fetch it again")
    values = np.frombuffer(stored, dtype).reshape(height, width).astype(np.float64)
    if np.isfinite(slope) and slope != 0:
        values = values * slope + shift
    if not np.isfinite(values).all():
        raise ImageError(path, "values that are not numbers", "correct them, or leave the row out")
    if not high > low:
        low, high = values.min(), values.max()
    return ((values[::-1] - low) / max(high - low, np.finfo(np.float32).tiny)).clip(0, 1).astype(np.float32)
