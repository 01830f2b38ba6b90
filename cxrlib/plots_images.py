"""Figures made of radiographs: grids, lungs and crops, activation maps with their boxes."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cxrlib.plots import PALETTE, WIDTH_IN_INCHES, styled

PREDICTED, TRUE = "#D55E00", "#0072B2"  # red and blue as in the paper's Figure 8, in Okabe and Ito's shades


@styled
def image_grid(rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str] = (), labels: Sequence[str] = ()) -> Figure:
    """Show grey images in a grid.

    Args:
        rows: Rows of images (H, W) in [0, 1], all rows of one length.
        titles: Title of each column.
        labels: Label of each row.
    """
    count = len(rows[0])
    side = WIDTH_IN_INCHES / count
    figure, axes = plt.subplots(len(rows), count, figsize=(WIDTH_IN_INCHES, (side + 0.25) * len(rows)), squeeze=False)
    for row, (images, line) in enumerate(zip(rows, axes, strict=True)):
        for column, (image, place) in enumerate(zip(images, line, strict=True)):
            place.imshow(image, cmap="gray", vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
            if row == 0 and len(titles):
                place.set_title(titles[column])
            if column == 0 and len(labels):
                place.set_ylabel(labels[row])
    return figure


@styled
def lungs_and_crops(
    images: Sequence[np.ndarray], masks: Sequence[np.ndarray], boxes: Sequence[tuple], crops: Sequence[np.ndarray]
) -> Figure:
    """Show what the segmenter found: the mask's outline and the crop's frame, and the crop below it.

    Args:
        images: Images (H, W) in [0, 1].
        masks: Bool masks of any size.
        boxes: (x_min, y_min, x_max, y_max) in pixels of the image.
        crops: Cropped images.
    """
    figure, axes = plt.subplots(2, len(images), figsize=(WIDTH_IN_INCHES, 3.6), squeeze=False)
    for place, image, mask, box in zip(axes[0], images, masks, boxes, strict=True):
        height, width = image.shape
        place.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
        _outline(place, mask, width, height, PALETTE[5])
        _frame(place, box, PALETTE[4])
        place.set(xticks=[], yticks=[])
    for place, crop in zip(axes[1], crops, strict=True):
        place.imshow(crop, cmap="gray", vmin=0, vmax=1)
        place.set(xticks=[], yticks=[])
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
        _outline(place, truth, width, height, TRUE, "--")
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
        Rectangle((x_min, y_min), x_max - x_min, y_max - y_min, fill=False, edgecolor=colour, linewidth=1.5, ls=style)
    )


@styled
def feature_maps(image: np.ndarray, before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> Figure:
    """Show what the sharpening does to the strongest map of each skip: before above, after below.

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
        column[0].set_title(f"skip{level}\n{len(shown[0])} px")
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
        images: Images (H, W) in [0, 1], one a row of the figure.
        maps: Model name to maps (H, W) in [0, 1], one an image; one column a model.
        predicted: Model name to boxes, None where the map is empty.
        true: Boxes of each image; empty where the data set has none.
        labels: Row labels.
    """
    side = WIDTH_IN_INCHES / len(maps)
    figure, axes = plt.subplots(
        len(images), len(maps), figsize=(WIDTH_IN_INCHES, (side + 0.1) * len(images) + 0.2), squeeze=False
    )
    for row, image in enumerate(images):
        for place, name in zip(axes[row], maps, strict=True):
            place.imshow(image, cmap="gray", vmin=0, vmax=1)
            place.imshow(maps[name][row], cmap="viridis", vmin=0, vmax=1, alpha=0.3)
            if predicted[name][row] is not None:
                _frame(place, np.subtract(predicted[name][row], 0.5), PREDICTED)
            for box in true[row]:
                _frame(place, np.subtract(box, 0.5), TRUE, "--")
            place.set(xticks=[], yticks=[])
            if row == 0:
                place.set_title(name)
        axes[row, 0].set_ylabel(labels[row])
    return figure
