"""Verdicts follow their numbers: with the numbers turned round, each says the opposite."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from cxrlib.evaluation import verdicts

OUTPUT = {"psnr": 30.0, "ssim": 0.6}


def readings(*rows):
    return pd.DataFrame(rows, columns=["psnr", "ssim"])


@pytest.mark.parametrize(
    ("inputs", "word", "counts"),
    [
        (readings((25, 0.5), (29, 0.59)), "supported", ("in 0 of 2", "each in 2")),
        (readings((30, 0.6), (40, 0.9)), "not shown", ("in 2 of 2", "each in 0")),
        (readings((31, 0.61), (40, 0.9)), "contradicted", ("in 2 of 2", "each in 0")),
        (readings((25, 0.5), (40, 0.9)), "open", ("in 1 of 2", "each in 1")),
        (readings((25, 0.9), (40, 0.5)), "open", ("in 0 of 2", "each in 0")),  # scores that disagree
    ],
)
def test_a_gain_is_seen_only_where_no_reading_of_the_input_has_it_already(inputs, word, counts):
    found = verdicts.gain_over_input(inputs, OUTPUT)
    assert found.word == word
    assert all(count in found.because for count in counts)


def test_a_gain_over_nothing_is_refused():
    with pytest.raises(ValueError, match="no reading"):
        verdicts.gain_over_input(readings(), OUTPUT)


def pair_tests(*rows):
    frame = pd.DataFrame(rows, columns=["model_1", "model_2", "difference", "p_holm"])
    return frame.assign(p=frame.p_holm / 10)


CLAIMED = [("old", "new"), ("old", "other")]


@pytest.mark.parametrize(
    ("differences", "p_holm", "word"),
    [
        ((0.1, 0.2), (0.01, 0.04), "supported"),
        ((-0.1, -0.2), (0.01, 0.04), "contradicted"),
        ((0.1, 0.2), (0.01, 0.05), "supported in part"),  # at the level is not below it
        ((0.1, -0.2), (0.01, 0.01), "open"),
        ((-0.1, 0.2), (0.01, 0.01), "open"),
        ((0.1, 0.2), (0.5, 0.5), "not shown"),
        ((-0.1, 0.2), (0.01, 0.5), "contradicted"),
    ],
)
def test_superiority_needs_significant_differences_in_the_claimed_direction(differences, p_holm, word):
    rows = [(*pair, *numbers) for pair, *numbers in zip(CLAIMED, differences, p_holm, strict=True)]
    assert verdicts.superior({"J": pair_tests(*rows)}, CLAIMED).word == word
    # A table may name the pair in the other order, and then has the other sign.
    turned = [(new, old, -gap, p) for (old, new), gap, p in zip(CLAIMED, differences, p_holm, strict=True)]
    assert verdicts.superior({"J": pair_tests(*turned)}, CLAIMED).word == word


def test_one_measure_of_two_supports_in_part_and_both_are_counted():
    yes, no = ([(*pair, 0.1, p) for pair in CLAIMED] for p in (0.001, 0.9))
    found = verdicts.superior({"J": pair_tests(*yes), "d'": pair_tests(*no)}, CLAIMED)
    assert found.word == "supported in part"
    assert (
        "2 of 2 comparisons in J and 0 of 2 comparisons in d' support the claim, and 0 contradict it" in found.because
    )


def test_networks_that_did_not_learn_decide_nothing():
    rows = [(*pair, 0.3, 0.001) for pair in CLAIMED]
    found = verdicts.superior({"AUC": pair_tests(*rows)}, CLAIMED, idle=["other"])
    assert found.word == "supported"
    assert "1 of 1 comparisons in AUC support the claim, and 0 contradict it" in found.because
    assert found.because.endswith("(comparisons left out because a network did not learn: 1)")
    assert verdicts.superior({"AUC": pair_tests(*rows)}, CLAIMED, idle=["old"]).word == "not shown"


def test_a_pair_without_a_test_is_named():
    with pytest.raises(KeyError, match="no test of old and other"):
        verdicts.superior({"J": pair_tests(("old", "new", 0.1, 0.1))}, CLAIMED)


@pytest.mark.parametrize(
    ("p", "p_holm", "word", "counts"),
    [
        ((0.01, 0.01), (0.02, 0.02), "supported", "0 do not differ significantly, and 0 do not after"),
        ((0.01, 0.04), (0.02, 0.08), "supported in part", "0 do not differ significantly, and 1 do not after"),
        ((0.01, 0.06), (0.02, 0.08), "contradicted", "1 do not differ significantly, and 1 do not after"),
    ],
)
def test_pairs_that_are_said_to_differ_are_held_to_it(p, p_holm, word, counts):
    models = {"model_1": ["a", "a", "b"], "model_2": ["b", "c", "c"]}
    pairs = pd.DataFrame(models | {"p": [*p, 0.9], "p_holm": [*p_holm, 0.9]})
    found = verdicts.all_pairs_differ(pairs, {("b", "c")})
    assert found.word == word
    assert counts in found.because
    assert verdicts.all_pairs_differ(pairs, ()).word == "contradicted"  # the exception is what excuses b and c


def maps(images=1, noise=0.01, **shifts):
    """Scores of 50 children with so many images each; an arm's gain is its shift, and noise that is the child's own."""
    rng = np.random.default_rng(0)
    children = np.repeat(np.arange(50), images)
    common = rng.uniform(0.2, 0.4, len(children))
    places = {"row": np.arange(len(children)), "patient": children}
    return pd.concat(
        pd.DataFrame({"map": name, **places, "iou": iou, "pointing": iou})
        for name, shift in {"rival": 0.0, **shifts}.items()
        for iou in [common + shift + rng.normal(0, noise, 50)[children]]
    )


@pytest.mark.parametrize(
    ("one", "two", "word"),
    [
        (0.05, 0.1, "supported"),
        (-0.05, -0.1, "contradicted"),
        (0.05, 0.0, "supported in part"),
        (-0.05, 0.0, "contradicted"),
        (0.05, -0.05, "open"),
        (0.0, 0.0, "not shown"),
    ],
)
def test_maps_are_compared_image_by_image(one, two, word):
    found = verdicts.closer_to_boxes(maps(one=one, two=two), ["one", "two"], "rival")
    assert found.word == word
    # Unpaired, the spread between the images would hide all of these differences.
    assert maps(one=one)[lambda frame: frame["map"] == "one"].iou.std() > 0.05


def test_maps_are_counted_by_child():
    """Nine images of each child say the same: counted as 450 children, they would show what 50 do not."""
    repeated = maps(images=9, noise=0.1, one=0.03)
    assert verdicts.closer_to_boxes(repeated, ["one"], "rival").word == "not shown"
    as_children = repeated.assign(patient=repeated.row)
    assert verdicts.closer_to_boxes(as_children, ["one"], "rival").word == "supported"


def test_measures_that_disagree_leave_the_claim_open():
    scores = maps(one=0.05)
    opposed = scores.assign(pointing=-scores.pointing)
    assert verdicts.closer_to_boxes(scores, ["one"], "rival").word == "supported"
    assert verdicts.closer_to_boxes(opposed, ["one"], "rival").word == "open"
    alike = scores.assign(pointing=1.0)
    assert verdicts.closer_to_boxes(alike, ["one"], "rival").word == "supported in part"


def test_maps_that_were_not_measured_are_named():
    with pytest.raises(ValueError, match="no maps of two"):
        verdicts.closer_to_boxes(maps(one=0.1), ["one", "two"], "rival")
    with pytest.raises(ValueError, match="fewer than two images"):
        verdicts.closer_to_boxes(maps(one=0.1)[lambda frame: frame.row < 1], ["one"], "rival")
    with pytest.raises(ValueError, match="no column `patient`: add"):
        verdicts.closer_to_boxes(maps(one=0.1).drop(columns="patient"), ["one"], "rival")


def test_one_child_shows_nothing():
    found = verdicts.closer_to_boxes(maps(one=0.1).assign(patient="a"), ["one"], "rival")
    assert found.word == "not shown"
    assert "of one child" in found.because


def test_the_interval_of_a_paired_difference_is_scipys():
    scores = maps(one=0.05)
    table = scores.pivot(index="row", columns="map", values="iou")
    gain = (table["one"] - table["rival"]).to_numpy()
    low, high = bootstrap((gain,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    because = verdicts.closer_to_boxes(scores, ["one"], "rival").because
    told = [float(number) for number in re.search(r"one (\S+) \((\S+) to (\S+)\)", because).groups()]
    assert told == pytest.approx([gain.mean(), low, high], abs=0.0011)
