"""Read radiographs as grey images in [0, 1], and carry boxes through crop, padding and resize."""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from pydicom.errors import InvalidDicomError

from cxrlib.data import nifti
from cxrlib.data.dicom import check_size, read_dicom
from cxrlib.data.issues import ImageError
from cxrlib.data.streams import JPEG_START, PNG_START, jpeg_damage, without_text

MAX_PIXELS = 64_000_000  # a 43 x 43 cm detector at 0.1 mm has 18 million
DICOM_SUFFIXES = {".dicom", ".dcm"}
PHOTOGRAPH_FORMATS = (
    "JPEG",
    "PNG",
    "TIFF",
)  # of all that Pillow knows, one (EPS) runs what the file says, as a program
TURN = Image.Transpose
# How a photograph is turned upright, by its orientation (EXIF 2.3, tag 0x0112); 1 is upright.
TURNS = {2: TURN.FLIP_LEFT_RIGHT, 3: TURN.ROTATE_180, 4: TURN.FLIP_TOP_BOTTOM, 5: TURN.TRANSPOSE}
TURNS |= {6: TURN.ROTATE_270, 7: TURN.TRANSVERSE, 8: TURN.ROTATE_90}


def read_image(path: str | Path, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a JPEG, PNG, TIFF or DICOM image, or one slice of a NIfTI.

    DICOM pixels pass through the modality LUT and the VOI LUT (DICOM PS3.3 C.11). They are scaled by the range that the
    LUTs allow (without a VOI LUT, by BitsStored), never by the image's own minimum and maximum. MONOCHROME1 is
    inverted, so dense tissue is always bright. Colour becomes luminance; an alpha channel is dropped. A photograph is
    turned upright by its EXIF orientation. 16-bit PNGs with colour or alpha are reduced to 8 bits.

    Args:
        path: File to read. `.nii` and `.nii.gz` are read as NIfTI; `.dicom`, `.dcm` and files with DICOM's first bytes
            as DICOM; all others, by their first bytes, as JPEG, PNG or TIFF (one page, 8 or 16 bits).
        max_pixels: Largest number of pixels to decode.

    Returns:
        Image, float32, shape (H, W), in [0, 1].

    Raises:
        ImageError: If the file is missing, unreadable, damaged or too large, has several frames or no pixels, if its
            header and its pixels disagree, or if the decoder that it needs is not installed.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     Image.fromarray(np.array([[0, 51, 255]], np.uint8)).save(f"{folder}/film.png")
    ...     read_image(f"{folder}/film.png")
    array([[0. , 0.2, 1. ]], dtype=float32)
    """
    path = Path(path)
    try:
        _check_file(path)
        if path.name.lower().endswith(nifti.SUFFIXES):
            return nifti.read_nifti(path, max_pixels)
        return (read_dicom if _is_dicom(path) else _read_photograph)(path, max_pixels)
    except ImageError:
        raise
    except PermissionError as error:
        raise ImageError(path, "no permission to read it", "allow it (chmod u+r, and u+x on its folders)") from error
    except Image.DecompressionBombError as error:
        raise ImageError(path, f"more pixels than Pillow opens ({error})", "shrink it") from error
    except (UnidentifiedImageError, InvalidDicomError) as error:
        fault = "not a readable JPEG, PNG, TIFF or DICOM file, by its first bytes"
        raise ImageError(path, fault, "fetch it again") from error
    except Exception as error:  # damage shows anywhere, and every decoder raises its own kinds
        fault = f"damaged or unusual ({' '.join(str(error).split())})"
        raise ImageError(path, fault, "fetch it again, or correct its header") from error


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ImageError(path, "a folder", "give one of the files in it")
    if path.is_symlink() and not path.exists():
        fault = f"link to {path.readlink()}, which does not exist"
        raise ImageError(path, fault, "restore it, or leave the row out")
    if not path.is_file():
        raise ImageError(path, "no such file", "check the path, or leave the row out")
    if path.stat().st_size == 0:
        raise ImageError(path, "empty file (0 bytes)", "fetch it again")


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(132)
    return path.suffix.lower() in DICOM_SUFFIXES or start.endswith(b"DICM")


def _read_photograph(path: Path, max_pixels: int) -> np.ndarray:
    stream = path.read_bytes()
    if stream.startswith(PNG_START):
        stream = without_text(stream)
    with Image.open(io.BytesIO(stream), formats=PHOTOGRAPH_FORMATS) as image:
        check_size(path, image.height, image.width, max_pixels)
        if getattr(image, "n_frames", 1) > 1:
            raise ImageError(path, f"{image.n_frames} pages", "save the page with the radiograph as a file of its own")
        if image.mode == "F" or image.mode == "I" and image.format == "TIFF":
            raise ImageError(path, f"a TIFF of {image.mode} pixels, whose range is unknown", "save it with 16 bits")
        image.load()
        if stream.startswith(JPEG_START) and (fault := jpeg_damage(stream)):
            raise ImageError(path, f"damaged: {fault}", "fetch it again")
        image = _upright(image)
        if image.mode.startswith("I"):  # 16-bit grey PNG or TIFF
            return (np.asarray(image, dtype=np.float32) / 65535).clip(0, 1)
        if image.mode != "L":
            image = image.convert("RGB").convert("L")  # through RGB: a palette or alpha must not be averaged in
        return np.asarray(image, dtype=np.float32) / 255


def _upright(image: Image.Image) -> Image.Image:
    """Turn a photograph upright by its EXIF orientation, if it has one; ignore the rest of its EXIF."""
    try:
        with warnings.catch_warnings(action="ignore"):
            orientation = image.getexif().get(0x0112)
    except Exception:  # damage shows anywhere
        return image
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


class TransformedBoxes(NamedTuple):
    """Boxes in another frame: `boxes` (K, 4), `inside` (K,) bool, and how many are completely `outside`."""

    boxes: np.ndarray
    inside: np.ndarray
    outside: int


def _placement(crop: tuple[int, int, int, int], size: int, keep_aspect: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return offset and scale (x, y) of the crop's frame: target = (source - offset) * scale."""
    x_min, y_min, x_max, y_max = crop
    extent = np.array([x_max - x_min, y_max - y_min], dtype=float)
    if (extent <= 0).any():
        raise ValueError(f"crop {tuple(crop)} is empty; give (x_min, y_min, x_max, y_max) with max above min")
    side = np.full(2, extent.max()) if keep_aspect else extent
    offset = np.array([x_min, y_min]) - np.floor((side - extent) / 2)  # the padding is split evenly
    return offset, size / side


def crop_and_resize(
    image: np.ndarray, crop: tuple[int, int, int, int], size: int, keep_aspect: bool = True
) -> np.ndarray:
    """Cut a box out of an image and resize it to a square.

    Args:
        image: Image, shape (H, W).
        crop: (x_min, y_min, x_max, y_max), max exclusive; parts outside the image are padded with zeros.
        size: Side of the result in pixels.
        keep_aspect: True pads the shorter side with zeros; False squashes the box into the square.

    Returns:
        Image, float32, shape (size, size).

    Raises:
        ValueError: If the crop is empty.

    >>> crop_and_resize(np.ones((2, 4), np.float32), (0, 0, 4, 2), 4)[:, 0]
    array([0., 1., 1., 0.], dtype=float32)
    """
    offset, scale = _placement(crop, size, keep_aspect)
    side = np.round(size / scale).astype(int)
    frame = np.zeros((side[1], side[0]), dtype=np.float32)
    start = offset.astype(int)
    low = np.maximum([crop[0], crop[1]], 0)
    high = np.minimum([crop[2], crop[3]], [image.shape[1], image.shape[0]])
    if (low < high).all():
        to, end = low - start, high - start
        frame[to[1] : end[1], to[0] : end[0]] = image[low[1] : high[1], low[0] : high[0]]
    shrinks = (scale < 1).any()
    return cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def transform_boxes(
    boxes: np.ndarray,
    crop: tuple[int, int, int, int],
    size: int,
    keep_aspect: bool = True,
    inverse: bool = False,
) -> TransformedBoxes:
    """Transform boxes into the cropped, padded, resized frame of `crop_and_resize`, or back.

    Args:
        boxes: Shape (K, 4), (x_min, y_min, x_max, y_max) in pixels, max exclusive.
        crop: The crop in pixels of the original image.
        size: Side of the resized frame in pixels.
        keep_aspect: As given to `crop_and_resize`.
        inverse: Transform boxes of the resized frame back to the original image instead.

    Returns:
        The boxes, not rounded, in the forward direction clipped to the crop; which of them are inside, at least partly;
        and the number of the others.

    Raises:
        ValueError: If `boxes` is not of shape (K, 4).

    >>> transform_boxes([(10, 20, 30, 40), (0, 0, 5, 5)], crop=(10, 10, 110, 110), size=50)
    TransformedBoxes(boxes=array([[ 0.,  5., 10., 15.],
           [ 0.,  0.,  0.,  0.]]), inside=array([ True, False]), outside=1)
    """
    boxes = np.asarray(boxes, dtype=float)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes of shape {boxes.shape}; give (K, 4): x_min, y_min, x_max, y_max")
    offset, scale = (np.tile(values, 2) for values in _placement(crop, size, keep_aspect))
    if inverse:
        moved = boxes / scale + offset
        inside = np.ones(len(moved), dtype=bool)
    else:
        x_min, y_min, x_max, y_max = crop
        # To the crop, not to the frame: nothing is shown where the frame is padding.
        shown = boxes.clip([x_min, y_min, x_min, y_min], [x_max, y_max, x_max, y_max])
        moved = (shown - offset) * scale
        inside = (moved[:, 2] > moved[:, 0]) & (moved[:, 3] > moved[:, 1])
    return TransformedBoxes(moved, inside, int((~inside).sum()))
