"""Tests of images on every encoding a radiograph may come in, and on encodings that are not what they claim."""

import io
import struct
import zlib

import numpy as np
import pydicom
import pytest
from dicom_files import write_dicom
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate, get_frame

from cxrlib.data.images import crop_and_resize, read_image
from cxrlib.data.issues import ImageError


def film(bits, height=40, width=56):
    """A smooth slope with a little noise, as a lossy code expects, over the whole range of `bits`."""
    rng = np.random.default_rng(0)
    slope = np.add.outer(np.arange(height), np.arange(width)) / (height + width - 2)
    return np.rint((slope * 0.96 + rng.random(slope.shape) * 0.04) * (2**bits - 1)).astype(int)


def write_plain(path, stored, bits, **elements):
    """An uncompressed DICOM, of one byte a pixel where that is enough."""
    if bits <= 8:
        elements |= {"BitsAllocated": 8, "PixelData": stored.astype(np.uint8).tobytes()}
    return write_dicom(path, stored, bits=bits, **elements)


def write_stream(path, syntax, stream, stored, bits, **elements):
    """A DICOM with a compressed stream for pixels."""
    dataset = pydicom.dcmread(write_plain(path, stored, bits, **elements))
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.save_as(path, enforce_file_format=True)
    return path


# ---- streams, and what made them ----


def jpeg(stored, bits):
    """JPEG baseline by Pillow's libjpeg, at its finest quality."""
    buffer = io.BytesIO()
    Image.fromarray(stored.astype(np.uint8)).save(buffer, "JPEG", quality=100)
    return buffer.getvalue()


