"""Several images of one child, against statsmodels' cluster-robust errors, SciPy's bootstrap and a jackknife."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import bootstrap, norm
from sklearn.metrics import roc_auc_score

from cxrlib.evaluation import clusters, paired


@pytest.fixture(scope="module")
def children():
    """Images of 120 children, one to four each: labels, patients, and two models' probabilities with shared errors."""
    rng = np.random.default_rng(5)
    patients = np.repeat(np.arange(120), rng.integers(1, 5, 120))
    labels = (rng.random(120) < 0.5).astype(int)[patients]
    shared = rng.normal(size=120)[patients]
    models = {
        name: norm.cdf(skill * labels - skill / 2 + shared * weight + 0.6 * rng.normal(size=len(patients)))
        for name, skill, weight in (("first", 0.8, 1.0), ("second", 1.2, 0.5))
    }
    return labels, patients, models


def test_the_ratio_of_variances_is_that_of_cluster_robust_errors(children):
    _, patients, models = children
    values = models["second"] - models["first"]
    fit = sm.OLS(values, np.ones(len(values)))
    by_child = fit.fit(cov_type="cluster", cov_kwds={"groups": patients, "use_correction": False})
    by_image = fit.fit(cov_type="HC0")
    assert clusters.variance_ratio(values, patients) == pytest.approx((by_child.bse / by_image.bse).item() ** 2)
    assert clusters.variance_ratio(values, patients) > 1.2


def test_the_ratio_is_one_for_one_image_a_child_and_unknown_without_variance():
    values = np.random.default_rng(0).random(30)
    assert clusters.variance_ratio(values, np.arange(30)) == pytest.approx(1)
    # Each child's image given three times: three times the variance that counting images has.
    assert clusters.variance_ratio(np.tile(values, 3), np.tile(np.arange(30), 3)) == pytest.approx(3)
    assert np.isnan(clusters.variance_ratio([2, 2, 2], ["a", "a", "b"]))


def test_the_interval_of_a_mean_is_scipys_over_children(children):
    _, patients, models = children
    values = models["first"]
    sums, sizes = np.bincount(patients, values), np.bincount(patients)

    def mean(sums, sizes, axis=-1):
        return sums.sum(axis=axis) / sizes.sum(axis=axis)

    expected = bootstrap(
        (sums, sizes), mean, paired=True, vectorized=True, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    found = clusters.mean_interval(values, patients, resamples=20_000)
    assert found == pytest.approx(tuple(expected), abs=0.003)
    alone = clusters.mean_interval(values, np.arange(len(values)), resamples=20_000)
    assert found[1] - found[0] > 1.2 * (alone[1] - alone[0])
    assert clusters.mean_interval(values, patients, 2000, seed=3) == clusters.mean_interval(values, patients, 2000, 3)


def test_one_child_says_nothing_of_others():
    assert np.isnan(clusters.mean_interval([0.1, 0.4], ["a", "a"])).all()


def test_contributions_to_an_area_are_delongs(children):
    labels, _, models = children
    added = clusters.auc_contributions(labels, models["first"])
    abnormal, normal = int(labels.sum()), int((1 - labels).sum())
    # By hand: how an image's share of right pairs departs from the area, over the images of its class.
    first_abnormal = int(np.flatnonzero(labels)[0])
    share = (models["first"][labels == 0] < models["first"][first_abnormal]).mean()
    area = roc_auc_score(labels, models["first"])
    assert added[first_abnormal] == pytest.approx((share - area) / abnormal)
    squares = [np.sum(added[labels == label] ** 2) for label in (0, 1)]
    delong = squares[0] * normal / (normal - 1) + squares[1] * abnormal / (abnormal - 1)
    error = paired.compare_auc(labels, np.full(len(labels), 0.5), models["first"])["standard_error"]
    assert delong == pytest.approx(error**2)


def test_pairs_of_areas_agree_with_a_jackknife_over_children(children):
    labels, patients, models = children
    found = clusters.auc_pairs(labels, models, patients, [("first", "second"), ("second", "first")], 2000).iloc[0]

    def difference(kept):
        first, second = (roc_auc_score(labels[kept], model[kept]) for model in models.values())
        return second - first

    def jackknife(groups):
        parts = [difference(groups != group) for group in np.unique(groups)]
        return (len(parts) - 1) * np.var(parts)

    by_child = jackknife(patients)
    assert found.variance_ratio == pytest.approx(by_child / jackknife(np.arange(len(labels))), rel=0.03)
    middle, half = (found.child_high + found.child_low) / 2, (found.child_high - found.child_low) / 2
    assert middle == pytest.approx(difference(labels >= 0), abs=0.01)
    assert half == pytest.approx(1.96 * np.sqrt(by_child), rel=0.08)


def test_exchanging_the_models_turns_the_interval(children):
    labels, patients, models = children
    pairs = [("first", "second"), ("second", "first")]
    calls = {name: model >= 0.5 for name, model in models.items()}
    for found in (
        clusters.auc_pairs(labels, models, patients, pairs, 200),
        clusters.sensitivity_pairs(labels, calls, patients, pairs, 200),
    ):
        assert found.child_low[0] == pytest.approx(-found.child_high[1])
        assert found.variance_ratio[0] == pytest.approx(found.variance_ratio[1])


def test_pairs_of_sensitivities_know_abnormal_images_alone(children):
    labels, patients, models = children
    calls = {name: model >= 0.5 for name, model in models.items()}
    found = clusters.sensitivity_pairs(labels, calls, patients, [("first", "second")], 20_000).iloc[0]
    hits = [calls[name][labels == 1] for name in ("first", "second")]
    fit = sm.OLS(hits[1].astype(float) - hits[0], np.ones(labels.sum()))
    robust = fit.fit(cov_type="cluster", cov_kwds={"groups": patients[labels == 1], "use_correction": False})
    low, high = robust.conf_int()[0]
    assert (found.child_low, found.child_high) == pytest.approx((low, high), abs=0.015)
    turned = {name: np.where(labels == 0, ~call, call) for name, call in calls.items()}
    assert clusters.sensitivity_pairs(labels, turned, patients, [("first", "second")], 20_000).iloc[0].equals(found)


@pytest.mark.parametrize(
    ("values", "patients", "message"),
    [
        ([1, 2], ["a"], "one per image"),
        ([], [], "at least one"),
        ([1, np.nan], ["a", "b"], "NaN"),
        ([1, 2], ["a", None], "none missing"),
    ],
)
def test_images_and_children_must_fit(values, patients, message):
    with pytest.raises(ValueError, match=message):
        clusters.mean_interval(values, patients)
    with pytest.raises(ValueError, match=message):
        clusters.variance_ratio(values, patients)


def test_a_bootstrap_needs_resamples():
    with pytest.raises(ValueError, match="0 resamples"):
        clusters.mean_interval([1, 2], ["a", "b"], resamples=0)
