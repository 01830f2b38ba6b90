"""Figures of counts and of pairs of models: confusion matrices, differences, and the graph of what is significant."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Arc

from cxrlib.figures.style import PALETTE, WIDTH_IN_INCHES, name_axes, styled
from cxrlib.figures.tables import signed


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
    name_axes(axes, len(counts), "called", "label")
    return figure


@styled
def pairwise_differences(pairs: pd.DataFrame, models: Sequence[str], significance_level: float) -> Figure:
    """Draw each pair's difference in sensitivity and whether it is significant (paper, Figure 7).

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
    axes.set_xticks(axes.get_xticks(), table.columns, rotation=35, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="y", rotation=0)
    return figure


@styled
def significance_graph(pairs: pd.DataFrame, sensitivities: Mapping[str, float], significance_level: float) -> Figure:
    """Draw the models in order of their sensitivity, and an arc for each pair whose style shows the test (Figure 7).

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
