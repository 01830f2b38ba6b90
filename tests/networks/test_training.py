"""Tests of training: SSIM against two libraries, orders of images, and trainings that are killed and go on."""

import inspect
import json
import shutil
import textwrap
import zipfile
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import skimage.metrics
from keras.ops import convert_to_numpy as to_numpy
from tqdm import tqdm

from cxrlib import progress
from cxrlib.networks import training
from cxrlib.networks.learning import NotLearningError
from cxrlib.networks.losses import psnr, ssim, ssim_loss
from cxrlib.networks.training import Batches, predict, save_model, train


def pairs(size=32):
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.random((4, size // 4, size // 4)), np.ones((4, 4))).astype(np.float32)[..., None]
    noisy = np.clip(smooth + rng.normal(0, [[[[0.02]]], [[[0.1]]], [[[0.3]]], [[[0.0]]]], smooth.shape), 0, 1)
    return smooth, noisy.astype(np.float32)


# ---- losses ----


@pytest.mark.parametrize("size", [11, 32, 45])
def test_ssim_equals_scikit_image(size):
    rng = np.random.default_rng(size)
    # From dark to bright: the constants K1 and K2 show in dark and flat regions.
    one = (rng.random((3, size, size, 1)) * [[[[0.02]]], [[[0.2]]], [[[1.0]]]]).astype(np.float32)
    two = np.clip(one + rng.normal(0.01, [[[[0.01]]], [[[0.05]]], [[[0.1]]]], one.shape), 0, 1).astype(np.float32)
    expected = []
    for a, b in zip(one[..., 0], two[..., 0], strict=True):
        _, similarity = skimage.metrics.structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, full=True
        )
        expected.append(similarity[5 : size - 5, 5 : size - 5].mean())
    assert to_numpy(ssim(one, two)) == pytest.approx(expected, abs=1e-4)


def ssim_by_convolutions(y_true, y_pred):
    """The same with a convolution for each direction, on one map at a time."""
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = keras.ops.cast(window / window.sum(), y_pred.dtype)

    def blur(maps):  # (N, H, W, 1)
        maps = keras.ops.conv(maps, keras.ops.reshape(window, (11, 1, 1, 1)), padding="valid")
        return keras.ops.conv(maps, keras.ops.reshape(window, (1, 11, 1, 1)), padding="valid")

    values = []
    for channel in range(y_pred.shape[-1]):
        x, y = y_true[..., channel : channel + 1], y_pred[..., channel : channel + 1]
        mean_x, mean_y = blur(x), blur(y)
        variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
        similarity = (2 * mean_x * mean_y + 1e-4) * (2 * (blur(x * y) - mean_x * mean_y) + 9e-4)
        similarity = similarity / ((mean_x**2 + mean_y**2 + 1e-4) * (variances + 9e-4))
        values.append(keras.ops.mean(similarity, axis=(1, 2, 3)))
    return sum(values) / len(values)


@pytest.mark.parametrize("shape", [(2, 11, 11, 1), (2, 16, 37, 3)])
def test_ssim_equals_convolutions(shape):
    one, two = np.random.default_rng(0).random((2, *shape)).astype(np.float32)
    assert to_numpy(ssim(one, two)) == pytest.approx(to_numpy(ssim_by_convolutions(one, two)), abs=1e-6)


def gradient(loss, truth, start):
    """Take the gradient of a loss, on any backend, from one step of plain descent with a rate of 1."""
    inputs = keras.Input((1,))
    pixels = keras.layers.Dense(start.size, use_bias=False, kernel_initializer="zeros")(inputs)
    model = keras.Model(inputs, keras.layers.Reshape(start.shape[1:])(pixels))
    model.layers[1].set_weights([start.reshape(1, -1)])
    model.compile(keras.optimizers.SGD(1.0), loss, run_eagerly=keras.backend.backend() != "jax")
    model.fit(np.ones((1, 1)), truth, shuffle=False, verbose=0)
    return start - model.layers[1].get_weights()[0].reshape(start.shape)


def test_gradient_of_the_loss_equals_convolutions_and_finite_differences():
    truth, start = np.random.default_rng(1).random((2, 1, 14, 19, 1)).astype(np.float32)
    found = gradient(ssim_loss, truth, start)
    assert found == pytest.approx(gradient(lambda a, b: 1 - ssim_by_convolutions(a, b), truth, start), abs=1e-6)
    for row, column in [(0, 0), (6, 9), (13, 3)]:
        step = np.zeros_like(start)
        step[0, row, column] = 1e-2
        rise = to_numpy(ssim_loss(truth, start + step) - ssim_loss(truth, start - step))[0]
        assert found[0, row, column, 0] == pytest.approx(rise / 2e-2, abs=2e-5)


def test_ssim_identity_symmetry_range():
    one, two = pairs()
    assert to_numpy(ssim(one, one)) == pytest.approx(1, abs=1e-6)
    assert to_numpy(ssim(one, two)) == pytest.approx(to_numpy(ssim(two, one)), abs=1e-6)
    values = to_numpy(ssim(one, two))
    assert values.shape == (4,)
    assert values[3] > values[0] > values[1] > values[2]
    assert to_numpy(ssim(one, 1 - one)).max() < 0
    assert to_numpy(ssim_loss(one, two)) == pytest.approx(1 - values, abs=1e-6)


def test_loss_takes_integer_truth():
    mask = np.random.default_rng(0).integers(0, 2, (1, 16, 16, 1))
    other = mask.astype(np.float32) * 0.8
    assert to_numpy(ssim_loss(mask, other)) == pytest.approx(to_numpy(ssim_loss(mask.astype(np.float32), other)))


@pytest.mark.parametrize("truth", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("start", [0.0, 0.4, 1.0])
def test_gradient_is_finite_on_flat_images(truth, start):
    inputs = keras.Input((16, 16, 1))
    shift = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(start))
    model = keras.Model(inputs, shift(inputs))
    model.compile(keras.optimizers.SGD(0.1), ssim_loss, run_eagerly=True)
    flat = np.full((2, 16, 16, 1), truth, np.float32)
    texture = np.random.default_rng(0).random((2, 16, 16, 1)).astype(np.float32)
    for target in (flat, texture):
        model.fit(texture, target, shuffle=False, verbose=0)
        assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_psnr():
    one, two = pairs()
    expected = [skimage.metrics.peak_signal_noise_ratio(one[i], two[i], data_range=1) for i in range(3)]
    assert to_numpy(psnr(one[:3], two[:3])) == pytest.approx(expected, abs=1e-3)
    assert to_numpy(psnr(one, one)) == pytest.approx(100)
    assert to_numpy(psnr(np.zeros((1, 4, 4, 1), int), np.full((1, 4, 4, 1), 0.1, np.float32))) == pytest.approx(20)


# ---- batches ----


def numbered(count=10, size=4):
    """8-bit images, each of one value, but for a bright left column: image i has the value i."""
    images = np.repeat(np.arange(count, dtype=np.uint8), size * size).reshape(count, size, size)
    images[:, :, 0] = 255
    return images


def order(batches):
    return np.concatenate([np.rint(255 * batches[i][0][:, 0, 2, 0]) for i in range(len(batches))]).astype(int).tolist()


def test_batches_scale_and_shape():
    batches = Batches(numbered(), numbered(), 4)
    assert len(batches) == 3
    inputs, targets = batches[2]
    assert inputs.shape == (2, 4, 4, 3)
    assert targets.shape == (2, 4, 4, 1)
    assert inputs.dtype == targets.dtype == np.float32
    assert inputs[1, :, 1:] == pytest.approx(9 / 255)
    assert inputs.max() == 1
    assert order(batches) == list(range(10))
    batches.on_epoch_end()
    assert order(batches) == list(range(10))
    floats = numbered().astype(np.float32) / 255
    assert Batches(floats, np.arange(10), 4, channels=1)[1][0] == pytest.approx(batches[1][0][..., :1])
    assert Batches(floats, np.arange(10), 4)[1][1].tolist() == [4, 5, 6, 7]


def test_order_depends_on_seed_and_epoch_alone():
    batches = Batches(numbered(), np.arange(10), 4, seed=5)
    orders = []
    for _ in range(3):
        orders.append(order(batches))
        assert order(batches) == orders[-1]  # however often it is asked
        batches.on_epoch_end()
    assert all(sorted(one) == list(range(10)) for one in orders)
    assert len({tuple(one) for one in orders}) == 3
    later = Batches(numbered(), np.arange(10), 3, seed=5)
    later.epoch = 2
    np.random.seed(1)
    assert order(later) == orders[2]
    assert order(Batches(numbered(), np.arange(10), 4, seed=6)) != orders[0]


def test_targets_and_mirrors_follow_their_inputs(tmp_path):
    np.save(tmp_path / "images.npy", numbered(40))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    batches = Batches(mapped, mapped, 8, seed=1, mirror=True)
    labels = Batches(mapped, np.arange(40), 8, seed=1, mirror=True)
    mirrored = []
    for index in range(len(batches)):
        inputs, targets = batches[index]
        assert np.array_equal(inputs[..., :1], targets)
        other, numbers = labels[index]
        assert np.array_equal(other, inputs)
        values = np.rint(255 * inputs[:, 0, 1:3, 0]).min(axis=1)
        assert np.array_equal(values, numbers)
        mirrored += (inputs[:, 0, 3, 0] == 1).tolist()
    assert 10 < sum(mirrored) < 30
    assert not (Batches(mapped, mapped, 40, seed=1)[0][0][:, 0, 3, 0] == 1).any()
    assert not (Batches(mapped, mapped, 40, mirror=True)[0][0][:, 0, 3, 0] == 1).any()


def test_rows_are_those_of_the_arrays():
    rows = np.array([7, 2, 5, 9, 0])
    chosen = Batches(numbered(), np.arange(10), 2, seed=5, rows=rows)
    apart = Batches(numbered()[rows], rows, 2, seed=5)
    assert len(chosen) == len(apart) == 3
    for index in range(3):
        for one, two in zip(chosen[index], apart[index], strict=True):
            assert np.array_equal(one, two)
    model = build()
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8)).astype(np.uint8)
    assert np.array_equal(predict(model, images, rows=rows), predict(model, images[rows]))
    with pytest.raises(ValueError, match="at least one"):
        Batches(numbered(), np.arange(10), 2, rows=[])


