"""Tests of lungs: the segmenter's shapes, and masks and boxes worked by hand."""

import keras
import numpy as np
import pytest

from cxrlib.networks.lungs import (
    bounding_box,
    check_segmenter,
    dice,
    dice_cross_entropy,
    inception_unet,
    scale_box,
    segment,
    two_lungs,
)


def rectangles(shape, *boxes):
    mask = np.zeros(shape, bool)
    for x_min, y_min, x_max, y_max in boxes:
        mask[y_min:y_max, x_min:x_max] = True
    return mask


@pytest.fixture(scope="module")
def early():
    """A segmenter that stops early: small, for what does not depend on depth."""
    return inception_unet((96, 96, 1), last_block="mixed0", filters=(8,), seed=3)


@pytest.fixture(scope="module")
def odd():
    """Another one, of sides that are not halved evenly and of another seed."""
    return inception_unet((100, 130, 1), last_block="mixed2", filters=(8,), seed=4)


# ---- the network ----


def test_output_at_96_pixels_and_three_channels():
    model = inception_unet((96, 96, 3), filters=(16, 8))
    probability = keras.ops.convert_to_numpy(
        model(np.random.default_rng(0).random((2, 96, 96, 3), np.float32), training=False)
    )
    assert probability.shape == (2, 96, 96, 1)
    assert probability.min() >= 0
    assert probability.max() <= 1
    encoder = keras.Model(model.input, model.get_layer("mixed10").output)
    assert encoder.count_params() == 21_802_784  # Inception-V3 without its top, as Keras Applications prints it
    assert encoder.output_shape == (None, 1, 1, 2048)


def test_output_at_other_sizes(odd):
    assert odd.output_shape == (None, 100, 130, 1)
    assert inception_unet((128, 128, 1), filters=(8,)).output_shape == (None, 128, 128, 1)


def test_early_block_cuts_the_encoder(early):
    names = {layer.name for layer in early.layers}
    assert "mixed0" in names
    assert "mixed1" not in names
    assert early.output_shape == (None, 96, 96, 1)


