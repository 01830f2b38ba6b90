"""Features and controls: golden values of ranks and similarities, and which weights a control keeps."""

import keras
import numpy as np
import pytest

from cxrlib.networks import encoders, vgg16

NARROW = 1 / 16
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 32, 32), dtype=np.uint8)
RNG = np.random.default_rng(1)


@pytest.fixture
def encoder():
    return vgg16.vgg16_encoder((32, 32, 3), NARROW, "he_normal", seed=3)


def arrays(encoder):
    return {layer.name: layer.get_weights() for layer in encoder.layers if layer.weights}


def orthogonal(side):
    return np.linalg.qr(RNG.normal(size=(side, side)))[0]


def test_pooled_features_are_means_of_the_last_maps_of_each_block_whatever_the_batch(encoder):
    rows = np.array([5, 0, 3])
    found = encoders.pooled_features(encoder, IMAGES, rows, batch_size=2)
    assert list(found) == [1, 2, 3, 4, 5]
    inputs = np.repeat(IMAGES[rows, ..., None] / np.float32(255), 3, axis=-1)
    for block, layer in enumerate(("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"), 1):
        maps = keras.ops.convert_to_numpy(keras.Model(encoder.input, encoder.get_layer(layer).output)(inputs))
        np.testing.assert_allclose(found[block], maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)


def test_a_classifier_gives_the_features_that_its_own_scaling_makes(encoder):
    plain = encoders.pooled_features(encoder, IMAGES)
    same = encoders.pooled_features(vgg16.classifier(vgg16.copy_encoder(encoder), seed=1), IMAGES)
    scaled = encoders.pooled_features(vgg16.classifier(vgg16.copy_encoder(encoder), "caffe", seed=1), IMAGES)
    np.testing.assert_allclose(same[5], plain[5], rtol=1e-5)
    assert scaled[5].mean() > 20 * plain[5].mean()  # [0, 255] less a mean, in place of [0, 1]


def test_another_network_is_refused():
    with pytest.raises(ValueError, match="no layer block1_conv2, .*give a VGG-16"):
        encoders.pooled_features(keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten()]), IMAGES)


@pytest.mark.parametrize(
    ("spread", "rank"),
    [
        ([3, 0, 0, 0], 1),
        ([2, 2, 2, 2], 4),
        ([5, 5, 0, 0], 2),
        ([3, 1, 0, 0], 4 / 3**0.75),  # exp of the entropy of 3/4 and 1/4
    ],
)
def test_effective_rank_follows_from_singular_values(spread, rank):
    # Columns of a Hadamard matrix but its first are orthogonal, and have mean zero.
    columns = np.array([[1, 1], [1, -1]])
    hadamard = np.kron(np.kron(columns, columns), columns)[:, 1:5] / np.sqrt(8)
    features = hadamard * spread @ orthogonal(4).T
    assert encoders.effective_rank(features) == pytest.approx(rank)
    assert encoders.effective_rank(1e-6 * features + 7) == pytest.approx(rank, rel=1e-5)  # neither level nor scale


def test_isotropic_features_fill_all_directions():
    assert encoders.effective_rank(RNG.normal(size=(20000, 8))) == pytest.approx(8, rel=1e-3)


def test_a_dead_encoder_has_no_live_channel_and_no_rank(encoder):
    for layer in encoder.layers:
        if layer.name.startswith("block4"):
            layer.set_weights([-np.abs(weight) for weight in layer.get_weights()])
    found = {block: encoders.summarise(values) for block, values in encoders.pooled_features(encoder, IMAGES).items()}
    assert found[3]["live"] > 0.5
    assert found[5] == {"mean": 0, "deviation": 0, "live": 0, "effective_rank": 0}


def test_a_channel_lives_if_one_image_wakes_it():
    features = np.zeros((5, 4))
    features[3, 2] = 1e-9
    assert encoders.summarise(features)["live"] == 0.25
    features[:, 0] = 2
    found = encoders.summarise(features)
    assert (found["live"], found["mean"]) == pytest.approx((0.5, 0.5))


def test_a_constant_that_rounding_moves_has_no_rank():
    assert encoders.effective_rank(np.full((300, 5), np.float32(0.1))) == 0