@pytest.mark.parametrize("count", [0, 9])
def test_batches_are_checked(count):
    with pytest.raises(ValueError, match="equally many of each"):
        Batches(numbered()[: count or None] if count else numbered()[:0], np.arange(10 * bool(count)), 4)


# ---- training ----

EPOCHS = 8


def build(learning_rate=0.02, loss="sparse_categorical_crossentropy", seed=13):
    """A small classifier with momentum, dropout aside all that a kill could lose."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="convolution")(inputs)
    x = keras.layers.Flatten()(keras.layers.BatchNormalization()(x))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="dense")(x))
    rng = np.random.default_rng(seed)  # the backends draw differently from one seed
    for name in ("convolution", "dense"):
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([rng.normal(0, 0.1, kernel.shape), bias])
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    return model


def data(seed=9, shift=0):
    """Labels that are noise: the validation loss soon stops to improve, so that plateaus come."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (28, 8, 8)).astype(np.uint8)
    labels = (rng.integers(0, 2, 28) + shift) % 2
    return Batches(images[:20], labels[:20], 6, seed=seed, mirror=True), Batches(images[20:], labels[20:], 8)


KILLS = [[(1, 2)], [(5, 2)], [(2, 0), (6, 0)]]  # (epoch, batch): nothing saved yet; within a plateau; twice
RULE = {"factor": 0.5, "patience": 2}


