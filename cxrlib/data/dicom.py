"""Read a DICOM radiograph, and distrust its header: decoders take its word for much and then give noise."""

import struct
from pathlib import Path

import numpy as np
import pydicom
from pydicom.encaps import get_frame
from pydicom.pixels import apply_modality_lut, apply_voi_lut, get_decoder
from pydicom.uid import RLELossless

from cxrlib.data.issues import ImageError

ITEM_TAG = b"\xfe\xff\x00\xe0"  # compressed DICOM pixels begin with it, PS3.5 A.4
JPEG_START, JPEG_END, JPEG_SCAN, JPEG_2000_START = b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\x4f\xff\x51"
JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # markers that a frame's size follows; F7 is JPEG-LS


def check_size(path: Path, height: int, width: int, max_pixels: int) -> None:
    """Refuse an image before it is decoded.

    Args:
        path: The file.
        height: Its height in pixels, by its header.
        width: Its width in pixels.
        max_pixels: Largest number of pixels that is decoded.

    Raises:
        ImageError: If it has more.
    """
    if height * width > max_pixels:
        fault = f"{width} x {height} pixels, above the limit of {max_pixels}"
        raise ImageError(path, fault, "shrink it, or raise max_pixels")


def read_dicom(path: Path, max_pixels: int) -> np.ndarray:
    """Read a DICOM radiograph as it is to be shown, scaled by the range that its header allows (PS3.3 C.11).

    Args:
        path: File to read.
        max_pixels: Largest number of pixels that is decoded.

    Returns:
        Image, float32, shape (H, W), in [0, 1], dense tissue bright.

    Raises:
        ImageError: If it is no single grey frame, or its header and its pixels disagree. What pydicom and its decoders
            raise about a damaged file passes through.
    """
    data = pydicom.dcmread(path)
    if "PixelData" not in data or "Rows" not in data or "Columns" not in data:
        remedy = "fetch it again if it was cut short, leave it out if it is a report"
        raise ImageError(path, "DICOM without pixels", remedy)
    if int(data.get("NumberOfFrames", 1) or 1) > 1:
        raise ImageError(path, f"{data.NumberOfFrames} frames", "export the one frame that is the radiograph")
    check_size(path, data.Rows, data.Columns, max_pixels)
    if data.get("SamplesPerPixel", 1) != 1:
        raise ImageError(path, f"{data.PhotometricInterpretation} colour", "a radiograph has one grey channel")
    _check_stream(path, data)
    stored = data.pixel_array
    if stored.ndim != 2:
        fault = f"pixels of {len(stored)} frames where its header has one"
        raise ImageError(path, fault, "export the radiograph")
    low, high = _output_range(data)
    if low == high:
        raise ImageError(path, "the rescale slope or LUT leaves one grey value", "correct the header")
    image = (apply_voi_lut(apply_modality_lut(stored, data), data).astype(np.float32) - low) / (high - low)
    if data.PhotometricInterpretation == "MONOCHROME1":
        image = 1 - image
    if np.isnan(image.min()):
        fault = "its rescale or window gives grey values that are no numbers"
        raise ImageError(path, fault, "correct the header")
    return image.clip(0, 1).astype(np.float32)


def _output_range(data: pydicom.Dataset) -> tuple[float, float]:
    """Return the values that stand for black and white, as pydicom's `apply_windowing` defines them."""
    if data.get("VOILUTSequence"):
        return 0.0, 2.0 ** data.VOILUTSequence[0].LUTDescriptor[2] - 1
    if data.get("ModalityLUTSequence"):
        return 0.0, 2.0 ** data.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    bits = data.BitsStored
    ends = [-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1] if data.PixelRepresentation else [0.0, 2.0**bits - 1]
    if "RescaleSlope" in data and "RescaleIntercept" in data:
        ends = [end * float(data.RescaleSlope) + float(data.RescaleIntercept) for end in ends]
    # A window runs from the first end to the second, also where a negative slope makes the first the larger one.
    windowed = data.get("WindowCenter") is not None and data.get("WindowWidth") is not None
    first, last = ends if windowed else sorted(ends)
    return first, last


def _check_stream(path: Path, data: pydicom.Dataset) -> None:
    """Compare the pixels of a file with its header; refuse them where both disagree or no decoder is there."""
    syntax, pixels = data.file_meta.TransferSyntaxUID, data.PixelData
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        fault = f"no reader for transfer syntax {syntax.name}"
        raise ImageError(path, fault, "store it uncompressed or as JPEG 2000") from error
    if not decoder.is_available:
        missing = "; ".join(decoder.missing_dependencies)
        fault = f"{syntax.name} needs a decoder that is not installed ({missing})"
        raise ImageError(path, fault, "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg")
    compressed = pixels.startswith(ITEM_TAG)
    if compressed != syntax.is_encapsulated:
        found = "compressed" if compressed else "not compressed"
        raise ImageError(path, f"{syntax.name} by its header, but its pixels are {found}", "correct the header")
    if not compressed or syntax == RLELossless:  # both are unpacked to the header's size
        return
    stream = get_frame(pixels, 0, number_of_frames=1)
    height, width, bits = _stream_size(stream)
    if (height, width) != (data.Rows, data.Columns) or bits > data.BitsAllocated:
        by_header = f"{data.Columns} x {data.Rows} pixels of {data.BitsAllocated} bits by its header"
        fault = f"{by_header}, {width} x {height} of {bits} by its {syntax.name} stream"
        raise ImageError(path, fault, "fetch it again, or correct its header")
    # No pixel can look like the end mark. libjpeg makes up what is missing; OpenJPEG complains by itself.
    if stream.startswith(JPEG_START) and stream.find(JPEG_END, stream.rfind(JPEG_SCAN)) < 0:
        raise ImageError(path, f"its {syntax.name} stream is cut short", "fetch it again")


def _stream_size(stream: bytes) -> tuple[int, int, int]:
    """Return height, width and bits by the header of a JPEG, JPEG-LS (ITU-T T.81, T.87) or JPEG 2000 (T.800) stream."""
    if not stream.startswith(JPEG_START):
        start = stream.index(JPEG_2000_START)  # not always 0: some writers keep the boxes of a .jp2 file
        right, bottom, left, top, bits = struct.unpack_from(">4I18xB", stream, start + 8)
        return bottom - top, right - left, (bits & 0x7F) + 1
    place = len(JPEG_START)
    while stream[place + 1] not in JPEG_FRAMES:
        place += 1 if stream[place + 1] == 0xFF else 2 + int.from_bytes(stream[place + 2 : place + 4])
    bits, height, width = struct.unpack_from(">BHH", stream, place + 4)
    return height, width, bits
