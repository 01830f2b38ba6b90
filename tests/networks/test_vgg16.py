"""Tests of vgg16: sizes, names and weights against Keras Applications, sharpening by hand, saving, errors."""

import h5py
import keras
import numpy as np
import pytest

from cxrlib.networks import vgg16
from cxrlib.networks.losses import ssim_loss
from cxrlib.networks.training import save_model
from cxrlib.networks.vgg16 import (
    SHARPEN,
    SHARPEN_DEMO,
    classifier,
    copy_encoder,
    encoder_of,
    load_imagenet_weights,
    sharp_unet,
    vgg16_encoder,
)

EAGERLY = keras.backend.backend() != "jax"  # TensorFlow and PyTorch start sooner without a graph, JAX much later
NARROW = 1 / 16
CHANNELS = [64, 128, 256, 512]  # of the four skips


def count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)


def random_images(size, channels=3, images=2):
    return np.random.default_rng(0).random((images, size, size, channels)).astype(np.float32)


def run(model, inputs):
    """Call a model at once: `predict` would first trace a graph of each."""
    return keras.ops.convert_to_numpy(model(inputs, training=False))


@pytest.fixture(scope="module")
def full_encoder():
    return vgg16_encoder((64, 64, 3), seed=1)


@pytest.fixture(scope="module")
def applications():
    """VGG-16 of Keras Applications, random weights."""
    return keras.applications.VGG16(weights=None, include_top=False, input_shape=(64, 64, 3))


@pytest.fixture(scope="module")
def full_unet():
    return sharp_unet((32, 32, 3))


@pytest.fixture
def narrow_unet():
    return sharp_unet((32, 32, 1), NARROW, output_channels=1, seed=3)


# ---- sizes and names ----


def test_encoder_has_the_published_size(full_encoder):
    assert full_encoder.count_params() == 14_714_688
    assert full_encoder.output_shape == (None, 4, 4, 512)
    assert full_encoder.layers[-1].name == "block5_conv3"


def test_classifier_has_the_published_size(full_encoder):
    model = classifier(full_encoder)
    assert model.count_params() == count(model.trainable_weights) == 14_715_714
    assert model.output_shape == (None, 2)


def test_unet_has_the_published_size(full_unet):
    assert count(full_unet.trainable_weights) == 28_806_211
    assert count(full_unet.non_trainable_weights) == 8_640
    assert full_unet.output_shape == (None, 32, 32, 3)


def test_layers_are_named_as_in_keras_applications(full_encoder, applications):
    own = [(layer.name, layer.output.shape) for layer in full_encoder.layers[1:]]
    theirs = [(layer.name, layer.output.shape) for layer in applications.layers[1:]]
    assert own == theirs[:-1]
    assert theirs[-1][0] == "block5_pool"


def test_width_scales_the_filters():
    encoder = vgg16_encoder((32, 48, 1), width=0.25)
    assert encoder.get_layer("block1_conv1").filters == 16
    assert encoder.output_shape == (None, 2, 3, 128)
    assert vgg16_encoder((32, 32, 1), width=0.001).output_shape[-1] == 1


def test_unet_mirrors_its_encoder(full_unet):
    for level, channels in enumerate(CHANNELS, start=1):
        skip = full_unet.get_layer(f"sharpen{level}")
        assert skip.output.shape[-1] == channels
        depth = 2 if level < 3 else 3
        assert skip.input is full_unet.get_layer(f"block{level}_conv{depth}").output  # before the pooling
        assert full_unet.get_layer(f"up{5 - level}").filters == channels
    names = [layer.name for layer in full_unet.layers if layer.name.startswith("decoder")]
    assert [sum(name.startswith(f"decoder{up}_") for name in names) for up in (1, 2, 3, 4)] == [3, 3, 2, 2]


@pytest.mark.parametrize("build", [vgg16_encoder, sharp_unet])
@pytest.mark.parametrize(
    ("shape", "width", "message"),
    [
        ((30, 32, 1), NARROW, "multiples of 16"),
        ((32, 8, 1), NARROW, "multiples of 16"),
        ((32, 32), NARROW, "multiples of 16"),
        ((32, 32, 1), 0, "width 0"),
        ((32, 32, 1), -1, "width -1"),
    ],
)
def test_shape_and_width_are_checked(build, shape, width, message):
    with pytest.raises(ValueError, match=message):
        build(shape, width)


