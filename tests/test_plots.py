"""Figures of the chapters: axes have labels, figures leave nothing behind, and show what they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cxrlib import plots, plots_curves, significance, tables

RNG = np.random.default_rng(0)
IMAGES = [RNG.random((16, 16)) for _ in range(3)]
HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "val_loss": [3.0, 1.0, 2.0], "best": [False, True, False]}
)
COUNTS = {"A": (3, 2, 1, 4), "B": (2, 3, 0, 5), "C": (5, 0, 2, 3)}
LABELS, PROBABILITY = RNG.integers(0, 2, 40), RNG.random(40)


def drawn():
    scores = [
        {"model": m, "score": s, "estimate": 0.5, "low": 0.4, "high": 0.6} for m in COUNTS for s in tables.SCORE_NAMES
    ]
    levels = pd.DataFrame({"level": [3, 5, 3, 5], "psnr": [30.0, 20, 31, 21], "ssim": 0.5, "haarpsi": 0.5})
    reliability = pd.DataFrame({"predicted": [0.2, 0.8], "observed": [0.1, 0.7]})
    return {
        "learning curves": plots.learning_curves({"A": HISTORY, "B": HISTORY, "C": HISTORY}, "loss", "loss"),
        "confusion": plots.confusion_matrices(COUNTS),
        "bars": plots.score_bars(pd.DataFrame(scores), tables.SCORE_NAMES),
        "roc": plots_curves.roc_curves(LABELS, {"A": PROBABILITY}),
        "levels": plots_curves.scores_by_level(levels, "kernel (pixels)"),
        "weights": plots_curves.weight_loss(np.linspace(0, 1, 5), np.arange(5.0), 0.3, ("A", "B")),
        "reliability": plots_curves.reliability({"A": reliability}),
    }


@pytest.fixture(scope="module")
def figures():
    return drawn()


def test_figures_fit_a_phone_and_are_left_to_nobody(figures):
    assert all(figure.get_figwidth() <= 5.6 for figure in figures.values())
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", ["roc", "levels", "weights", "reliability"])
def test_every_axis_has_a_label(figures, name):
    for axes in figures[name].axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()


def test_outer_axes_of_learning_curves_are_labelled_and_the_kept_epoch_is_marked(figures):
    figure = figures["learning curves"]
    assert figure.axes[0].get_ylabel() == "loss"
    marks = [line.get_xydata().tolist() for line in figure.axes[0].lines if line.get_label() == "kept"]
    assert marks == [[[2.0, 1.0]]]


def test_confusion_matrix_shows_normal_first_and_the_counts(figures):
    texts = [text.get_text() for text in figures["confusion"].axes[0].texts]
    assert texts == ["4", "1", "2", "3"]  # tn, fp, fn, tp


def test_pairwise_differences_mark_significance():
    pairs = significance.pairwise({"A": (90, 10), "B": (50, 50), "C": (52, 48)}, "wilson")
    figure = plots.pairwise_differences(pairs, ["A", "B", "C"], 0.05)
    texts = {text.get_text() for text in figure.axes[0].texts if text.get_text().strip()}
    assert "-0.40\n**" in texts
    assert "+0.02\n" in texts
