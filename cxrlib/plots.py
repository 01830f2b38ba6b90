"""Figures of the chapters: one style, colours that all readers can tell apart, sizes that a phone can show."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import MappingProxyType

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Arc
from matplotlib.ticker import MaxNLocator

from cxrlib.tables import signed

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


def _name_axes(axes: np.ndarray, count: int, across: str, upwards: str) -> None:
    """Name the axes of panels that share them: the lowest of each column, the first of each row; drop empty places."""
    for place in axes.flat[count:]:
        place.remove()
    for place in axes.flat[max(0, count - axes.shape[1]) : count]:
        place.tick_params(labelbottom=True)
        place.set_xlabel(across)
    for line in axes:
        line[0].set_ylabel(upwards)


@styled
def learning_curves(
    histories: Mapping[str, pd.DataFrame], measure: str, label: str, reference: tuple[str, float] | None = None
) -> Figure:
    """Draw training and validation values over epochs, one panel a model; the best epoch is marked.

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
        place.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    _name_axes(axes, len(histories), "epoch", label)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)  # over no curve
    return figure


@styled
def confusion_matrices(
    counts: Mapping[str, tuple[int, int, int, int]], classes: Sequence[str] = ("normal", "abnormal")
) -> Figure:
    """Draw confusion matrices with counts, shaded by share of the true class (paper, Figures 4 and 5).

    Args:
        counts: Model name to (tp, fn, fp, tn).
        classes: Names of the negative and the positive class.
    """
    columns = min(len(counts), 3)
    rows = -(-len(counts) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(WIDTH_IN_INCHES, 2.2 * rows), squeeze=False, sharex=True, sharey=True
    )
    for place, (name, (tp, fn, fp, tn)) in zip(axes.flat, counts.items(), strict=False):
        matrix = np.array([[tn, fp], [fn, tp]])
        shares = matrix / matrix.sum(axis=1, keepdims=True).clip(1)
        sns.heatmap(
            shares, annot=matrix, fmt="d", cmap="Blues", vmin=0, vmax=1, cbar=False, square=True, ax=place,
            xticklabels=classes, yticklabels=classes, annot_kws={"size": 11},
        )  # fmt: skip
        place.set(title=name)
        place.tick_params(length=0)
    _name_axes(axes, len(counts), "called", "truly")
    return figure


@styled
def score_intervals(scores: pd.DataFrame, names: Mapping[str, str], chance: Mapping[str, float] = NOTHING) -> Figure:
    """Draw scores with their intervals, one panel a score and one line a model (paper, Figure 6, there as bars).

    Args:
        scores: Columns model, score, estimate, low, high.
        names: Score to its printed name.
        chance: Score to what a reader has who looks at no image, drawn as a dotted line.
    """
    models = list(dict.fromkeys(scores.model))
    rows = -(-len(names) // 2)
    height = (0.21 * len(models) + 0.65) * rows
    figure, axes = plt.subplots(rows, 2, figsize=(WIDTH_IN_INCHES, height), squeeze=False, sharey=True)
    for place, (score, printed) in zip(axes.flat, names.items(), strict=False):
        part = scores[scores.score == score].set_index("model").loc[models]
        for line, (model, row) in enumerate(part.iterrows()):
            place.plot([row.low, row.high], [line, line], color="0.45", lw=1.2, zorder=2)
            place.plot(row.estimate, line, ms=6, ls="", zorder=3, **model_style(model, line))
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
def pairwise_differences(pairs: pd.DataFrame, models: Sequence[str], significance_level: float) -> Figure:
    """Draw the difference of sensitivity of each pair and whether it is significant (paper, Figure 7).

    Args:
        pairs: model_1, model_2, difference, p, p_holm, as `significance.pairwise` returns them.
        models: Order of the models.
        significance_level: A star marks p below it, two stars p_holm below it.
    """
    table = pd.DataFrame(np.nan, index=list(models[1:]), columns=list(models[:-1]))
    text = pd.DataFrame("", index=table.index, columns=table.columns)
    for pair in pairs.itertuples():
        stars = "*" * ((pair.p < significance_level) + (pair.p_holm < significance_level))
        table.loc[pair.model_2, pair.model_1] = pair.difference
        text.loc[pair.model_2, pair.model_1] = f"{signed(pair.difference, 2, plus=True)}\n{stars}"
    largest = max(0.05, float(np.nanmax(np.abs(table.to_numpy(float)))))
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 4.2))
    sns.heatmap(
        table.astype(float), annot=text, fmt="", cmap="PuOr_r", vmin=-largest, vmax=largest, ax=axes,
        cbar_kws={"label": "sensitivity of the row minus the column"}, linewidths=1,
    )  # fmt: skip
    axes.tick_params(axis="x", rotation=35)
    axes.tick_params(axis="y", rotation=0)
    return figure


@styled
def significance_graph(pairs: pd.DataFrame, sensitivities: Mapping[str, float], significance_level: float) -> Figure:
    """Draw the models in order of their sensitivity, and an arc for each pair that says how it compares (Figure 7).

    Args:
        pairs: model_1, model_2, p, p_holm, as `significance.pairwise` returns them.
        sensitivities: Model name to sensitivity. The axis gives the order and the number, in steps of one width, so
            that models of equal sensitivity stand beside each other (in the order given).
        significance_level: Pairs with p below it are dashed, those with p_holm below it solid.

    Raises:
        ValueError: A model of a pair has no sensitivity.
    """
    order = sorted(sensitivities, key=sensitivities.get)
    unknown = ({*pairs.model_1} | {*pairs.model_2}) - {*order}
    if unknown:
        raise ValueError(f"no sensitivity of {', '.join(sorted(unknown))}; give one for each model of the pairs")
    place = {name: number for number, name in enumerate(order)}
    kinds = (
        ("not significant", {"color": "0.5", "ls": ":", "lw": 1.2}),
        (f"p < {significance_level:g}", {"color": PALETTE[0], "ls": "--", "lw": 1.6}),
        (f"p < {significance_level:g} after Holm", {"color": PALETTE[1], "ls": "-", "lw": 2.2}),
    )
    found = (pairs.p < significance_level).astype(int) + (pairs.p_holm < significance_level)
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 3.6))
    for kind, (label, style) in enumerate(kinds):
        axes.plot([], [], label=f"{label}: {(found == kind).sum()}", **style)
        for pair in pairs[found == kind].itertuples():
            left, right = sorted((place[pair.model_1], place[pair.model_2]))
            arc = Arc(((left + right) / 2, 0), right - left, 2 * (right - left), theta2=180, zorder=kind + 1, **style)
            axes.add_patch(arc)
    axes.scatter(range(len(order)), np.zeros(len(order)), s=60, color="black", zorder=4, clip_on=False)
    names = [f"{name.replace(' ', chr(10))}\n{sensitivities[name]:.3f}" for name in order]
    axes.set_xticks(range(len(order)), names)
    axes.tick_params(axis="x", length=0, pad=8)
    axes.set(xlim=(-0.4, len(order) - 0.6), ylim=(0, len(order) - 0.9), yticks=[])
    axes.set_xlabel("models in order of sensitivity (number below the name)")
    axes.spines[["left", "right", "top"]].set_visible(False)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, columnspacing=1, frameon=False
    )
    return figure
