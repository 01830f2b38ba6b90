"""The before/after slider: the right picture on each side, moved by one line of script, described, whole in itself."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from cxrlib.figures.sliders import before_after

BEFORE, AFTER = np.random.default_rng(0).random((2, 12, 16)).astype(np.float32)
LABELS = ("noisy\n21.9 dB", 'restored & "sharp" <b>')


@pytest.fixture(scope="module")
def html():
    return before_after(BEFORE, AFTER, LABELS, "a child's chest")._repr_html_()


@pytest.fixture(scope="module")
def slider(html):
    (only,) = BeautifulSoup(html, "html.parser").find_all("div", class_="before-after")
    return only


def pixels(image):
    kind, data = image["src"].split(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(BytesIO(b64decode(data))))


def test_before_lies_over_the_left_half_of_after(slider):
    cover = slider.find("div", recursive=False)
    assert "width:50%" in cover["style"]
    np.testing.assert_array_equal(pixels(cover.img), np.rint(BEFORE * 255))
    np.testing.assert_array_equal(pixels(slider.find("img", recursive=False)), np.rint(AFTER * 255))
    assert cover.span.get_text() == LABELS[0]
    assert slider.find("span", recursive=False).get_text() == LABELS[1]


def test_one_range_input_moves_the_divider(slider):
    (divider,) = slider.find_all("input")
    assert (divider["type"], divider["min"], divider["max"], divider["value"]) == ("range", "0", "100", "50")
    assert divider["oninput"] == "this.parentNode.style.setProperty('--share', this.value + '%')"
    assert divider.parent is slider
    assert "--share:50%" in slider["style"]
    assert "inset(0 calc(100% - var(--share)) 0 0)" in slider.style.get_text()


def test_every_image_and_the_input_have_a_name(slider):
    texts = [image["alt"] for image in slider.find_all("img")]
    assert texts == ['a child\'s chest: restored & "sharp" <b>', "a child's chest: noisy 21.9 dB"]
    assert "a child's chest" in slider.input["aria-label"]


def test_nothing_is_fetched_or_named_twice_on_a_page(html, slider):
    assert "http" not in html
    assert "url(" not in html
    assert slider.find("script") is None
    assert slider.find(id=True) is None


def test_without_style_sheet_and_script_both_halves_stay(slider):
    """JupyterLab keeps these properties in an untrusted notebook, and takes out style elements and event handlers."""
    cover = slider.find("div", recursive=False)
    for element, needed in (
        (slider, ("position:relative", "overflow:hidden", "max-width:420px")),
        (cover, ("position:absolute", "width:50%", "overflow:hidden")),
        (cover.img, ("width:200%", "max-width:none")),
        (slider.input, ("position:absolute", "opacity:0")),
    ):
        assert set(needed) <= set(element["style"].split(";"))


def test_elsewhere_it_is_its_description():
    shown = repr(before_after(BEFORE, AFTER, LABELS, "a chest"))
    assert shown == '<picture: a chest: noisy 21.9 dB | restored & "sharp" <b>>'


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"after": AFTER[:, :8]}, r"\(12, 16\), after \(12, 8\)"),
        ({"before": BEFORE[None]}, "2 axes"),
        ({"before": BEFORE * 2}, r"\[0, 1\]"),
        ({"after": (AFTER * 255).astype(np.uint8)}, "uint8"),
        ({"before": np.full_like(BEFORE, np.nan)}, "nan"),
        ({"labels": ("before",)}, "give two"),
        ({"labels": "ab"}, "give two"),
        ({"labels": ("before", " ")}, "empty"),
        ({"description": ""}, "empty"),
    ],
)
def test_wrong_input_is_told(changed, message):
    with pytest.raises(ValueError, match=message):
        before_after(**{"before": BEFORE, "after": AFTER, **changed})
