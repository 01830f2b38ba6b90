"""Compressed streams: the image size that they declare, and whether a JPEG contains all of its image."""

import io
import re
import struct
from itertools import pairwise

import numpy as np
import simplejpeg
from PIL import Image

JPEG_START, JPEG_END, JPEG_SCAN, JPEG_2000_START = b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\x4f\xff\x51"
JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # markers that a frame's size follows; F7 is JPEG-LS
PNG_START = b"\x89PNG\r\n\x1a\n"
RESTARTS = range(0xD0, 0xD8)
TAIL = 4  # bytes at the end of a scan that are exchanged for others
FEW = 4  # bytes left over at the end of an image tell nothing: some writers fill up with them
TRIES = 8  # other bytes that may all decode to the same pixels, since both lie beyond black


def stream_size(stream: bytes) -> tuple[int, int, int, bool | None]:
    """Return what the header of a JPEG, JPEG-LS (ITU-T T.81, T.87) or JPEG 2000 (T.800) stream says about its image.

    Args:
        stream: The stream.

    Returns:
        Height and width in pixels, bits, and whether values have a sign (None for JPEG and JPEG-LS, which do not say).

    Raises:
        ValueError: If it is not one of the three.
    """
    if not stream.startswith(JPEG_START):
        start = stream.index(JPEG_2000_START)  # not always 0: some writers keep the boxes of a .jp2 file
        right, bottom, left, top, bits = struct.unpack_from(">4I18xB", stream, start + 8)
        return bottom - top, right - left, (bits & 0x7F) + 1, bool(bits >> 7)
    bits, height, width = struct.unpack_from(">BHH", stream, _frame(stream) + 4)
    return height, width, bits, None


def _frame(stream: bytes) -> int:
    """Return the position of a JPEG's frame marker."""
    place = len(JPEG_START)
    while stream[place + 1] not in JPEG_FRAMES:
        place += 1 if stream[place + 1] == 0xFF else 2 + int.from_bytes(stream[place + 2 : place + 4])
    return place


def jpeg_damage(stream: bytes) -> str | None:
    """Return why an 8-bit JPEG does not contain all of its image, which libjpeg and its users do not report.

    libjpeg invents what is missing and skips what is left over. So the stream is decoded again with more bytes after
    each scan, which must change nothing, and, if it has one scan, with other bytes at its end, which must change
    something. Finally, simplejpeg reports libjpeg's own warnings, which Pillow and OpenCV hide: codes that do not
    exist, and bytes left over between the scans of a progressive JPEG.
    Damage that does not change the number of codes cannot be found, because a JPEG has no checksum. It is rare if a
    hole is large or the JPEG is progressive, and common if a few bytes of a baseline JPEG were overwritten.

    Args:
        stream: A JPEG of 8 bits, baseline or progressive, that Pillow can decode.

    Returns:
        The fault, or None.
    """
    random = np.random.default_rng(0)
    try:
        whole = _with_whole_blocks(stream)
        stream = whole or stream
        parts = _scan_ends(stream)
    except (IndexError, ValueError):
        return "its markers do not follow one another to its end: it has a hole"
    pixels = _decode(stream)
    more = random.integers(0, 255, 256, dtype=np.uint8).tobytes()  # no 255, which would begin a marker
    longer = more.join(stream[start:end] for start, end in pairwise([0, *parts, len(stream)]))
    if not np.array_equal(_decode(longer), pixels):
        return "its data end before the image does: it was cut short, or has a hole"
    if whole and parts[-1] - max(stream.rfind(JPEG_SCAN), *parts[:-1], 0) > 4 * TAIL:  # a few bytes tell nothing
        start, end = parts[-1] - TAIL, parts[-1]
        while stream[start - 1] == 0xFF:  # a byte of data 255 is followed by a 0, which belongs to it
            start -= 1
        others = (random.integers(0, 255, end - start, dtype=np.uint8).tobytes() for _ in range(TRIES))
        if all(np.array_equal(_decode(stream[:start] + other + stream[end:]), pixels) for other in others):
            return "its image ends before the data do: it has a hole"
    return _warning(stream)


def _warning(stream: bytes) -> str | None:
    """Return what libjpeg says about a stream's codes; its other warnings (colours, versions) are not about damage."""
    try:
        simplejpeg.decode_jpeg(stream, colorspace="GRAY", strict=True)
    except ValueError as error:
        said = str(error).removeprefix("Corrupt JPEG data: ")
        left = re.match(r"(\d+) extraneous bytes before marker 0xd9", said)
        if said != str(error) and not (left and int(left[1]) <= FEW):
            return f"its codes are not those of an image ({said}): it has a hole"
    return None


def without_text(stream: bytes) -> bytes:
    """Remove from a PNG everything that affects neither its pixels nor their orientation, such as long or damaged text.

    Args:
        stream: A PNG.

    Returns:
        The PNG with only its critical chunks (PNG 1.2, section 3.3), tRNS and eXIf.
    """
    place, kept = len(PNG_START), [PNG_START]
    while len(kind := stream[place + 4 : place + 8]) == 4:
        end = place + 12 + int.from_bytes(stream[place : place + 4])
        if kind[:1].isupper() or kind in (b"tRNS", b"eXIf"):
            kept.append(stream[place:end])
        place = end
    return b"".join(kept)


def _with_whole_blocks(stream: bytes) -> bytes | None:
    """Enlarge a JPEG to whole blocks, so that all of its data become visible; return None if it has several scans."""
    place = _frame(stream)
    height, width, count = struct.unpack_from(">HHB", stream, place + 5)
    if stream[place + 1] not in (0xC0, 0xC1) or stream.count(JPEG_SCAN + bytes([0, 6 + 2 * count, count])) != 1:
        return None
    factors = [stream[place + 11 + 3 * component] for component in range(count)] if count > 1 else [0x11]
    down, across = 8 * max(factor & 15 for factor in factors), 8 * max(factor >> 4 for factor in factors)
    height, width = -(-height // down) * down, -(-width // across) * across
    if max(height, width) >= 2**16:
        return None
    return stream[: place + 5] + struct.pack(">HH", height, width) + stream[place + 9 :]


def _decode(stream: bytes) -> np.ndarray | None:
    """Return the stored pixels, or None if there are none."""
    try:
        with Image.open(io.BytesIO(stream), formats=["JPEG"]) as image:
            return np.asarray(image)
    except OSError:
        return None


def _scan_ends(stream: bytes) -> list[int]:
    """Return the positions of the markers that interrupt the coded data: each restart and each end of a scan."""
    place, ends = len(JPEG_START), []
    while (marker := stream[place + 1]) != JPEG_END[1]:
        if marker == 0xFF:
            place += 1
            continue
        place += 2 + int.from_bytes(stream[place + 2 : place + 4])
        if marker != JPEG_SCAN[1]:
            continue
        while True:
            place = stream.index(b"\xff", place)
            if stream[place + 1] in RESTARTS:
                ends.append(place)
            elif stream[place + 1]:
                break
            place += 2
        ends.append(place)
    return ends
