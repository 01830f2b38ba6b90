"""Figures of radiographs: grids, lungs and crops, activation maps with their boxes."""

import itertools
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cxrlib.figures.style import PALETTE, WIDTH_IN_INCHES, styled

PREDICTED, TRUE = "#D55E00", "#0072B2"  # the paper's Figure 8 has red and blue; here orange and blue, of Okabe and Ito
DRAWN = "#56B4E9"  # a lighter blue: thin lines on grey


@styled
def image_grid(rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str] = (), labels: Sequence[str] = ()) -> Figure:
    """Show grey images in a grid.

    Args:
        rows: Rows of images (H, W) in [0, 1], all rows of one length.
        titles: Title of each column, or of each image, row by row.
        labels: Label of each row.
    """
    count = len(rows[0])
    side = WIDTH_IN_INCHES / count
    above = len(rows) if len(titles) > count else bool(len(titles))  # rows with titles
    height = (side + 0.05) * len(rows) + 0.25 * above
    figure, axes = plt.subplots(len(rows), count, figsize=(WIDTH_IN_INCHES, height), squeeze=False)
    for place, image in zip(axes.flat, itertools.chain.from_iterable(rows), strict=True):
        place.imshow(image, cmap="gray", vmin=0, vmax=1)
        place.set(xticks=[], yticks=[])
    for place, title in zip(axes.flat, titles, strict=False):
        place.set_title(title)
    for place, label in zip(axes[:, 0], labels, strict=False):
        place.set_ylabel(label)
    return figure


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


@styled
def outlines(
    images: Sequence[np.ndarray], truths: Sequence[np.ndarray], found: Sequence[np.ndarray], titles: Sequence[str]
) -> Figure:
    """Show two outlines of the lungs on each image: a person's (dashed) and the segmenter's (solid).

    Args:
        images: Images (H, W) in [0, 1].
        truths: Bool masks (H, W) drawn by people.
        found: Bool masks (H, W) of the segmenter.
        titles: Title of each image.
    """
    columns = min(len(images), 3)
    rows = -(-len(images) // columns)
    side = WIDTH_IN_INCHES / columns
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH_IN_INCHES, (side + 0.25) * rows), squeeze=False)
    for place, image, truth, mask, title in zip(axes.flat, images, truths, found, titles, strict=False):
        height, width = image.shape
        place.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
        _outline(place, truth, width, height, DRAWN, "--")
        _outline(place, mask, width, height, PREDICTED)
        place.set(xticks=[], yticks=[], title=title)
    for place in axes.flat[len(images) :]:
        place.remove()
    return figure


def _outline(axes, mask: np.ndarray, width: int, height: int, colour: str, style: str = "-") -> None:
    if not mask.any():
        return  # Matplotlib warns of a contour that is nowhere
    # A border of nothing: a mask that touches the edge is outlined there, too.
    padded = np.pad(mask.astype(float), 1)
    across, down = (np.arange(-0.5, count + 1) / count for count in (mask.shape[1], mask.shape[0]))
    x, y = (across * width).clip(0, width), (down * height).clip(0, height)
    axes.contour(x, y, padded, levels=[0.5], colors=colour, linewidths=1.2, linestyles=style)


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


@styled
def activation_boxes(
    images: Sequence[np.ndarray],
    maps: Mapping[str, Sequence[np.ndarray]],
    predicted: Mapping[str, Sequence[tuple | None]],
    true: Sequence[Sequence[tuple]],
    labels: Sequence[str],
) -> Figure:
    """Overlay Score-CAM maps and their boxes (solid) and the true boxes (dashed) on the images (paper, Figure 8).

    Args:
        images: Images (H, W) in [0, 1], one per row of the figure.
        maps: Model name to maps (H, W) in [0, 1], one per image; one column per model.
        predicted: Model name to boxes, None where the map is empty.
        true: Boxes of each image; empty where the data set has none.
        labels: Row labels.
    """
    side = WIDTH_IN_INCHES / len(maps)
    figure, axes = plt.subplots(
        len(images), len(maps), figsize=(WIDTH_IN_INCHES, side * len(images) + 1.0), squeeze=False
    )
    for row, image in enumerate(images):
        for place, name in zip(axes[row], maps, strict=True):
            place.imshow(image, cmap="gray", vmin=0, vmax=1)
            shades = place.imshow(maps[name][row], cmap="viridis", vmin=0, vmax=1, alpha=0.3)
            if predicted[name][row] is not None:
                _frame(place, np.subtract(predicted[name][row], 0.5), PREDICTED)
            for box in true[row]:
                _frame(place, np.subtract(box, 0.5), TRUE, "--")
            place.set(xticks=[], yticks=[])
            if row == 0:
                place.set_title(name)
        axes[row, 0].set_ylabel(textwrap.fill(labels[row], 20))
    figure.colorbar(shades, ax=axes, location="bottom", label="map, share of its maximum", shrink=0.6, aspect=30)
    return figure
