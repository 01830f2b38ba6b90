"""Tests of ensembles: averages by hand, weights against a grid, and the attention-fuzzy model in training."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy
from scipy.optimize import minimize
from sklearn.metrics import log_loss

from cxrlib.networks import ensembles
from cxrlib.networks.ensembles import attention_fuzzy, dense_head, fuzzy_softmax, simple_average, slsqp_weights
from cxrlib.networks.training import save_model
from cxrlib.networks.vgg16 import classifier, vgg16_encoder

EAGERLY = keras.backend.backend() != "jax"  # TensorFlow and PyTorch start sooner without a graph, JAX much later
READINGS = [("features", "sigmoid"), ("features", "softmax"), ("logits", "sigmoid")]


def predictions(models=2, images=300, seed=0):
    """Probabilities of models of different skill, with their own noise."""
    rng = np.random.default_rng(seed)
    labels = rng.random(images) < 0.35
    skill = np.linspace(0.6, 1.8, models)[:, None]
    logits = skill * (2 * labels - 1) + rng.normal(0, 1.2, (models, images))
    return 1 / (1 + np.exp(-logits)), labels.astype(int)


def run(model, inputs):
    """Call a model at once: `predict` would first trace a graph of each."""
    found = model(inputs, training=False)
    return [to_numpy(part) for part in found] if isinstance(found, list) else to_numpy(found)


@pytest.fixture(scope="module")
def encoders():
    return [vgg16_encoder((32, 32, 1), 1 / 16, "he_normal", seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    labels = np.arange(16) % 2
    return rng.random((16, 32, 32, 1)).astype(np.float32) * (0.4 + 0.6 * labels[:, None, None, None]), labels


# ---- averages ----


def test_simple_average():
    average = simple_average(np.array([[0.1, 0.9, 0.5], [0.3, 0.5, 1.0]]))
    assert average == pytest.approx([0.2, 0.7, 0.75])
    assert simple_average([[0.1, 0.9]]) == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([0.1, 0.2], "shape"),
        (np.zeros((2, 3, 2)), "shape"),
        (np.zeros((0, 3)), "shape"),
        ([[0.1, 1.2]], r"lie in \[0, 1\]"),
        ([[-0.1, 0.2]], r"lie in \[0, 1\]"),
        ([[np.nan, 0.2]], "nan"),
    ],
)
def test_probabilities_are_checked(probabilities, message):
    with pytest.raises(ValueError, match=message):
        simple_average(probabilities)
    with pytest.raises(ValueError, match=message):
        slsqp_weights(probabilities, [0, 1])


# ---- weights ----


@pytest.mark.parametrize("seed", range(3))
def test_two_weights_equal_a_fine_grid(seed):
    probabilities, labels = predictions(seed=seed)
    grid = np.linspace(0, 1, 10001)
    losses = [log_loss(labels, share * probabilities[0] + (1 - share) * probabilities[1]) for share in grid[::20]]
    near = grid[::20][int(np.argmin(losses))]
    fine = grid[np.abs(grid - near) <= 0.002]
    best = fine[np.argmin([log_loss(labels, w * probabilities[0] + (1 - w) * probabilities[1]) for w in fine])]
    assert slsqp_weights(probabilities, labels) == pytest.approx([best, 1 - best], abs=5e-4)


def test_three_weights_equal_a_grid_of_the_simplex():
    probabilities, labels = predictions(models=3)
    weights = slsqp_weights(probabilities, labels)
    steps = np.linspace(0, 1, 41)
    grid = [(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1 + 1e-9]
    losses = [log_loss(labels, np.clip(np.array(point) @ probabilities, 0, 1)) for point in grid]
    assert log_loss(labels, weights @ probabilities) <= min(losses)
    assert weights == pytest.approx(grid[int(np.argmin(losses))], abs=0.03)


def test_weights_lie_on_the_simplex_and_follow_the_models():
    probabilities, labels = predictions(models=4)
    weights = slsqp_weights(probabilities, labels)
    assert weights.shape == (4,)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights.min() >= 0
    assert slsqp_weights(probabilities[::-1], labels) == pytest.approx(weights[::-1], abs=2e-3)
    assert slsqp_weights([labels * 0.8 + 0.1, 0.9 - labels * 0.8], labels) == pytest.approx([1, 0], abs=1e-6)
    assert slsqp_weights(probabilities[:1], labels) == pytest.approx([1])


def test_every_start_is_used_and_the_best_returned(monkeypatch):
    probabilities, labels = predictions(models=3)
    found = []
    real = minimize

    def record(*arguments, **options):
        found.append((arguments[1], real(*arguments, **options)))
        return found[-1][1]

    monkeypatch.setattr(ensembles, "minimize", record)
    weights = slsqp_weights(probabilities, labels, starts=20)
    origins = np.array([origin for origin, _ in found])
    assert origins.shape == (20, 3)
    assert origins[0] == pytest.approx([1 / 3] * 3)
    assert origins.sum(axis=1) == pytest.approx(1)
    assert len(np.unique(origins.round(6), axis=0)) == 20
    fun = np.array([result.fun for _, result in found])
    assert np.ptp(fun) < 1e-8  # convex: all starts agree
    assert log_loss(labels, weights @ probabilities) == pytest.approx(fun.min(), abs=1e-9)


@pytest.mark.parametrize(
    "labels", [[0, 1], [0, 1, 2], [0, 0, 0], [1, 1, 1], [[0, 1, 1]], [0.5, 0, 1]], ids=lambda labels: str(labels)
)
def test_labels_are_checked(labels):
    with pytest.raises(ValueError, match="give 0 and 1, both present"):
        slsqp_weights(np.full((2, 3), 0.4), labels)


# ---- the fuzzy softmax ----


def test_fuzziness_sharpens_softmax():
    logits = np.array([[1.0, 3.0], [0.0, -2.0]], np.float32)
    for fuzziness in (0.5, 1.0, 3.0):
        probability = to_numpy(fuzzy_softmax(logits, fuzziness))
        expected = 1 / (1 + np.exp(-fuzziness * (logits[:, 1] - logits[:, 0])))
        assert probability[:, 1] == pytest.approx(expected, rel=1e-5)
        assert probability.sum(axis=1) == pytest.approx(1)


# ---- the attention-fuzzy ensemble ----


@pytest.mark.parametrize(("reading", "attention"), READINGS)
def test_only_the_head_learns(encoders, images, reading, attention):
    model = attention_fuzzy(encoders, reading=reading, attention=attention, seed=5)
    frozen = [model.get_layer(f"encoder{index}").get_weights() for index in (1, 2)]
    originals = [encoder.get_weights() for encoder in encoders]
    head = {layer.name: layer.get_weights() for layer in model.layers if layer.trainable_weights}
    assert not any(name.startswith("encoder") for name in head)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", run_eagerly=EAGERLY)
    model.fit(*images, epochs=3, shuffle=False, verbose=0)
    for index, before in enumerate(frozen, start=1):
        after = model.get_layer(f"encoder{index}").get_weights()
        assert all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))
    for encoder, before in zip(encoders, originals, strict=True):
        assert encoder.trainable
        assert all(np.array_equal(one, two) for one, two in zip(before, encoder.get_weights(), strict=True))
    for name, before in head.items():
        after = model.get_layer(name).get_weights()
        assert any(not np.array_equal(one, two) for one, two in zip(before, after, strict=True)), name
    assert model.get_layer("fuzziness").get_weights()[0].item() != 1


@pytest.mark.parametrize(("reading", "attention"), READINGS)
def test_output_is_a_probability(encoders, images, reading, attention):
    model = attention_fuzzy(encoders, reading=reading, attention=attention, seed=5)
    probability = run(model, images[0])
    assert probability.shape == (16, 2)
    assert probability.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert probability.min() > 0
    assert np.ptp(probability[:, 1]) > 0
    again = attention_fuzzy(encoders, reading=reading, attention=attention, seed=5)
    assert np.array_equal(run(again, images[0]), probability)


@pytest.mark.parametrize("positive", [True, False])
def test_fuzziness_stays_positive_when_asked(encoders, images, positive):
    model = attention_fuzzy(encoders, positive=positive, initial_fuzziness=0.05, seed=5)
    model.trainable = False
    fuzzy = model.get_layer("fuzziness")
    fuzzy.trainable = True
    model.trainable = True
    for layer in model.layers:
        layer.trainable = layer is fuzzy
    wrong = 1 - run(model, images[0]).argmax(axis=1)  # the loss wants the classes exchanged
    model.compile(keras.optimizers.SGD(10.0), "sparse_categorical_crossentropy", run_eagerly=EAGERLY)
    model.fit(images[0], wrong, epochs=3, batch_size=16, shuffle=False, verbose=0)
    assert (fuzzy.get_weights()[0].item() >= 0) is positive


def test_pooled_features_are_both_encoders_averages(encoders, images):
    model = attention_fuzzy(encoders, seed=5)
    pooled = run(keras.Model(model.input, model.get_layer("pooled_features").output), images[0])
    expected = [run(encoder, images[0]).mean(axis=(1, 2)) for encoder in encoders]
    assert pooled == pytest.approx(np.concatenate(expected, axis=1), abs=1e-6)


def test_softmax_attention_keeps_the_scale_of_the_features(encoders, images):
    model = attention_fuzzy(encoders, attention="softmax", seed=5)
    weights = run(keras.Model(model.input, model.get_layer("attention_scale").output), images[0])
    assert weights.mean(axis=1) == pytest.approx(1, abs=1e-5)


def test_equation_3_with_the_models_own_heads(encoders, images):
    models = [classifier(encoder, seed=index) for index, encoder in enumerate(encoders)]
    heads = [model.get_layer("probability").get_weights() for model in models]
    model = attention_fuzzy(encoders, reading="logits", heads=heads, initial_fuzziness=2.0, seed=5)
    parts = run(
        keras.Model(model.input, [model.get_layer(name).output for name in ("attention", "logits", "model_logits")]),
        images[0],
    )
    attention, logits, own = parts
    for index, single in enumerate(models):
        exponent = np.exp(own[:, index] - own[:, index].max(axis=1, keepdims=True))
        softmax = exponent / exponent.sum(axis=1, keepdims=True)
        assert softmax == pytest.approx(run(single, images[0]), abs=1e-5)
    assert attention.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert logits == pytest.approx((attention[:, :, None] * own).sum(axis=1), abs=1e-5)
    expected = 1 / (1 + np.exp(-2 * (logits[:, 1] - logits[:, 0])))
    assert run(model, images[0])[:, 1] == pytest.approx(expected, abs=1e-5)


def test_saved_models_load_by_keras_alone_in_a_fresh_process(encoders, images, tmp_path, fresh_python):
    np.save(tmp_path / "images.npy", images[0])
    expected = []
    for index, (reading, attention) in enumerate(READINGS):
        model = attention_fuzzy(encoders, reading=reading, attention=attention, initial_fuzziness=1.5, seed=5)
        save_model(model, tmp_path / f"{index}.keras")
        expected.append(run(model, images[0]))
    code = """
