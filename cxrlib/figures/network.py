"""The paper's Figure 1: a Sharp U-Net as it is built, drawn from the network itself."""

import keras
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from cxrlib.figures.style import PALETTE, WIDTH_IN_INCHES, styled

NARROWEST, WIDEST = 0.12, 0.5  # block, in units of the distance between two levels


@styled
def network_diagram(unet: keras.Model) -> Figure:
    """Draw a Sharp U-Net: encoder down, decoder up, each skip through its sharpening filter (paper, Figure 1).

    A block is higher if its maps are larger, and wider if it has more of them. Numbers are read from the network: maps
    above a block, their side in pixels at the left of its level.

    Args:
        unet: Network of `vgg16.sharp_unet`.

    Raises:
        ValueError: The network is not a `vgg16.sharp_unet`.
    """
    names = {layer.name for layer in unet.layers}
    encoder = [f"block{level}_conv{3 if level > 2 else 2}" for level in range(1, 6)]
    decoder = [f"decoder{step}_conv2" for step in range(1, 5)]
    if missing := {*encoder, *decoder, *(f"sharpen{level}" for level in range(1, 5))} - names:
        raise ValueError(f"{unet.name} has no layer {', '.join(sorted(missing))}: give a network of vgg16.sharp_unet")
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 3.4))
    most = max(unet.get_layer(name).output.shape[-1] for name in encoder)
    places = {}
    for column, name in enumerate([*encoder, *decoder]):
        level = column if column < 5 else 8 - column
        _, side, _, maps = unet.get_layer(name).output.shape
        height, width = 0.8 * 0.72**level, NARROWEST + (WIDEST - NARROWEST) * maps / most
        x, y = column, -level
        colour = PALETTE[0] if column < 4 else PALETTE[1] if column == 4 else PALETTE[2]
        axes.add_patch(Rectangle((x - width / 2, y - height / 2), width, height, color=colour))
        axes.text(x, y + height / 2 + 0.05, f"{maps}", ha="center", va="bottom", fontsize=9)
        if column < 5:
            axes.text(-1.0, y, f"{side} px", ha="right", va="center", fontsize=9, color="0.3")
        places[name] = (x, y, width / 2, height / 2)
    for before, after in zip([*encoder, *decoder], [*encoder, *decoder][1:], strict=False):
        (x, y, _, half), (to_x, to_y, to_width, _) = places[before], places[after]
        start = (x, y - half) if to_y < y else (x, y + half + 0.3)
        _arrow(axes, start, (to_x - to_width, to_y), "arc3,rad=0.25" if to_y < y else "arc3,rad=-0.25", "0.35")
    for level in range(1, 5):
        (x, y, width, _), (to_x, _, to_width, _) = places[encoder[level - 1]], places[decoder[4 - level]]
        _arrow(axes, (x + width, y), (to_x - to_width, y), "arc3", PALETTE[4])
        axes.text((x + to_x) / 2, y, "K", ha="center", va="center", fontsize=9,
                  bbox={"boxstyle": "round", "fc": "white", "ec": PALETTE[4]})  # fmt: skip
    axes.text(0, 0.75, "encoder", ha="center", color=PALETTE[0])
    axes.text(4, -4.6, "bottleneck", ha="center", color=PALETTE[1])
    axes.text(8, 0.75, "decoder", ha="center", color=PALETTE[2])
    axes.text(4, 0.32, "skips, each sharpened by K", ha="center", fontsize=9)
    axes.set(xlim=(-1.9, 8.6), ylim=(-4.75, 1.05))
    axes.axis("off")
    return figure


def _arrow(axes, start: tuple[float, float], end: tuple[float, float], bend: str, colour: str) -> None:
    arrow = {"arrowstyle": "-|>", "mutation_scale": 9, "color": colour, "lw": 1.2, "shrinkA": 2, "shrinkB": 2}
    axes.add_patch(FancyArrowPatch(start, end, connectionstyle=bend, **arrow))
