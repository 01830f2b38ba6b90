"""Figures of the audit of the paper: p values of pairs, what a paired test needs, and the ROC plane."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from scipy.stats import norm

from cxrlib.evaluation.audit import MEASURES, mcnemar_by_overlap
from cxrlib.evaluation.operating_point import best_youden, d_prime_from_counts, implied_sensitivity
from cxrlib.evaluation.significance import sensitivity_interval
from cxrlib.figures.style import MARKERS, PALETTE, WIDTH_IN_INCHES, looks, styled


@styled
def both_measures(counts: Mapping[str, tuple[int, int, int, int]], baseline: str) -> Figure:
    """Draw Youden's J beside d' with 95% intervals, one row per model.

    Args:
        counts: name of each model to its (tp, fn, fp, tn); the first is on top.
        baseline: the model whose own curve's highest J is drawn as a line.

    Returns:
        The figure; J on the left, d' (standard deviations) on the right.
    """
    figure, panels = plt.subplots(1, 2, sharey=True, figsize=(WIDTH_IN_INCHES, 0.36 * len(counts) + 1.3))
    for axes, measure, label in zip(panels, ("youden", "d_prime"), ("Youden's J", "d'"), strict=True):
        found = {model: MEASURES[measure](*cells) for model, cells in counts.items()}
        for row, (model, look) in enumerate(looks(counts).items()):
            value = found[model]
            axes.plot([value["low"], value["high"]], [row, row], color=look["color"], alpha=0.55)
            axes.plot(value[measure], row, color=look["color"], marker=look["marker"])
        # From zero, where a reader knows nothing: a cut axis would make the differences look larger.
        axes.set(xlabel=label, xlim=(0, 1.15 * max(value["high"] for value in found.values())))
    best = best_youden(d_prime_from_counts(*counts[baseline])["d_prime"])
    label = f"{baseline} with its threshold at the best place (binormal model)"
    panels[0].axvline(best, color="black", linestyle="--", linewidth=1, label=label)
    panels[0].set_yticks(range(len(counts)), list(counts))
    panels[0].invert_yaxis()
    figure.legend(loc="outside upper center")
    return figure


@styled
def p_values(pairs: pd.DataFrame, significance_level: float = 0.05, smallest: float = 1e-6) -> Figure:
    """Draw raw and Holm-adjusted p values, one row per pair, the largest on top.

    Args:
        pairs: what `cxrlib.evaluation.significance.pairwise` returns.
        significance_level: drawn as a line.
        smallest: p values below it are drawn at the edge, as arrows.

    Returns:
        The figure, on a logarithmic axis.
    """
    pairs = pairs.sort_values("p", ascending=False, ignore_index=True)
    height = np.arange(len(pairs))[::-1]
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 0.28 * len(pairs) + 1.3))
    axes.hlines(height, pairs["p"].clip(smallest), pairs["p_holm"].clip(smallest), color="0.7", zorder=1)
    for column, label, colour, marker, aside in (
        ("p", "raw", PALETTE[0], "o", 0.18),  # the two of a pair stand one above the other where they are equal
        ("p_holm", "after Holm", PALETTE[1], "s", -0.18),
    ):
        shown, place = pairs[column] >= smallest, height + aside
        axes.scatter(pairs.loc[shown, column], place[shown], s=24, color=colour, marker=marker, label=label, zorder=2)
        axes.scatter(np.full((~shown).sum(), smallest), place[~shown], s=24, color=colour, marker="<", zorder=2)
    axes.axvline(significance_level, color="black", linestyle="--", linewidth=1, label=f"p = {significance_level:g}")
    axes.set(xscale="log", xlim=(smallest / 2, 2), xlabel="two-sided p value (arrow: smaller still)")
    axes.set_yticks(height, pairs["model_1"] + " / " + pairs["model_2"])
    figure.legend(loc="outside upper center", ncols=3)  # within the axes it would lie over the line
    return figure


@styled
def paired_p_values(
    hits: Mapping[str, int], pairs: Sequence[tuple[str, str]], positives: int, significance_level: float = 0.05
) -> Figure:
    """Draw the exact McNemar p value against the number of hits that two models share.

    Args:
        hits: abnormal images that each model finds.
        pairs: the pairs of models to draw, at most six.
        positives: abnormal images in all.
        significance_level: drawn as a line, each curve marked where it falls below.

    Returns:
        The figure, p on a logarithmic axis.
    """
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 4.2))
    for (model_1, model_2), colour, marker in zip(pairs, PALETTE, MARKERS, strict=False):
        frame = mcnemar_by_overlap(hits[model_1], hits[model_2], positives)
        label = f"{model_1} / {model_2}"
        below = np.flatnonzero(frame["p"] < significance_level)[:1]
        axes.plot(frame["overlap"], frame["p"], color=colour, marker=marker, markevery=below.tolist(), label=label)
    axes.axhline(significance_level, color="black", linestyle="--", linewidth=1, label=f"p = {significance_level:g}")
    axes.set(yscale="log", ylim=(1e-4, 1.5))
    axes.set(xlabel="abnormal images that both models find", ylabel="exact McNemar p value")
    axes.legend(loc="lower left")
    return figure


@styled
def roc_plane(
    counts: Mapping[str, tuple[int, int, int, int]],
    curves: Sequence[float] = (0.0, 0.5, 1.0),
    interval: str = "wilson",
) -> Figure:
    """Draw operating points with 95% intervals over binormal curves of equal d'.

    Args:
        counts: name of each model to its (tp, fn, fp, tn).
        curves: values of d' whose curves are drawn in grey; the mean d' of the models is drawn in black.
        interval: as in `cxrlib.evaluation.significance.sensitivity_interval`.

    Returns:
        The figure; both axes are shares of images, without unit.
    """
    rate = np.linspace(0, 1, 201)
    cells = np.array(list(counts.values()))  # (models, 4)
    highest = {"x": (cells[:, 2] / cells[:, 2:].sum(axis=1)).max(), "y": (cells[:, 0] / cells[:, :2].sum(axis=1)).max()}
    mean = float(np.mean([d_prime_from_counts(*row)["d_prime"] for row in counts.values()]))
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 5.6))
    # Room to the right for the names of the curves, and on top for the legend.
    axes.set(xlim=(0, min(1, 2.2 * highest["x"])), ylim=(0, min(1, 1.5 * highest["y"])))
    for value in curves:
        axes.plot(rate, implied_sensitivity(value, 1 - rate), color="0.75", linewidth=1, zorder=1)
        _name_curve(axes, value, "0.4")
    axes.plot(rate, implied_sensitivity(mean, 1 - rate), color="black", linewidth=1, zorder=1)
    _name_curve(axes, mean, "black")
    for (model, (tp, fn, fp, tn)), look in zip(counts.items(), looks(counts).values(), strict=True):
        x, y = fp / (fp + tn), tp / (tp + fn)
        spread_x = np.abs(np.subtract(sensitivity_interval(fp, tn, interval), x))[:, None]
        spread_y = np.abs(np.subtract(sensitivity_interval(tp, fn, interval), y))[:, None]
        # Pale thin bars and a white edge, for the shape of a cross would be lost in the cross of its intervals.
        bars = {"ecolor": to_rgba(look["color"], 0.55), "elinewidth": 1}
        edge = {"markersize": 11, "markeredgecolor": "white", "markeredgewidth": 0.8}
        axes.errorbar(x, y, spread_y, spread_x, label=model, zorder=3, **bars, **edge, **{**look, "ls": ""})
    axes.plot(0, 0, "*", color="black", markersize=9, label="always normal", clip_on=False, zorder=3)
    axes.set(xlabel="1 \N{MINUS SIGN} specificity", ylabel="sensitivity")
    axes.legend(loc="upper left")
    return figure


def _name_curve(axes: Axes, d_prime: float, colour: str) -> None:
    """Write d' where its curve leaves the drawn part of the plane, on the right or on top."""
    (_, right), (_, top) = axes.get_xlim(), axes.get_ylim()
    place, offset, align = (right, implied_sensitivity(d_prime, 1 - right)), (3, 0), {"va": "center"}
    if place[1] > top:
        place, offset, align = (1 - norm.cdf(d_prime - norm.ppf(top)), top), (0, 3), {"ha": "center"}
    axes.annotate(f"d' {d_prime:.2f}", place, offset, textcoords="offset points", color=colour, **align)
