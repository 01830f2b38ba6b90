"""Figures of curves, scores and weights: lines and points over an axis with a unit."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_curve

from cxrlib.evaluation.arms import did_not_learn
from cxrlib.figures.style import LINES, MARKERS, NOTHING, PALETTE, WIDTH_IN_INCHES, looks, name_axes, styled
from cxrlib.figures.tables import QUALITY_NAMES, signed
from cxrlib.restoration.quality import PSNR_CEILING


@styled
def learning_curves(
    histories: Mapping[str, pd.DataFrame], measure: str, label: str, reference: tuple[str, float] | None = None
) -> Figure:
    """Draw training and validation values over epochs, one panel per model; the best epoch is marked.

    The panel of a model that did not learn says so, on grey.

    Args:
        histories: Model name to what `training.train` returns.
        measure: Column, for example "loss"; its `val_` twin is drawn too.
        label: Axis label with the unit, if any.
        reference: Name and value of a dotted line across all panels.
    """
    columns = min(len(histories), 2)
    rows = -(-len(histories) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH_IN_INCHES, 2.1 * rows + 0.5), squeeze=False, sharex=True, sharey=True
    )
    for place, (name, history) in zip(axes.flat, histories.items(), strict=False):
        place.plot(history.epoch, history[measure], color=PALETTE[0], marker=".", label="training")
        place.plot(history.epoch, history[f"val_{measure}"], color=PALETTE[1], marker="s", ms=3, label="validation")
        best = history[history.best]
        place.plot(best.epoch, best[f"val_{measure}"], "o", ms=9, mfc="none", color=PALETTE[1], label="kept")
        if reference:
            place.axhline(reference[1], color="0.4", ls=":", label=reference[0])
        place.set(title=name)
        if state := did_not_learn(history):
            place.set(title=f"{name}: did not learn ({state})", facecolor="0.9")
        place.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    name_axes(axes, len(histories), "epoch", label)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)  # over no curve
    return figure


@styled
def first_step(spread: pd.DataFrame) -> Figure:
    """Draw what one step of training does to the spread of a network's features, one panel per start, rate and width.

    Args:
        spread: One row per layer and time: width, start, rate, when ("before" or "after one step"), place (from 1),
            deviation.
    """
    groups = list(spread.groupby(["width", "start", "rate"], sort=False))
    rows = -(-len(groups) // 2)
    figure, axes = plt.subplots(
        rows, 2, figsize=(WIDTH_IN_INCHES, 2.1 * rows + 0.4), squeeze=False, sharex=True, sharey=True
    )
    for place, ((width, start, rate), group) in zip(axes.flat, groups, strict=False):
        for number, (when, part) in enumerate(group.groupby("when", sort=False)):
            style = {"color": PALETTE[number], "ls": LINES[number], "marker": MARKERS[number], "ms": 3}
            place.plot(part.place, part.deviation, label=when, **style)
        place.set(yscale="log", title=f"{start.split('_')[0].title()}, rate {rate:g}, width {width:g}")
    name_axes(axes, len(groups), "layer", "spread of features")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@styled
def score_intervals(scores: pd.DataFrame, names: Mapping[str, str], chance: Mapping[str, float] = NOTHING) -> Figure:
    """Draw scores with their intervals, one panel per score and one line per model (paper, Figure 6, there as bars).

    Args:
        scores: Columns model, score, estimate, low, high.
        names: Score to its printed name.
        chance: Score to the value of a classifier that looks at no image, drawn as a dotted line.
    """
    look = looks(dict.fromkeys(scores.model))
    models = list(look)
    rows = -(-len(names) // 2)
    height = (0.21 * len(models) + 0.65) * rows
    figure, axes = plt.subplots(rows, 2, figsize=(WIDTH_IN_INCHES, height), squeeze=False, sharey=True)
    for place, (score, printed) in zip(axes.flat, names.items(), strict=False):
        part = scores[scores.score == score].set_index("model").loc[models]
        for line, (model, row) in enumerate(part.iterrows()):
            place.plot([row.low, row.high], [line, line], color="0.45", lw=1.2, zorder=2)
            place.plot(row.estimate, line, ms=6, zorder=3, **look[model])
        if score in chance:
            place.axvline(chance[score], color="0.2", ls=":", lw=1.3, zorder=1.5)
        place.set_title(printed)
        place.grid(axis="x", color="0.9", zorder=0)
    axes[0, 0].set_yticks(range(len(models)), models)
    axes[0, 0].set_ylim(len(models) - 0.5, -0.5)  # the first model on top
    for place in list(axes.flat)[len(names) :]:
        place.remove()
    return figure


@styled
def roc_curves(
    y_true: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    threshold: float = 0.5,
    published: Mapping[str, tuple[float, float]] = NOTHING,
    notes: Mapping[str, str] = NOTHING,
) -> Figure:
    """Draw ROC curves with the operating point of each model, and the paper's points.

    Args:
        y_true: Labels, 0 or 1, shape (N,).
        probabilities: Model name to probability of abnormal, shape (N,).
        threshold: Threshold of the marked points.
        published: Model name to the paper's (sensitivity, specificity), drawn hollow, in the model's colour and shape.
            The paper prints no curve, and its points are of other images: a point beside our curve is no comparison.
        notes: Model name to the name that the legend shows, as `arms.notes` gives it.

    Raises:
        ValueError: A published model has no curve.
    """
    if not set(published) <= set(probabilities):
        raise ValueError(f"published {', '.join(published)}; curves are of {', '.join(probabilities)} alone")
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 4.8))
    entries, look = [], looks(probabilities)
    for name, probability in probabilities.items():
        line = {"color": look[name]["color"], "ls": look[name]["ls"], "lw": 1.4}
        mark = {"marker": look[name]["marker"], "ms": 8, "zorder": 3}
        false_positive, true_positive, _ = roc_curve(y_true, probability, drop_intermediate=False)
        axes.plot(false_positive, true_positive, **line)
        called = probability >= threshold
        axes.plot(called[y_true == 0].mean(), called[y_true == 1].mean(), color=line["color"], mec="black", **mark)
        if name in published:
            sensitivity, specificity = published[name]
            axes.plot(1 - specificity, sensitivity, mfc="white", mec=line["color"], mew=1.8, **{**mark, "zorder": 4})
        entries.append(Line2D([], [], label=notes.get(name, name), mec="black", **line, **mark))
    if published:
        hollow = {"marker": "o", "ms": 8, "mfc": "white", "mec": "0.3", "mew": 1.8, "ls": ""}
        entries.append(Line2D([], [], label="published, no curve\n(other images)", **hollow))
    axes.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    axes.set(
        xlabel="1 \N{MINUS SIGN} specificity",
        ylabel="sensitivity",
        aspect="equal",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )
    axes.legend(handles=entries, loc="lower right", title=f"filled: threshold {threshold:g}")
    return figure


@styled
def scores_by_level(scores: pd.DataFrame, level_labels: Mapping[str, str]) -> Figure:
    """Draw PSNR, SSIM and HaarPSI of corrupted images against the level of corruption, one row of panels per task.

    Points are means, bars reach from the fifth to the ninety-fifth percentile of the images. A PSNR above what 8 bits
    can tell, such as that of an image that was left as it is, is drawn there (`quality.PSNR_CEILING`).

    Args:
        scores: One row per image and task: task, level, psnr, ssim, haarpsi.
        level_labels: Task to the axis label of its level, with the unit.
    """
    size = (WIDTH_IN_INCHES, 2.4 * len(level_labels))
    scores = scores.assign(psnr=scores.psnr.clip(upper=PSNR_CEILING))
    figure, axes = plt.subplots(len(level_labels), 3, figsize=size, squeeze=False)
    for line, (task, level_label) in zip(axes, level_labels.items(), strict=True):
        by_level = scores[scores.task == task].groupby("level")
        for place, (column, label) in zip(line, QUALITY_NAMES.items(), strict=True):
            middle = by_level[column].mean()
            error = np.stack([middle - by_level[column].quantile(0.05), by_level[column].quantile(0.95) - middle])
            error = error.clip(0)  # where all are equal, a mean may be rounded to the wrong side
            place.errorbar(middle.index, middle, yerr=error, color=PALETTE[0], marker="o", ms=4, capsize=2)
            place.set(xlabel=level_label, ylabel=label, xticks=list(middle.index))
            if len(middle) > 4 or middle.index.max() < 1:
                place.tick_params(axis="x", labelrotation=45)
    return figure


@styled
def weight_loss(weights: np.ndarray, losses: np.ndarray, chosen: float, names: tuple[str, str]) -> Figure:
    """Draw log loss against the weight of the first of two models, and the weight that SLSQP chose.

    Args:
        weights: Weights of the first model, ascending, in [0, 1].
        losses: Log loss at each weight.
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
def reliability(curves: Mapping[str, pd.DataFrame], positive: str = "abnormal") -> Figure:
    """Draw the share of abnormal images against the probability that a model gave them.

    Args:
        curves: Model name to columns predicted and observed, as `scores.reliability_curve` gives them.
        positive: Name of the class whose probability it is.
    """
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 4.2))
    axes.plot([0, 1], [0, 1], color="0.6", lw=0.8, label="calibrated")
    look = looks(curves)
    for name, curve in curves.items():
        axes.plot(curve.predicted, curve.observed, label=name, lw=1.2, ms=4, **look[name])
    axes.set(xlabel=f"probability of {positive}", ylabel=f"share that is {positive}", aspect="equal")
    axes.legend()
    return figure


