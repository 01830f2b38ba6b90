"""One style for all figures: colours that all readers can tell apart, sizes that a phone can show."""

from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito, Color Universal Design (2008): told apart with any common colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# One look a model in all figures of the book, so that a reader who has learnt it once knows it everywhere.
MODELS = ("Baseline", "Den-P", "Deb-P", "Random start", "SA", "SLSQP-WA", "A-F")
WIDTH_IN_INCHES = 5.4  # a phone shows it at two thirds: ten points stay legible
NOTHING: Mapping = MappingProxyType({})  # an argument's default that nobody can fill
STYLE = {
    "figure.dpi": 160,
    "font.size": 10,
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
}


def model_style(name: str, index: int = 0) -> dict[str, str]:
    """Give a model's colour and marker: its own in the book, or for other models those of its place in a figure."""
    place = MODELS.index(name) if name in MODELS else index
    return {"color": PALETTE[place % len(PALETTE)], "marker": MARKERS[place % len(MARKERS)]}


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the book's style, and take the figure from pyplot, which would show it a second time."""

    @wraps(draw)
    def drawn(*arguments, **keywords) -> Figure:
        with matplotlib.rc_context({**STYLE, "axes.titlesize": 10, "figure.constrained_layout.use": True}):
            figure = draw(*arguments, **keywords)
            plt.close(figure)
            return figure

    return drawn


def name_axes(axes: np.ndarray, count: int, across: str, upwards: str) -> None:
    """Name the axes of panels that share them: the lowest of each column, the first of each row; drop empty places."""
    for place in axes.flat[count:]:
        place.remove()
    for place in axes.flat[max(0, count - axes.shape[1]) : count]:
        place.tick_params(labelbottom=True)
        place.set_xlabel(across)
    for line in axes:
        line[0].set_ylabel(upwards)