def test_similarity_of_the_same_the_rotated_and_the_unrelated():
    features, other = RNG.normal(size=(50, 6)) @ np.diag([9, 4, 2, 1, 1, 1]), RNG.normal(size=(50, 3))
    assert encoders.similarity(features, features) == pytest.approx(1)
    assert encoders.similarity(features, 5 * features @ orthogonal(6) - 3) == pytest.approx(1)
    assert encoders.similarity(features, features @ np.diag([1, 9, 1, 1, 1, 1])) < 0.9  # no rotation
    other -= other.mean(axis=0)
    basis = np.linalg.qr(np.column_stack([np.ones(50), other]))[0]
    apart = features - basis @ (basis.T @ features)
    assert encoders.similarity(apart, other) == pytest.approx(0, abs=1e-12)
    assert encoders.similarity(features, other) == pytest.approx(encoders.similarity(other, features))
    assert encoders.similarity(features, np.ones((50, 2))) == 0


def test_similarity_is_the_alignment_of_centred_kernels():
    """The definition by kernels of all pairs of images (Kornblith et al. 2019, equations 3 and 4)."""
    first, second = RNG.normal(size=(9, 4)), RNG.normal(size=(9, 5))
    centring = np.eye(9) - 1 / 9
    kernels = [centring @ features @ features.T @ centring for features in (first, second)]
    expected = np.sum(kernels[0] * kernels[1]) / np.sqrt(np.sum(kernels[0] ** 2) * np.sum(kernels[1] ** 2))
    assert encoders.similarity(first, second) == pytest.approx(expected)


@pytest.mark.parametrize("features", [np.full((3, 2), np.nan), np.ones(3), np.ones((0, 2))])
def test_features_that_are_none_are_refused(features):
    for measure in (encoders.effective_rank, encoders.summarise, lambda x: encoders.similarity(x, np.ones((3, 2)))):
        with pytest.raises(ValueError, match="features must be .*one row per image"):
            measure(features)


def test_similarity_wants_the_same_images():
    with pytest.raises(ValueError, match="4 and of 5 images"):
        encoders.similarity(np.eye(4), np.eye(5))


def test_random_weights_have_the_moments_of_the_others_and_nothing_else():
    taught = vgg16.vgg16_encoder((16, 16, 3), 0.25, "he_normal", seed=3)
    shift = iter(RNG.normal(size=26) / 50)
    taught.set_weights([weight * RNG.uniform(0.2, 2) + next(shift) for weight in taught.get_weights()])
    before = arrays(taught)
    drawn, again = (encoders.random_with_moments(taught, seed) for seed in (5, 5))
    other = encoders.random_with_moments(taught, 6)
    for name, (kernel, bias) in arrays(drawn).items():
        wanted, count = before[name][0], kernel.size
        # Five standard errors of a mean and of a deviation of so many normal values.
        assert abs(kernel.mean() - wanted.mean()) < 5 * wanted.std() / count**0.5, name
        assert abs(kernel.std() / wanted.std() - 1) < 5 / (2 * count) ** 0.5, name
        assert abs(np.corrcoef(kernel.ravel(), wanted.ravel())[0, 1]) < 5 / count**0.5, name
        np.testing.assert_allclose(bias, before[name][1].mean(), rtol=1e-5)  # a bias that is the same for all channels
        np.testing.assert_array_equal(kernel, arrays(again)[name][0])
        assert not np.array_equal(kernel, arrays(other)[name][0])
        np.testing.assert_array_equal(before[name][0], arrays(taught)[name][0])


def test_a_transplant_has_two_blocks_of_the_one_and_the_rest_of_the_other(encoder):
    recipient = vgg16.vgg16_encoder((32, 32, 3), NARROW, "glorot_uniform", seed=4)
    grafted = encoders.transplant(encoder, recipient, 2)
    mine, theirs = arrays(encoder), arrays(recipient)
    for name, weights in arrays(grafted).items():
        origin = mine if name in {"block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"} else theirs
        for found, wanted in zip(weights, origin[name], strict=True):
            np.testing.assert_array_equal(found, wanted)
    assert not np.array_equal(mine["block1_conv1"][0], arrays(recipient)["block1_conv1"][0])  # it stays as it is


@pytest.mark.parametrize("blocks", [0, 5])
def test_a_transplant_of_nothing_or_of_all_is_refused(encoder, blocks):
    with pytest.raises(ValueError, match="give 1 to 4"):
        encoders.transplant(encoder, encoder, blocks)
