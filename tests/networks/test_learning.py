"""Tests of learning and rehearsal: constants by hand, networks that are dead by construction, and one that waits."""

import json

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from cxrlib.evaluation import arms
from cxrlib.networks import learning, losses, rehearsal, training, vgg16

RNG = np.random.default_rng(0)
FILMS = RNG.random((24, 16, 16)).astype(np.float32)
LABELS = np.tile([0, 1], 12)


def classifier(rate, schedule=None):
    """A small classifier of images that are easy to tell apart."""
    keras.utils.set_random_seed(3)
    head = keras.layers.Dense(2, "softmax", kernel_initializer=keras.initializers.RandomNormal(stddev=1e-3, seed=1))
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), head])
    optimizer = keras.optimizers.SGD(schedule or rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def easy(labels=LABELS):
    films = np.clip(0.3 * FILMS + 0.5 * labels[:, None, None], 0, 1).astype(np.float32)
    return training.Batches(films, labels, 8, seed=0), training.Batches(films, labels, 8)


CONSTANT = learning.constant_loss("sparse_categorical_crossentropy", LABELS)


def run(model, folder, epochs=10, **options):
    options = {"constant": CONSTANT, "idle_steps": 20, "start": "a test", **options}
    return training.train(model, *easy(), epochs, folder / "probe", **options)


# ---- constants ----


def test_constant_of_labels_is_the_entropy_of_their_shares():
    labels = np.repeat([1, 0], [3, 7])
    expected = -0.3 * np.log(0.3) - 0.7 * np.log(0.7)
    assert learning.constant_loss("sparse_categorical_crossentropy", labels) == pytest.approx(expected)


def test_constant_of_squared_error_is_the_variance_over_images():
    def squared(truth, answer):
        return keras.ops.mean(keras.ops.square(truth - answer), axis=(1, 2, 3))

    expected = ((FILMS - FILMS.mean(axis=0)) ** 2).mean()
    assert learning.constant_loss(squared, FILMS) == pytest.approx(expected, rel=1e-5)
    assert learning.constant_loss(squared, np.rint(255 * FILMS).astype(np.uint8)) == pytest.approx(expected, rel=1e-2)


def test_constant_of_ssim_is_no_worse_than_any_even_grey():
    found = learning.constant_loss(losses.ssim_loss, FILMS)
    for grey in (0.1, 0.5, 0.9):
        even = np.full((24, 16, 16, 1), grey, np.float32)
        assert found <= float(to_numpy(losses.ssim_loss(FILMS[..., None], even)).mean()) + 1e-6
    assert learning.constant_loss(losses.ssim_loss, np.repeat(FILMS[:1], 4, axis=0)) == pytest.approx(0, abs=1e-5)


def test_constant_asks_for_targets_and_for_a_loss_that_fits():
    with pytest.raises(ValueError, match="no target"):
        learning.constant_loss("sparse_categorical_crossentropy", np.empty(0))
    with pytest.raises(ValueError, match="labels and the loss 'mse'"):
        learning.constant_loss("mse", LABELS)


@pytest.mark.parametrize(
    ("loss", "output", "state"),
    [
        (0.5, FILMS[..., None], "learning"),
        (0.69, FILMS[..., None], "idle"),
        (0.99 * CONSTANT, FILMS[..., None], "idle"),
        (0.9, np.ones((4, 16, 16, 1)), "saturated"),
        (0.9, (FILMS[..., None] > 0.5).astype(float), "saturated"),
        (0.9, np.tile([0.4, 0.6], (5, 1)), "saturated"),
        (np.nan, FILMS[..., None], "diverged"),
        (0.5, np.full((4, 16, 16, 1), np.nan), "diverged"),
    ],
)
def test_an_epoch_is_judged(loss, output, state):
    assert learning.judge(loss, CONSTANT, output) == state


# ---- trainings ----


def test_a_network_that_learns_goes_on_to_its_end(tmp_path):
    history = run(classifier(0.1), tmp_path)
    assert history.state.iloc[-1] == "learning"
    assert arms.did_not_learn(history) == ""


def test_a_classifier_with_rate_zero_is_stopped_within_its_patience(tmp_path):
    with pytest.raises(learning.NotLearningError) as caught:
        run(classifier(0.0), tmp_path)
    message = str(caught.value)
    assert message.startswith("probe, from a test, rate 0, has not learnt in 20 steps (idle)")
    assert "another start or a lower rate" in message
    assert "\n" not in message


def test_it_is_noticed_within_the_first_epoch(tmp_path):
    many = np.tile(LABELS, 40)
    films = np.tile(FILMS, (40, 1, 1))
    batches = training.Batches(films, many, 8, seed=0)
    with pytest.raises(learning.NotLearningError, match="in 20 steps"):
        training.train(classifier(0.0), batches, batches, 1, tmp_path / "probe", constant=CONSTANT, idle_steps=20)
    assert not (tmp_path / "probe" / "state.json").exists(), "the first epoch has 120 steps"


@pytest.mark.parametrize(("patience", "stops"), [(60, False), (20, True)])
def test_a_plateau_shorter_than_the_patience_is_waited_for(tmp_path, patience, stops):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([30], [0.0, 0.1])
    if stops:
        with pytest.raises(learning.NotLearningError):
            run(classifier(0, schedule), tmp_path, 30, idle_steps=patience, patience=None)
    else:
        history = run(classifier(0, schedule), tmp_path, 30, idle_steps=patience, patience=None)
        assert history.state.iloc[0] == "idle"
        assert history.state.iloc[-1] == "learning"


def test_one_may_let_it_go_on_and_the_history_says_so(tmp_path):
    history = run(classifier(0.0), tmp_path, stop_idle=False)
    assert set(history.state) == {"idle"}
    assert arms.did_not_learn(history) == "idle"


def test_a_killed_training_keeps_count(tmp_path):
    with pytest.raises(learning.NotLearningError, match="in 20 steps"):
        run(classifier(0.0), tmp_path)
    kept = json.loads((tmp_path / "probe/state.json").read_text())
    assert kept["epoch"] == 6, "20 steps are six epochs of three and two steps"
    assert kept["watch"] == {"step": 18, "learnt_at": 0}
    with pytest.raises(learning.NotLearningError, match="in 20 steps"):
        run(classifier(0.0), tmp_path)  # goes on at step 18


def saturated_unet():
    """A restoration network whose sigmoid is driven to one: no gradient comes through."""
    network = vgg16.sharp_unet((16, 16, 3), 0.0625, output_channels=1, seed=0)
    kernel, bias = network.get_layer("restored").get_weights()
    network.get_layer("restored").set_weights([kernel, bias + 1e4])
    network.compile(keras.optimizers.Adam(1e-3), losses.ssim_loss)
    return network


def test_a_saturated_restoration_is_stopped_and_named(tmp_path):
    batches = training.Batches(FILMS, FILMS, 8, seed=0)
    constant = learning.constant_loss(losses.ssim_loss, FILMS)
    with pytest.raises(
        learning.NotLearningError, match=r"has not learnt in 12 steps \(saturated\): its output is flat"
    ):
        training.train(saturated_unet(), batches, batches, 9, tmp_path / "unet", constant=constant, idle_steps=12)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="minutes on the other backends")
