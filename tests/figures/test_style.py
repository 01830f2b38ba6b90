"""Every model has a look of its own, the same in every figure."""

import itertools
from xml.etree import ElementTree

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from cxrlib.figures import curves, radiographs, style

BOOK = list(style.LOOKS)
ADDED = [f"arm {number}" for number in range(20)]
LABELS, PROBABILITY = np.arange(40) % 2, np.random.default_rng(0).random(40)


def test_the_books_models_are_told_apart_by_marker_alone_and_by_colour_with_line():
    looks = style.looks(BOOK).values()
    assert len({look["marker"] for look in looks}) == len({(look["color"], look["ls"]) for look in looks}) == len(BOOK)


def test_added_models_share_their_look_with_nobody():
    looks = style.looks([*BOOK, *ADDED])
    assert list(looks) == [*BOOK, *ADDED]
    assert len({(look["color"], look["marker"]) for look in looks.values()}) == len(looks)
    for book, added in itertools.product(BOOK, ADDED):
        assert (looks[book]["color"], looks[book]["ls"]) != (looks[added]["color"], looks[added]["ls"])


@pytest.mark.parametrize("name", ["A-F", "Random start, He", "mine"])
def test_a_model_looks_the_same_in_every_figure(name):
    alone = style.looks([name])[name]
    assert style.looks(["mine", "yours", *BOOK])[name] == style.looks(["theirs", name])[name] == alone
    for names in ((name, "Den-P"), ("Den-P", name)):
        handles = curves.roc_curves(LABELS, dict.fromkeys(names, PROBABILITY)).axes[0].get_legend().legend_handles
        (line,) = (line for line in handles if line.get_label() == name)
        assert (line.get_color(), line.get_marker()) == (alone["color"], alone["marker"])


@pytest.fixture
def shown():
    """Function that gives what a notebook is sent for an object, by its kind of content."""

    def contents(value):
        shell = InteractiveShell.instance()
        with capture_output() as captured:
            left = shell.display_formatter.format(value)[0]
        return {**left, **(captured.outputs[0].data if captured.outputs else {})}

    yield contents
    InteractiveShell.clear_instance()


def test_line_art_is_svg_and_the_same_each_time(shown):
    first, second = (shown(curves.roc_curves(LABELS, {"Den-P": PROBABILITY})) for _ in range(2))
    assert first.keys() == {"image/svg+xml", "text/plain"}
    drawing = ElementTree.fromstring(first["image/svg+xml"])
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert first["image/svg+xml"] == second["image/svg+xml"]
    assert len(first["image/svg+xml"]) < 100_000


def test_a_figure_with_an_image_is_svg_with_a_picture_inside_and_the_same_each_time(shown):
    image = np.linspace(0, 1, 64).reshape(8, 8)
    first, second = (
        shown(radiographs.lungs_and_crops([image], [image > 0.5], [(1, 1, 6, 7)], [image], ["one"])) for _ in range(2)
    )
    assert first.keys() == {"image/svg+xml", "text/plain"}
    drawing = ElementTree.fromstring(first["image/svg+xml"])
    pictures = [element for element in drawing.iter() if element.tag.endswith("}image")]
    assert len(pictures) == 2
    assert all(picture.get("{http://www.w3.org/1999/xlink}href").startswith("data:image/png") for picture in pictures)
    assert first == second
