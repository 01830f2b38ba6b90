"""Tests of streams: JPEGs that do not hold all of their image are told from those that do, whatever their kind."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from cxrlib.data.images import read_image
from cxrlib.data.issues import ImageError
from cxrlib.data.streams import jpeg_damage

Y, X = np.mgrid[:75, :110]
# A slope, one with a black half (whose codes are short and decode to black whatever they are), black, and noise.
FILMS = [X + Y, np.where(X > 50, X + Y, 0), 0 * X, np.random.default_rng(0).integers(0, 256, X.shape)]
KINDS = {
    "grey": ("L", {}),
    "colour": ("RGB", {"subsampling": 2}),
    "CMYK": ("CMYK", {}),
    "own codes": ("L", {"optimize": True}),
    "restarts": ("L", {"restart_marker_rows": 2}),
    "progressive": ("L", {"progressive": True}),
    "progressive colour": ("RGB", {"progressive": True, "subsampling": 2}),
}


def jpeg(film, kind, size=None):
    mode, options = KINDS[kind]
    file = io.BytesIO()
    Image.fromarray(film[: size or 75, : size or 110].astype(np.uint8)).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_sound_jpegs_are_sound(kind):
    for film in FILMS:
        for size in (1, 7, 8, 9, 33, 64, 110):
            assert jpeg_damage(jpeg(film, kind, size)) is None
    assert jpeg_damage(jpeg(FILMS[0], kind) + bytes(9)) is None  # bytes behind the end are no part of it


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_jpeg_cut_short_and_ended_is_named(kind, share, tmp_path):
    whole = jpeg(FILMS[3], kind)
    start = whole.index(b"\xff\xda") + 20
    (tmp_path / "film.jpeg").write_bytes(
        whole[: start + int((len(whole) - start) * share)].rstrip(b"\xff") + b"\xff\xd9"
    )
    with pytest.raises(ImageError, match="film.jpeg: damaged: its data end before the image does"):
        read_image(tmp_path / "film.jpeg")


@pytest.mark.parametrize("fill", ["nothing", "zeros"])
def test_jpeg_with_a_hole_is_named(fill):
    whole, found = jpeg(FILMS[3], "grey"), set()
    start = whole.index(b"\xff\xda") + 20
    for place in range(start, len(whole) * 2 // 3, 400):
        hole = bytes(900) if fill == "zeros" else b""
        found.add(jpeg_damage(whole[:place] + hole + whole[place + 900 :]))
    assert None not in found
    for sound in FILMS:
        assert jpeg_damage(jpeg(sound, "grey")) is None


@pytest.mark.parametrize(("size", "least"), [(16, 0.6), (256, 0.9)])
@pytest.mark.parametrize("kind", ["progressive", "progressive colour"])
def test_progressive_jpeg_overwritten_in_the_middle_is_mostly_named(kind, size, least):
    random, found = np.random.default_rng(0), []
    film = np.clip(2 * FILMS[0] / 3 + random.normal(0, 12, X.shape), 0, 255)  # a radiograph has slopes and grain
    whole = jpeg(film, kind)
    start = whole.index(b"\xff\xda") + 20
    for place in np.linspace(start, len(whole) - size - 20, 60).astype(int):
        other = random.integers(0, 255, size, dtype=np.uint8).tobytes()
        found.append(jpeg_damage(whole[:place] + other + whole[place + size :]) is not None)
    assert np.mean(found) >= least


def test_a_few_bytes_left_over_at_the_end_are_no_damage():
    for kind in KINDS:
        whole = jpeg(FILMS[0], kind)
        assert jpeg_damage(whole[:-2] + bytes(3) + whole[-2:]) is None, kind


def test_jpeg_with_data_left_over_is_named():
    whole = jpeg(FILMS[0], "colour")
    assert "its image ends before the data do" in jpeg_damage(whole[:-2] + bytes(range(50, 90)) + whole[-2:])


def test_faulty_files_that_were_given(shared_faults):
    for path in (shared_faults / "damaged_jpeg").iterdir():
        with pytest.raises(ImageError, match=f"{path.name}: damaged: its data end before"):
            read_image(path)
    for path in (shared_faults / "images").iterdir():
        assert read_image(path).shape == (60, 80)


# ---- sound pixels beside damaged words ----


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0not a TIFF", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x09"]
)
@pytest.mark.parametrize("suffix", ["jpeg", "png"])
def test_damaged_exif_does_not_hide_sound_pixels(tmp_path, suffix, exif):
    Image.fromarray((X + Y).astype(np.uint8)).save(tmp_path / f"a.{suffix}", exif=exif, quality=95)
    assert read_image(tmp_path / f"a.{suffix}") == pytest.approx((X + Y) / 255, abs=0.03)


def test_large_text_does_not_hide_sound_pixels(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 20_000_000, zip=True)
    Image.fromarray((X + Y).astype(np.uint8)).save(tmp_path / "a.png", pnginfo=text)
    with pytest.raises(ValueError, match="too large"), Image.open(tmp_path / "a.png") as image:
        image.load()
    assert read_image(tmp_path / "a.png") == pytest.approx((X + Y) / 255, abs=1e-6)


def test_damaged_text_does_not_hide_sound_pixels(tmp_path):
    Image.fromarray((X + Y).astype(np.uint8)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    chunk = b"\0\0\0\x04iTXt" + b"\xff\0\xff\xff" + zlib.crc32(b"other").to_bytes(4)
    (tmp_path / "a.png").write_bytes(whole[:33] + chunk + whole[33:])
    assert read_image(tmp_path / "a.png") == pytest.approx((X + Y) / 255, abs=1e-6)
