"""A threshold that moves: every count and score against scikit-learn and SciPy, every point on its curve."""

import json

import numpy as np
import pytest
from bs4 import BeautifulSoup
from scipy.stats import norm
from sklearn import metrics

from cxrlib.figures import thresholds

RNG = np.random.default_rng(3)
LABELS = RNG.integers(2, size=80)
MODELS = {
    name: ((RNG.random(80) + LABELS * gain).clip(0, 2) / 2).round(2) for name, gain in (("good", 0.8), ("poor", 0.1))
}
COUNTS = {"A": (40, 60, 20, 280), "B": (55, 45, 60, 240)}
SCORES = {
    "sensitivity": metrics.recall_score,
    "specificity": lambda y, called: metrics.recall_score(y, called, pos_label=0),
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f_score": lambda y, called: metrics.f1_score(y, called, zero_division=0),
    "mcc": metrics.matthews_corrcoef,
    "kappa": metrics.cohen_kappa_score,
    "youden": lambda y, called: metrics.balanced_accuracy_score(y, called, adjusted=True),
}


def data_of(picture):
    page = BeautifulSoup(picture._repr_html_(), "html.parser")
    return json.loads(page.select_one("script[type='application/json']").string)


def number(text):
    return float(str(text).replace("\N{MINUS SIGN}", "-"))


def place(data, frame):
    """Give the point's sensitivity and one minus specificity, read from the drawing."""
    x, y = (float(data["parts"]["point"][axis][frame]) for axis in ("cx", "cy"))
    return 1 - (y - thresholds.TOP) / thresholds.SIDE, (x - thresholds.LEFT) / thresholds.SIDE


@pytest.fixture(scope="module")
def run():
    return data_of(thresholds.on_curves(LABELS, MODELS, 0.505))


def test_counts_and_scores_are_scikit_learns_at_every_threshold(run):
    names, said = run["said"]
    assert names == list(MODELS)
    assert said == sorted({*(f"{step / 100:g}" for step in range(101)), "0.505"}, key=float)
    frames = [(name, float(step)) for name in names for step in said]
    for frame, (name, step) in enumerate(frames):
        called = (MODELS[name] >= step).astype(int)
        (tn, fp), (fn, tp) = metrics.confusion_matrix(LABELS, called, labels=[0, 1])
        for count, value in {"tp": tp, "fn": fn, "fp": fp, "tn": tn}.items():
            assert run["parts"][count]["text"][frame] == value
        for score, function in SCORES.items():
            assert number(run["parts"][score]["text"][frame]) == pytest.approx(function(LABELS, called), abs=6e-4)
        assert place(run, frame) == pytest.approx((tp / (tp + fn), fp / (fp + tn)), abs=2e-4)


def test_it_starts_at_the_threshold_of_the_run():
    html = thresholds.on_curves(LABELS, MODELS, 0.505)._repr_html_()
    page = BeautifulSoup(html, "html.parser")
    assert page.select_one("input")["aria-valuetext"] == "0.505"
    assert page.select_one("td[data-part=tp]").get_text() == str(((MODELS["good"] >= 0.505) & (LABELS == 1)).sum())


def test_a_published_point_is_kept_and_moves_along_its_binormal_curve():
    data = data_of(thresholds.on_published_points(COUNTS))
    names, said = data["said"]
    start = said.index("published")
    assert all("model" in words for words in said[:start] + said[start + 1 :])
    for number_of_model, (tp, fn, fp, tn) in enumerate(COUNTS.values()):
        first = number_of_model * len(said)
        assert [data["parts"][count]["text"][first + start] for count in ("tp", "fn", "fp", "tn")] == [tp, fn, fp, tn]
        for step, shift in ((0, -2.5), (start - 20, -1), (start + 7, 0.35), (len(said) - 1, 2.5)):
            sensitivity = norm.cdf(norm.ppf(tp / (tp + fn)) - shift)
            specificity = norm.cdf(norm.ppf(tn / (fp + tn)) + shift)
            found = {count: data["parts"][count]["text"][first + step] for count in ("tp", "fn", "fp", "tn")}
            assert found["tp"] == pytest.approx(sensitivity * (tp + fn), abs=0.51)
            assert found["tn"] == pytest.approx(specificity * (fp + tn), abs=0.51)
            assert (found["tp"] + found["fn"], found["fp"] + found["tn"]) == (tp + fn, fp + tn)


def test_the_bounds_of_concave_curves_are_those_of_the_chords():
    """Left of the point: above the chord from the origin, below the line from (1, 1)."""
    data = data_of(thresholds.on_published_points(COUNTS))
    said = data["said"][1]
    tp, fn, fp, tn = COUNTS["A"]
    step = said.index("0.50 SD stricter: model")
    across = data["parts"]["fp"]["text"][step] / (fp + tn)
    point = fp / (fp + tn), tp / (tp + fn)
    low = point[1] * across / point[0]
    high = 1 - (1 - point[1]) * (1 - across) / (1 - point[0])
    assert float(data["parts"]["low"]["text"][step]) == pytest.approx(low, abs=0.006)
    assert float(data["parts"]["high"]["text"][step]) == pytest.approx(high, abs=0.006)


def test_a_model_that_did_not_learn_is_called_so():
    data = data_of(thresholds.on_curves(LABELS, MODELS, 0.5, {"poor": "poor (did not learn)"}))
    assert data["said"][0] == ["good", "poor (did not learn)"]
