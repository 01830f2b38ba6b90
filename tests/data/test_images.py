"""Tests of images: files with known pixels, damaged files, and boxes against where pixels really land."""

import numpy as np
import pytest
from dicom_files import STORED, write_dicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cxrlib.data.images import crop_and_resize, read_image, transform_boxes
from cxrlib.data.issues import ImageError


def lut(first, data, bits):
    """A LUT whose entries start at the stored value `first`."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(data), first, bits])
    item.add_new("LUTData", "US", list(data))
    return Sequence([item])


def rainbow():
    return np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)


# ---- DICOM ----


def windowed(values, center, width):
    """PS3.3 C.11.2.1.2.1, the formula of the default function LINEAR, to [0, 1]."""
    return np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)


FEW, SIGNED = np.array([[1000, 2000]]), np.array([[-2048, -500, -1, 0, 700, 2047]])
WINDOW, INVERTED = {"WindowCenter": 2000, "WindowWidth": 2500}, {"photometric": "MONOCHROME1"}
DOUBLED, HALVED, TURNED = (
    {"RescaleSlope": slope, "RescaleIntercept": intercept} for slope, intercept in ((2, -1024), (0.5, 100), (-1, 4095))
)


@pytest.mark.parametrize(
    ("stored", "elements", "expected"),
    [
        pytest.param(STORED, {}, STORED / 4095, id="scaled by BitsStored"),
        pytest.param(FEW, {}, FEW / 4095, id="never by its own minimum and maximum"),
        pytest.param(STORED, INVERTED, 1 - STORED / 4095, id="MONOCHROME1 is inverted"),
        pytest.param(SIGNED, {"signed": True}, (SIGNED + 2048) / 4095, id="signed"),
        pytest.param(STORED, DOUBLED, STORED / 4095, id="a rescale without window keeps the stored range"),
        pytest.param(STORED, TURNED, 1 - STORED / 4095, id="a negative slope turns the image round"),
        pytest.param(STORED, WINDOW, windowed(STORED, 2000, 2500), id="window"),
        pytest.param(STORED, WINDOW | INVERTED, 1 - windowed(STORED, 2000, 2500), id="window, MONOCHROME1"),
        pytest.param(
            STORED,
            {"WindowCenter": [2000, 500], "WindowWidth": [2500, 100]},
            windowed(STORED, 2000, 2500),
            id="the first of several windows",
        ),
        *(
            pytest.param(
                STORED,
                WINDOW | rescale,
                windowed(STORED * rescale["RescaleSlope"] + rescale["RescaleIntercept"], 2000, 2500),
                id=f"window after a slope of {rescale['RescaleSlope']}",
            )
            for rescale in (DOUBLED, HALVED, TURNED)
        ),
        pytest.param(
            SIGNED,
            {"signed": True, "WindowCenter": 0, "WindowWidth": 2001},
            windowed(SIGNED, 0, 2001),
            id="window on signed pixels",
        ),
        pytest.param(np.zeros((4, 5)), {}, np.zeros((4, 5)), id="black"),
        pytest.param(np.array([[0, 100, 255]]), {"bits": 16}, np.array([[0, 100, 255]]) / 65535, id="dark"),
    ],
)
def test_grey_values_of_a_dicom(tmp_path, stored, elements, expected):
    image = read_image(write_dicom(tmp_path / "a.dcm", stored, **elements))
    assert image.dtype == np.float32
    assert image == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("suffix", [".dicom", ".DCM"])
def test_dicom_by_its_ending(tmp_path, suffix):
    assert read_image(write_dicom(tmp_path / f"a{suffix}")) == pytest.approx(STORED / 4095)


def test_voi_lut_sequence_goes_before_the_window(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm",
        np.array([[0, 9, 10, 11, 12, 13, 4095]]),
        VOILUTSequence=lut(10, [0, 100, 400, 1023], 10),
        WindowCenter=2000,
        WindowWidth=10,
    )
    # PS3.3 C.11.2.1.1: values below the first mapped one take the first entry, those above the last take the last.
    assert read_image(path) == pytest.approx(np.array([[0, 0, 0, 100, 400, 1023, 1023]]) / 1023)


def test_modality_lut_sequence(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", np.array([[0, 1, 2]]), ModalityLUTSequence=lut(0, [10, 30000, 65535], 16))
    assert read_image(path) == pytest.approx(np.array([[10, 30000, 65535]]) / 65535)


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"NumberOfFrames": 2, "PixelData": bytes(24)}, "2 frames"),
        ({"WindowCenter": 5, "WindowWidth": 0}, "Window Width"),
        ({"WindowCenter": 5, "WindowWidth": 10, "VOILUTFunction": "CUBIC"}, "VOI LUT Function"),
        ({"RescaleSlope": 0, "RescaleIntercept": 5}, "one grey value"),
        ({"PixelData": bytes(4)}, "damaged or unusual"),
        ({"photometric": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}, "RGB colour"),
        ({"Rows": 60000, "Columns": 60000}, "60000 x 60000 pixels"),  # before they are decoded
    ],
)
def test_unusable_dicom_is_named(tmp_path, elements, message):
    path = write_dicom(tmp_path / "film.dcm", **elements)
    with pytest.raises(ImageError, match=f"film.dcm: .*{message}"):
        read_image(path)


# ---- JPEG and PNG ----


@pytest.mark.parametrize("stored", [np.arange(256, dtype=np.uint8), np.array([0, 1, 257, 30000, 65535], np.uint16)])
def test_grey_png_is_exact_and_keeps_its_range(tmp_path, stored):
    Image.fromarray(stored[None]).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.float32
    assert image == pytest.approx(stored[None] / np.iinfo(stored.dtype).max)


def test_colour_becomes_luminance(tmp_path):
    Image.fromarray(rainbow()).save(tmp_path / "a.png")
    # ITU-R BT.601, to the rounding of 8 bits
    assert read_image(tmp_path / "a.png") == pytest.approx(rainbow() @ [0.299, 0.587, 0.114] / 255, abs=1 / 255)


def test_palette_is_looked_up(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8)).convert("P")
    image.putpalette([200, 200, 200, 0, 0, 0, 90, 90, 90])
    image.putdata([0, 1, 2])
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png") == pytest.approx(np.array([[200, 0, 90]]) / 255)


def damaged(path, kind):
    Image.fromarray(np.tile(rainbow(), (20, 20, 1))).save(path)
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"<html>404 Not Found</html>"}[kind])
    return path


@pytest.mark.parametrize("suffix", [".jpeg", ".png", ".JPG"])
@pytest.mark.parametrize(
    ("kind", "message"), [("truncated", "damaged"), ("empty", "empty file"), ("text", "not a readable")]
)
def test_damaged_file_is_named(tmp_path, suffix, kind, message):
    path = damaged(tmp_path / f"person1_virus_6{suffix}", kind)
    with pytest.raises(ImageError, match=f"person1_virus_6{suffix}: {message}"):
        read_image(path)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_flipped_bytes_give_an_image_or_an_image_error(tmp_path):
    rng = np.random.default_rng(0)
    write_dicom(tmp_path / "a.dcm", WindowCenter=2000, WindowWidth=2500)
    Image.fromarray(rainbow()).save(tmp_path / "a.png")
    Image.fromarray(rainbow()).save(tmp_path / "a.jpeg")
    for name in ("a.dcm", "a.png", "a.jpeg"):
        whole = bytearray((tmp_path / name).read_bytes())
        for _ in range(200):
            broken = whole.copy()
            for place in rng.integers(8 if name != "a.dcm" else 128, len(whole), 3):
                broken[place] = rng.integers(256)
            path = tmp_path / f"broken{name[1:]}"
            path.write_bytes(broken)
            try:
                image = read_image(path, max_pixels=10**6)
            except ImageError:
                continue
            assert image.min() >= 0
            assert image.max() <= 1


@pytest.mark.parametrize("name", ["a.png", "a.dcm"])
def test_larger_image_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    if name == "a.png":
        Image.fromarray(np.zeros((10, 20), np.uint8)).save(path)
    else:
        write_dicom(path, np.zeros((10, 20)))
    assert read_image(path, max_pixels=200).shape == (10, 20)
    with pytest.raises(ImageError, match=f"{name}: 20 x 10 pixels, above the limit of 199"):
        read_image(path, max_pixels=199)


def test_phantom_dicoms_all_show_a_chest(vindr_cohort):
    # Half the files are MONOCHROME1, with or without window and rescale: read well, each resembles the others.
    images = [read_image(vindr_cohort.root / path)[:, :48].ravel() for path in vindr_cohort.overview.path]
    assert np.corrcoef(images).mean(axis=1).min() > 0.4


# ---- crop, padding, resize, boxes ----

CROPS = [(20, 10, 84, 138), (10, 40, 138, 104), (30, 30, 94, 94), (7, 11, 60, 118), (-10, -20, 90, 100)]


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("keep_aspect", [True, False])
def test_inverse_undoes_forward(crop, keep_aspect):
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(crop[0], crop[2], (20, 2)))
    y = np.sort(rng.uniform(crop[1], crop[3], (20, 2)))
    boxes = np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1)
    moved = transform_boxes(boxes, crop, 64, keep_aspect)
    assert moved.outside == 0
    assert moved.inside.all()
    assert moved.boxes.min() >= 0
    assert moved.boxes.max() <= 64
    back = transform_boxes(moved.boxes, crop, 64, keep_aspect, inverse=True)
    assert back.boxes == pytest.approx(boxes)


@pytest.mark.parametrize("crop", CROPS)
@pytest.mark.parametrize("keep_aspect", [True, False])
@pytest.mark.parametrize("size", [64, 300])
@pytest.mark.parametrize("box", [(34, 44, 50, 60), (0, 0, 45, 55), (40, 50, 140, 140), (52, 90, 58, 100)])
def test_box_lands_where_the_bright_rectangle_does(crop, keep_aspect, size, box):
    image = np.zeros((140, 140), np.float32)
    image[box[1] : box[3], box[0] : box[2]] = 1
    shown = crop_and_resize(image, crop, size, keep_aspect) > 0.5
    moved = transform_boxes([box], crop, size, keep_aspect)
    assert moved.outside == 0
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    landed = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    # Half a target pixel of rounding, or where the image is enlarged half a source pixel of interpolation.
    scale = size / np.array([crop[2] - crop[0], crop[3] - crop[1]])
    scale = np.tile(np.full(2, scale.min()) if keep_aspect else scale, 2)
    assert (np.abs(moved.boxes[0] - landed) <= np.maximum(1, scale) * 0.51).all()


def test_keep_aspect_pads_evenly_and_squashing_does_not_pad():
    image = np.ones((100, 100), np.float32)
    padded = crop_and_resize(image, (30, 10, 70, 90), 80)
    assert padded.shape == (80, 80)
    assert padded.dtype == np.float32
    assert (padded[:, 20:60] == 1).all()
    assert padded.sum() == 40 * 80
    assert (crop_and_resize(image, (30, 10, 70, 90), 80, keep_aspect=False) == 1).all()


def test_crop_without_resizing_is_the_crop():
    image = np.random.default_rng(0).random((50, 60)).astype(np.float32)
    assert np.array_equal(crop_and_resize(image, (5, 7, 37, 39), 32), image[7:39, 5:37])


def test_crop_beyond_the_image_is_padded_with_zeros():
    shown = crop_and_resize(np.ones((20, 20), np.float32), (-10, 0, 10, 20), 20)
    assert (shown[:, :10] == 0).all()
    assert (shown[:, 10:] == 1).all()
    assert (crop_and_resize(np.ones((20, 20), np.float32), (30, 30, 40, 40), 8) == 0).all()


def test_boxes_outside_are_counted():
    crop = (50, 0, 150, 200)
    boxes = [(60, 10, 80, 30), (10, 10, 30, 30), (160, 0, 170, 9), (40, 10, 50, 20), (40, 10, 51, 20)]
    moved = transform_boxes(boxes, crop, 200)
    assert moved.outside == 3
    assert moved.inside.tolist() == [True, False, False, False, True]
    assert moved.boxes[4] == pytest.approx([50, 10, 51, 20])
    assert transform_boxes(np.empty((0, 4)), crop, 200).outside == 0
    # The second lies where the frame is padding: its pixels are not shown either.
    image = np.zeros((200, 200), np.float32)
    image[10:30, 10:30] = 1
    assert crop_and_resize(image, crop, 200).sum() == 0


def test_empty_crop_and_misshapen_boxes_are_refused():
    with pytest.raises(ValueError, match="is empty"):
        crop_and_resize(np.zeros((9, 9), np.float32), (5, 5, 5, 8), 4)
    with pytest.raises(ValueError, match="is empty"):
        transform_boxes([(1, 1, 2, 2)], (5, 5, 3, 8), 4)
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        transform_boxes([1, 1, 2, 2], (0, 0, 3, 8), 4)
