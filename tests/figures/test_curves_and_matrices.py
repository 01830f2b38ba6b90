"""Figures of the chapters: axes have labels, figures leave nothing behind, and show what they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cxrlib.evaluation import significance
from cxrlib.figures import curves, matrices, style, tables

RNG = np.random.default_rng(0)
IMAGES = [RNG.random((16, 16)) for _ in range(3)]
HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.5], "val_loss": [3.0, 1.0, 2.0], "best": [False, True, False]}
)
COUNTS = {"A": (3, 2, 1, 4), "B": (2, 3, 0, 5), "C": (5, 0, 2, 3)}
LABELS, PROBABILITY = RNG.integers(0, 2, 40), RNG.random(40)
ABLATION = pd.DataFrame({"off": ["skip1", "none", "bottleneck"], "ssim": [0.25, 0.875, 0.87496]})
TIED = {"B": (50, 50), "A": (90, 10), "C": (65, 35), "Random start": (50, 50)}
PAIRS = significance.pairwise(TIED, "wilson")
SENSITIVITIES = {name: tp / (tp + fn) for name, (tp, fn) in TIED.items()}


def drawn():
    scores = [
        {"model": m, "score": s, "estimate": 0.5, "low": 0.4, "high": 0.6} for m in COUNTS for s in tables.SCORE_NAMES
    ]
    levels = pd.DataFrame({"level": [3, 5, 3, 5], "psnr": [30.0, 20, 31, 21], "ssim": 0.5, "haarpsi": 0.5})
    levels = pd.concat([levels.assign(task="blur"), levels.assign(task="noise", level=[0.1, 0.2, 0.1, 0.2])])
    reliability = pd.DataFrame({"predicted": [0.2, 0.8], "observed": [0.1, 0.7]})
    return {
        "learning curves": curves.learning_curves({"A": HISTORY, "B": HISTORY, "C": HISTORY}, "loss", "loss"),
        "confusion": matrices.confusion_matrices(COUNTS),
        "intervals": curves.score_intervals(pd.DataFrame(scores), tables.SCORE_NAMES, {"mcc": 0}),
        "roc": curves.roc_curves(LABELS, {"A": PROBABILITY, "B": 1 - PROBABILITY}, 0.4, {"B": (0.2, 0.9)}),
        "levels": curves.scores_by_level(levels, {"noise": "factor", "blur": "kernel (pixels)"}),
        "weights": curves.weight_loss(np.linspace(0, 1, 5), np.arange(5.0), 0.3, ("A", "B")),
        "reliability": curves.reliability({"A": reliability}),
        "ablation": curves.ablation({"denoising": ABLATION, "deblurring": ABLATION}, "ssim", "SSIM"),
        "graph": matrices.significance_graph(PAIRS, SENSITIVITIES, 0.05),
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


def test_lowest_confusion_matrix_of_each_column_says_what_is_across():
    names = "ABCDEFG"
    axes = matrices.confusion_matrices({name: (3, 2, 1, 4) for name in names}).axes
    labelled = {place.get_title() for place in axes if place.get_xlabel()}
    ticked = {place.get_title() for place in axes if place.xaxis.get_tick_params()["labelbottom"]}
    assert labelled == ticked == {"E", "F", "G"}  # G alone in the last row, E and F above empty places


def test_pairwise_differences_mark_significance():
    pairs = significance.pairwise({"A": (90, 10), "B": (50, 50), "C": (52, 48)}, "wilson")
    figure = matrices.pairwise_differences(pairs, ["A", "B", "C"], 0.05)
    texts = {text.get_text() for text in figure.axes[0].texts if text.get_text().strip()}
    assert "\N{MINUS SIGN}0.40\n**" in texts
    assert "+0.02\n" in texts


def test_every_task_has_its_panels_with_its_own_levels(figures):
    axes = figures["levels"].axes
    assert [place.get_xlabel() for place in axes] == ["factor"] * 3 + ["kernel (pixels)"] * 3
    assert [place.get_xticks().tolist() for place in axes[::3]] == [[0.1, 0.2], [3, 5]]
    assert axes[3].lines[0].get_ydata().tolist() == [30.5, 20.5]


def test_operating_points_are_filled_ours_and_hollow_the_papers(figures):
    axes = figures["roc"].axes[0]
    points = [line for line in axes.lines if line.get_marker() != "None"]
    first, second = style.looks("AB").values()
    assert [line.get_marker() for line in points] == [first["marker"], second["marker"], second["marker"]]
    ours, published = points[1:]
    called = 1 - PROBABILITY >= 0.4
    expected = [called[LABELS == 0].mean(), called[LABELS == 1].mean()]
    np.testing.assert_allclose(ours.get_xydata(), [expected])
    np.testing.assert_allclose(published.get_xydata(), [(0.1, 0.2)])
    assert published.get_markerfacecolor() == "white"
    assert published.get_markeredgecolor() == ours.get_markerfacecolor() == second["color"]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["A", "B", "published, no curve\n(other images)"]


def test_published_points_need_a_curve_and_are_not_announced_where_there_are_none():
    with pytest.raises(ValueError, match="published Z; curves are of A alone"):
        curves.roc_curves(LABELS, {"A": PROBABILITY}, published={"Z": (0.5, 0.5)})
    legend = curves.roc_curves(LABELS, {"A": PROBABILITY}).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["A"]


def test_the_graph_joins_every_pair_in_the_style_of_its_significance(figures):
    axes = figures["graph"].axes[0]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["B\n0.500", "Random\nstart\n0.500", "C\n0.650", "A\n0.900"]  # equals in the order given
    place = dict(zip(["B", "Random start", "C", "A"], axes.get_xticks(), strict=True))
    arcs = {(arc.center[0], arc.width): arc.get_linestyle() for arc in axes.patches}
    assert len(arcs) == len(PAIRS) == 6
    for pair in PAIRS.itertuples():
        ends = place[pair.model_1], place[pair.model_2]
        style = arcs[sum(ends) / 2, abs(ends[1] - ends[0])]
        assert style == ([":", "--"][pair.p < 0.05] if pair.p_holm >= 0.05 else "-")
    assert set(arcs.values()) == {":", "--", "-"}
    counted = [text.get_text() for text in figures["graph"].legends[0].get_texts()]
    assert counted == ["not significant: 1", "p < 0.05: 2", "p < 0.05 after Holm: 3"]


def test_seven_names_stand_apart_under_the_graph():
    names = ["Baseline", "Den-P", "Deb-P", "Random start", "SA", "SLSQP-WA", "A-F"]
    pairs = significance.pairwise(dict.fromkeys(names, (5, 5)), "wilson")
    figure = matrices.significance_graph(pairs, dict.fromkeys(names, 0.5), 0.05)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in zip(boxes[:-1], boxes[1:], strict=True))
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= figure.bbox.x1


def test_the_graph_wants_a_sensitivity_of_each_model():
    with pytest.raises(ValueError, match="no sensitivity of A, C"):
        matrices.significance_graph(PAIRS, {"B": 0.5, "Random start": 0.5}, 0.05)


def test_bars_of_the_ablation_reach_from_the_intact_score_to_what_is_left(figures):
    first, second = figures["ablation"].axes
    assert first.get_xlabel() == second.get_xlabel() == "SSIM"
    assert first.get_ylabel() == "switched off"
    named = {label.get_text(): label.get_position()[1] for label in first.get_yticklabels()}
    assert named == {"skip 1": 1, "bottleneck": 0}
    assert first.lines[0].get_xdata()[0] == 0.875
    ends = [sorted((bar.get_x(), bar.get_x() + bar.get_width())) for bar in first.patches]
    assert [bar.get_y() + bar.get_height() / 2 for bar in first.patches] == [1, 0]
    np.testing.assert_allclose(ends, [(0.25, 0.875), (0.87496, 0.875)])
    assert {text.get_position()[1]: text.get_text() for text in first.texts} == {1: "\N{MINUS SIGN}0.625", 0: "0.000"}
    assert first.get_title() == "denoising\nintact: 0.875"


def test_intervals_stand_beside_their_models_with_the_line_of_chance(figures):
    axes = figures["intervals"].axes
    panel = {place.get_title(): place for place in axes}
    assert [label.get_text() for label in axes[0].get_yticklabels()] == list(COUNTS)
    assert axes[0].get_ylim()[0] > axes[0].get_ylim()[1]  # the first model on top
    spans = [line.get_xdata() for line in panel["MCC"].lines if len(line.get_xdata()) == 2]
    assert [0.4, 0.6] in [list(span) for span in spans]
    assert len(panel["MCC"].lines) == len(panel["F"].lines) + 1  # the dotted line


def test_the_reference_of_learning_curves_crosses_every_panel():
    figure = curves.learning_curves({"A": HISTORY, "B": HISTORY}, "loss", "loss", ("share only", 0.7))
    for place in figure.axes:
        assert [line.get_ydata()[0] for line in place.lines if line.get_label() == "share only"] == [0.7]
    assert [text.get_text() for text in figure.legends[0].get_texts()][-1] == "share only"
