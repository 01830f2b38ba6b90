"""Tests of `cxrlib.evaluation.replication`: against formulas written out, brute force, and simulation."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cxrlib.evaluation import replication
from cxrlib.evaluation.paired import compare_auc


def study(seeds=4, children=40, effect=0.0, by_seed=0.0, seed=0):
    """Labels, patients and two arms' probabilities (seeds, images) of children with one to three images."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(children), rng.integers(1, 4, children))
    labels = rng.integers(0, 2, children)[patients]
    shared = rng.normal(size=children)[patients] + labels
    arms = []
    for gain in (0, effect):
        trained = gain + by_seed * rng.normal(size=(seeds, 1))
        scores = shared + trained * labels + rng.normal(size=(seeds, len(labels)))
        arms.append(1 / (1 + np.exp(-scores)))
    return labels, patients, *arms


def test_areas_equal_scikit_learn():
    labels, _, first, _ = study()
    expected = [roc_auc_score(labels, row) for row in first]
    assert replication.areas(labels, first) == pytest.approx(expected, abs=1e-12)


def test_one_seed_of_children_with_one_image_is_delong():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 400)
    first, second = rng.random((2, 800)) * 0.5 + 0.3 * labels
    found = replication.compare(labels, np.arange(800), first, second)
    expected = compare_auc(labels, first, second)
    assert found["difference"] == pytest.approx(expected["difference"])
    assert found["by_child"] == pytest.approx(expected["standard_error"], rel=0.01)  # m / (m - 1) apart
    assert (found["low"], found["high"]) == pytest.approx((expected["low"], expected["high"]), abs=1e-3)
    assert np.isnan([found["by_seed"], found["p"]]).all()


def test_several_seeds_are_obuchowski_and_rockette():
    """Mean squares and covariances, written out entry by entry as in their paper, and Hillis's degrees of freedom."""
    labels, patients, first, second = study(seeds=3, effect=0.5, by_seed=0.4)
    theta = np.array([[roc_auc_score(labels, row) for row in arm] for arm in (first, second)])  # (2, 3)
    names, children = np.unique(patients), len(np.unique(patients))

    def without(child, row):
        kept = patients != child
        return roc_auc_score(labels[kept], row[kept])

    jackknifed = np.array([[[without(c, row) for c in names] for row in arm] for arm in (first, second)])
    covariance = np.cov(jackknifed.reshape(6, children)) * (children - 1) ** 2 / children
    within = [covariance[3 * i + j, 3 * i + k] for i in range(2) for j in range(3) for k in range(3) if j != k]
    across = [covariance[j, 3 + k] for j in range(3) for k in range(3) if j != k]
    apart = theta - theta.mean(axis=0) - theta.mean(axis=1)[:, None] + theta.mean()
    mean_square = (apart**2).sum() / 2
    denominator = mean_square + 3 * max(np.mean(within) - np.mean(across), 0)
    degrees = denominator**2 / (mean_square**2 / 2)

    found = replication.compare(labels, patients, first, second)
    assert tuple(found) == replication.COMPARED
    assert found["difference"] == pytest.approx(theta[1].mean() - theta[0].mean())
    # The jackknife and DeLong's placements differ by little, and by less the more children there are.
    assert found["by_seed"] ** 2 + found["by_child"] ** 2 == pytest.approx(2 / 3 * denominator, rel=0.03)
    assert found["by_seed"] ** 2 == pytest.approx(2 / 3 * mean_square)
    assert found["degrees"] == pytest.approx(degrees, rel=0.06)


@pytest.mark.parametrize("by_seed", [0, 0.6])
def test_no_effect_is_found_at_the_stated_rate(by_seed):
    """5 % of 400 studies without an effect, give or take 2.5 standard errors."""
    p = [replication.compare(*study(5, 60, 0, by_seed, number))["p"] for number in range(400)]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.08


def test_children_drawn_again_count_by_their_weight():
    """The bootstrap's products of matrices are weighted areas, which scikit-learn computes one by one."""
    labels, patients, first, second = study(seeds=3, effect=0.5)
    rng, children = np.random.default_rng(3), patients.max() + 1
    times = rng.multinomial(children, np.full(children, 1 / children), size=50)[:, patients]
    seeds = rng.integers(3, size=(50, 3))
    expected = [
        np.mean(
            [
                roc_auc_score(labels, second[s], sample_weight=weight)
                - roc_auc_score(labels, first[s], sample_weight=weight)
                for s in drawn
            ]
        )
        for weight, drawn in zip(times, seeds, strict=True)
    ]
    found = replication.two_level_bootstrap(labels, patients, first, second, resamples=50, seed=3)
    assert found == pytest.approx(np.quantile(expected, [0.025, 0.975]), abs=1e-6)