class Kill(Exception):  # noqa: N818 - it is no error
    """Stands in for a kill."""


def kill_in_epoch(monkeypatch, epoch, batch=2):
    """Stop in the middle of an epoch, counted from 1, as a kill does."""

    def on_train_batch_end(self, number, logs=None):
        if (self.now, number) == (epoch, batch):
            raise Kill

    monkeypatch.setattr(training.Progress, "on_train_batch_end", on_train_batch_end)
    monkeypatch.setattr(
        training.Progress, "on_epoch_begin", lambda self, number, logs=None: setattr(self, "now", number + 1)
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("undisturbed"), build()
    history = train(model, *data(), EPOCHS, folder, **RULE)
    return SimpleNamespace(folder=folder, model=model, history=history, weights=model.get_weights())


def equal(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_history_names_epochs_rates_and_the_best(undisturbed):
    history = undisturbed.history
    assert {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "best"} == set(history.columns)
    assert history.epoch.tolist() == list(range(1, EPOCHS + 1))
    assert history.best.sum() == 1
    assert history.best.idxmax() == history.val_loss.idxmin()
    best, wait, rate, expected = np.inf, 0, 0.02, []
    for value in history.val_loss:
        expected.append(rate)
        best, wait = (value, 0) if value < best else (best, wait + 1)
        if wait == 2:
            rate, wait = rate / 2, 0
    assert history.learning_rate.to_numpy() == pytest.approx(expected)
    assert len(set(expected)) >= 3  # the test needs plateaus


@pytest.mark.parametrize("kills", KILLS)
def test_killed_training_goes_on_to_the_same_bits(monkeypatch, tmp_path, undisturbed, kills):
    for epoch, batch in kills:
        with monkeypatch.context() as patch:
            kill_in_epoch(patch, epoch, batch)
            with pytest.raises(Kill):
                train(build(), *data(), EPOCHS, tmp_path, **RULE)
    model = build()
    continued = train(model, *data(), EPOCHS, tmp_path, **RULE)
    assert continued.equals(undisturbed.history)
    assert equal(model.get_weights(), undisturbed.weights)
    one, two = (
        [keras.ops.convert_to_numpy(value) for value in m.optimizer.variables] for m in (model, undisturbed.model)
    )
    assert equal(one, two)


def test_one_kill_falls_into_a_plateau(undisturbed):
    # One epoch without improvement before the kill in epoch 5; the second, after it, must lower the rate.
    history = undisturbed.history
    improves = history.val_loss == history.val_loss.cummin()
    assert improves.tolist()[:5] == [True, True, True, False, False]
    assert history.learning_rate[5] == pytest.approx(history.learning_rate[4] / 2)


def test_a_real_kill(tmp_path, undisturbed, fresh_python):
    source = "\n".join(textwrap.dedent(inspect.getsource(function)) for function in (build, data))
    code = f"""
import os, signal, sys, keras, numpy as np
from cxrlib import progress
from cxrlib.networks import training
from cxrlib.networks.training import Batches, train
{source}
def kill(self, batch, logs=None):
    if self.model.optimizer.iterations.numpy() == 4 * 4 + 2:
        os.kill(os.getpid(), signal.SIGKILL)
training.Progress.on_train_batch_end = kill
train(build(), *data(), {EPOCHS}, sys.argv[1], **{RULE})
"""
    done = fresh_python(code, tmp_path, check=False)
    assert done.returncode == -9, done.stderr
    assert json.loads((tmp_path / "state.json").read_text())["epoch"] == 4
    model = build()
    assert train(model, *data(), EPOCHS, tmp_path, **RULE).equals(undisturbed.history)
    assert equal(model.get_weights(), undisturbed.weights)


def test_schedule_goes_on_after_a_kill(monkeypatch, tmp_path):
    schedule = keras.optimizers.schedules.CosineDecay(0.02, 4 * 4)
    whole = train(build(schedule), *data(), 4, tmp_path / "whole", patience=None)
    # After n of 4 epochs, that is 4 n of 16 steps.
    assert whole.learning_rate.to_numpy() == pytest.approx(0.01 * (1 + np.cos(np.pi * np.arange(1, 5) / 4)), abs=1e-8)
    with monkeypatch.context() as patch:
        kill_in_epoch(patch, 3)
        with pytest.raises(Kill):
            train(build(schedule), *data(), 4, tmp_path / "killed", patience=None)
    assert train(build(schedule), *data(), 4, tmp_path / "killed", patience=None).equals(whole)


def test_best_weights_are_restored(undisturbed):
    history = undisturbed.history
    best = history[history.best].iloc[0]
    loss, _ = undisturbed.model.evaluate(data()[1], verbose=0)
    assert loss == pytest.approx(best.val_loss, rel=1e-6)
    assert best.epoch < EPOCHS
    assert loss < history.val_loss.iloc[-1]


def test_finished_training_is_not_repeated(monkeypatch, undisturbed):
    model = build()
    monkeypatch.setattr(model, "fit", None)
    assert train(model, *data(), EPOCHS, undisturbed.folder, **RULE).equals(undisturbed.history)
    assert equal(model.get_weights(), undisturbed.weights)


def test_more_epochs_go_on_and_fewer_start_anew(tmp_path, undisturbed):
    first = train(build(), *data(), 3, tmp_path, **RULE)
    assert first.drop(columns="best").equals(undisturbed.history[:3].drop(columns="best"))
    model = build()
    assert train(model, *data(), EPOCHS, tmp_path, **RULE).equals(undisturbed.history)
    assert equal(model.get_weights(), undisturbed.weights)
    fewer = train(build(), *data(), 3, tmp_path, **RULE)
    assert fewer.equals(first)
    assert fewer.best.sum() == 1


@pytest.mark.parametrize(("flat", "epochs"), [((2, 0.0), 5), ((3, 0.0), 6), ((2, 10.0), 3), ((7, 10.0), EPOCHS)])
def test_training_stops_where_the_validation_loss_is_flat(monkeypatch, tmp_path, undisturbed, flat, epochs):
    """The undisturbed loss falls to epoch 3 and rises in epochs 4 and 5."""
    with monkeypatch.context() as patch:
        kill_in_epoch(patch, 3)
        with pytest.raises(Kill):
            train(build(), *data(), EPOCHS, tmp_path, **RULE, flat=flat)
    for _ in range(2):  # what is over is not begun again
        model = build()
        history = train(model, *data(), EPOCHS, tmp_path, **RULE, flat=flat)
        assert history.val_loss.equals(undisturbed.history.val_loss[:epochs])
        assert history.best.sum() == 1
    if epochs > 3:
        loss, _ = model.evaluate(data()[1], verbose=0)
        assert loss == pytest.approx(history.val_loss.min(), rel=1e-6)


def test_batches_used_before_give_the_same_training(tmp_path, undisturbed):
    batches, validation = data()
    train(build(), batches, validation, 3, tmp_path / "one", **RULE)
    model = build()
    assert train(model, batches, validation, EPOCHS, tmp_path / "two", **RULE).equals(undisturbed.history)
    assert equal(model.get_weights(), undisturbed.weights)


def frozen_first_layer():
    model = build()
    model.layers[1].trainable = False
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def other_last_image():
    batches, validation = data()
    batches.inputs[-1, 0, 0] ^= 1
    return batches, validation


def other_validation():
    batches, validation = data()
    validation.targets = 1 - validation.targets
    return batches, validation


OTHER = {
    "rate": (lambda: build(learning_rate=0.04), data, RULE),
    "weights": (lambda: build(seed=4), data, RULE),
    "loss": (lambda: build(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=5)), data, RULE),
    "frozen": (frozen_first_layer, data, RULE),
    "seed": (build, lambda: data(seed=8), RULE),
    "labels": (build, lambda: data(shift=1), RULE),
    "image": (build, other_last_image, RULE),
    "validation": (build, other_validation, RULE),
    "patience": (build, data, {**RULE, "patience": 3}),
    "factor": (build, data, {**RULE, "factor": 0.1}),
    "minimum": (build, data, {**RULE, "min_learning_rate": 0.01}),
}


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory):
    """Folder with the state of a training of two epochs."""
    folder = tmp_path_factory.mktemp("two_epochs")
    train(build(), *data(), 2, folder, **RULE)
    return folder


