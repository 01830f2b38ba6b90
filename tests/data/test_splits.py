"""Tests of splits: exact sizes by whole patients, the official split, halves, and the guard."""

import numpy as np
import pandas as pd
import pytest

from cxrlib.data.kermany import index_kermany
from cxrlib.data.splits import (
    LeakageError,
    check_leakage,
    merge_patients,
    split_as_given,
    split_by_patient,
    split_in_halves,
    split_official,
)

NO_DUPLICATES = pd.DataFrame(columns=["first", "second", "distance"])


def children(images, abnormal=None, seed=0):
    """A frame of children with 1 to 4 images each, without files."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(images), rng.choice([1, 1, 1, 2, 3, 4], images))[:images]
    sick = rng.random(images) < (0.3 if abnormal is None else abnormal)
    return pd.DataFrame(
        {
            "path": [f"image{i}.png" for i in range(images)],
            "patient": [f"child{p}" for p in patients],
            "label": sick[patients].astype(int),
        }
    )


def pair(first, second):
    return pd.DataFrame({"first": [first], "second": [second], "distance": [0.0]})


# ---- split ----


@pytest.mark.parametrize("sizes", [(140, 20, 40), (0.7, 0.1, 0.2)])
def test_split_is_exact_stratified_and_by_patient(sizes):
    frame = children(200)
    for seed in range(10):
        split = split_by_patient(frame, sizes, seed, NO_DUPLICATES)
        assert split.split.value_counts().to_dict() == {"train": 140, "validation": 20, "test": 40}
        assert (split.groupby("patient").split.nunique() == 1).all()
        expected = frame.label.mean() * split.groupby("split").size()
        assert (np.abs(split.groupby("split").label.sum() - expected) <= 1).all()
        assert split.drop(columns="split").equals(frame)
        assert split.equals(split_by_patient(frame, sizes, seed, NO_DUPLICATES))
        assert not split.equals(split_by_patient(frame, sizes, seed + 1, NO_DUPLICATES))
        check_leakage(split, NO_DUPLICATES)


@pytest.mark.parametrize(("fractions", "counts"), [((1, 0, 0), (10, 0, 0)), ((0.55, 0.25, 0.2), (6, 2, 2))])
def test_fractions_become_counts_by_largest_remainder(fractions, counts):
    frame = pd.DataFrame({"path": list("abcdefghij"), "patient": list("abcdefghij"), "label": 0})
    split = split_by_patient(frame, fractions, 0, NO_DUPLICATES).split
    assert tuple((split == name).sum() for name in ("train", "validation", "test")) == counts


def test_patients_who_share_an_image_are_one():
    frame = children(200)
    twins = pd.concat([pair("image0.png", "image150.png"), pair("image150.png", "image199.png")])
    assert frame.patient[[0, 150, 199]].nunique() == 3
    group = merge_patients(frame, twins)
    assert group[0] == group[150] == group[199]
    assert len(np.unique(group)) == frame.patient.nunique() - 2
    for seed in range(20):
        split = split_by_patient(frame, (140, 20, 40), seed, twins)
        assert split.split[[0, 150, 199]].nunique() == 1
        check_leakage(split, twins)
    apart = [
        split_by_patient(frame, (140, 20, 40), seed, NO_DUPLICATES).split[[0, 150, 199]].nunique() for seed in range(20)
    ]
    assert max(apart) > 1


@pytest.mark.parametrize(
    ("change", "sizes", "message"),
    [
        (lambda f: f.drop(columns="patient"), (140, 20, 40), r"lacks \['patient'\]"),
        (lambda f: f.assign(patient=f.patient.where(f.index != 7)), (140, 20, 40), "image7.png: no patient"),
        (lambda f: f[:0], (0, 0, 0), "no rows"),
        (lambda f: f.assign(path="image0.png"), (140, 20, 40), "image0.png and 198 more paths occur twice"),
        (lambda f: f, (140, 20, 41), "sum to 201, the frame has 200"),
        (lambda f: f, (0.7, 0.1, 0.1), "must sum to 1"),
        (lambda f: f, (150, 50), "three values"),
        (lambda f: f, (240, -20, -20), "none negative"),
        (lambda f: f.assign(patient="child"), (140, 20, 40), "whole patients do not add up to 40 test"),
    ],
)
def test_split_refuses(change, sizes, message):
    with pytest.raises(ValueError, match=message):
        split_by_patient(change(children(200)), sizes, 0, NO_DUPLICATES)


@pytest.mark.parametrize("sizes", [(130, 30, 40), (0.6, 0.2, 0.2)])
def test_official_split_keeps_the_test_folder(sizes):
    frame = children(200)
    tested = set(frame.patient.unique()[:25])
    frame["folder"] = np.where(frame.patient.isin(tested), "test", "train")
    count = int((frame.folder == "test").sum())
    sizes = (sizes[0], 200 - sizes[0] - count, count) if sizes[0] > 1 else sizes
    split = split_official(frame, sizes, 0, NO_DUPLICATES).split
    assert (split == "test").equals(frame.folder == "test")
    rest = 200 - count
    train = sizes[0] if sizes[0] > 1 else round(rest * 0.75)
    assert (split == "train").sum() == train
    assert (split == "validation").sum() == rest - train
    check_leakage(frame.assign(split=split), NO_DUPLICATES)
    with pytest.raises(ValueError, match=f"the official test has {count} images"):
        split_official(frame, (100, 200 - 100 - count - 1, count + 1), 0, NO_DUPLICATES)
    with pytest.raises(ValueError, match="0 of 200 images are in the folder test"):
        split_official(frame.assign(folder="train"), sizes, 0, NO_DUPLICATES)


def test_halves_share_no_child_and_never_train_on_tested_children():
    frame = children(300)
    frame["restoration"] = split_by_patient(frame, (0.7, 0.1, 0.2), 0, NO_DUPLICATES).split
    halves = split_in_halves(frame, 1, NO_DUPLICATES)
    pretext, classified = halves[halves.pretext.notna()], halves[halves.classification.notna()]
    assert (halves.pretext.isna() != halves.classification.isna()).all()
    assert len(pretext) == 150
    assert not set(pretext.patient) & set(classified.patient)
    assert not set(pretext.patient) & set(halves.patient[halves.restoration == "test"])
    assert (halves.classification[halves.restoration == "test"] == "test").all()
    assert set(pretext.pretext) == {"train", "validation"}
    check_leakage(classified.assign(split=classified.classification), NO_DUPLICATES)
    check_leakage(pretext.assign(split=pretext.pretext), NO_DUPLICATES)
    with pytest.raises(ValueError, match="both halves need others"):
        split_in_halves(frame.assign(restoration="test"), 1, NO_DUPLICATES)


# ---- leakage ----


def test_leakage_of_a_patient_is_named():
    split = split_by_patient(children(200), (140, 20, 40), 0, NO_DUPLICATES)
    several = split.patient.value_counts().index[0]
    split.loc[split.index[split.patient == several][0], "split"] = "elsewhere"
    with pytest.raises(LeakageError, match=f"patient {several} and 0 more"):
        check_leakage(split, NO_DUPLICATES)


def test_leakage_of_an_image_is_named():
    frame = pd.DataFrame({"path": ["in/a.png", "in/b.png"], "patient": ["a", "b"], "split": ["train", "test"]})
    with pytest.raises(LeakageError, match="a.png and b.png, and 0 more pairs"):
        check_leakage(frame, pair("in/a.png", "in/b.png"))
    check_leakage(frame, pair("in/a.png", "elsewhere/b.png"))
    check_leakage(frame.assign(split="train"), pair("in/a.png", "in/b.png"))


def test_leakage_check_needs_its_columns():
    with pytest.raises(ValueError, match=r"lacks \['split'\]"):
        check_leakage(children(20), NO_DUPLICATES)
    frame = children(20).assign(split="train")
    orphan = frame.assign(patient=frame.patient.where(frame.index != 3))
    with pytest.raises(ValueError, match="image3.png: no patient"):
        check_leakage(orphan, NO_DUPLICATES)


# ---- the real set ----


@pytest.mark.parametrize("key", ["number", "number and type"])
def test_table_1_on_the_real_set(shared_data, real_report, key):
    frame, _ = index_kermany(shared_data / "kermany_224", patient_key=key)
    split = split_by_patient(frame, (4100, 586, 1170), 0, real_report.duplicates)
    assert split.split.value_counts().to_dict() == {"train": 4100, "validation": 586, "test": 1170}
    check_leakage(split, real_report.duplicates)
    assert split.groupby("split").label.mean().to_numpy() == pytest.approx(frame.label.mean(), abs=2e-3)
    fractions = split_by_patient(frame, (0.7, 0.1, 0.2), 0, real_report.duplicates).split.value_counts()
    assert fractions.to_dict() == {"train": 4099, "validation": 586, "test": 1171}


def three_each(patients):
    number = np.arange(3 * patients)
    return pd.DataFrame({"path": number.astype(str), "patient": number // 3, "label": number // 3 % 2})


def test_sizes_that_whole_patients_do_not_meet_are_refused_or_come_near():
    frame = three_each(44)
    with pytest.raises(ValueError, match="whole patients do not add up to 33 test images"):
        split_by_patient(frame, (0.6, 0.15, 0.25), 0, NO_DUPLICATES)
    near = split_by_patient(frame, (0.6, 0.15, 0.25), 0, NO_DUPLICATES, exact=False)
    check_leakage(near, NO_DUPLICATES)
    counts = near.groupby(["split", "label"]).size().unstack()
    assert counts.loc["test"].between(17 - 3, 17).all()
    assert counts.loc["validation"].between(10 - 3, 10).all()
    assert counts.to_numpy().sum() == len(frame)
    frame = three_each(40)
    exactly = split_by_patient(frame, (0.5, 0.2, 0.3), 0, NO_DUPLICATES)
    pd.testing.assert_frame_equal(split_by_patient(frame, (0.5, 0.2, 0.3), 0, NO_DUPLICATES, exact=False), exactly)


def test_a_part_without_a_class_is_refused_though_sizes_need_not_be_exact():
    frame = three_each(8).assign(patient=lambda f: f.patient % 4)
    with pytest.raises(ValueError, match="no patient fits into the test part with label .*; give more patients"):
        split_by_patient(frame, (0.6, 0.2, 0.2), 0, NO_DUPLICATES, exact=False)


def test_halves_of_a_table_come_near_and_stay_apart():
    frame = three_each(60)
    frame["restoration"] = split_by_patient(frame, (0.7, 0.1, 0.2), 0, NO_DUPLICATES, exact=False).split
    with pytest.raises(ValueError, match="whole patients do not add up"):
        split_in_halves(frame, 0, NO_DUPLICATES)
    halves = split_in_halves(frame, 0, NO_DUPLICATES, exact=False)
    learnt = set(halves.patient[halves.pretext.notna()])
    assert not learnt & set(halves.patient[halves.classification.notna()])
    assert len(learnt) + halves.patient[halves.classification.notna()].nunique() == 60
    assert abs(halves.pretext.notna().mean() - 0.5) < 0.05
    assert set(halves.pretext.dropna()) == {"train", "validation"}


def test_a_given_split_is_kept_and_an_incomplete_one_refused():
    frame = three_each(12).assign(split=lambda f: np.repeat(["train", "validation", "test"], 12))
    assert split_as_given(frame, (0.6, 0.2, 0.2), 0, NO_DUPLICATES).split.tolist() == frame.split.tolist()
    with pytest.raises(ValueError, match="no validation part; give all of train, validation, test"):
        split_as_given(frame.replace("validation", "train"), (0.6, 0.2, 0.2), 0, NO_DUPLICATES)
    drawn = split_as_given(frame.assign(split=""), (0.6, 0.2, 0.2), 0, NO_DUPLICATES)
    assert set(drawn.split) == {"train", "validation", "test"}