def lossless_jpeg(stored, bits):
    """JPEG lossless, predictor 1 (ITU-T T.81, annex H), by the lines below: a Huffman table of 17 codes of 5 bits."""
    height, width = stored.shape
    code = ""
    for row in range(height):
        for column in range(width):
            left, above = stored[row, column - 1], stored[row - 1, column]
            predicted = left if column else above if row else 2 ** (bits - 1)
            difference = int(stored[row, column]) - int(predicted)
            size = abs(difference).bit_length()
            code += f"{size:05b}"
            if 0 < size < 16:
                code += f"{difference if difference > 0 else difference + 2**size - 1:0{size}b}"
    code += "1" * (-len(code) % 8)
    scan = int(code, 2).to_bytes(len(code) // 8).replace(b"\xff", b"\xff\x00")
    table = bytes([0x00, 0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    frame = struct.pack(">BHHB3B", bits, height, width, 1, 1, 0x11, 0)
    parts = {b"\xff\xc4": table, b"\xff\xc3": frame, b"\xff\xda": bytes([1, 1, 0x00, 1, 0, 0])}
    segments = b"".join(marker + struct.pack(">H", len(body) + 2) + body for marker, body in parts.items())
    return b"\xff\xd8" + segments + scan + b"\xff\xd9"


# Two rows of four pixels by the CharLS 2 encoder, through imagecodecs.jpegls_encode.
SMALL = {
    8: np.array([[0, 100, 200, 255], [4, 95, 17, 90]]),
    16: np.array([[0, 1000, 2000, 3000], [4000, 4095, 17, 900]]),
}
CHARLS = {
    8: bytes.fromhex(
        "ffd8ffe800205350494646000200000100000002000000040a0806010000012c0000012cffe8000800000001ffd8fff7"
        "000b080002000401011100ffda0008010100000000800000e3000000e33590a00000336008ffd9"
    ),
    16: bytes.fromhex(
        "ffd8ffe800205350494646000200000100000002000000040a1006010000012c0000012cffe8000800000001ffd8fff7"
        "000b100002000401011100fff8000d01ffff0012004301140040ffda00080101000000009f3df3df34074097c03eece9"
        "ffd9"
    ),
}


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless])
def test_lossless_code_of_pydicom(tmp_path, syntax, bits):
    """RLE by pydicom, JPEG 2000 by OpenJPEG through pylibjpeg-openjpeg."""
    path, stored = tmp_path / "a.dcm", film(bits)
    dataset = pydicom.dcmread(write_plain(path, stored, bits))
    dataset.compress(syntax)
    dataset.save_as(path)
    assert read_image(path) == pytest.approx(stored / (2**bits - 1), abs=1e-6)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossy_jpeg_2000(tmp_path, bits):
    path, stored = tmp_path / "a.dcm", film(bits)
    dataset = pydicom.dcmread(write_plain(path, stored, bits))
    dataset.compress(uid.JPEG2000, j2k_psnr=[45])
    dataset.save_as(path)
    error = read_image(path) - stored / (2**bits - 1)
    assert 0 < np.sqrt((error**2).mean()) < 0.02  # 45 dB of the range that was really used


def test_jpeg_baseline(tmp_path):
    stored = film(8)
    image = read_image(write_stream(tmp_path / "a.dcm", uid.JPEGBaseline8Bit, jpeg(stored, 8), stored, 8))
    assert image == pytest.approx(stored / 255, abs=0.02)


@pytest.mark.parametrize(
    ("syntax", "bits"),
    [(uid.JPEGLosslessSV1, 8), (uid.JPEGLosslessSV1, 12), (uid.JPEGLosslessSV1, 16)]
    + [(uid.JPEGLSLossless, 8), (uid.JPEGLSLossless, 16)],
)
def test_lossless_code_of_others(tmp_path, syntax, bits):
    stored = SMALL[bits] if syntax == uid.JPEGLSLossless else film(bits)
    stream = CHARLS[bits] if syntax == uid.JPEGLSLossless else lossless_jpeg(stored, bits)
    path = write_stream(tmp_path / "a.dcm", syntax, stream, stored, bits)
    assert read_image(path) == pytest.approx(stored / (2**bits - 1), abs=1e-6)


def test_compressed_monochrome1_with_a_window(tmp_path):
    stored = film(12)
    path = write_stream(
        tmp_path / "a.dcm",
        uid.JPEGLosslessSV1,
        lossless_jpeg(stored, 12),
        stored,
        12,
        photometric="MONOCHROME1",
        WindowCenter=2048,
        WindowWidth=4096,
    )
    assert read_image(path) == pytest.approx(1 - stored / 4095, abs=1e-6)


# ---- streams that are not what the header says ----


def declared(path, syntax):
    """Put another transfer syntax into the header, the pixels left as they are."""
    dataset = pydicom.dcmread(path)
    old, new = (value.encode() + b"\0" * (len(value) % 2) for value in (dataset.file_meta.TransferSyntaxUID, syntax))
    whole = path.read_bytes()
    before, after = whole.split(b"\x02\x00\x10\x00UI" + struct.pack("<H", len(old)) + old, maxsplit=1)
    length = before.index(b"\x02\x00\x00\x00UL") + 8
    group = struct.pack("<I", dataset.file_meta.FileMetaInformationGroupLength + len(new) - len(old))
    before = before[:length] + group + before[length + 4 :]
    path.write_bytes(before + b"\x02\x00\x10\x00UI" + struct.pack("<H", len(new)) + new + after)
    return path


COMPRESSED = [uid.JPEGBaseline8Bit, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless]


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_raw_pixels_called_compressed_are_named(tmp_path, syntax):
    path = declared(write_dicom(tmp_path / "film.dcm", film(12)), syntax)
    with pytest.raises(ImageError, match="film.dcm: .* by its header, but its pixels are not compressed"):
        read_image(path)


@pytest.mark.parametrize("bits", [12, 16])
def test_compressed_pixels_called_raw_are_named(tmp_path, bits):
    # White noise grows by compression: there are bytes enough for an image of nothing.
    stored = np.random.default_rng(0).integers(0, 2**bits, (40, 40))
    path = write_stream(tmp_path / "film.dcm", uid.JPEGLosslessSV1, lossless_jpeg(stored, bits), stored, bits)
    declared(path, uid.ExplicitVRLittleEndian)
    with pytest.raises(ImageError, match="film.dcm: Explicit VR Little Endian by its header, but .* are compressed"):
        read_image(path)


def test_stream_of_another_kind_is_named(tmp_path):
    stream = lossless_jpeg(film(12), 12)
    path = write_stream(tmp_path / "film.dcm", uid.JPEG2000Lossless, stream, film(12), 12)
    with pytest.raises(ImageError, match="film.dcm: damaged or unusual") as raised:
        read_image(path)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("syntax", ["1.2.3.4", uid.MPEG4HP41])
def test_transfer_syntax_without_a_reader_is_named(tmp_path, syntax):
    path = declared(write_dicom(tmp_path / "film.dcm"), uid.UID(syntax))
    with pytest.raises(ImageError, match="film.dcm: no reader for transfer syntax"):
        read_image(path)


def test_missing_decoder_is_named(tmp_path, fresh_python):
    stream = CHARLS[16]
    path = write_stream(tmp_path / "film.dcm", uid.JPEGLSLossless, stream, SMALL[16], 16)
    code = """
import sys
for name in ("pylibjpeg", "libjpeg", "jpeg_ls", "gdcm"):
    sys.modules[name] = None  # as if it were not installed
from cxrlib.data.images import read_image
read_image(sys.argv[1])
"""
    done = fresh_python(code, path, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "film.dcm: JPEG-LS Lossless Image Compression needs a decoder that is not installed" in last
    assert last.endswith("pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg")


STREAMS = {
    "JPEG": (uid.JPEGBaseline8Bit, 8, jpeg),
    "lossless JPEG": (uid.JPEGLosslessSV1, 12, lossless_jpeg),
    "JPEG-LS": (uid.JPEGLSLossless, 16, lambda stored, bits: CHARLS[16]),
}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
@pytest.mark.parametrize("kind", STREAMS)
def test_stream_that_was_cut_short_is_named(tmp_path, kind, share):
    syntax, bits, encode = STREAMS[kind]
    stored = SMALL[16] if kind == "JPEG-LS" else film(bits)
    stream = encode(stored, bits)
    cut = stream[: max(int(len(stream) * share), stream.rfind(b"\xff\xda") + 12)]
    path = write_stream(tmp_path / "film.dcm", syntax, cut, stored, bits)
    with pytest.raises(ImageError, match="film.dcm: its JPEG.* stream is cut short; fetch it again"):
        read_image(path)
    # Padding behind the end is no damage.
    read_image(write_stream(tmp_path / "padded.dcm", syntax, stream + bytes(5), stored, bits))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless])
