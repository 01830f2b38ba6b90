"""Pictures that move: the start is plain HTML, every frame has its values, and what does not fit is refused."""

import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup

from cxrlib.figures.html import one_below_the_other
from cxrlib.figures.moving import Control, moving_picture

DRAWING = '<svg viewBox="0 0 9 9" role="img" aria-label="a dot"><circle data-part="dot" r="1"></circle></svg>'
TOLD = '<p data-part="sum"></p><p data-part="who"></p>'
LIST = Control("Who", ["Ann & Bob", "Eve"], start=1, is_list=True)
SLIDER = Control("How much", ["none", "some", "</script>"], start=2)
PARTS = {
    "dot": {"cx": [0, 1, 2, 10, 11, 12]},
    "sum": {"text": [f"{who}{much}" for who in "AE" for much in range(3)]},
    "who": {"text": ["<Ann>", "<Eve>"]},
}


@pytest.fixture
def picture():
    html = moving_picture(DRAWING, TOLD, [LIST, SLIDER], PARTS, "a dot that moves")._repr_html_()
    return BeautifulSoup(html, "html.parser").select_one("div.moving")


def test_without_a_script_the_start_is_shown_and_no_control(picture):
    assert picture.find("circle")["cx"] == "12"
    assert [text.get_text() for text in picture.select("p")] == ["E2", "<Eve>"]
    assert picture.select_one(".moving-controls").has_attr("hidden")


def test_the_data_hold_every_frame_and_end_no_script_early(picture):
    written = picture.select_one("script[type='application/json']").string
    assert "<" not in written  # in HTML <!--<script> would swallow the page as well as </script> would end the data
    data = json.loads(written)
    assert data == {"said": [LIST.positions, SLIDER.positions], "parts": PARTS}


def test_controls_are_native_labelled_and_at_their_start(picture):
    choice, slider = picture.select_one("label select"), picture.select_one("label input[type=range]")
    assert [label.span.get_text() for label in picture.select("label")] == ["Who", "How much"]
    assert choice.select_one("option[selected]").get_text() == "Eve"
    assert (slider["min"], slider["max"], slider["step"], slider["value"]) == ("0", "2", "1", "2")
    assert slider["aria-valuetext"] == "</script>"
    assert picture["aria-label"] == "a dot that moves"


def test_nothing_is_fetched_and_no_id_is_given(picture):
    assert not picture.find_all(id=True)
    assert not re.search(r"https?:|@import|url\(", str(picture))
    assert all(not script.get("src") for script in picture.find_all("script"))


def test_numbers_of_arrays_are_written_too():
    parts = {"dot": {"cx": np.arange(3) / 2}}
    html = moving_picture(DRAWING, "", [SLIDER], parts, "a dot")._repr_html_()
    assert '"cx":[0.0,0.5,1.0]' in html


@pytest.mark.parametrize(
    ("drawing", "parts", "message"),
    [
        ("<p data-part='dot'>", PARTS, "well-formed"),
        ("<p></p>", PARTS, "dot"),
        (DRAWING, {**PARTS, "other": {"text": [1] * 6}}, "other"),
        (DRAWING, {**PARTS, "dot": {"cx": [1] * 3}}, "3 values of cx; give 1 or 2 or 6"),
    ],
)
def test_what_does_not_fit_is_refused(drawing, parts, message):
    with pytest.raises(ValueError, match=message):
        moving_picture(drawing, TOLD, [LIST, SLIDER], parts, "a dot")


def test_a_control_of_one_position_is_not_shown():
    html = moving_picture(
        DRAWING, "", [Control("Who", ["Ann"]), SLIDER], {"dot": {"cx": [0, 1, 2]}}, "a dot"
    )._repr_html_()
    assert "<select" not in html
    assert '"said":[["none"' in html


def test_a_picture_that_nothing_moves_is_refused():
    with pytest.raises(ValueError, match="nothing would move"):
        moving_picture(DRAWING, "", [Control("Who", ["Ann"])], {"dot": {"cx": [0]}}, "a dot")


@pytest.mark.parametrize("arguments", [("x", []), ("x", ["a", "b"], 2), ("x", ["a", "b"], -1)])
def test_a_start_that_is_no_position_is_refused(arguments):
    with pytest.raises(ValueError, match="control 'x'"):
        Control(*arguments)


def test_several_pictures_become_one_output():
    one = moving_picture(DRAWING, TOLD, [LIST, SLIDER], PARTS, "a dot")
    both = one_below_the_other([one, one])
    assert both._repr_html_().count('class="moving"') == 2
    assert repr(both) == "<picture: a dot; a dot>"