def test_seed_fixes_all_weights():
    one, again, other = (sharp_unet((32, 32, 1), NARROW, seed=seed).get_weights() for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one[0], other[0])
    model = sharp_unet((32, 32, 1), NARROW, seed=3)
    kernels = [layer.get_weights()[0] for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    same_shape = [(a, b) for i, a in enumerate(kernels) for b in kernels[:i] if a.shape == b.shape]
    assert same_shape
    assert not any(np.array_equal(a, b) for a, b in same_shape)
    unseeded = [vgg16_encoder((32, 32, 1), NARROW).get_weights()[0] for _ in range(2)]
    assert not np.array_equal(*unseeded)


# ---- sharpening ----


@pytest.mark.parametrize(("kernel", "gains"), [(SHARPEN, (1, 2, 3)), (SHARPEN_DEMO, (0, 3, 5))], ids=["paper", "demo"])
def test_gain_on_a_constant_map(kernel, gains):
    model = sharp_unet((32, 32, 1), NARROW, kernel=kernel)
    inside, edge, corner = gains
    for level in range(1, 5):
        sharpen = model.get_layer(f"sharpen{level}")
        size, channels = sharpen.output.shape[1], sharpen.output.shape[-1]
        constant = np.full((1, size, size, channels), 0.5, np.float32) * np.arange(1, channels + 1)
        sharp = keras.ops.convert_to_numpy(sharpen(constant)) / constant
        expected = np.full((size, size), inside, float)
        expected[[0, -1]] = expected[:, [0, -1]] = edge
        expected[np.ix_([0, -1], [0, -1])] = corner
        assert sharp == pytest.approx(np.broadcast_to(expected[None, ..., None], sharp.shape), abs=1e-5)


def test_other_kernels_are_refused():
    with pytest.raises(ValueError, match="3 x 3"):
        sharp_unet((32, 32, 1), NARROW, kernel=np.ones((5, 5)))


def sharpening(model):
    return [model.get_layer(f"sharpen{level}").get_weights() for level in range(1, 5)]


def test_sharpening_stays_through_training_and_saving(narrow_unet, tmp_path, fresh_python):
    images = random_images(32, 1, 4)
    others = narrow_unet.get_layer("block1_conv1").get_weights()[0]
    narrow_unet.compile(keras.optimizers.Adam(1e-3), ssim_loss, run_eagerly=EAGERLY)
    narrow_unet.fit(images, images, epochs=2, shuffle=False, verbose=0)
    assert not np.array_equal(narrow_unet.get_layer("block1_conv1").get_weights()[0], others)
    for weights in sharpening(narrow_unet):
        assert len(weights) == 1  # no bias
        assert np.array_equal(weights[0], np.broadcast_to(SHARPEN[:, :, None, None], weights[0].shape))
    save_model(narrow_unet, tmp_path / "unet.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["unet.keras"]
    caffe = classifier(vgg16_encoder((32, 32, 3), NARROW, seed=1), preprocessing="caffe", seed=2)
    save_model(caffe, tmp_path / "caffe.keras")
    colour = random_images(32, 3, 4)
    np.savez(tmp_path / "images.npz", grey=images, colour=colour)
    code = """
import sys, keras, numpy as np
images = np.load(sys.argv[1] + "/images.npz")
unet = keras.models.load_model(sys.argv[1] + "/unet.keras")
caffe = keras.models.load_model(sys.argv[1] + "/caffe.keras")
assert not any(name.startswith("cxrlib") for name in sys.modules)
assert sum(np.prod(w.shape) for w in unet.non_trainable_weights) == 9 * (4 + 8 + 16 + 32)
assert not caffe.get_layer("caffe_preprocessing").trainable
kernels = {f"sharpen{level}": unet.get_layer(f"sharpen{level}").get_weights()[0] for level in range(1, 5)}
restored, probability = unet(images["grey"]), caffe(images["colour"])
restored, probability = keras.ops.convert_to_numpy(restored), keras.ops.convert_to_numpy(probability)
np.savez(sys.argv[1] + "/found.npz", restored=restored, probability=probability, **kernels)
"""
    fresh_python(code, tmp_path)
    found = np.load(tmp_path / "found.npz")
    for level, weights in enumerate(sharpening(narrow_unet), start=1):
        assert np.array_equal(found[f"sharpen{level}"], weights[0])
    assert found["restored"] == pytest.approx(run(narrow_unet, images), abs=1e-6)
    assert found["probability"] == pytest.approx(run(caffe, colour), abs=1e-6)


# ---- cutting, copying ----


def test_encoder_of_a_unet_shares_its_weights(narrow_unet):
    encoder = encoder_of(narrow_unet)
    assert encoder.layers[-1].name == "block5_conv3"
    assert encoder.get_layer("block3_conv1") is narrow_unet.get_layer("block3_conv1")
    reference = vgg16_encoder((32, 32, 1), NARROW)
    assert [layer.name for layer in encoder.layers[1:]] == [layer.name for layer in reference.layers[1:]]
    assert encoder.count_params() == reference.count_params()


def test_copy_is_equal_and_apart(narrow_unet):
    encoder = encoder_of(narrow_unet)
    before = encoder.get_weights()
    copy = copy_encoder(encoder)
    images = random_images(32, 1)
    assert np.array_equal(run(copy, images), run(encoder, images))
    model = classifier(copy, seed=1)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", run_eagerly=EAGERLY)
    model.fit(images, np.array([0, 1]), shuffle=False, verbose=0)
    assert all(np.array_equal(old, new) for old, new in zip(before, encoder.get_weights(), strict=True))
    assert not np.array_equal(copy.get_weights()[0], before[0])


# ---- classifier ----


def test_classifier_is_pooling_dense_and_softmax():
    encoder = vgg16_encoder((32, 32, 1), NARROW, seed=1)
    model = classifier(encoder, seed=2)
    images = random_images(32, 1)
    kernel, bias = model.get_layer("probability").get_weights()
    logits = run(encoder, images).mean(axis=(1, 2)) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert run(model, images) == pytest.approx(expected, abs=1e-5)


def test_caffe_preprocessing_equals_keras_applications():
    model = classifier(vgg16_encoder((32, 32, 3), NARROW, seed=1), preprocessing="caffe", seed=2)
    images = random_images(32)
    fed = keras.ops.convert_to_numpy(model.get_layer("caffe_preprocessing")(images))
    expected = keras.applications.vgg16.preprocess_input(255 * images)
    assert fed == pytest.approx(expected, abs=1e-3)
    assert not model.get_layer("caffe_preprocessing").trainable
    plain = classifier(vgg16_encoder((32, 32, 3), NARROW, seed=1), seed=2)
    assert count(model.trainable_weights) == count(plain.trainable_weights)
    encoder = encoder_of(plain)
    kernel, bias = plain.get_layer("probability").get_weights()
    logits = run(encoder, expected).mean(axis=(1, 2)) @ kernel + bias
    probability = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    assert run(model, images)[:, 1] == pytest.approx(probability, abs=1e-5)


def test_preprocessing_is_checked():
    with pytest.raises(ValueError, match="preprocessing 'torch'"):
        classifier(vgg16_encoder((32, 32, 3), NARROW), preprocessing="torch")
    with pytest.raises(ValueError, match="needs 3 channels, the encoder takes 1"):
        classifier(vgg16_encoder((32, 32, 1), NARROW), preprocessing="caffe")


# ---- weights from files ----


@pytest.fixture
def source():
    return vgg16_encoder((32, 32, 3), NARROW, seed=7)


def named(encoder):
    return {
        f"{layer.name}/{name}": array
        for layer in encoder.layers
        if layer.weights
        for name, array in zip(("kernel", "bias"), layer.get_weights(), strict=True)
    }


def write_h5(path, encoder, nested):
    """As Keras 1 and 2 wrote weights: a group a layer, `weight_names` in order; whole models below `model_weights`."""
    with h5py.File(path, "w") as file:
        top = file.create_group("model_weights") if nested else file
        for layer in encoder.layers:
            group = top.create_group(layer.name)
            names = [f"{layer.name}/{name}:0" for name in ("kernel", "bias")] if layer.weights else []
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, array in zip(names, layer.get_weights(), strict=True):
                group[name] = array


@pytest.mark.parametrize("kind", ["npz", "h5", "nested h5"])
def test_weights_are_read(source, tmp_path, kind):
    path = tmp_path / f"vgg16.{kind[-2:] if 'h5' in kind else kind}"
    if kind == "npz":
        np.savez(path, **named(source))
    else:
        write_h5(path, source, nested=kind.startswith("nested"))
    encoder = vgg16_encoder((48, 48, 3), NARROW, seed=8)
    assert load_imagenet_weights(encoder, str(path)) is encoder
    assert all(np.array_equal(a, b) for a, b in zip(encoder.get_weights(), source.get_weights(), strict=True))


def test_download_is_left_to_keras(monkeypatch, full_encoder, applications):
    asked = {}

    def download(**options):
        asked.update(options)
        return applications

    monkeypatch.setattr(vgg16.keras.applications, "VGG16", download)
    encoder = load_imagenet_weights(copy_encoder(full_encoder), "imagenet")
    assert asked == {"weights": "imagenet", "include_top": False}
    images = random_images(64)
    expected = keras.Model(applications.input, applications.get_layer("block5_conv3").output)
    assert run(encoder, images) == pytest.approx(run(expected, images), abs=1e-5)


def without_bias(path, source):
    np.savez(path, **{name: array for name, array in named(source).items() if name != "block2_conv1/bias"})


def without_layer(path, source):
    np.savez(path, **{name: array for name, array in named(source).items() if not name.startswith("block4_conv2")})


def truncated(path, source):
    np.savez(path, **named(source))
    path.write_bytes(path.read_bytes()[:5000])


def plain_array(path, source):
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


def bias_shape(path, source):
    np.savez(path, **{**named(source), "block2_conv1/bias": np.zeros(3)})


def text(path, source):
    path.write_text("404: Not Found")


def h5_dangling(path, source):
    write_h5(path, source, nested=False)
    with h5py.File(path, "a") as file:
        del file["block2_conv1/block2_conv1/bias:0"]


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("w.npz", text, "cannot be read as weights"),
        ("w.h5", text, "cannot be read as weights"),
        ("w.npz", truncated, "cannot be read as weights"),
        ("w.npz", plain_array, "cannot be read as weights"),
        ("w.npz", without_bias, "cannot be read as weights"),
        ("w.h5", h5_dangling, "cannot be read as weights"),
        ("w.npz", without_layer, "no weights for block4_conv2"),
        ("w.npz", bias_shape, "block2_conv1 has shapes"),
        ("w.txt", text, "weights end in .h5 or .npz"),
    ],
)
def test_unusable_weights_are_named(source, tmp_path, name, damage, message):
    damage(tmp_path / name, source)
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        load_imagenet_weights(vgg16_encoder((32, 32, 3), NARROW), tmp_path / name)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.npz: no such file"):
        load_imagenet_weights(None, tmp_path / "nowhere.npz")