def test_shortened_stream_of_pydicom_is_named(tmp_path, syntax, share):
    path = tmp_path / "film.dcm"
    dataset = pydicom.dcmread(write_dicom(path, film(12)))
    dataset.compress(syntax)
    stream = get_frame(dataset.PixelData, 0, number_of_frames=1)
    write_stream(path, syntax, stream[: int(len(stream) * share)], film(12), 12)
    with pytest.raises(ImageError, match="film.dcm: damaged or unusual .*; fetch it again") as raised:
        read_image(path)
    assert len(str(raised.value).splitlines()) == 1


def claim_jpeg(stream, height, width):
    place = stream.index(b"\xff\xc3") + 5
    return stream[:place] + struct.pack(">HH", height, width) + stream[place + 4 :]


def claim_jpeg_2000(stream, height, width):
    return stream[:8] + struct.pack(">II", width, height) + stream[16:]


@pytest.mark.parametrize("size", [(20000, 20000), (56, 40), (20, 112), (39, 56)])
@pytest.mark.parametrize("kind", ["JPEG", "JPEG 2000"])
def test_stream_of_another_size_is_refused_before_it_is_decoded(tmp_path, kind, size):
    # The header is small and honest, the stream would fill the memory, or give the rows another length.
    path, stored = tmp_path / "film.dcm", film(12)
    if kind == "JPEG":
        write_stream(path, uid.JPEGLosslessSV1, claim_jpeg(lossless_jpeg(stored, 12), *size), stored, 12)
    else:
        dataset = pydicom.dcmread(write_dicom(path, stored))
        dataset.compress(uid.JPEG2000Lossless)
        stream = get_frame(dataset.PixelData, 0, number_of_frames=1)
        write_stream(path, uid.JPEG2000Lossless, claim_jpeg_2000(stream, *size), stored, 12)
    found = f"56 x 40 pixels of 16 bits by its header, {size[1]} x {size[0]} of 12 by its {kind}"
    with pytest.raises(ImageError, match=f"film.dcm: {found}.* stream"):
        read_image(path)


