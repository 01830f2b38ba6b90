"""What passes a check comes out as it went in; what does not is told with its name."""

import numpy as np
import pytest

from cxrlib.arrays import check_array, check_image, check_pair

GREY = np.full((4, 4), 0.5, np.float32)


def test_what_passes_is_not_copied_and_converted_only_where_asked():
    assert check_array(GREY, "map") is GREY
    assert check_image(GREY) is GREY
    assert check_image(GREY.astype(np.float16)).dtype == np.float32
    assert check_image(GREY.astype(np.float16), dtype=None).dtype == np.float16
    assert [image.dtype for image in check_pair(GREY, GREY)] == [np.float64] * 2
    assert check_array(0.5, "share", low=0, high=1) == 0.5


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4), np.uint8), "film must be floating point .* uint8: divide 8-bit images by 255"),
        (np.zeros(4, np.float32), r"film must be .* with 2 or 3 axes, got shape \(4,\)"),
        (np.zeros((0, 4), np.float32), "non-empty"),
        (np.full((4, 4), 1.5, np.float32), r"film must be finite and lie in \[0, 1\], got values from 1.5 to 1.5"),
        (np.full((4, 4), -0.1, np.float32), r"\[0, 1\]"),
        (np.full((4, 4), np.nan, np.float32), "nan"),
    ],
)
def test_bad_images_are_refused(image, message):
    with pytest.raises(ValueError, match=message):
        check_image(image, name="film")
    with pytest.raises(ValueError, match=message):
        check_pair(GREY, image, ("before", "film"), dimensions=(2, 3))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -1])
def test_infinite_values_are_refused_without_an_upper_bound(value):
    with pytest.raises(ValueError, match=r"map must be finite and lie in \[0, inf\].*: see above"):
        check_array([[0.0, value]], "map", (2,), low=0, remedy="see above")


def test_two_shapes_are_no_pair():
    with pytest.raises(ValueError, match=r"before has shape \(4, 4\), after \(4, 3\): give both in one shape"):
        check_pair(GREY, GREY[:, :3], ("before", "after"))
