"""Tests of `cxrlib.evaluation.subgroups`."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxrlib.evaluation import subgroups


def test_birthdays_belong_to_the_older_group():
    found = subgroups.age_groups([0, 0.999, 1, 4.99, 5, 17, np.nan])
    assert found.tolist() == [
        *["below 1 year"] * 2,
        *["1 to 4 years"] * 2,
        *["5 years or more"] * 2,
        "not stated",
    ]


def test_areas_are_those_of_the_group_alone():
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 2, 300), rng.choice(["girls", "boys"], 300)
    good = np.where(groups == "girls", 0.5 * labels, 0) + 0.5 * rng.random(300)
    found = subgroups.by_group(labels, {"good": good, "other": rng.random(300)}, groups).set_index(["group", "model"])
    for group in ("girls", "boys"):
        inside = groups == group
        assert found.auc[group, "good"] == pytest.approx(roc_auc_score(labels[inside], good[inside]))
        assert found.loc[(group, "good"), ["normal", "abnormal"]].tolist() == np.bincount(labels[inside]).tolist()
    assert found.auc["girls", "good"] == 1
    assert found.low["boys", "good"] < found.auc["boys", "good"] < found.high["boys", "good"]


@pytest.mark.parametrize(("few", "scored"), [(9, False), (10, True)])
def test_small_groups_have_counts_and_no_score(few, scored):
    labels = np.repeat([0, 1], [few, 40])
    found = subgroups.by_group(labels, {"model": np.linspace(0, 1, few + 40)}, np.full(few + 40, "girls"))
    assert (found.normal[0], found.abnormal[0]) == (few, 40)
    assert found.auc.notna()[0] == scored


def test_one_group_an_image():
    with pytest.raises(ValueError, match="one group per image"):
        subgroups.by_group([0, 1], {"model": [0.1, 0.2]}, ["girls"])
