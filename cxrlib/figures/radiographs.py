"""Figures of radiographs: grids, lungs and crops, activation maps with their boxes."""

from collections.abc import Mapping, Sequence

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cxrlib.figures.html import HtmlPicture
from cxrlib.figures.pictures import data_uri, film, films, rectangle, traced
from cxrlib.figures.style import PALETTE, WIDTH_IN_INCHES, styled

PREDICTED, TRUE = "#D55E00", "#0072B2"  # the paper's Figure 8 has red and blue; here orange and blue, of Okabe and Ito
COLOURS, OPACITY = "viridis", 0.7  # of activation maps; the opacity is that of a map's maximum
_SHADES = ", ".join(to_hex(matplotlib.colormaps[COLOURS](share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0))
SCALE = (
    '<p class="films-scale">map: 0 <span aria-hidden="true" style="display:inline-block;width:8rem;height:0.7rem;'
    f'background:linear-gradient(to right, {_SHADES})"></span> its maximum</p>'
)


def image_grid(
    rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str] = (), labels: Sequence[str] = ()
) -> HtmlPicture:
    """Show grey images in rows, each large enough to be looked at.

    Args:
        rows: Rows of images (H, W) in [0, 1], all rows of one length.
        titles: Title of each column, or of each image, row by row.
        labels: Label of each row.
    """
    count = len(rows[0])
    titles = list(titles) if len(titles) > count else [*titles] * len(rows)
    titles += [""] * (len(rows) * count - len(titles))
    written, told = [], iter(titles)
    for number, images in enumerate(rows):
        label = _one_line(labels[number]) if len(labels) else ""
        named = [(image, _one_line(next(told))) for image in images]
        written.append([film(image, title, _words("An example radiograph", label, title)) for image, title in named])
    return films(written, [_one_line(label) for label in labels], "example radiographs")


def _one_line(text: str) -> str:
    return ", ".join(text.splitlines())


def _words(*texts: str) -> str:
    return ", ".join(filter(None, texts))


@styled
def lungs_and_crops(
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    boxes: Sequence[tuple],
    crops: Sequence[np.ndarray],
    titles: Sequence[str] = (),
) -> Figure:
    """Show the segmenter's result: the mask's outline and the crop's frame, and below them the crop.

    Args:
        images: Images (H, W) in [0, 1].
        masks: Bool masks of any size.
        boxes: (x_min, y_min, x_max, y_max) in pixels of the image.
        crops: Cropped images.
        titles: Title of each image.
    """
    tallest = max(image.shape[0] / image.shape[1] for image in images)
    height = (tallest + 1) * WIDTH_IN_INCHES / len(images) + 0.1 + 0.4 * bool(len(titles))
    ratios = {"height_ratios": [tallest, 1]}
    figure, axes = plt.subplots(2, len(images), figsize=(WIDTH_IN_INCHES, height), squeeze=False, gridspec_kw=ratios)
    for place, image, mask, box in zip(axes[0], images, masks, boxes, strict=True):
        height, width = image.shape
        place.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
        _outline(place, mask, width, height, PALETTE[5])
        _frame(place, box, PALETTE[4])
        place.set(xticks=[], yticks=[])
    for place, crop in zip(axes[1], crops, strict=True):
        place.imshow(crop, cmap="gray", vmin=0, vmax=1)
        place.set(xticks=[], yticks=[])
    for place, title in zip(axes[0], titles, strict=False):
        place.set_title(title)
    axes[0, 0].set_ylabel("lungs and frame")
    axes[1, 0].set_ylabel("crop")
    return figure


def outlines(
    images: Sequence[np.ndarray], truths: Sequence[np.ndarray], found: Sequence[np.ndarray], titles: Sequence[str]
) -> HtmlPicture:
    """Show two outlines of the lungs on each image: a person's (dashed) and the segmenter's (solid).

    Args:
        images: Images (H, W) in [0, 1].
        truths: Bool masks of any size, drawn by people.
        found: Bool masks of any size, of the segmenter.
        titles: Title of each image.
    """
    written = []
    for image, truth, mask, title in zip(images, truths, found, titles, strict=True):
        over = traced(truth, image.shape, TRUE, 4) + traced(mask, image.shape, PREDICTED)
        written.append(film(image, title, _words("An example radiograph with two outlines of the lungs", title), over))
    return films([written], [], "example radiographs with two outlines of the lungs")