def test_the_input_reaches_the_last_decoder_step(early):
    last = max(int(layer.name[4:]) for layer in early.layers if layer.name.startswith("skip"))
    assert early.get_layer(f"skip{last}").output.shape == (None, 96, 96, 9)  # 8 filters and the image itself
    sizes = [early.get_layer(f"skip{step}").output.shape[1] for step in range(last + 1)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == len(sizes)


def test_seed_fixes_all_weights(early, odd):
    again = inception_unet((96, 96, 1), last_block="mixed0", filters=(8,), seed=3)
    pairs = list(zip(early.get_weights(), again.get_weights(), strict=True))
    assert all(np.array_equal(one, two) for one, two in pairs)
    assert not np.array_equal(early.get_weights()[0], odd.get_weights()[0])


@pytest.mark.parametrize("shape", [(95, 96, 1), (96, 64, 3)])
def test_below_96_pixels_is_refused(shape):
    with pytest.raises(ValueError, match="at least 96 pixels"):
        inception_unet(shape)


@pytest.mark.parametrize("block", ["mixed11", "activation", "block5_conv3"])
def test_unknown_block_is_refused(block):
    with pytest.raises(ValueError, match="mixed0 to mixed10"):
        inception_unet((96, 96, 1), last_block=block)


# ---- loss and overlap ----


def test_loss_of_each_image_by_hand():
    truth = np.zeros((2, 4, 4, 1), np.float32)
    truth[:, :2] = 1
    probability = np.full((2, 4, 4, 1), 0.5, np.float32)
    probability[1] = truth[1]
    loss = keras.ops.convert_to_numpy(dice_cross_entropy(truth, probability))
    assert loss.shape == (2,)
    # 8 lung pixels of 16, all at one half: Dice (2 * 4 + 1) / (8 + 8 + 1), cross-entropy log 2.
    assert loss[0] == pytest.approx(1 - 9 / 17 + np.log(2), abs=1e-5)
    assert loss[1] == pytest.approx(0, abs=1e-5)


def test_loss_takes_8_bit_masks():
    truth = np.random.default_rng(0).integers(0, 2, (2, 4, 4, 1)).astype(np.uint8)
    probability = np.random.default_rng(1).random((2, 4, 4, 1)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(dice_cross_entropy(truth.astype(np.float32), probability))
    assert keras.ops.convert_to_numpy(dice_cross_entropy(truth, probability)) == pytest.approx(expected)


def test_dice():
    one = rectangles((10, 10), (0, 0, 4, 4))
    two = rectangles((10, 10), (2, 0, 6, 4))
    nothing = np.zeros((10, 10), bool)
    assert dice(one, one) == 1
    assert dice(one, two) == dice(two, one) == 2 * 8 / 32
    assert dice(one, nothing) == 0
    assert np.isnan(dice(nothing, nothing))  # no overlap of nothing is right or wrong
    with pytest.raises(ValueError, match="give both in one shape"):
        dice(one, nothing[:5])


# ---- masks and boxes ----


def test_two_largest_parts_are_kept():
    lungs = (5, 10, 40, 80), (60, 10, 90, 80)
    mask = rectangles((100, 100), *lungs, (45, 85, 57, 97), (0, 0, 2, 2))
    assert np.array_equal(two_lungs(mask), rectangles((100, 100), *lungs))
    assert np.array_equal(two_lungs(two_lungs(mask)), two_lungs(mask))


def test_small_parts_are_dropped_also_when_nothing_else_is_there():
    mask = rectangles((100, 100), (5, 10, 40, 80), (60, 10, 69, 21))  # 99 pixels, less than 1 in 100
    assert np.array_equal(two_lungs(mask), rectangles((100, 100), (5, 10, 40, 80)))
    mask = rectangles((100, 100), (5, 10, 40, 80), (60, 10, 70, 20))  # 100 pixels
    assert np.array_equal(two_lungs(mask), mask)
    assert not two_lungs(rectangles((100, 100), (0, 0, 3, 3))).any()
    assert not two_lungs(np.zeros((100, 100), bool)).any()
    assert two_lungs(rectangles((100, 100), (0, 0, 3, 3)), smallest=0).sum() == 9


def test_parts_that_touch_at_a_corner_are_one():
    mask = rectangles((40, 40), (0, 0, 10, 10), (10, 10, 20, 20), (25, 0, 35, 9), (25, 20, 33, 28))
    assert np.array_equal(two_lungs(mask), rectangles((40, 40), (0, 0, 10, 10), (10, 10, 20, 20), (25, 0, 35, 9)))


def test_bounding_box():
    assert bounding_box(rectangles((50, 60), (7, 11, 20, 31))) == (7, 11, 20, 31)
    assert bounding_box(rectangles((50, 60), (7, 11, 20, 31), (40, 5, 60, 9))) == (7, 5, 60, 31)
    assert bounding_box(rectangles((50, 60), (59, 49, 60, 50))) == (59, 49, 60, 50)
    assert bounding_box(np.ones((50, 60), bool)) == (0, 0, 60, 50)
    assert bounding_box(np.zeros((50, 60), bool)) is None
    assert all(type(value) is int for value in bounding_box(np.ones((50, 60), bool)))
    with pytest.raises(ValueError, match=r"shape \(2, 5, 5\)"):
        bounding_box(np.ones((2, 5, 5), bool))


def test_margin_stays_in_the_image():
    mask = rectangles((50, 60), (10, 5, 30, 45))
    assert bounding_box(mask, margin=0.1) == (8, 1, 32, 49)
    assert bounding_box(mask, margin=1.0) == (0, 0, 50, 50)


def test_scale_box():
    assert scale_box((1, 2, 3, 4), (10, 10), (10, 10)) == (1, 2, 3, 4)
    assert scale_box((10, 20, 48, 96), (96, 96), (192, 960)) == (100, 40, 480, 192)
    assert scale_box((1, 1, 2, 2), (3, 3), (10, 10)) == (3, 3, 7, 7)  # 3.33 to 6.67, outwards
    assert scale_box((0, 0, 7, 5), (5, 7), (113, 211)) == (0, 0, 211, 113)
    assert scale_box((0, 0, 25, 25), (50, 50), (110, 110)) == (0, 0, 55, 55)  # 25 * (110 / 50) exceeds 55 as a float


# ---- segmentation of many ----


class Threshold:
    """Stands in for a segmenter: bright is lung."""

    input_shape = (None, 16, 16, 1)

    def __init__(self):
        self.batches = []

    def predict_on_batch(self, inputs):
        self.batches.append(inputs.shape)
        return inputs.copy()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
def test_masks_come_in_order(count):
    images, expected = [], []
    for index in range(count):
        mask = rectangles((16, 16), (index, 2, index + 5, 14))
        expected.append(mask)
        images.append(np.kron(mask, np.ones((2, 1 + index))).astype(np.float32))  # of any size
    model = Threshold()
    masks = list(segment(model, iter(images), batch_size=3))
    assert len(masks) == count
    assert all(np.array_equal(mask, known) for mask, known in zip(masks, expected, strict=True))
    assert model.batches == [(3, 16, 16, 1)] * -(-count // 3)


def test_masks_of_a_real_segmenter(early):
    images = np.random.default_rng(0).random((3, 70, 50)).astype(np.float32)
    masks = list(segment(early, images, batch_size=2))
    assert [mask.shape for mask in masks] == [(96, 96)] * 3
    assert all(mask.dtype == bool for mask in masks)


def test_segmentation_is_lazy():
    def images():
        yield from [np.ones((16, 16), np.float32)] * 2
        raise AssertionError("read further than the first batch")

    assert next(iter(segment(Threshold(), images(), batch_size=2))).all()


def test_what_is_no_segmenter_is_refused(early):
    assert check_segmenter(early, "s.keras") is early
    small, channels, flat = keras.Input((96, 96, 1)), keras.Input((96, 96, 3)), keras.Input((9,))
    others = [
        keras.Model(channels, channels),
        keras.Model(small, keras.layers.MaxPooling2D()(small)),
        keras.Model(small, keras.layers.Concatenate()([small, small])),
        keras.Model(flat, flat),
        keras.Model([small, flat], small),
        keras.Model(free := keras.Input((None, None, 1)), free),
    ]
    for model in others:
        with pytest.raises(ValueError, match=r"s.keras: takes .*None, .* give a segmenter as chapter 1 saves it"):
            check_segmenter(model, "s.keras")
    spoilt = keras.Model(
        small, keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(np.nan))(small)
    )
    with pytest.raises(ValueError, match="s.keras: .*kernel has weights that are not finite"):
        check_segmenter(spoilt, "s.keras")
