"""One slice of a NIfTI, written here byte by byte after the format's own header file (nifti1.h)."""

import gzip
import struct

import numpy as np
import pytest

from cxrlib.data.images import read_image
from cxrlib.data.issues import ImageError

VALUES = np.array([[0, 10, 20], [30, 40, 100]])  # (second axis, first axis)


def write(
    path, values=VALUES, order="<", kind=4, axes=(2, 3, 2, 1, 1, 1, 1, 1), slope=0.0, shift=0.0, low=0.0, high=0.0
):
    """sizeof_hdr at 0, dim at 40, datatype at 70, vox_offset, scl_slope, scl_inter at 108, cal_max, cal_min at 124."""
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, *axes)
    struct.pack_into(f"{order}h", header, 70, kind)
    struct.pack_into(f"{order}3f", header, 108, 352, slope, shift)
    struct.pack_into(f"{order}2f", header, 124, high, low)
    header[344:348] = b"n+1\0"
    form = {2: "u1", 4: "i2", 16: "f4"}.get(kind, "i2")
    content = bytes(header) + values.astype(order + form).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [2, 4, 16])
def test_a_slice_is_read_upright_by_its_own_range(tmp_path, name, order, kind):
    image = read_image(write(tmp_path / name, order=order, kind=kind))
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, [[0.3, 0.4, 1], [0, 0.1, 0.2]], atol=1e-6)


def test_slope_and_display_range_count(tmp_path):
    image = read_image(write(tmp_path / "a.nii", slope=2.0, shift=-100.0, low=-100.0, high=60.0))
    np.testing.assert_allclose(image, [[60 / 160, 80 / 160, 1], [0, 20 / 160, 40 / 160]], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"axes": (3, 3, 2, 4, 1, 1, 1, 1)}, "a.nii: 4 slices; save the slice to use"),
        ({"axes": (1, 3, 1, 1, 1, 1, 1, 1)}, "1 axes"),
        ({"kind": 128}, "values of type 128"),
        ({"axes": (2, 30, 20, 1, 1, 1, 1, 1)}, "cut short"),
        ({"axes": (2, 30000, 30000, 1, 1, 1, 1, 1)}, "above the limit"),
        ({"values": VALUES * np.nan, "kind": 16}, "not numbers"),
    ],
)
def test_what_is_no_slice_is_named(tmp_path, options, fault):
    with pytest.raises(ImageError, match=fault):
        read_image(write(tmp_path / "a.nii", **options))


@pytest.mark.parametrize("content", [b"", b"x" * 400, struct.pack("<i", 348) + bytes(400)])
def test_another_file_of_that_name_is_named(tmp_path, content):
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(ImageError, match="empty file|not a single NIfTI-1 file"):
        read_image(tmp_path / "a.nii")