def test_the_start_that_the_issue_saw_die_is_stopped(tmp_path):
    """He's start at full width, 48 pixels, Adam at 1e-3: dead from its first step, on radiographs and on these."""
    films = np.clip(0.5 + 0.3 * np.random.default_rng(1).normal(size=(16, 6, 6)), 0, 1).astype(np.float32)
    films = np.repeat(np.repeat(films, 8, axis=1), 8, axis=2)  # (16, 48, 48)
    network = vgg16.sharp_unet((48, 48, 3), 1.0, output_channels=1, initializer="he_normal", seed=1)
    network.compile(keras.optimizers.Adam(1e-3), losses.ssim_loss)
    batches = training.Batches(films, films, 8, seed=0)
    constant = learning.constant_loss(losses.ssim_loss, films)
    with pytest.raises(learning.NotLearningError, match=r"he_normal, rate 0.001, has not learnt in 12 steps"):
        training.train(
            network, batches, batches, 9, tmp_path / "unet", constant=constant, idle_steps=12, start="he_normal"
        )


def test_the_notice_names_those_that_did_not_learn():
    assert arms.notice({"A": "", "B": ""}) == ""
    assert "B (idle), C (saturated)" in arms.notice({"A": "", "B": "idle", "C": "saturated"})


# ---- rehearsals ----


@pytest.fixture
def rehearsed(monkeypatch, tmp_path):
    """Function that trains in a rehearsal and gives what was recorded."""
    monkeypatch.setenv(rehearsal.FILE, str(tmp_path / "rehearsal.jsonl"))
    monkeypatch.setenv(rehearsal.STEPS, "6")

    def rehearse(model, batches=None, **options):
        batches = batches or easy()
        history = training.train(model, *batches, 50, tmp_path / "probe", **options)
        assert len(history) == 1
        assert history.best.all()
        return json.loads((tmp_path / "rehearsal.jsonl").read_text().splitlines()[-1]), history

    return rehearse


def test_a_rehearsal_takes_a_few_steps_and_writes_them_down(rehearsed):
    found, history = rehearsed(classifier(0.1), constant=CONSTANT, start="a test")
    assert found["verdict"] in {"learns", "falling"}
    assert (found["network"], found["start"], found["batch"], found["epochs"]) == ("probe", "a test", 8, 50)
    assert 3 <= len(found["losses"]) <= 6
    assert found["seconds a step"] > 0
    assert {"epoch", "loss", "val_loss", "val_accuracy", "learning_rate", "best"} <= set(history)


def test_a_rehearsal_finds_dead_networks(rehearsed):
    films = training.Batches(FILMS, FILMS, 8, seed=0), training.Batches(FILMS, FILMS, 8)
    constant = learning.constant_loss(losses.ssim_loss, FILMS)
    assert rehearsed(saturated_unet(), films, constant=constant)[0]["verdict"] == "dead"
    assert rehearsed(classifier(0.0), constant=CONSTANT)[0]["verdict"] == "dead", "its weights do not move"


@pytest.mark.parametrize(
    ("losses_", "moved", "expected"),
    [
        ([0.7, 0.7, 0.5, 0.5], True, "learns"),
        ([0.9, 0.9, 0.8, 0.8], True, "falling"),
        ([0.7, 0.72, 0.7, 0.72], True, "waits"),
        ([0.7, 0.72, 0.7, 0.72], False, "dead"),
        ([0.7, np.nan, 0.7, 0.72], True, "dead"),
    ],
)
def test_verdicts(losses_, moved, expected):
    assert rehearsal.verdict(losses_, CONSTANT, 2, FILMS[..., None], moved) == expected