def test_stream_of_more_bits_than_the_header_has_is_named(tmp_path):
    stored = film(12)
    path = write_stream(tmp_path / "film.dcm", uid.JPEGLosslessSV1, lossless_jpeg(stored, 12), stored, 8)
    with pytest.raises(ImageError, match="of 8 bits by its header, 56 x 40 of 12 by its JPEG Lossless"):
        read_image(path)


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("compressed", [False, True])
def test_dicom_cut_short_is_named(tmp_path, compressed):
    path, stored = write_dicom(tmp_path / "film.dcm", film(12)), film(12)
    if compressed:
        write_stream(path, uid.JPEGLosslessSV1, lossless_jpeg(stored, 12), stored, 12)
    whole = path.read_bytes()
    for length in (100, 140, 200, len(whole) // 2, len(whole) * 9 // 10):
        path.write_bytes(whole[:length])
        with pytest.raises(ImageError, match="film.dcm: .*fetch it again"):
            read_image(path)


# ---- headers ----


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS", "ignore:overflow", "ignore:invalid value encountered")
@pytest.mark.parametrize(
    "elements",
    [
        {"RescaleSlope": "NaN", "RescaleIntercept": 0},
        {"RescaleSlope": 1e308, "RescaleIntercept": 0},
        {"WindowCenter": "NaN", "WindowWidth": 10},
    ],
)
def test_grey_values_that_are_no_numbers_are_named(tmp_path, elements):
    with pytest.raises(ImageError, match="film.dcm: its rescale or window gives .* not numbers; correct the header"):
        read_image(write_dicom(tmp_path / "film.dcm", **elements))


@pytest.mark.filterwarnings("ignore:The number of bytes of pixel data is sufficient")
def test_frames_that_the_header_does_not_tell_of_are_named(tmp_path):
    with pytest.raises(ImageError, match="film.dcm: pixels of 8 frames, but its header has one"):
        read_image(write_dicom(tmp_path / "film.dcm", PixelData=bytes(96)))


@pytest.mark.parametrize("bits", [0, 17])
def test_more_bits_stored_than_allocated_are_named(tmp_path, bits):
    with pytest.raises(ImageError, match=f"film.dcm: .*'Bits Stored' value of '{bits}' is invalid.*correct its header"):
        read_image(write_dicom(tmp_path / "film.dcm", BitsStored=bits))


@pytest.mark.parametrize("name", ["a.dcm", "a.png"])
def test_one_pixel_is_an_image(tmp_path, name):
    if name == "a.dcm":
        write_dicom(tmp_path / name, np.array([[4095]]))
    else:
        Image.fromarray(np.array([[255]], np.uint8)).save(tmp_path / name)
    image = read_image(tmp_path / name)
    assert image.shape == (1, 1)
    assert (crop_and_resize(image, (0, 0, 1, 1), 16) == 1).all()


# ---- JPEG and PNG ----

PNG_COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}  # samples a pixel to colour type, PNG 1.2, section 4.1.1


def write_png(path, samples, bits, width=None, height=None):
    """PNG by the lines below, since Pillow writes 16 bits of grey only. `samples` is (H, W, channels)."""
    rows = samples.astype(">u2" if bits == 16 else np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = (width or rows.shape[1], height or rows.shape[0], bits, PNG_COLOURS[rows.shape[2]], 0, 0, 0)
    parts = {b"IHDR": struct.pack(">IIBBBBB", *header), b"IDAT": zlib.compress(raw), b"IEND": b""}
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts.items()
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_grey_in_every_png_of_8_and_16_bits(tmp_path, bits, channels):
    grey = film(bits)
    samples = np.repeat(grey[..., None], channels, axis=2)
    if channels in (2, 4):
        samples[..., -1] = grey[::-1]  # alpha, to be ignored
    image = read_image(write_png(tmp_path / "a.png", samples, bits))
    # Pillow cuts 16 bits to 8 wherever there is more than one channel.
    tolerance = 1 / 255 if bits == 16 and channels > 1 else 1e-6
    assert image == pytest.approx(grey / (2**bits - 1), abs=tolerance)


def test_two_greys_of_one_bit(tmp_path):
    bits = film(8) > 128
    Image.fromarray(bits).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), bits)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_grey_in_a_jpeg(tmp_path, mode):
    grey = film(8)
    Image.fromarray(grey.astype(np.uint8)).convert(mode).save(tmp_path / "a.jpeg", quality=95)
    assert read_image(tmp_path / "a.jpeg") == pytest.approx(grey / 255, abs=0.03)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
@pytest.mark.parametrize("bits", [8, 16])
def test_grey_in_a_tiff(tmp_path, bits, compression):
    stored = film(bits).astype(np.uint8 if bits == 8 else np.uint16)
    Image.fromarray(stored).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_allclose(read_image(tmp_path / "a.tif"), stored / (2**bits - 1), atol=1e-6)


