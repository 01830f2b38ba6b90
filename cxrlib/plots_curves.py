"""Figures of operating curves, weights and levels: lines and points over an axis with a unit."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from cxrlib.plots import MARKERS, PALETTE, WIDTH_IN_INCHES, styled

LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))


@styled
def roc_curves(y_true: np.ndarray, probabilities: Mapping[str, np.ndarray], threshold: float = 0.5) -> Figure:
    """Draw ROC curves with the operating point of each model.

    Args:
        y_true: Labels, 0 or 1, shape (N,).
        probabilities: Model name to probability of abnormal, shape (N,).
        threshold: Threshold of the marked points.
    """
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 4.6))
    for index, (name, probability) in enumerate(probabilities.items()):
        colour = PALETTE[index % len(PALETTE)]
        false_positive, true_positive, _ = roc_curve(y_true, probability, drop_intermediate=False)
        axes.plot(false_positive, true_positive, color=colour, ls=LINES[index % len(LINES)], lw=1.4)
        called = probability >= threshold
        point = called[y_true == 0].mean(), called[y_true == 1].mean()
        axes.plot(*point, MARKERS[index % len(MARKERS)], color=colour, mec="black", ms=8, label=name)
    axes.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", aspect="equal", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower right", title=f"point: threshold {threshold:g}")
    return figure


@styled
def scores_by_level(scores: pd.DataFrame, level_label: str) -> Figure:
    """Draw PSNR, SSIM and HaarPSI of corrupted images over the level of corruption.

    Args:
        scores: One row an image: level, psnr, ssim, haarpsi.
        level_label: Axis label of the level, with its unit.
    """
    figure, axes = plt.subplots(1, 3, figsize=(WIDTH_IN_INCHES, 2.4))
    for place, (column, label) in zip(
        axes, {"psnr": "PSNR (dB)", "ssim": "SSIM", "haarpsi": "HaarPSI"}.items(), strict=True
    ):
        grouped = scores.groupby("level")[column]
        middle = grouped.median()
        error = np.stack([middle - grouped.quantile(0.05), grouped.quantile(0.95) - middle])
        place.errorbar(middle.index, middle, yerr=error, color=PALETTE[0], marker="o", ms=4, capsize=2)
        place.set(xlabel=level_label, ylabel=label, xticks=list(middle.index))
        place.tick_params(axis="x", labelrotation=45)
    return figure


@styled
def weight_loss(weights: np.ndarray, losses: np.ndarray, chosen: float, names: tuple[str, str]) -> Figure:
    """Draw log loss over the weight of the first of two models, and the weight that SLSQP chose.

    Args:
        weights: Weights of the first model, ascending, in [0, 1].
        losses: Log loss at each.
        chosen: SLSQP's weight.
        names: Names of the two models.
    """
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 2.6))
    axes.plot(weights, losses, color=PALETTE[0])
    axes.axvline(chosen, color=PALETTE[1], ls="--", label="SLSQP")
    axes.axvline(0.5, color="0.6", ls=":", label="simple average")
    axes.set(xlabel=f"weight of {names[0]} (the rest is {names[1]}'s)", ylabel="validation log loss (nats)")
    axes.legend()
    return figure


@styled
def reliability(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how often images are abnormal against the probability that a model gave them.

    Args:
        curves: Model name to columns predicted and observed, as `metrics.reliability_curve` gives them.
    """
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 4.2))
    axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, label="calibrated")
    for index, (name, curve) in enumerate(curves.items()):
        style = {"color": PALETTE[index % len(PALETTE)], "marker": MARKERS[index % len(MARKERS)], "ms": 4}
        axes.plot(curve.predicted, curve.observed, ls=LINES[index % len(LINES)], lw=1.2, label=name, **style)
    axes.set(xlabel="probability of abnormal", ylabel="share that is abnormal", aspect="equal")
    axes.legend()
    return figure
