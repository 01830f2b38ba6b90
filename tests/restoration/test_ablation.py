"""Which sources a Sharp U-Net uses: a source that is off passes nothing, its constant stands in, losses add up."""

import keras
import numpy as np
import pytest

from cxrlib.networks import vgg16
from cxrlib.restoration import ablation, quality

NARROW = 1 / 16
IMAGES = np.random.default_rng(0).random((5, 32, 32)).astype(np.float32)
SKIPS = [f"skip{level}" for level in (1, 2, 3, 4)]


@pytest.fixture
def unet():
    return vgg16.sharp_unet((32, 32, 1), NARROW, output_channels=1, initializer="he_normal", seed=3)


def restore(network, images=IMAGES):
    return keras.ops.convert_to_numpy(network(images[..., None], training=False))[..., 0]


@pytest.fixture(scope="module")
def constants():
    """Means of the untouched network: each test gets one of the same seed."""
    unet = vgg16.sharp_unet((32, 32, 1), NARROW, output_channels=1, initializer="he_normal", seed=3)
    return ablation.means(ablation.split(unet)[0], IMAGES, batch_size=3)


def change(unet, source):
    """Change what this source passes, and nothing else: a sharpening leads to the decoder alone."""
    layer = unet.get_layer(ablation.SOURCES[source])
    rng = np.random.default_rng(1)
    layer.set_weights([weight + rng.random(weight.shape) for weight in layer.get_weights()])


def test_with_nothing_off_the_network_is_the_original(unet):
    np.testing.assert_allclose(restore(ablation.without(unet, [])), restore(unet), atol=1e-6)


@pytest.mark.parametrize("source", ablation.SOURCES)
def test_a_source_that_is_off_passes_nothing_and_the_others_do(unet, constants, source):
    others = [name for name in ablation.SOURCES if name != source]
    off, rest_off = (ablation.without(unet, sources, constants) for sources in ([source], others))
    before = restore(unet), restore(off), restore(rest_off)
    change(unet, source)  # weights are shared: all three networks have the change
    assert np.abs(restore(unet) - before[0]).max() > 1e-4
    np.testing.assert_array_equal(restore(off), before[1])
    assert np.abs(restore(rest_off) - before[2]).max() > 1e-4


def test_with_everything_off_all_images_come_out_alike(unet, constants):
    restored = restore(ablation.without(unet, list(ablation.SOURCES), constants))
    np.testing.assert_array_equal(restored, np.broadcast_to(restored[0], restored.shape))


def test_zero_stands_in_by_default(unet):
    off = restore(ablation.without(unet, SKIPS))
    for level in (1, 2, 3, 4):
        layer = unet.get_layer(f"sharpen{level}")
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    np.testing.assert_allclose(restore(unet), off, atol=1e-6)


def test_the_constant_stands_in_channel_by_channel(unet):
    layer = unet.get_layer("block5_conv3")
    kernel, bias = layer.get_weights()
    constant = np.random.default_rng(2).random(bias.shape).astype(np.float32)
    off = restore(ablation.without(unet, ["bottleneck"], {"bottleneck": constant}))
    layer.set_weights([np.zeros_like(kernel), constant])  # the layer now gives the constant everywhere
    np.testing.assert_allclose(restore(unet), off, atol=1e-6)


def test_means_are_taken_over_images_and_pixels_whatever_the_batch(unet, constants):
    assert list(constants) == list(ablation.SOURCES)
    layers = [unet.get_layer(layer).output for layer in ablation.SOURCES.values()]
    for found, passed in zip(constants.values(), keras.Model(unet.input, layers)(IMAGES[..., None]), strict=True):
        np.testing.assert_allclose(found, keras.ops.convert_to_numpy(passed).mean(axis=(0, 1, 2)), rtol=1e-4)


def test_measure_scores_each_network_against_the_intact_one(unet, constants):
    corrupted, clean = IMAGES, np.sqrt(IMAGES)
    frame = ablation.measure(unet, corrupted, clean, batch_size=3).set_index("off")
    assert list(frame.index) == ["none", "bottleneck", "skip4", "skip3", "skip2", "skip1", "all skips"]
    for off, sources in {"none": [], "skip2": ["skip2"], "all skips": SKIPS}.items():
        restored = restore(ablation.without(unet, sources, constants), corrupted)
        expected = quality.score(clean, restored).mean()
        np.testing.assert_allclose(frame.loc[off, expected.index].astype(float), expected, rtol=1e-4)
        for score in expected.index:
            loss = frame.loc["none", score] - frame.loc[off, score]
            assert frame.loc[off, f"{score}_loss"] == pytest.approx(loss)


def test_measure_takes_8_bits_other_rows_constants_and_scores():
    unet = vgg16.sharp_unet((16, 16, 3), NARROW, output_channels=3, initializer="he_normal", seed=3)
    small = (IMAGES[:2, :16, :16] * 255).astype(np.uint8)
    clean = small / np.float32(255)
    zeros = {"skip1": np.zeros(4), "skip2": np.zeros(8)}
    rows = {"none": (), "fine": ("skip1", "skip2")}
    frame = ablation.measure(unet, small, clean, zeros, rows, lambda a, b: quality.score(a, b)[["ssim"]])
    assert list(frame) == ["off", "ssim", "ssim_loss"]
    colour = np.repeat(clean[..., None], 3, axis=-1)
    restored = keras.ops.convert_to_numpy(ablation.without(unet, rows["fine"])(colour)).mean(axis=-1)
    assert frame.ssim[1] == pytest.approx(quality.score(clean, restored).ssim.mean(), rel=1e-4)


def test_wrong_names_and_constants_are_told(unet):
    with pytest.raises(ValueError, match="bottleneck, skip4, skip3, skip2, skip1"):
        ablation.without(unet, ["skip5"])
    with pytest.raises(ValueError, match="give a list"):
        ablation.without(unet, "skip1")
    with pytest.raises(ValueError, match=r"constant of skip1 .*give 4 finite numbers"):
        ablation.without(unet, ["skip1"], {"skip1": np.zeros(3)})
    with pytest.raises(ValueError, match="constant of skip2 is nan"):
        ablation.without(unet, ["skip2"], {"skip1": np.zeros(4)})
    with pytest.raises(ValueError, match="no layer sharpen1, .*vgg16.sharp_unet"):
        ablation.split(vgg16.vgg16_encoder((32, 32, 1), NARROW))
    with pytest.raises(ValueError, match="5 inputs, 4 targets"):
        ablation.measure(unet, IMAGES, IMAGES[:4])
    with pytest.raises(ValueError, match='"none"'):
        ablation.measure(unet, IMAGES, IMAGES, switched_off={"skip1": ("skip1",)})
