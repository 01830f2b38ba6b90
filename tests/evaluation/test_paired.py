"""Tests of paired comparisons against published examples, statsmodels and a jackknife."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.stats.nonparametric import rank_compare_2indep
from statsmodels.stats.weightstats import DescrStatsW

from cxrlib.evaluation import paired


def row(frame, model_1, model_2):
    return frame.set_index(["model_1", "model_2"]).loc[(model_1, model_2)]


def test_mcnemar_by_hand():
    # Abnormal images only: one found by the first alone, six by the second alone, one by both, two by none.
    first = np.array([1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1])
    second = np.array([0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    y_true = np.array([1] * 10 + [0] * 2)
    result = paired.mcnemar_sensitivity(y_true, first, second)
    assert (result["only_1"], result["only_2"]) == (1, 6)
    assert result["difference"] == pytest.approx(0.5)
    assert (result["low"], result["high"]) == paired.paired_interval(1, 6, 10)
    assert result["p"] == pytest.approx(2 * (1 + 7) / 2**7)  # two tails of a fair coin, at most 1 of 7
    assert paired.mcnemar_sensitivity(y_true, first, first)["p"] == 1
    assert paired.mcnemar_sensitivity([1, 1, 0], [1, 0, 0], [0, 1, 0])["p"] == 1  # balanced disagreement


@pytest.mark.parametrize(
    ("only_1", "only_2", "images", "expected", "rounding"),
    [
        # Cavo et al. (2012), in Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017),
        # chapter 8; the limits are those of their R package contingencytables.
        (16, 6, 161, (-0.1182, -0.0045), 5.1e-5),
        # Agresti, Categorical Data Analysis: approval of a prime minister in two surveys of the same 1600 voters.
        # Half an image more in each cell changes nothing that he prints.
        (150, 86, 1600, (-0.06, -0.02), 5.1e-3),
    ],
)
def test_paired_interval_matches_published_examples(only_1, only_2, images, expected, rounding):
    assert paired.paired_interval(only_1, only_2, images) == pytest.approx(expected, abs=rounding)


def test_paired_interval_is_that_of_a_mean_of_differences():
    # Each image is -1, 0 or 1: in a large sample the interval is that of their mean (statsmodels).
    low, high = DescrStatsW(np.repeat([-1, 0, 1], [900, 8500, 600])).zconfint_mean()
    assert paired.paired_interval(900, 600, 10_000) == pytest.approx((low, high), abs=2e-5)


def test_paired_interval_turns_with_the_models_and_has_a_width_without_disagreement():
    low, high = paired.paired_interval(2, 7, 30)
    assert paired.paired_interval(7, 2, 30) == pytest.approx((-high, -low))
    wider = paired.paired_interval(2, 7, 30, level=0.99)
    assert wider[0] < low < 5 / 30 < high < wider[1]
    none = paired.paired_interval(0, 0, 30)
    assert none[0] == -none[1] < 0
    assert paired.paired_interval(0, 1, 1)[1] == 1


@pytest.mark.parametrize("counts", [(-1, 2, 30), (1.5, 2, 30), (20, 11, 30), (0, 0, 0)])
def test_paired_interval_wants_counts(counts):
    with pytest.raises(ValueError, match="whole numbers, together at most the images"):
        paired.paired_interval(*counts)


def test_mcnemar_of_every_pair_is_holm_adjusted():
    y_true = np.ones(21, dtype=int)
    y_true[20] = 0
    calls = {name: (np.arange(21) < found).astype(int) for name, found in {"a": 2, "b": 8, "c": 18}.items()}
    frame = paired.pairwise_mcnemar(y_true, calls)
    assert row(frame, "a", "b")["p"] == pytest.approx(2 * 0.5**6)
    assert row(frame, "a", "b")["p_holm"] == pytest.approx(2 * 0.5**6)
    assert row(frame, "a", "c")["p_holm"] == pytest.approx(3 * 2 * 0.5**16)


@pytest.mark.parametrize(
    ("predicted", "message"), [([1, 0.7, 0], "calls, 0 or 1"), ([1, 0], r"\(3,\) .* \(2,\)"), ([1, np.nan, 0], "NaN")]
)
def test_mcnemar_wants_calls(predicted, message):
    with pytest.raises(ValueError, match=message):
        paired.mcnemar_sensitivity([1, 1, 0], [1, 0, 0], predicted)


def test_auc_difference_of_two_correlated_models():
    generator = np.random.default_rng(3)
    y_true = np.repeat([0, 1], 150)
    shared = generator.normal(size=300)
    first = norm.cdf(0.7 * y_true + shared + 0.3 * generator.normal(size=300))
    second = norm.cdf(1.1 * y_true + shared + 0.3 * generator.normal(size=300))
    result = paired.compare_auc(y_true, first, second)
    # The jackknife over images is another road to the variance of the difference (Arvesen 1969).
    differences = []
    for left_out in range(300):
        keep = np.arange(300) != left_out
        again = paired.compare_auc(y_true[keep], first[keep], second[keep])
        differences.append(again["difference"])
    jackknife = np.sqrt(299 / 300 * np.sum((differences - np.mean(differences)) ** 2))
    assert result["standard_error"] == pytest.approx(jackknife, rel=0.02)
    assert result["z"] == pytest.approx((result["auc_2"] - result["auc_1"]) / result["standard_error"])
    middle, half = (result["high"] + result["low"]) / 2, (result["high"] - result["low"]) / 2
    assert middle == pytest.approx(result["difference"])
    assert half == pytest.approx(1.96 * result["standard_error"], rel=1e-4)
    assert result["p"] == pytest.approx(2 * norm.sf(abs(result["z"])))


def two_models(children=80, images=1, seed=7):
    """Labels, patients and two models' probabilities; all images of a child say the same."""
    generator = np.random.default_rng(seed)
    y_true = generator.integers(0, 2, children)
    shared = generator.normal(size=children)
    models = [norm.cdf(skill * y_true + shared + generator.normal(size=children)) for skill in (0.8, 1.0)]
    return [np.repeat(values, images) for values in (y_true, np.arange(children), *models)]


