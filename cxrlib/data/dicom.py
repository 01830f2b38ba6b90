"""Whether the pixels of a DICOM file are what its header says, before a decoder takes the header's word for it."""

import struct
from pathlib import Path

import pydicom
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

ITEM_TAG = b"\xfe\xff\x00\xe0"  # compressed DICOM pixels begin with it, PS3.5 A.4
JPEG_START, JPEG_END, JPEG_SCAN, JPEG_2000_START = b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\x4f\xff\x51"
JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # markers that a frame's size follows; F7 is JPEG-LS


class ImageError(ValueError):
    """A file that cannot be used as a radiograph; the message names the file, the fault and the remedy."""


def check_stream(path: Path, data: pydicom.Dataset) -> None:
    """Compare the pixels of a DICOM file with what its header says: decoders take much for granted and give noise.

    Args:
        path: The file, for the message.
        data: What pydicom read of it, with one frame of one channel.

    Raises:
        ImageError: If header and pixels disagree, the pixels are cut short, or no decoder is there for them.
    """
    syntax, pixels = data.file_meta.TransferSyntaxUID, data.PixelData
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise ImageError(
            f"{path}: no reader for transfer syntax {syntax.name}; store it uncompressed or as JPEG 2000"
        ) from error
    if not decoder.is_available:
        raise ImageError(
            f"{path}: {syntax.name} needs a decoder that is not installed ({'; '.join(decoder.missing_dependencies)}); "
            "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
        )
    compressed = pixels.startswith(ITEM_TAG)
    if compressed != syntax.is_encapsulated:
        found = "compressed" if compressed else "not compressed"
        raise ImageError(f"{path}: {syntax.name} by its header, but its pixels are {found}; correct the header")
    if not compressed or syntax == RLELossless:  # both are unpacked to the header's size
        return
    stream = get_frame(pixels, 0, number_of_frames=1)
    height, width, bits = _stream_size(stream)
    if (height, width) != (data.Rows, data.Columns) or bits > data.BitsAllocated:
        raise ImageError(
            f"{path}: {data.Columns} x {data.Rows} pixels of {data.BitsAllocated} bits by its header, "
            f"{width} x {height} of {bits} by its {syntax.name} stream; fetch it again, or correct its header"
        )
    # No pixel can look like the end mark. libjpeg makes up what is missing; OpenJPEG complains by itself.
    if stream.startswith(JPEG_START) and stream.find(JPEG_END, stream.rfind(JPEG_SCAN)) < 0:
        raise ImageError(f"{path}: its {syntax.name} stream is cut short; fetch it again")


def _stream_size(stream: bytes) -> tuple[int, int, int]:
    """Give height, width and bits by the header of a JPEG, JPEG-LS (ITU-T T.81, T.87) or JPEG 2000 (T.800) stream."""
    if not stream.startswith(JPEG_START):
        start = stream.index(JPEG_2000_START)  # not always 0: some writers keep the boxes of a .jp2 file
        right, bottom, left, top, bits = struct.unpack_from(">4I18xB", stream, start + 8)
        return bottom - top, right - left, (bits & 0x7F) + 1
    place = len(JPEG_START)
    while stream[place + 1] not in JPEG_FRAMES:
        place += 1 if stream[place + 1] == 0xFF else 2 + int.from_bytes(stream[place + 2 : place + 4])
    bits, height, width = struct.unpack_from(">BHH", stream, place + 4)
    return height, width, bits
