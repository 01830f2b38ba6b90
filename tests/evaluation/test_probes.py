"""Linear probes against scikit-learn's own pipeline, and what chooses, what is drawn, what is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cxrlib.evaluation import probes


def part(count, seed, channels=6, gain=1.0):
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 3 == 0).astype(int)
    features = rng.normal(size=(count, channels)) * 10.0 ** np.arange(channels)  # scales far apart
    features[:, 2] += 100 * gain * labels
    return probes.Part(features.astype(np.float32), labels)


TRAIN, VALIDATION, TEST = part(60, 0), part(50, 1), part(80, 2)


def test_a_probe_is_scikit_learns_pipeline_with_the_strength_that_validation_chooses():
    fitted = {
        C: make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=5000)).fit(*TRAIN)
        for C in (0.001, 0.01, 0.1, 1.0)
    }
    losses = {C: log_loss(VALIDATION.labels, model.predict_proba(VALIDATION.features)) for C, model in fitted.items()}
    best = min(losses, key=losses.get)
    found = probes.linear_probe(TRAIN, VALIDATION, TEST)
    assert found["C"] == best
    expected = roc_auc_score(TEST.labels, fitted[best].predict_proba(TEST.features)[:, 1])
    assert found["auc"] == pytest.approx(expected, abs=1e-9)
    assert found["low"] < found["auc"] < found["high"]


def test_labels_that_are_scored_choose_nothing():
    turned = probes.Part(TEST.features, 1 - TEST.labels)
    first, second = (probes.linear_probe(TRAIN, VALIDATION, scored) for scored in (TEST, turned))
    assert (first["C"], first["auc"]) == pytest.approx((second["C"], 1 - second["auc"]))


def test_scale_and_level_of_features_do_not_matter():
    factors = np.array([1e-4, 1, 3, 1, 50, 1])
    changed = [probes.Part(known.features.astype(float) * factors + 5, known.labels) for known in (TRAIN, VALIDATION)]
    first, second = probes.linear_probe(TRAIN, VALIDATION, VALIDATION), probes.linear_probe(*changed, changed[1])
    assert first["auc"] == pytest.approx(second["auc"], abs=1e-3)


def test_features_of_a_dead_encoder_say_nothing():
    dead = [probes.Part(np.zeros_like(known.features), known.labels) for known in (TRAIN, VALIDATION, TEST)]
    assert probes.linear_probe(*dead)["auc"] == 0.5


def test_few_labels_are_drawn_with_the_classes_shares(monkeypatch):
    fitted = []
    monkeypatch.setattr(probes, "linear_probe", lambda few, *others: fitted.append(few) or {"auc": 0.5})
    found = probes.by_labels(TRAIN, VALIDATION, VALIDATION, counts=[6, 30], draws=8, seed=3)
    assert found.labels.tolist() == [6] * 8 + [30] * 8
    assert found.draw.tolist() == [*range(8)] * 2
    assert {len(few.labels): int(few.labels.sum()) for few in fitted} == {6: 2, 30: 10}
    known = {tuple(row): label for row, label in zip(TRAIN.features.astype(float), TRAIN.labels, strict=True)}
    for few in fitted:
        rows = [tuple(row) for row in few.features]
        assert len(set(rows)) == len(rows)
        assert [known[row] for row in rows] == few.labels.tolist()
    assert len({frozenset(map(tuple, few.features)) for few in fitted}) == 16  # each draw another


def test_more_labels_tell_more_and_equal_seeds_draw_alike():
    arguments = part(200, 0, gain=0.7), part(200, 1, gain=0.7), part(200, 2, gain=0.7)
    found = probes.by_labels(*arguments, counts=[6, 150], draws=6, seed=1)
    means = found.groupby("labels").auc.mean()
    assert means[150] > means[6] + 0.05
    pd.testing.assert_frame_equal(found, probes.by_labels(*arguments, counts=[6, 150], draws=6, seed=1))
    assert not found.equals(probes.by_labels(*arguments, counts=[6, 150], draws=6, seed=2))


def test_what_cannot_be_probed_is_told():
    with pytest.raises(ValueError, match="59 labels of 60 images; give 2 to 58"):
        probes.by_labels(TRAIN, VALIDATION, TEST, counts=[59])
    with pytest.raises(ValueError, match="validation: .*both"):
        probes.linear_probe(TRAIN, probes.Part(VALIDATION.features, np.ones(50)), TEST)
    with pytest.raises(ValueError, match="train: features .60, 6., labels .50"):
        probes.linear_probe(probes.Part(TRAIN.features, VALIDATION.labels), VALIDATION, TEST)
    with pytest.raises(ValueError, match="features of train must be finite.*diverged"):
        probes.linear_probe(probes.Part(TRAIN.features * np.nan, TRAIN.labels), VALIDATION, TEST)