def test_the_test_of_areas_is_delongs_where_each_child_has_one_image():
    y_true, patients, first, second = two_models()
    assert paired.compare_auc(y_true, first, second, patients) == pytest.approx(
        paired.compare_auc(y_true, first, second)
    )


def test_copies_of_an_image_add_no_evidence_where_children_are_counted():
    single = paired.compare_auc(*(two_models()[place] for place in (0, 2, 3)))
    y_true, patients, first, second = two_models(images=9)
    by_child = paired.compare_auc(y_true, first, second, patients)
    assert by_child["p"] == pytest.approx(single["p"], rel=0.1)  # m / (m - 1) of the images apart
    assert by_child["low"] == pytest.approx(single["low"], abs=0.003)
    by_image = paired.compare_auc(y_true, first, second)
    assert by_image["z"] == pytest.approx(3 * by_child["z"])
    assert by_image["p"] < 0.05 < by_child["p"]
    frame = paired.pairwise_auc(y_true, {"a": first, "b": second}, [("b", "a")], patients)
    assert frame["p"][0] == pytest.approx(by_child["p"])


def test_the_variance_by_child_is_that_of_a_jackknife_over_children():
    generator = np.random.default_rng(11)
    patients = np.repeat(np.arange(90), generator.integers(1, 5, 90))
    y_true = generator.integers(0, 2, 90)[patients]
    shared = generator.normal(size=90)[patients]
    first, second = (norm.cdf(y_true + shared * w + generator.normal(size=len(y_true))) for w in (1.5, 0.2))
    found = paired.compare_auc(y_true, first, second, patients)
    without = []
    for child in range(90):
        kept = patients != child
        without.append(roc_auc_score(y_true[kept], second[kept]) - roc_auc_score(y_true[kept], first[kept]))
    jackknife = np.sqrt(89 / 90 * np.sum((without - np.mean(without)) ** 2))
    assert found["standard_error"] == pytest.approx(jackknife, rel=0.03)
    assert found["standard_error"] > 1.1 * paired.compare_auc(y_true, first, second)["standard_error"]
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * found["standard_error"], rel=1e-4)


def test_patients_must_fit_the_images():
    y_true, patients, first, second = two_models()
    with pytest.raises(ValueError, match="one per image"):
        paired.compare_auc(y_true, first, second, patients[1:])


ORDER = np.array([0, 0, 0, 1, 1, 1, 1])
CONSTANT, PERFECT, SOME = np.full(7, 0.5), np.arange(7) / 10, np.array([0.1, 0.6, 0.3, 0.5, 0.9, 0.2, 0.7])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(SOME, SOME**2, id="monotone"),
        pytest.param(PERFECT, ORDER.astype(float), id="both perfect"),
        pytest.param(CONSTANT, CONSTANT / 5, id="both constant"),
        pytest.param(1 - PERFECT, 1 - ORDER.astype(float), id="both reversed"),
        pytest.param(SOME, SOME, id="equal"),
    ],
)
def test_equal_areas_do_not_differ_even_without_variance(first, second):
    found = paired.compare_auc(ORDER, first, second)
    assert found["auc_1"] == found["auc_2"]
    assert [found[name] for name in ("difference", "standard_error", "low", "high", "z", "p")] == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        pytest.param(CONSTANT, PERFECT, 0.5, id="constant and perfect"),
        pytest.param(PERFECT, CONSTANT, -0.5, id="perfect and constant"),
        pytest.param(1 - PERFECT, PERFECT, 1, id="reversed and perfect"),
        pytest.param(CONSTANT, 1 - PERFECT, -0.5, id="constant and reversed"),
    ],
)
def test_areas_that_differ_without_variance_are_tested_by_permutation(first, second, difference):
    found = paired.compare_auc(ORDER, first, second)
    assert [found[name] for name in ("difference", "standard_error", "low", "high")] == [
        difference,
        0,
        *[difference] * 2,
    ]
    assert found["z"] == np.sign(difference) * np.inf
    others = [np.isin(np.arange(7), chosen) for chosen in combinations(range(7), 4)]
    differences = [roc_auc_score(labels, second) - roc_auc_score(labels, first) for labels in others]
    assert found["p"] == pytest.approx(np.mean(np.abs(differences) >= abs(difference) - 1e-12))


def test_a_constant_adds_no_variance():
    alone = rank_compare_2indep([0.5, 0.9], [0.1, 0.6], use_t=False)  # Brunner and Munzel's variance is DeLong's
    found = paired.compare_auc([0, 0, 1, 1], [0.5] * 4, [0.1, 0.6, 0.5, 0.9])
    assert found["standard_error"] == pytest.approx(np.sqrt(alone.var / alone.nobs))
    assert found["p"] == pytest.approx(alone.test_prob_superior(0.5).pvalue)


def test_a_pair_without_variance_stands_among_others():
    scores = {"constant": CONSTANT, "perfect": PERFECT, "some": SOME}
    frame = paired.pairwise_auc(ORDER, scores)
    assert row(frame, "constant", "perfect")["p_holm"] == pytest.approx(3 * 2 / 35)
    assert frame["p_holm"].between(0, 1).all()
