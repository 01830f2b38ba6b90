"""Every model has a look of its own, the same in every figure."""

import itertools

import numpy as np
import pytest

from cxrlib.figures import curves, style

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