@styled
def ablation(
    measured: Mapping[str, pd.DataFrame], score: str, label: str, inputs: Mapping[str, float] = NOTHING
) -> Figure:
    """Draw what a restoration loses with each source of its decoder switched off, one panel per task.

    A bar reaches from the intact network's score, the dashed line, to the score that is left; its length is written
    beside it.

    Args:
        measured: Task to what `ablation.measure` returns.
        score: Its column, for example "ssim".
        label: Axis label with the unit, if any.
        inputs: Task to the score of the network's inputs, drawn as a dotted line.
    """
    columns = min(len(measured), 2)
    lines = -(-len(measured) // columns)
    figure, panels = plt.subplots(
        lines, columns, figsize=(WIDTH_IN_INCHES, 3.2 * lines), squeeze=False, sharex=True, sharey=True
    )
    largest, lowest = (function(frame[score].agg(function) for frame in measured.values()) for function in (max, min))
    decimals = 3 if largest <= 1 else 1
    for axes, (task, frame) in zip(panels.flat, measured.items(), strict=False):
        intact = frame.loc[frame.off == "none", score].item()
        rows = frame[frame.off != "none"]
        height, change = np.arange(len(rows))[::-1], rows[score] - intact
        axes.barh(height, change, left=intact, color=PALETTE[5], edgecolor="0.3", linewidth=0.5)
        axes.axvline(intact, color=PALETTE[1], ls="--")
        if task in inputs:
            axes.axvline(inputs[task], color="0.2", ls=":")
        for place, value in zip(height, change, strict=True):
            beside = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 9}
            axes.text(1.03, place, signed(value, decimals), **beside)
        axes.set_yticks(height, rows.off.str.replace(r"(\d)", r" \1", regex=True))  # "skip1" is "skip 1" in the text
        axes.set(title=f"{task}\nintact: {intact:.{decimals}f}", xlim=(min(0, lowest), 1.05 * largest))
        axes.xaxis.set_major_locator(MaxNLocator(8 // columns))
    name_axes(panels, len(measured), label, "switched off")
    return figure
