"""Read a DICOM radiograph and check its header first: decoders trust a wrong header and return noise."""

import io
import zlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom import filereader, uid
from pydicom.encaps import get_frame
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_modality_lut, apply_voi_lut, get_decoder

from cxrlib.data.issues import ImageError
from cxrlib.data.streams import JPEG_END, JPEG_SCAN, JPEG_START, jpeg_damage, stream_size

ITEM_TAG = b"\xfe\xff\x00\xe0"  # compressed DICOM pixels begin with it, PS3.5 A.4
PIXEL_DATA = 0x7FE00010
BESIDE_PIXELS = 2**20  # bytes that the other elements of a deflated file may take
# Elements that say nothing where they are empty, and that decoders stumble over.
OPTIONAL = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence")
OPTIONAL += ("ModalityLUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit", "NumberOfFrames", "HighBit")


def check_size(path: Path, height: int, width: int, max_pixels: int) -> None:
    """Refuse an image that is too large before it is decoded.

    Args:
        path: The file.
        height: Its height in pixels, by its header.
        width: Its width in pixels.
        max_pixels: Largest number of pixels that is decoded.

    Raises:
        ImageError: If it has more pixels.
    """
    if height * width > max_pixels:
        fault = f"{width} x {height} pixels, above the limit of {max_pixels}"
        raise ImageError(path, fault, "shrink it, or raise max_pixels")


def read_dicom(path: Path, max_pixels: int) -> np.ndarray:
    """Read a DICOM radiograph for display, scaled by the range that its header allows (PS3.3 C.11).

    Args:
        path: File to read.
        max_pixels: Largest number of pixels that is decoded.

    Returns:
        Image, float32, shape (H, W), in [0, 1], dense tissue bright.

    Raises:
        ImageError: If it is not a single grey frame, or its header and its pixels disagree.
        Exception: Whatever pydicom and its decoders raise about a damaged file.
    """
    data = _read_elements(path, max_pixels)
    if "PixelData" not in data or "Rows" not in data or "Columns" not in data:
        remedy = "fetch it again if it was cut short, leave it out if it is a report"
        raise ImageError(path, "DICOM without pixels", remedy)
    if int(data.get("NumberOfFrames", 1)) > 1:
        raise ImageError(path, f"{data.NumberOfFrames} frames", "export the single frame with the radiograph")
    check_size(path, data.Rows, data.Columns, max_pixels)
    if data.get("SamplesPerPixel", 1) != 1 or not data.PhotometricInterpretation.startswith("MONOCHROME"):
        raise ImageError(path, f"{data.PhotometricInterpretation} colour", "a radiograph has one grey channel")
    _check_stream(path, data)
    if data.file_meta.TransferSyntaxUID == uid.RLELossless:
        bits, data.BitsStored = data.BitsStored, data.BitsAllocated  # so that no bit is lost before it is looked at
        data.decompress(generate_instance_uid=False)
        data.BitsStored = bits
    if not data.file_meta.TransferSyntaxUID.is_encapsulated:
        _check_bits(path, data)
    stored = data.pixel_array
    if stored.ndim != 2:
        fault = f"pixels of {len(stored)} frames, but its header has one"
        raise ImageError(path, fault, "export the radiograph")
    first, last = _stored_range(data)
    if stored.min() < first or stored.max() > last:
        fault = f"pixels from {stored.min()} to {stored.max()}, but its header allows {first:.0f} to {last:.0f}"
        raise ImageError(path, fault, "correct BitsStored or PixelRepresentation, or fetch it again")
    low, high = _output_range(data)
    if low == high:
        raise ImageError(path, "the rescale slope or LUT leaves one grey value", "correct the header")
    image = (apply_voi_lut(apply_modality_lut(stored, data), data).astype(np.float32) - low) / (high - low)
    if data.PhotometricInterpretation == "MONOCHROME1":
        image = 1 - image
    if np.isnan(image.min()):
        fault = "its rescale or window gives grey values that are not numbers"
        raise ImageError(path, fault, "correct the header")
    image[_is_padding(data, stored)] = 0
    return image.clip(0, 1).astype(np.float32)


def _read_elements(path: Path, max_pixels: int) -> pydicom.Dataset:
    """Read all elements, also of a file without preamble or transfer syntax, and drop optional elements without value.

    Raises:
        InvalidDicomError: If the file is not DICOM.
        ImageError: If its transfer syntax is not given and cannot be inferred, or it inflates to more than its image.
    """
    _check_inflated(path, max_pixels)
    try:
        data = pydicom.dcmread(path)
    except InvalidDicomError:
        data = pydicom.dcmread(path, force=True)
        if "PixelData" not in data:  # anything can be read by force
            raise
    if "TransferSyntaxUID" not in data.file_meta:
        if data.PixelData.startswith(ITEM_TAG):
            fault = "no TransferSyntaxUID, and its pixels are compressed"
            raise ImageError(path, fault, "put the transfer syntax into its header, or fetch it again")
        implicit, little = data.original_encoding
        by_order = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
        data.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else by_order
    for name in OPTIONAL:
        if name in data and data[name].is_empty:
            delattr(data, name)
    return data


