"""Tests of the cohort: images are found by their number, whatever stands where, and what is wrong is told."""

import numpy as np
import pandas as pd
import pytest

from cxrlib.data import cohort as cohorts
from cxrlib.data.cohort import COLUMNS, Pixels

STORED = np.arange(6, dtype=np.uint8).repeat(4).reshape(6, 2, 2) * 51


@pytest.fixture
def frame():
    empty = pd.DataFrame({"row": range(6)}).reindex(columns=list(COLUMNS), fill_value=0)
    return empty.assign(
        dataset=["b", "b", "a", "a", "a", "b"],
        restoration=[None, None, "train", "test", "test", None],
        pretext=None,
        classification=["train", "test", None, None, None, "train"],
    )


def test_a_shuffled_table_is_read_in_the_order_of_its_rows(frame, tmp_path):
    frame.sample(frac=1, random_state=1).to_csv(tmp_path / "cohort.csv", index=False)
    read = cohorts.read(tmp_path)
    assert read.row.tolist() == read.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert read.dataset.tolist() == frame.dataset.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns=["patient", "width"]), r"cohort.csv: no column patient, width; run"),
        (lambda frame: frame.assign(row=[0, 1, 2, 2, 4, 5]), "each number from 0 to 5 once"),
        (lambda frame: frame.iloc[1:], "each number from 0 to 4 once"),
    ],
)
def test_a_table_that_is_none_is_refused(frame, tmp_path, change, message):
    change(frame).to_csv(tmp_path / "cohort.csv", index=False)
    with pytest.raises(ValueError, match=message):
        cohorts.read(tmp_path)


def test_rows_are_those_of_the_part_and_a_limit_draws_some(frame):
    assert cohorts.rows(frame, "restoration").tolist() == [2, 3, 4]
    assert cohorts.rows(frame, "classification", "train").tolist() == [0, 5]
    assert {cohorts.rows(frame, "restoration", "test", 1, seed).item() for seed in range(9)} == {3, 4}
    for wrong in (("segmentation", None), ("restoration", "tests")):
        with pytest.raises(ValueError, match="give a purpose"):
            cohorts.rows(frame, *wrong)


def test_ranks_do_not_depend_on_the_order_of_the_data_sets(frame):
    other = frame.sort_values("dataset", kind="stable", ignore_index=True)
    assert cohorts.ranks(frame).tolist() == [0, 1, 0, 1, 2, 2]
    assert cohorts.ranks(other).tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("on_disk", [True, False])
def test_pixels_are_found_by_number_and_scaled(frame, tmp_path, on_disk):
    np.save(tmp_path / "images.npy", STORED)
    images = tmp_path / "images.npy" if on_disk else STORED
    part = cohorts.pixels(frame, images, "restoration", "test")
    assert (len(part), part.shape, part.rows.tolist()) == (2, (2, 2, 2), [3, 4])
    assert part[4].dtype == np.float32
    np.testing.assert_allclose(part[4], np.full((2, 2), 0.8))
    np.testing.assert_allclose(part[np.array([4, 3])][:, 0, 0], [0.8, 0.6])
    np.testing.assert_allclose(cohorts.pixels(frame, images)[5], 1)
    np.testing.assert_allclose(Pixels(STORED[:2], rows=[9, 4])[4], 0.2)
    with pytest.raises(IndexError, match="no image number 2 among these 2"):
        part[[3, 2]]


def test_images_of_another_cohort_are_refused(frame, tmp_path):
    np.save(tmp_path / "images.npy", STORED[:5])
    with pytest.raises(ValueError, match=r"images.npy: 5 images for 6 numbers"):
        cohorts.pixels(frame, tmp_path / "images.npy")
    with pytest.raises(ValueError, match="5 are distinct"):
        Pixels(STORED, rows=[1, 2, 3, 4, 5, 5])
    with pytest.raises(ValueError, match="float64 .* give 8-bit images"):
        Pixels(STORED / 255, rows=range(6))


def test_batches_of_pixels_are_those_of_the_arrays_behind_them():
    import keras

    from cxrlib.networks.resume import fingerprint
    from cxrlib.networks.training import Batches

    noisy = STORED[::-1].copy()  # that of image 5 stands first
    rows = np.array([5, 2, 3])
    behind = Batches(noisy[::-1], STORED, 2, seed=1, mirror=True, rows=rows)
    batches = Batches(Pixels(noisy, range(5, -1, -1)), Pixels(STORED, range(6)), 2, seed=1, mirror=True, rows=rows)
    for found, expected in zip(batches[0], behind[0], strict=True):
        np.testing.assert_array_equal(found, expected)
    model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Conv2D(1, 1)])
    model.compile("sgd", "mse")
    before = fingerprint(model, batches, batches, {})
    noisy[0, 0, 0] = 7
    assert fingerprint(model, batches, batches, {}) != before
