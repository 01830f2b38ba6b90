"""Tests of baselines: features by hand, and on real radiographs the areas of the project's notes on the paper."""

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrlib.data.kermany import index_kermany
from cxrlib.evaluation import baselines
from cxrlib.evaluation.roc import roc_auc


def test_pixels_are_means_of_areas():
    image = np.kron(np.arange(256).reshape(16, 16) / 255, np.ones((3, 3))).astype(np.float32)
    noise = np.tile(np.array([-0.1, 0, 0.1], np.float32), (48, 16)) * 0.1
    np.testing.assert_allclose(baselines.pixels(np.stack([image + noise]))[0], np.arange(256) / 255, atol=1e-6)


def test_grey_values_know_no_place():
    rng = np.random.default_rng(0)
    image = rng.random((8, 8)) ** 2
    shuffled = rng.permutation(image.ravel()).reshape(8, 8)
    first, second, flat = baselines.grey_values(np.stack([image, shuffled, np.full((8, 8), 0.5)]))
    np.testing.assert_allclose(first, second)
    assert first[[0, 1, 6]] == pytest.approx([image.mean(), image.std(), np.median(image)])
    assert first[2] == pytest.approx(((image - image.mean()) ** 3).mean() / image.std() ** 3)
    assert flat.tolist() == [0.5, 0, 0, *[0.5] * 7]


def test_frame_geometry():
    frame = pd.DataFrame({"width": [200, 100], "height": [100, 400]})
    assert baselines.frame_geometry(frame).tolist() == [[200, 100, 2], [100, 400, 0.25]]


def test_no_child_is_in_both_the_fit_and_its_prediction():
    # A feature that only names the child: known children would be predicted without fault.
    patients = np.repeat(np.arange(40), 3)
    labels = np.random.default_rng(1).integers(2, size=40)[patients]
    named = np.eye(40)[patients]
    known = baselines.classifier().fit(named, labels).predict_proba(named)[:, 1]
    assert roc_auc(labels, known)["auc"] == 1
    assert roc_auc(labels, baselines.cross_validated(named, labels, patients))["auc"] < 0.7


def test_probabilities_are_fitted_on_the_training_part_alone():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=60)
    cohort = pd.DataFrame({"label": labels, "width": rng.integers(90, 110, 60) + 20 * labels, "height": 100})
    images = rng.random((60, 16, 16)).astype(np.float32) * 0.5 + 0.3 * labels[:, None, None]
    rows = {"train": np.arange(40), "test": np.arange(59, 39, -1)}
    found = baselines.probabilities(cohort, lambda numbers: images[numbers], rows)
    assert set(found) == {baselines.PIXELS, baselines.GREYS, baselines.FRAME}
    assert all(roc_auc(labels[rows["test"]], parts["test"])["auc"] > 0.8 for parts in found.values())
    swapped = cohort.assign(label=np.where(np.arange(60) < 40, labels, 1 - labels))
    again = baselines.probabilities(swapped, lambda numbers: images[numbers], rows)
    assert all(np.array_equal(found[name]["test"], again[name]["test"]) for name in found)


@pytest.fixture(scope="module")
def real(shared_data):
    frame, _ = index_kermany(shared_data / "kermany_224")
    # A JPEG decoder gives means of 4 x 4 pixels in a fraction of the time.
    images = np.stack([cv2.imread(path, cv2.IMREAD_REDUCED_GRAYSCALE_4) for path in frame.path])
    return frame.assign(thumbnail=list(baselines.pixels(images / np.float32(255))))


def test_real_normal_against_pneumonia_is_nearly_solved_by_256_pixels(real):
    found = baselines.cross_validated(np.stack(real.thumbnail), real.label, real.patient)
    assert roc_auc(real.label, found)["auc"] == pytest.approx(0.979, abs=0.004)


def test_real_bacterial_against_viral_is_not(real):
    ill = real[real.label == 1]
    bacterial = (ill.finding == "bacterial pneumonia").astype(int)
    found = baselines.cross_validated(np.stack(ill.thumbnail), bacterial, ill.patient)
    assert roc_auc(bacterial, found)["auc"] == pytest.approx(0.784, abs=0.008)


def test_real_frames_tell_normal_from_pneumonia(real, shared_data):
    sizes = pd.read_csv(shared_data / "kermany_lung_masks_224" / "mask_map.csv")
    sizes["image"] = sizes.file.str.replace(r"\.\w+$", "", regex=True)
    frame = real.merge(sizes[["image", "width", "height"]], on="image").dropna(subset=["width", "height"])
    assert len(frame) > 5000
    found = baselines.cross_validated(baselines.frame_geometry(frame), frame.label, frame.patient)
    assert roc_auc(frame.label, found)["auc"] == pytest.approx(0.907, abs=0.01)
