"""One style for all figures: colours that all readers can tell apart, sizes that a phone can show."""

import itertools
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from io import StringIO
from types import MappingProxyType

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito, Color Universal Design (2008): told apart with any common colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h", "*", ">", "<", "p", "d", (4, 1, 0), "$\u25e7$", "$\u25ed$")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
# One look a model in all figures of the book, so that a reader who has learnt it once knows it everywhere: places in
# the three lists above. No two share a marker, so that they are told apart without any colour vision.
LOOKS = {
    **{n: (i, i, i) for i, n in enumerate(("Baseline", "Den-P", "Deb-P", "Random start", "SA", "SLSQP-WA", "A-F"))},
    "Baseline, ImageNet scaling": (0, 7, 1),
    "Random start, He": (3, 8, 0),
    "Random start, Glorot": (3, 9, 1),
    "Fil-P": (4, 10, 0),
    "Id-P": (5, 11, 1),
    "Random start, Den-P's moments": (3, 12, 2),
    "Random start, Deb-P's moments": (3, 13, 4),
    "Den-P, blocks 1-2": (1, 14, 0),  # a square that is half filled
    "Deb-P, blocks 1-2": (2, 15, 0),
}
_MARKED, _LINED = {look[:2] for look in LOOKS.values()}, {look[::2] for look in LOOKS.values()}
# What is left for others: no colour with a marker or a line that one of the book's models has with it.
_FREE = [
    (color, marker, next(line for line in range(marker, marker + 7) if (color, line % 7) not in _LINED) % 7)
    for color, marker in itertools.product(range(7), range(12))
    if (color, marker) not in _MARKED
]
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


def looks(names: Iterable[str]) -> dict[str, dict]:
    """Return the look of each model of a figure: color, marker and ls (line style), as Matplotlib names them.

    The book's models have fixed looks. Another model gets one from its name, and shares it with no other model of the
    figure; it may share a marker with one of the book's models, but not the colour as well.

    Args:
        names: Models of the figure.

    >>> looks(["Den-P", "mine"])["Den-P"]
    {'color': '#D55E00', 'marker': 's', 'ls': '--'}
    """
    names = list(names)
    found = {name: LOOKS[name] for name in names if name in LOOKS}
    for name in sorted(set(names) - found.keys()):
        place = zlib.crc32(name.encode())  # the same in every figure, but where two names meet: then the next one
        free = (_FREE[(place + step) % len(_FREE)] for step in range(len(_FREE)))
        found[name] = next(look for look in free if look not in found.values())
    return {
        name: {"color": PALETTE[color], "marker": MARKERS[marker], "ls": LINES[line]}
        for name, (color, marker, line) in ((name, found[name]) for name in names)
    }


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Return a function that draws in the book's style, and closes the figure in pyplot, which would show it again.

    A notebook shows the figure as SVG: text and lines stay sharp at any size. An image in it is a PNG inside the SVG.
    """

    @wraps(draw)
    def drawn(*arguments, **keywords) -> Figure:
        with matplotlib.rc_context({**STYLE, "axes.titlesize": 10, "figure.constrained_layout.use": True}):
            figure = draw(*arguments, **keywords)
            plt.close(figure)
        figure._ipython_display_ = partial(_show_as_svg, figure)  # IPython asks for this before it draws a PNG
        return figure

    return drawn


def _show_as_svg(figure: Figure) -> None:
    from IPython.display import display  # only a notebook gets here

    file = StringIO()
    # Without a date, and with names that depend on the content alone: equal runs give equal bytes.
    with matplotlib.rc_context({"svg.hashsalt": "cxrlib"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    display({"image/svg+xml": file.getvalue(), "text/plain": repr(figure)}, raw=True)


def name_axes(axes: np.ndarray, count: int, across: str, upwards: str) -> None:
    """Name the axes of panels that share them: the lowest of each column, the first of each row; drop empty places."""
    for place in axes.flat[count:]:
        place.remove()
    for place in axes.flat[max(0, count - axes.shape[1]) : count]:
        place.tick_params(labelbottom=True)
        place.set_xlabel(across)
    for line in axes:
        line[0].set_ylabel(upwards)