def _check_inflated(path: Path, max_pixels: int) -> None:
    """Refuse a deflated file (PS3.5 A.5) that grows beyond what its image needs, before it fills the memory."""
    with path.open("rb") as file:
        filereader.read_preamble(file, force=True)
        meta = filereader._read_file_meta_info(file)  # the public one wants a preamble, and does not tell where it ends
        if meta.get("TransferSyntaxUID") != uid.DeflatedExplicitVRLittleEndian:
            return
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        start = io.BytesIO(inflating.decompress(file.read(), BESIDE_PIXELS))
    header = filereader.read_dataset(start, False, True, stop_when=lambda tag, *_: tag == PIXEL_DATA)
    rows, columns, bits = (int(header.get(name) or 0) for name in ("Rows", "Columns", "BitsAllocated"))
    check_size(path, rows, columns, max_pixels)
    allowed = rows * columns * bits // 8 + BESIDE_PIXELS
    inflating.decompress(inflating.unconsumed_tail, allowed)
    if inflating.unconsumed_tail:
        fault = f"inflates to more than {allowed} bytes, although it has {columns} x {rows} pixels of {bits} bits"
        raise ImageError(path, fault, "fetch it again")


def _check_bits(path: Path, data: pydicom.Dataset) -> None:
    """Check all bits of uncompressed pixels, because pydicom reads the lowest BitsStored bits and ignores the others.

    Shift down pixels that HighBit places higher. Overlays in the unused bits are retired, but were legal.

    Raises:
        ImageError: If the unused bits are used.
    """
    allocated, bits, signed = data.BitsAllocated, data.BitsStored, data.PixelRepresentation
    high = data.get("HighBit", bits - 1)
    shift = high + 1 - bits
    if allocated not in (8, 16, 32) or not 0 < bits <= allocated or (bits == allocated and not shift):
        return  # no bit is unused, or pydicom refuses it by itself
    order = ">" if data.file_meta.TransferSyntaxUID == uid.ExplicitVRBigEndian else "<"
    count = min(data.Rows * data.Columns, len(data.PixelData) * 8 // allocated)
    pixels = np.frombuffer(data.PixelData, f"{order}u{allocated // 8}", count)
    if shift:
        if not 0 < shift <= allocated - bits or (pixels & (2**shift - 1)).any():
            fault = f"BitsStored {bits} and HighBit {high}, which do not fit each other or its pixels"
            raise ImageError(path, fault, "correct HighBit, usually to BitsStored minus 1")
        pixels = (pixels >> shift).astype(pixels.dtype)  # numpy forgets the order of the bytes
        data.PixelData, data.HighBit = pixels.tobytes(), bits - 1
    unused = pixels >> bits
    if signed:
        negative = (pixels >> (bits - 1) & 1).astype(bool)
        bad = bits < allocated and not shift and (unused != np.where(negative, 2 ** (allocated - bits) - 1, 0)).any()
    else:
        bad = unused.any() and not any(data.get((group, 0x0102), None) for group in range(0x6000, 0x6020, 2))
    if bad:
        fault = f"pixels that use more than its {bits} {'signed ' if signed else ''}bits (BitsStored)"
        raise ImageError(path, fault, "correct BitsStored or PixelRepresentation, or fetch it again")


def _is_padding(data: pydicom.Dataset, stored: np.ndarray) -> np.ndarray:
    """Return which pixels only fill the frame (PS3.3 C.7.5.1.1.2); they are black, even if 0 is shown white."""
    if "PixelPaddingValue" not in data:
        return np.zeros(stored.shape, bool)
    ends = [int(data.PixelPaddingValue), int(data.get("PixelPaddingRangeLimit", data.PixelPaddingValue))]
    return (stored >= min(ends)) & (stored <= max(ends))


def _output_range(data: pydicom.Dataset) -> tuple[float, float]:
    """Return the values that stand for black and white, as pydicom's `apply_windowing` defines them."""
    if data.get("VOILUTSequence"):
        return 0.0, 2.0 ** data.VOILUTSequence[0].LUTDescriptor[2] - 1
    if data.get("ModalityLUTSequence"):
        return 0.0, 2.0 ** data.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    ends = list(_stored_range(data))
    if "RescaleSlope" in data and "RescaleIntercept" in data:
        ends = [end * float(data.RescaleSlope) + float(data.RescaleIntercept) for end in ends]
    # A window runs from the first end to the second, also where a negative slope makes the first the larger one.
    windowed = "WindowCenter" in data and "WindowWidth" in data
    first, last = ends if windowed else sorted(ends)
    return first, last


def _stored_range(data: pydicom.Dataset) -> tuple[float, float]:
    """Return the smallest and the largest value that the header allows a stored pixel."""
    bits = data.BitsStored
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if data.PixelRepresentation else (0.0, 2.0**bits - 1)


def _check_stream(path: Path, data: pydicom.Dataset) -> None:
    """Compare the pixels of a file with its header; refuse them if the two disagree or no decoder is installed."""
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
    if not compressed or syntax == uid.RLELossless:  # both are unpacked to the header's size
        return
    stream = get_frame(pixels, 0, number_of_frames=1)
    height, width, bits, signed = stream_size(stream)
    if (height, width) != (data.Rows, data.Columns) or bits > data.BitsAllocated:
        by_header = f"{data.Columns} x {data.Rows} pixels of {data.BitsAllocated} bits by its header"
        fault = f"{by_header}, {width} x {height} of {bits} by its {syntax.name} stream"
        raise ImageError(path, fault, "fetch it again, or correct its header")
    if signed not in (None, bool(data.PixelRepresentation)):
        fault = f"{'signed' if signed else 'unsigned'} by its {syntax.name} stream, but not by its header"
        raise ImageError(path, fault, "correct PixelRepresentation, or fetch it again")
    # No pixel can look like the end mark. libjpeg makes up what is missing; OpenJPEG complains by itself.
    if stream.startswith(JPEG_START) and stream.find(JPEG_END, stream.rfind(JPEG_SCAN)) < 0:
        raise ImageError(path, f"its {syntax.name} stream is cut short", "fetch it again")
    if syntax == uid.JPEGBaseline8Bit and (fault := jpeg_damage(stream)):
        raise ImageError(path, f"its {syntax.name} stream is damaged: {fault}", "fetch it again")
