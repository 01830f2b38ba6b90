"""Tests of audit: the drawn points are the data, and nothing global is left behind."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from cxrlib.evaluation import significance
from cxrlib.figures import audit, style

COUNTS = {"first": (114, 461, 77, 1097), "second": (195, 380, 178, 996), "third": (287, 288, 263, 911)}
HITS = {model: counts[0] for model, counts in COUNTS.items()}


@pytest.fixture(autouse=True, scope="module")
def _no_window():
    backend = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.switch_backend(backend)


def _figures():
    yield audit.both_measures(COUNTS, "first")
    yield audit.p_values(significance.pairwise({model: counts[:2] for model, counts in COUNTS.items()}))
    yield audit.paired_p_values(HITS, [("first", "second"), ("second", "third")], 575)
    yield audit.roc_plane(COUNTS)


def test_figures_are_legible_at_phone_width_and_labelled():
    for figure in _figures():
        figure.draw_without_rendering()
        axes = figure.axes[0]
        assert figure.get_figwidth() <= 5.6  # inches: a phone shows it at two thirds
        assert axes.get_xlabel()
        legend = (figure.legends or [axes.get_legend()])[0]
        texts = [axes.xaxis.label, *axes.get_xticklabels(), *axes.get_yticklabels(), *legend.get_texts()]
        assert min(text.get_fontsize() for text in texts) >= 9


def test_nothing_global_changes():
    before = dict(mpl.rcParams)
    list(_figures())
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


def test_both_measures_are_drawn_and_the_line_is_the_baselines_own_best():
    figure = audit.both_measures(COUNTS, "first")
    youden, d_prime = figure.axes
    for axes, expected in ((youden, (0.1327, 0.1875, 0.2751)), (d_prime, (0.662, 0.615, 0.757))):
        drawn = [line.get_xdata()[0] for line in axes.lines if line.get_marker() != "None"]
        assert drawn == pytest.approx(expected, abs=5.1e-4)
    assert youden.lines[-1].get_xdata()[0] == pytest.approx(0.259, abs=5e-4)
    assert [label.get_text() for label in youden.get_yticklabels()] == list(COUNTS)
    assert youden.yaxis_inverted()


def test_p_values_are_drawn_largest_on_top_and_small_ones_at_the_edge():
    pairs = significance.pairwise({model: counts[:2] for model, counts in COUNTS.items()})
    axes = audit.p_values(pairs, smallest=1e-3).axes[0]
    top = pairs.loc[pairs["p"].idxmax(), ["model_1", "model_2"]]
    assert max((label.get_position()[1], label.get_text()) for label in axes.get_yticklabels())[1] == " / ".join(top)
    drawn = np.concatenate([np.asarray(points.get_offsets()) for points in axes.collections[1:]])
    np.testing.assert_allclose(np.sort(drawn[:, 0]), np.sort(pairs[["p", "p_holm"]].clip(1e-3).to_numpy().ravel()))
    assert min(segment[:, 0].min() for segment in axes.collections[0].get_segments()) == 1e-3


def test_both_p_values_of_a_pair_are_seen_and_the_legend_lies_over_none():
    figure = audit.p_values(significance.pairwise({"a": (90, 10), "b": (10, 90), "c": (50, 50)}), smallest=1e-3)
    figure.draw_without_rendering()
    axes, legend = figure.axes[0], figure.legends[0]
    assert legend.get_window_extent().y0 >= axes.get_window_extent().y1
    assert [text.get_text() for text in legend.get_texts()] == ["raw", "after Holm", "p = 0.05"]
    places = [tuple(place) for points in axes.collections[1:] for place in np.asarray(points.get_offsets())]
    assert len(places) == len(set(places)) == 6  # all are arrows at the edge


def test_paired_curves_are_marked_where_they_become_significant():
    axes = audit.paired_p_values({"a": 180, "b": 195, "c": 10, "d": 11}, [("a", "b"), ("c", "d")], 575).axes[0]
    curve, never = axes.lines[:2]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a / b", "c / d", "p = 0.05"]
    assert curve.get_xdata()[curve.get_markevery()[0]] == 162
    assert never.get_markevery() == []


def test_operating_points_stand_in_the_roc_plane_with_their_intervals():
    axes = audit.roc_plane(COUNTS, interval="clopper-pearson").axes[0]
    for container, (tp, fn, fp, tn) in zip(axes.containers, COUNTS.values(), strict=True):
        point = container.lines[0].get_xydata()[0]
        np.testing.assert_allclose(point, (fp / (fp + tn), tp / (tp + fn)))
        vertical = np.asarray(container.lines[2][1].get_segments()[0])[:, 1]
        np.testing.assert_allclose(np.sort(vertical), significance.sensitivity_interval(tp, fn, "clopper-pearson"))
        assert axes.get_xlim()[1] > point[0]
        assert axes.get_ylim()[1] > point[1]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert set(labels) == {*COUNTS, "always normal"}


def test_models_of_the_book_look_as_in_its_other_figures():
    names = ("A-F", "Baseline", "mine")
    axes = audit.roc_plane(dict(zip(names, COUNTS.values(), strict=True))).axes[0]
    for container, look in zip(axes.containers, style.looks(names).values(), strict=True):
        line = container.lines[0]
        assert {"color": line.get_color(), "marker": line.get_marker()} == {k: look[k] for k in ("color", "marker")}
