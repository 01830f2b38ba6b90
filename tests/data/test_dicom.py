"""Tests of dicom: files whose header and pixels disagree are named, and files that lack what is optional are read."""

import io

import numpy as np
import pydicom
import pytest
from dicom_files import STORED, write_dicom
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate

from cxrlib.data.images import read_image
from cxrlib.data.issues import ImageError

LARGE = STORED.repeat(32, axis=0).repeat(32, axis=1)
SIGNED = np.array([[-2048, -500, -1, 0, 700, 2047]])


# ---- header and pixels that disagree ----


@pytest.mark.parametrize(
    ("stored", "elements", "fault"),
    [
        pytest.param(STORED * 4, {}, "more than its 12 bits", id="values of 14 bits"),
        pytest.param(STORED, {"signed": True}, "more than its 12 signed bits", id="unsigned values, signed header"),
        pytest.param(SIGNED & 0xFFFF, {}, "more than its 12 bits", id="signed values, unsigned header"),
        pytest.param(STORED, {"HighBit": 15}, "HighBit 15, which do not fit", id="HighBit above the values"),
        pytest.param(STORED, {"HighBit": 7}, "HighBit 7, which do not fit", id="HighBit below the values"),
        pytest.param(STORED, {"photometric": "PALETTE COLOR"}, "PALETTE COLOR colour", id="palette"),
    ],
)
def test_bits_that_the_header_does_not_tell_of_are_named(tmp_path, stored, elements, fault):
    with pytest.raises(ImageError, match=f"film.dcm: .*{fault}"):
        read_image(write_dicom(tmp_path / "film.dcm", stored, **elements))


@pytest.mark.parametrize(
    ("stored", "elements", "expected"),
    [
        pytest.param(STORED << 4, {"HighBit": 15}, STORED / 4095, id="values in the upper bits, as HighBit says"),
        pytest.param(STORED | 0x8000, {"OverlayBitPosition": 15}, STORED / 4095, id="an overlay in an unused bit"),
        pytest.param(SIGNED, {"signed": True}, (SIGNED + 2048) / 4095, id="signed values"),
    ],
)
def test_all_bits_are_accounted_for(tmp_path, stored, elements, expected):
    path = write_dicom(tmp_path / "a.dcm", stored, **{k: v for k, v in elements.items() if k != "OverlayBitPosition"})
    if "OverlayBitPosition" in elements:
        data = pydicom.dcmread(path)
        data.add_new((0x6000, 0x0102), "US", elements["OverlayBitPosition"])
        data.save_as(path)
    assert read_image(path) == pytest.approx(expected, abs=1e-6)


def test_upper_bits_of_big_endian_pixels(tmp_path):
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", HighBit=15))
    data.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    data.PixelData = (STORED << 4).astype(">u2").tobytes()
    pydicom.dcmwrite(tmp_path / "a.dcm", data, implicit_vr=False, little_endian=False, force_encoding=True)
    assert read_image(tmp_path / "a.dcm") == pytest.approx(STORED / 4095, abs=1e-6)


@pytest.mark.parametrize("depth", [14, 16])
def test_values_of_a_jpeg_2000_stream_deeper_than_the_header(tmp_path, depth):
    path = write_dicom(tmp_path / "film.dcm", LARGE * 4, bits=depth)
    data = pydicom.dcmread(path)
    data.compress(uid.JPEG2000Lossless)
    data.BitsStored, data.HighBit = 12, 11
    data.save_as(path)
    with pytest.raises(ImageError, match="film.dcm: pixels from 0 to 16380, but its header allows 0 to 4095"):
        read_image(path)
    data = pydicom.dcmread(write_dicom(path, LARGE, bits=16))  # 16 bits in the stream, values of 12
    data.compress(uid.JPEG2000Lossless)
    data.BitsStored, data.HighBit = 12, 11
    data.save_as(path)
    assert read_image(path) == pytest.approx(LARGE / 4095, abs=1e-6)


@pytest.mark.parametrize("signed", [True, False])
def test_sign_of_a_jpeg_2000_stream_is_that_of_the_header(tmp_path, signed):
    stored = LARGE - 2048 if signed else LARGE
    path = write_dicom(tmp_path / "film.dcm", stored, signed=signed)
    data = pydicom.dcmread(path)
    data.compress(uid.JPEG2000Lossless)
    data.save_as(path)
    assert read_image(path) == pytest.approx(LARGE / 4095, abs=1e-6)
    data.PixelRepresentation = int(not signed)
    data.save_as(path)
    with pytest.raises(ImageError, match=f"film.dcm: {'signed' if signed else 'unsigned'} by its JPEG 2000"):
        read_image(path)