def _outline(axes, mask: np.ndarray, width: int, height: int, colour: str) -> None:
    if not mask.any():
        return  # Matplotlib warns of a contour that is nowhere
    # A border of nothing: a mask that touches the edge is outlined there, too.
    padded = np.pad(mask.astype(float), 1)
    across, down = (np.arange(-0.5, count + 1) / count for count in (mask.shape[1], mask.shape[0]))
    x, y = (across * width).clip(0, width), (down * height).clip(0, height)
    axes.contour(x, y, padded, levels=[0.5], colors=colour, linewidths=1.2)


def _frame(axes, box, colour: str, style: str = "-") -> None:
    x_min, y_min, x_max, y_max = box
    axes.add_patch(
        Rectangle(
            (x_min, y_min), x_max - x_min, y_max - y_min, fill=False, edgecolor=colour, linewidth=1.5, ls=style,
            clip_on=False,  # a side on the image's own edge is drawn, too
        )
    )  # fmt: skip


@styled
def feature_maps(image: np.ndarray, before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> Figure:
    """Show the strongest map of each skip before (above) and after (below) the sharpening.

    The strongest map is the one that varies most before. Sharpening leaves negative values beside edges, so the colours
    diverge from white at zero: the two maps of a skip share one scale, which goes from violet at minus their largest
    magnitude to orange at plus.

    Args:
        image: Grey image (H, W) in [0, 1] that the network was given.
        before: Feature maps (h, w, C) of each skip, fine to coarse.
        after: The same after the sharpening.
    """
    columns = len(before) + 1
    figure, axes = plt.subplots(2, columns, figsize=(WIDTH_IN_INCHES, 2.6))
    axes[0, 0].imshow(image, cmap="gray", vmin=0, vmax=1)
    axes[0, 0].set_title("input")
    for level, (*maps, column) in enumerate(zip(before, after, axes.T[1:], strict=True), start=1):
        strongest = int(maps[0].var(axis=(0, 1)).argmax())
        shown = [values[..., strongest] for values in maps]
        largest = np.abs(shown).max() or 1  # a dead channel: white
        for place, values in zip(column, shown, strict=True):
            place.imshow(values, cmap="PuOr_r", vmin=-largest, vmax=largest)
        column[0].set_title(f"skip {level}\n{len(shown[0])} px")
    for place in axes.flat:
        place.set(xticks=[], yticks=[])
    axes[1, 0].remove()
    axes[0, 1].set_ylabel("before")
    axes[1, 1].set_ylabel("sharpened")
    return figure


def activation_boxes(
    images: Sequence[np.ndarray],
    maps: Mapping[str, Sequence[np.ndarray]],
    predicted: Mapping[str, Sequence[tuple | None]],
    true: Sequence[Sequence[tuple]],
    labels: Sequence[str],
) -> HtmlPicture:
    """Lay Score-CAM maps, their boxes (solid) and the true boxes (dashed) over the images, beside the plain ones.

    The paper's Figure 8 has these rows and columns, without the plain image.

    Args:
        images: Images (H, W) in [0, 1], one per row of the figure.
        maps: Model name to maps (H, W) in [0, 1], one per image; one column per model.
        predicted: Model name to boxes, None where the map is empty.
        true: Boxes of each image; empty where the data set has none.
        labels: Row labels.
    """
    rows = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        row = [film(image, "plain film", _words("An example radiograph", label))]
        dashed = "".join(rectangle(TRUE, placed(box), 4) for box in true[number])
        for name, heats in maps.items():
            box = predicted[name][number]
            over = over_film(heats[number]) + dashed + (rectangle(PREDICTED, placed(box)) if box is not None else "")
            words = _words("The same radiograph under a map", label, _one_line(name))
            row.append(film(image, _one_line(name), words, over))
        rows.append(row)
    return films(rows, labels, "example radiographs under activation maps", SCALE)


def over_film(heat: np.ndarray, attributes: str = "") -> str:
    """Write a map as SVG that lies over a film: coloured by its values, and the more opaque the larger they are.

    Args:
        heat: Map (H, W) in [0, 1].
        attributes: More attributes of the image.
    """
    height, width = heat.shape
    return f'<image href="{overlay(heat)}" width="{width}" height="{height}" {attributes}></image>'


def overlay(heat: np.ndarray) -> str:
    """Write a map (H, W) in [0, 1] as the address of a picture whose opacity follows it."""
    coloured = matplotlib.colormaps[COLOURS](np.asarray(heat, dtype=float))
    coloured[..., 3] = OPACITY * heat
    return data_uri(coloured)


def placed(box: Sequence[float]) -> str:
    """Write a box (x_min, y_min, x_max, y_max) as the attributes of a rectangle of SVG."""
    x_min, y_min, x_max, y_max = box
    return f'x="{x_min:g}" y="{y_min:g}" width="{x_max - x_min:g}" height="{y_max - y_min:g}"'