import sys, keras, numpy as np
folder = sys.argv[1]
images = np.load(folder + "/images.npy")
models = [keras.models.load_model(f"{folder}/{index}.keras") for index in range(3)]
assert not any(name.startswith("cxrlib") for name in sys.modules)
(fuzziness,) = models[0].get_layer("fuzziness").weights
assert keras.ops.convert_to_numpy(fuzziness).item() == 1.5
assert isinstance(fuzziness.constraint, keras.constraints.NonNeg)
np.save(folder + "/found.npy", [keras.ops.convert_to_numpy(model(images)) for model in models])
"""
    fresh_python(code, tmp_path)
    assert np.load(tmp_path / "found.npy") == pytest.approx(np.array(expected), abs=1e-6)


def test_the_control_is_one_dense_layer_and_a_softmax():
    head = dense_head(3, seed=4)
    features = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, 0.3]], np.float32)
    kernel, bias = np.array([[1.0, -1.0], [0.5, 0.25], [0.0, 2.0]]), np.array([0.1, -0.2])
    started = head.get_weights()
    assert [weights.shape for weights in started] == [(3, 2), (2,)]
    assert np.array_equal(dense_head(3, seed=4).get_weights()[0], started[0])
    head.set_weights([kernel, bias])
    logits = features @ kernel + bias
    assert run(head, features)[:, 1] == pytest.approx(1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), rel=1e-5)


def test_arguments_are_checked(encoders):
    with pytest.raises(ValueError, match="at least two with the same input shape"):
        attention_fuzzy(encoders[:1])
    with pytest.raises(ValueError, match="at least two with the same input shape"):
        attention_fuzzy([encoders[0], vgg16_encoder((48, 48, 1), width=1 / 16)])
    with pytest.raises(ValueError, match="reading 'votes'"):
        attention_fuzzy(encoders, reading="votes")
    with pytest.raises(ValueError, match="attention 'relu'"):
        attention_fuzzy(encoders, attention="relu")