@pytest.mark.parametrize("wrong", [{"width": 1 / 8}, {"input_shape": (32, 32, 1)}])
def test_weights_of_another_width_or_depth_are_refused(source, tmp_path, wrong):
    np.savez(tmp_path / "w.npz", **named(source))
    options = {"input_shape": (32, 32, 3), "width": NARROW, **wrong}
    with pytest.raises(ValueError, match="w.npz: block1_conv1 has shapes .* fit width 1.0 and three channels only"):
        load_imagenet_weights(vgg16_encoder(**options), tmp_path / "w.npz")


def test_real_weights_give_what_keras_applications_gives(shared_data):
    path = shared_data / "vgg16_imagenet" / "vgg16_imagenet_notop_hwio.npz"
    encoder = load_imagenet_weights(vgg16_encoder((224, 224, 3)), path)
    applications = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    with np.load(path) as arrays:
        for layer in applications.layers:
            if layer.weights:
                layer.set_weights([arrays[f"{layer.name}/kernel"], arrays[f"{layer.name}/bias"]])
    reference = keras.Model(applications.input, applications.get_layer("block5_conv3").output)
    image = random_images(224, images=1)
    fed = keras.applications.vgg16.preprocess_input(255 * image)
    for inputs in (image, fed):
        assert run(encoder, inputs) == pytest.approx(run(reference, inputs), abs=1e-4)
    assert run(encoder, fed).max() > 1
    with pytest.raises(ValueError, match="fit width 1.0"):
        load_imagenet_weights(vgg16_encoder((32, 32, 3), width=0.5), path)