def test_bootstrap_and_model_agree_where_seeds_are_many():
    arms = study(seeds=30, children=200, effect=0.3, by_seed=0.3)
    found = replication.compare(*arms)
    low, high = replication.two_level_bootstrap(*arms, resamples=4000)
    assert (low, high) == pytest.approx((found["low"], found["high"]), abs=0.15 * (high - low))


def test_contrasts_are_adjusted_together_and_named():
    labels, patients, first, second = study(seeds=5, children=150, effect=1.5)
    arms = {"control": first, "arm": second, "same": first}
    pairs = [("control", "arm"), ("control", "same")]
    found = replication.contrasts(labels, patients, arms, pairs, smallest=0.02, resamples=200)
    assert found[["model_1", "model_2"]].to_numpy().tolist() == [list(pair) for pair in pairs]
    assert found.p_holm[0] == pytest.approx(2 * found.p[0])
    assert found.verdict[0] == replication.BETTER
    backwards = [pair[::-1] for pair in pairs]
    turned = replication.contrasts(labels, patients, arms, backwards, smallest=0.02, resamples=200)
    assert turned.difference[0] == pytest.approx(-found.difference[0])
    assert turned.verdict[0] == replication.WORSE


def test_one_seed_decides_nothing():
    labels, patients, first, second = study(seeds=1, children=300, effect=3)
    found = replication.contrasts(labels, patients, {"a": first, "b": second}, [("a", "b")], 0.02, resamples=50)
    assert found.low[0] > 0.02
    assert found.verdict[0] == replication.UNDECIDED
    assert np.isnan(found.p_holm[0])


def contrast(middle, half, p, drawn=0.0, seeds=5):
    """A contrast with symmetric intervals; those of the bootstrap lie `drawn` above the others."""
    limits = {
        f"{sign}{name}": middle + factor * half * (0.8 if name else 1)
        for name in ("", "_90")
        for sign, factor in (("low", -1), ("high", 1))
    }
    return {
        "seeds": seeds,
        "difference": middle,
        "p_holm": p,
        **limits,
        **{f"drawn_{name}": value + drawn for name, value in limits.items()},
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (contrast(0.04, 0.02, 0.001), replication.BETTER),
        (contrast(-0.04, 0.02, 0.001), replication.WORSE),
        (contrast(0.0, 0.015, 0.9), replication.ALIKE),
        (contrast(0.01, 0.005, 0.001), replication.ALIKE),  # significant, and too small to matter
        (contrast(0.01, 0.05, 0.5), replication.UNDECIDED),
        (contrast(0.04, 0.02, 0.06), replication.UNDECIDED),  # Holm takes it away, and the bootstrap keeps it
        (contrast(0.04, 0.02, 0.001, drawn=-0.03), replication.UNDECIDED),  # the two intervals disagree
        (contrast(0.04, 0.02, 0.001, seeds=2), replication.UNDECIDED),
    ],
)
def test_verdicts_follow_the_protocol(found, expected):
    assert replication.verdict(found, smallest=0.02) == expected


def test_arms_of_other_seeds_are_refused():
    labels, patients, first, second = study(seeds=3)
    for call in (replication.compare, replication.two_level_bootstrap):
        with pytest.raises(ValueError, match="with the same seeds"):
            call(labels, patients, first, second[:2])


@pytest.mark.parametrize("call", [replication.compare, replication.two_level_bootstrap])
@pytest.mark.parametrize("seeds", [1, 3])
def test_children_that_cannot_be_counted_are_refused_with_a_remedy(call, seeds):
    labels, patients, first, second = study(seeds=seeds)
    some = patients.astype(object)
    some[[0, 5]] = None
    with pytest.raises(ValueError, match=f"2 of {len(labels)} images have no patient: name each image's child"):
        call(labels, some, first, second)
    with pytest.raises(ValueError, match=f"all {len(labels)} images are of one child: .* needs at least two"):
        call(labels, np.zeros_like(patients), first, second)
    with pytest.raises(ValueError, match=f"{len(labels) - 1} patients, .* one of each per image"):
        call(labels, patients[1:], first, second)
    with pytest.raises(ValueError, match="one of each per image"):
        call(labels[1:], patients[1:], first, second)


def test_a_bootstrap_needs_resamples():
    with pytest.raises(ValueError, match="0 resamples: ask for at least one"):
        replication.two_level_bootstrap(*study(), resamples=0)


def test_names_are_kept_by_frames():
    labels, patients, first, second = study(seeds=2)
    frames = {"a": pd.DataFrame(first), "b": pd.DataFrame(second)}
    found = replication.contrasts(labels, patients, frames, [("a", "b")], 0.02, resamples=20)
    assert found.seeds[0] == 2