def test_a_big_endian_tiff_and_one_in_colour(tmp_path):
    stored = film(16).astype(np.uint16)
    Image.frombytes("I;16B", stored.shape[::-1], stored.astype(">u2").tobytes()).save(tmp_path / "a.tiff")
    np.testing.assert_allclose(read_image(tmp_path / "a.tiff"), stored / 65535, atol=1e-6)
    grey = film(8).astype(np.uint8)
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(tmp_path / "b.tiff")
    np.testing.assert_allclose(read_image(tmp_path / "b.tiff"), grey / 255, atol=1e-6)


def test_a_tiff_of_several_pages_or_of_unknown_range_is_named(tmp_path):
    page = Image.fromarray(film(8).astype(np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(ImageError, match="a.tif: 2 pages; save the page with the radiograph"):
        read_image(tmp_path / "a.tif")
    for kind, mode in ((np.float32, "F"), (np.int32, "I")):
        Image.fromarray(film(8).astype(kind)).save(tmp_path / "b.tif")
        with pytest.raises(ImageError, match=f"b.tif: a TIFF of {mode} pixels, whose range is unknown"):
            read_image(tmp_path / "b.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpeg"])
def test_rotated_photograph_is_shown_upright(tmp_path, suffix, orientation):
    grey = Image.fromarray(film(8).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    grey.save(tmp_path / f"a.{suffix}", exif=exif, quality=95)
    # EXIF 2.3, tag 0x0112: where row 0 and column 0 of what is stored belong.
    turn = {
        1: lambda image: image,
        2: lambda image: image[:, ::-1],
        3: lambda image: image[::-1, ::-1],
        4: lambda image: image[::-1],
        5: lambda image: image.T,
        6: lambda image: image.T[:, ::-1],
        7: lambda image: image[::-1, ::-1].T,
        8: lambda image: image.T[::-1],
    }
    expected = turn[orientation](film(8)) / 255
    image = read_image(tmp_path / f"a.{suffix}")
    assert image.shape == expected.shape
    assert image == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("width", "height"), [(12000, 12000), (20000, 20000), (2**31 - 1, 2**31 - 1)])
def test_png_bomb_is_refused_without_memory(tmp_path, refusal, width, height):
    path = write_png(tmp_path / "bomb.png", np.zeros((1, 1, 1)), 8, width, height)
    message, kilobytes = refusal(path)
    assert "bomb.png: " in message
    assert "shrink it" in message
    assert kilobytes < 20_000


def test_other_formats_are_refused(tmp_path):
    # Pillow hands EPS, which is a program, to Ghostscript: it must not even be tried, whatever the file is called.
    (tmp_path / "program.jpeg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    Image.fromarray(film(8).astype(np.uint8)).save(tmp_path / "other.png", "GIF")
    for name in ("program.jpeg", "other.png"):
        with pytest.raises(
            ImageError, match=f"{name}: not a readable JPEG, PNG, TIFF or DICOM file, by its first bytes"
        ):
            read_image(tmp_path / name)


# ---- paths ----


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "a folder; give one of the files in it"),
        (lambda path: path.symlink_to("gone.jpeg"), "link to gone.jpeg, which does not exist"),
        (lambda path: path.symlink_to(path.name), "link to a.*, which does not exist"),
    ],
)
@pytest.mark.parametrize("name", ["a.jpeg", "a.dicom"])
def test_what_is_no_file_is_named(tmp_path, name, make, fault):
    make(tmp_path / name)
    with pytest.raises(ImageError, match=f"{name}: {fault}"):
        read_image(tmp_path / name)


def test_refused_permission_is_named(tmp_path, monkeypatch):
    path = tmp_path / "film.png"
    Image.fromarray(film(8).astype(np.uint8)).save(path)

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)  # root may read everything
    with pytest.raises(ImageError, match="film.png: no permission to read it; allow it"):
        read_image(path)


@pytest.mark.parametrize("name", ["a film of Zoë.png", "胸部 X線.dcm", "b'(1)%20&.jpeg"])
def test_spaces_and_letters_of_all_scripts_in_a_path(tmp_path, name):
    folder = tmp_path / "Lungen groß"
    folder.mkdir()
    stored = film(8)
    if name.endswith("dcm"):
        write_dicom(folder / name, stored, bits=8)
    else:
        Image.fromarray(stored.astype(np.uint8)).save(folder / name, quality=100)
    assert read_image(folder / name) == pytest.approx(stored / 255, abs=0.02)
