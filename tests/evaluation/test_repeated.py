"""Tests of repeated: scores of several seeds against SciPy's and scikit-learn's own, and what must be left out."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from cxrlib.evaluation.repeated import over_seeds, paired_differences, scores_by_seed


def drawn(seed, images=60):
    """Draw what one seed predicted; its validation images would spoil every score."""
    rng = np.random.default_rng(seed)
    label = np.tile([0, 1], images // 2)
    frame = pd.DataFrame({"split": np.repeat(["test", "validation"], [images - 20, 20]), "label": label})
    for model, skill in {"Baseline": 0.1, "Den-P": 0.2, "Deb-P": 0.0}.items():
        frame[model] = np.clip(0.5 + skill * (2 * label - 1) + rng.normal(0, 0.2, images), 0, 1)
        frame.loc[frame.split == "validation", model] = 1 - label[frame.split == "validation"]
    return frame


@pytest.fixture
def predictions():
    return {seed: drawn(seed) for seed in (1, 2, 3, 4)}


LEARNT = {"Baseline": "", "Den-P": "", "Deb-P": ""}


@pytest.fixture
def by_seed(predictions):
    return scores_by_seed(predictions, dict.fromkeys(predictions, LEARNT))


def test_scores_are_scikit_learns_on_the_test_images_alone(predictions):
    found = scores_by_seed(predictions, dict.fromkeys(predictions, LEARNT), threshold=0.6)
    assert list(found.columns[:4]) == ["seed", "model", "state", "auc"]
    for row in found.itertuples():
        test = predictions[row.seed].query("split == 'test'")
        called = test[row.model] >= 0.6
        assert row.auc == pytest.approx(roc_auc_score(test.label, test[row.model]))
        assert row.balanced_accuracy == pytest.approx(balanced_accuracy_score(test.label, called))
        assert row.brier == pytest.approx(np.mean((test[row.model] - test.label) ** 2))


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_the_interval_of_a_difference_is_that_of_a_paired_t_test(by_seed, level):
    differences = paired_differences(by_seed, [("Baseline", "Den-P")])
    found = over_seeds(differences, ("model_1", "model_2"), level).set_index("score").loc["auc"]
    first, second = (by_seed[by_seed.model == model].auc.to_numpy() for model in ("Baseline", "Den-P"))
    expected = stats.ttest_rel(second, first).confidence_interval(level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found["mean"] == pytest.approx(second.mean() - first.mean()) != 0
    assert found["sd"] == pytest.approx(np.std(second - first, ddof=1))
    assert (found.seeds, found.lowest, found.highest) == (4, min(second - first), max(second - first))


def test_pairing_takes_out_what_all_models_of_a_seed_share():
    """Seeds that differ by more than the models do: the difference is the same in each, and known exactly."""
    rows = [(seed, model, 0.1 * seed + 0.02 * (model == "A-F")) for seed in (1, 2, 3) for model in ("SA", "A-F")]
    by_seed = pd.DataFrame(rows, columns=["seed", "model", "auc"])
    found = over_seeds(paired_differences(by_seed, [("SA", "A-F")]), ("model_1", "model_2")).iloc[0]
    assert found[["mean", "low", "high"]].tolist() == pytest.approx([0.02] * 3)
    assert over_seeds(by_seed).query("model == 'SA'")["sd"].item() == pytest.approx(0.1)


def test_the_order_of_rows_does_not_matter(by_seed):
    pairs = [("Baseline", "Den-P"), ("Deb-P", "Den-P")]
    expected = over_seeds(paired_differences(by_seed, pairs), ("model_1", "model_2"))
    shuffled = by_seed.sample(frac=1, random_state=0)
    found = over_seeds(paired_differences(shuffled, pairs), ("model_1", "model_2"))
    pd.testing.assert_frame_equal(found, expected)


def test_a_seed_in_which_a_model_did_not_learn_is_left_out_for_this_model_alone(predictions):
    states = dict.fromkeys(predictions, LEARNT) | {3: LEARNT | {"Den-P": "idle"}}
    by_seed = scores_by_seed(predictions, states)
    counts = over_seeds(by_seed).query("score == 'auc'").set_index("model").seeds
    assert counts.to_dict() == {"Baseline": 4, "Den-P": 3, "Deb-P": 4}
    differences = paired_differences(by_seed, [("Baseline", "Den-P"), ("Baseline", "Deb-P"), ("Baseline", "gone")])
    assert differences.groupby("model_2").seed.apply(list).to_dict() == {"Den-P": [1, 2, 4], "Deb-P": [1, 2, 3, 4]}


def test_one_seed_has_no_spread_and_no_pair_no_difference(by_seed):
    one = over_seeds(by_seed[by_seed.seed == 2]).query("model == 'Den-P' and score == 'auc'").iloc[0]
    assert one["mean"] == one.lowest == one.highest
    assert np.isnan([one.sd, one.low, one.high]).all()
    none = paired_differences(by_seed, [("Baseline", "gone")])
    assert over_seeds(none, ("model_1", "model_2")).empty


def test_equal_scores_have_no_spread_to_the_last_digit():
    by_seed = pd.DataFrame({"seed": [1, 2, 3], "model": "SA", "psnr": 26.5084})
    assert over_seeds(by_seed)["sd"].item() == 0


def test_faults_name_seed_and_model(predictions):
    with pytest.raises(ValueError, match="seed 1, gone: no predictions"):
        scores_by_seed(predictions, dict.fromkeys(predictions, {"gone": ""}))
    predictions[2]["Den-P"] = 2.0
    with pytest.raises(ValueError, match="seed 2, Den-P: probability spans"):
        scores_by_seed(predictions, dict.fromkeys(predictions, LEARNT))