@pytest.mark.parametrize("name", ["same", *OTHER])
def test_state_of_other_settings_is_not_taken_up(tmp_path, two_epochs, name):
    shutil.copytree(two_epochs, tmp_path / "state")
    build_model, arrays, rule = OTHER.get(name, (build, data, RULE))
    model = build_model()
    began = []

    def fit(*_, initial_epoch, **__):
        began.append(initial_epoch)
        raise Kill

    model.fit = fit
    with pytest.raises(Kill):
        train(model, *arrays(), 4, tmp_path / "state", **rule)
    assert began == [2 if name == "same" else 0]


DAMAGE = {
    "torn state": ("state.json", lambda content: content[:9]),
    "cut weights": ("epoch-2.weights.h5", lambda content: content[:1000]),
    "empty weights": ("epoch-2.weights.h5", lambda content: b""),
    "weights with zeros": ("epoch-2.weights.h5", lambda content: content[:4000] + bytes(len(content) - 4000)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_state_starts_anew_and_says_so(tmp_path, two_epochs, kind, capsys):
    shutil.copytree(two_epochs, tmp_path / "state")
    name, change = DAMAGE[kind]
    path = tmp_path / "state" / name
    path.write_bytes(change(path.read_bytes()))
    again = train(build(), *data(), 2, tmp_path / "state", **RULE)
    assert again.equals(train(build(), *data(), 2, two_epochs, **RULE))
    said = capsys.readouterr().out
    assert said.startswith(f"state/{name}: damaged (")
    assert said.endswith("); this training starts again\n")


def test_folder_keeps_the_last_and_the_best_only(undisturbed):
    best = int(undisturbed.history.epoch[undisturbed.history.best].iloc[0])
    kept = {f"epoch-{best}.weights.h5", f"epoch-{EPOCHS}.weights.h5", "state.json"}
    assert {path.name for path in undisturbed.folder.iterdir()} == kept


def test_progress_goes_to_the_named_file(monkeypatch, tmp_path):
    monkeypatch.setenv("CXRLIB_PROGRESS", str(tmp_path / "log"))
    bar = tqdm
    monkeypatch.setattr(progress, "tqdm", lambda **options: bar(**{**options, "mininterval": 0}))
    train(build(), *data(), 1, tmp_path / "denoising", **RULE)
    log = (tmp_path / "log").read_text()
    assert "denoising epoch 1/1" in log
    assert "loss=" in log
    assert "4/4" in log


def test_diverged_training_is_named_and_leaves_nothing_to_take_up(tmp_path):
    with pytest.raises(NotLearningError, match="Baseline: the validation loss is nan after epoch 1.* diverged"):
        train(build(learning_rate=np.nan), *data(), 2, tmp_path / "Baseline", **RULE)
    assert not (tmp_path / "Baseline").exists()


def test_epochs_are_checked(tmp_path):
    with pytest.raises(ValueError, match="epochs 0"):
        train(build(), *data(), 0, tmp_path)


# ---- saving and predicting ----


def test_saved_model_is_whole_and_bare(tmp_path):
    model = build()
    save_model(model, tmp_path / "a.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["a.keras"]
    loaded = keras.models.load_model(tmp_path / "a.keras")
    assert not loaded.compiled
    assert loaded.input_shape == model.input_shape
    assert equal(loaded.get_weights(), model.get_weights())
    images = numbered(5, 8)
    assert np.array_equal(predict(loaded, images), predict(model, images))


def test_predict_keeps_order_and_scales():
    model = build()
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8)).astype(np.uint8)
    expected = to_numpy(model(np.repeat(images[..., None] / np.float32(255), 3, -1), training=False))
    found = predict(model, images, batch_size=3)
    assert found.shape == (7, 2)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-6)
    assert predict(model, images.astype(np.float32) / 255, batch_size=7) == pytest.approx(expected, abs=1e-6)


# ---- loading ----


def small_model():
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(50)(inputs))


def cut(path, whole, share):
    path.write_bytes(whole[: int(share * len(whole))])


def flipped(path, whole, place):
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])


def without_member(path, whole, name):
    with zipfile.ZipFile(path) as old:
        kept = {member: old.read(member) for member in old.namelist() if member != name}
    with zipfile.ZipFile(path, "w") as new:
        for member, content in kept.items():
            new.writestr(member, content)


@pytest.mark.parametrize(
    ("damage", "value"),
    [(cut, 0), (cut, 0.5), (cut, 0.99), (flipped, 300), (flipped, 7000), (without_member, "model.weights.h5")],
)
def test_damaged_model_is_named(tmp_path, damage, value):
    path = tmp_path / "segmenter.keras"
    save_model(small_model(), path)
    damage(path, path.read_bytes(), value)
    with pytest.raises(ValueError, match="segmenter.keras: .*; fetch it again, or run the chapter") as raised:
        training.load_model(path)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["gone.keras", "folder.keras"])
def test_missing_model_is_named(tmp_path, name):
    (tmp_path / "folder.keras").mkdir()
    with pytest.raises(FileNotFoundError, match=f"{name}: no such file"):
        training.load_model(tmp_path / name)