@pytest.mark.parametrize(("high", "expected"), [(11, None), (15, LARGE / 4095)])
def test_bits_of_rle_are_looked_at_like_those_of_raw_pixels(tmp_path, high, expected):
    path = write_dicom(tmp_path / "film.dcm", LARGE << 4, bits=16)
    data = pydicom.dcmread(path)
    data.compress(uid.RLELossless)
    data.BitsStored, data.HighBit = 12, high
    data.save_as(path)
    if expected is not None:
        assert read_image(path) == pytest.approx(expected, abs=1e-6)
        return
    with pytest.raises(ImageError, match="film.dcm: pixels that use more than its 12 bits"):
        read_image(path)


def test_jpeg_with_a_hole_in_a_dicom_is_named(tmp_path):
    stored = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(stored).save(file, "JPEG")
    stream = file.getvalue()
    data = pydicom.dcmread(write_dicom(tmp_path / "film.dcm", stored, 8, BitsAllocated=8))
    data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    data.PixelData = encapsulate([stream[:900] + stream[2000:]])
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    data.save_as(tmp_path / "film.dcm")
    with pytest.raises(ImageError, match="film.dcm: its JPEG Baseline.* stream is damaged"):
        read_image(tmp_path / "film.dcm")


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black(tmp_path, photometric):
    elements = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 2}
    image = read_image(
        write_dicom(tmp_path / "a.dcm", np.array([[0, 1, 2, 3, 4095]]), 12, False, photometric, **elements)
    )
    shown = np.array([0, 0, 0, 3, 4095]) / 4095
    assert image[0] == pytest.approx(shown if photometric == "MONOCHROME2" else [0, 0, 0, 1 - 3 / 4095, 0], abs=1e-6)


# ---- what is not there, or empty ----


@pytest.mark.parametrize(
    "name", ["RescaleSlope", "WindowWidth", "VOILUTFunction", "PixelPaddingValue", "NumberOfFrames", "HighBit"]
)
def test_optional_element_without_value(tmp_path, name):
    path = write_dicom(tmp_path / "a.dcm", **{name: None})
    assert name in pydicom.dcmread(path)
    assert read_image(path) == pytest.approx(STORED / 4095, abs=1e-6)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
@pytest.mark.parametrize("preamble", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_file_without_preamble_or_transfer_syntax(tmp_path, syntax, preamble, named):
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm"))
    file_meta = data.file_meta
    if not named:
        del file_meta.TransferSyntaxUID
    implicit = syntax == uid.ImplicitVRLittleEndian
    if named:
        file_meta.TransferSyntaxUID = syntax
    data.preamble = bytes(128) if preamble else None
    whole = io.BytesIO()
    pydicom.dcmwrite(whole, data, implicit_vr=implicit, little_endian=True, force_encoding=True)
    (tmp_path / "a.dcm").write_bytes(whole.getvalue())
    assert read_image(tmp_path / "a.dcm") == pytest.approx(STORED / 4095, abs=1e-6)


def test_compressed_pixels_without_transfer_syntax_are_named(tmp_path):
    data = pydicom.dcmread(write_dicom(tmp_path / "film.dcm"))
    data.compress(uid.RLELossless)
    del data.file_meta.TransferSyntaxUID
    pydicom.dcmwrite(tmp_path / "film.dcm", data, implicit_vr=False, little_endian=True, force_encoding=True)
    with pytest.raises(ImageError, match="film.dcm: no TransferSyntaxUID, and its pixels are compressed"):
        read_image(tmp_path / "film.dcm")


# ---- deflated ----


def deflated(path, pixels, **elements):
    """A deflated DICOM, with any bytes for pixels."""
    data = pydicom.dcmread(write_dicom(path, **elements))
    data.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    data.PixelData = pixels
    data.save_as(path)
    return path


def test_deflated_file_is_read(tmp_path):
    path = deflated(tmp_path / "a.dcm", STORED.astype("<u2").tobytes())
    assert read_image(path) == pytest.approx(STORED / 4095, abs=1e-6)


@pytest.mark.parametrize("preamble", [True, False])
@pytest.mark.parametrize("size", [{}, {"Rows": 60000, "Columns": 60000}])
def test_deflated_bomb_is_refused_without_memory(tmp_path, refusal, size, preamble):
    path = deflated(tmp_path / "bomb.dcm", bytes(2**28), **size)
    if not preamble:
        path.write_bytes(path.read_bytes()[132:])
    assert path.stat().st_size < 2**20
    message, kilobytes = refusal(path)
    assert "bomb.dcm: " in message
    fault = "above the limit of" if size else "inflates to more than"
    assert fault in message
    assert kilobytes < 30_000


def test_faulty_files_that_were_given(shared_faults):
    refused = {}
    for path in (shared_faults / "dicom").iterdir():
        try:
            assert read_image(path).shape == (64, 48)
        except ImageError as error:
            refused[path.stem] = error.issue.fault
    assert set(refused) == {"bits12_but_14", "j2k_stream14_hdr12_val14", "j2k_stream16_hdr12_val14"}
    assert all("12 bits" in fault or "allows 0 to 4095" in fault for fault in refused.values())
