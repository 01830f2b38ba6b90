"""Tests of activation: Score-CAM against a slow copy of the published algorithm."""

import keras
import numpy as np
import pytest

from cxrlib.evaluation.activation import WEIGHTINGS, all_maps, score_cam

SIZE = 12
# One 3 x 3 filter a channel: horizontal edge, vertical edge, brightness, darkness, and a flat channel.
FILTERS = np.stack(
    [
        np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]]),
        np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]),
        np.full((3, 3), 0.5),
        np.full((3, 3), -0.4),
        np.zeros((3, 3)),
    ],
    axis=-1,
)  # (3, 3, channels)
CONVOLUTION_BIAS = np.array([0.1, -0.2, -1.0, 0.3, -0.7])
DENSE = np.array([[-2.0, 1.0], [0.5, -1.0], [-1.0, 2.5], [1.5, -0.5], [0.3, 0.2]])
DENSE_BIAS = np.array([0.2, -0.1])


def build_classifier(input_channels=1, batch_normalization=False):
    """Convolution of stride 2 without activation, so that maps have negative values, then GAP and a softmax."""
    inputs = keras.Input((SIZE, SIZE, input_channels))
    maps = keras.layers.Conv2D(5, 3, strides=2, padding="valid", name="convolution")(inputs)
    hidden = keras.layers.BatchNormalization(name="normalization")(maps) if batch_normalization else maps
    features = keras.layers.GlobalAveragePooling2D(name="pooling")(hidden)
    outputs = keras.layers.Dense(2, activation="softmax", name="probability")(features)
    model = keras.Model(inputs, outputs)
    kernel = np.repeat(FILTERS[:, :, None, :], input_channels, axis=2) / input_channels
    model.get_layer("convolution").set_weights([kernel, CONVOLUTION_BIAS])
    model.get_layer("probability").set_weights([DENSE, DENSE_BIAS])
    return model


def slow_feature_maps(image):
    side = (SIZE - 3) // 2 + 1
    maps = np.zeros((side, side, FILTERS.shape[-1]))
    for row in range(side):
        for column in range(side):
            patch = image[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            maps[row, column] = np.sum(patch[..., None] * FILTERS, axis=(0, 1)) + CONVOLUTION_BIAS
    return maps


def slow_probability(image, class_index):
    logits = slow_feature_maps(image).mean(axis=(0, 1)) @ DENSE + DENSE_BIAS
    return np.exp(logits[class_index]) / np.exp(logits).sum()


def slow_upsample(feature_map, size):
    """Bilinear interpolation as torch documents it for align_corners=False."""

    def sources(position, length):
        source = min(max((position + 0.5) * length / size - 0.5, 0), length - 1)
        low = int(source)
        return low, min(low + 1, length - 1), source - low

    result = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            top, bottom, down = sources(row, feature_map.shape[0])
            left, right, along = sources(column, feature_map.shape[1])
            upper = feature_map[top, left] * (1 - along) + feature_map[top, right] * along
            lower = feature_map[bottom, left] * (1 - along) + feature_map[bottom, right] * along
            result[row, column] = upper * (1 - down) + lower * down
    return result


def slow_score_cam(image, class_index, weighting="softmax"):
    """Wang et al. 2020 with the weights of their code, one channel at a time."""
    maps = slow_feature_maps(image)
    upsampled, scores = [], []
    for channel in range(maps.shape[-1]):
        saliency = slow_upsample(maps[:, :, channel], SIZE)
        if saliency.max() == saliency.min():
            continue
        mask = (saliency - saliency.min()) / (saliency.max() - saliency.min())
        upsampled.append(saliency)
        scores.append(slow_probability(image * mask, class_index))
    weights = np.array(scores)
    if weighting == "increase":
        weights = weights - slow_probability(np.zeros_like(image), class_index)
    total = np.maximum(np.tensordot(weights, np.array(upsampled), axes=1), 0)
    return (total - total.min()) / (total.max() - total.min())


@pytest.fixture(scope="module")
def model():
    return build_classifier()


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    rows, columns = np.indices((SIZE, SIZE))
    blobs = [np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 8) for r, c in ((3, 3), (8, 5), (6, 9))]
    return (0.7 * np.array(blobs) + 0.3 * rng.random((3, SIZE, SIZE))).astype(np.float32)


@pytest.mark.parametrize("class_index", [0, 1])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_score_cam_follows_the_published_algorithm(model, images, class_index, weighting):
    expected = [slow_score_cam(image.astype(np.float64), class_index, weighting) for image in images]
    options = {} if weighting == "softmax" else {"weighting": weighting}  # the default is that of the method's code
    np.testing.assert_allclose(score_cam(model, images, class_index, **options), expected, atol=1e-5)


def test_one_pass_gives_the_maps_of_every_class_and_weighting(model, images):
    for weighting, maps in all_maps(model, images).items():
        assert maps.shape == (2, *images.shape)
        for index in (0, 1):
            expected = [slow_score_cam(image.astype(np.float64), index, weighting) for image in images]
            np.testing.assert_allclose(maps[index], expected, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 64])
def test_score_cam_does_not_depend_on_the_batch_size(model, images, batch_size):
    reference = all_maps(model, images)
    for weighting, result in all_maps(model, images, batch_size=batch_size).items():
        np.testing.assert_allclose(result, reference[weighting], atol=1e-6)


def test_model_sees_one_batch_shape_only(images):
    model = build_classifier()
    shapes = []
    predict = model.predict_on_batch
    model.predict_on_batch = lambda batch: shapes.append(batch.shape) or predict(batch)
    score_cam(model, images, 1, batch_size=5)
    # One for the black image; four of five channels of three images are not flat: 12 masked images in 3 batches.
    assert shapes == [(5, SIZE, SIZE, 1)] * 4


def test_maps_have_range_shape_and_type(model, images):
    maps = score_cam(model, images, 1)
    assert maps.shape == images.shape
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(maps.min(axis=(1, 2)), 0)
    np.testing.assert_allclose(maps.max(axis=(1, 2)), 1)


def test_grey_images_are_copied_to_the_models_channels(model, images):
    grey = score_cam(model, images, 1)
    np.testing.assert_array_equal(score_cam(model, images[..., None], 1), grey)
    np.testing.assert_allclose(score_cam(build_classifier(input_channels=3), images, 1), grey, atol=1e-5)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_flat_result_is_zeros(model, weighting):
    flat = np.full((2, SIZE, SIZE), 0.5, np.float32)
    np.testing.assert_array_equal(score_cam(model, flat, 1, weighting=weighting), 0)


def test_sum_without_positive_part_is_zeros(images):
    model = build_classifier()
    kernel, bias = model.get_layer("convolution").get_weights()
    model.get_layer("convolution").set_weights([kernel, bias - 100])
    np.testing.assert_array_equal(score_cam(model, images, 1), 0)


def test_an_images_map_does_not_depend_on_the_other_images(model, images):
    mixed = np.concatenate([images[:1], np.full((1, SIZE, SIZE), 0.5, np.float32), images[1:]])
    alone = np.concatenate([score_cam(model, image[None], 1) for image in mixed])
    np.testing.assert_allclose(score_cam(model, mixed, 1), alone, atol=1e-6)


def test_layer_by_name(images):
    model = build_classifier(batch_normalization=True)
    by_default = score_cam(model, images, 1)
    np.testing.assert_array_equal(by_default, score_cam(model, images, 1, layer="convolution"))
    model.get_layer("normalization").set_weights([np.ones(5), np.array([3, 0, 0, 0, 0]), np.zeros(5), np.ones(5)])
    assert not np.allclose(score_cam(model, images, 1, layer="normalization"), score_cam(model, images, 1), atol=1e-3)


def test_default_layer_is_the_last_convolution(images):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIZE, SIZE, 1))
    maps = keras.layers.Conv2D(3, 3, name="first")(inputs)
    maps = keras.layers.MaxPooling2D()(keras.layers.Conv2D(4, 3, name="last")(maps))
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(inputs, outputs)
    by_default = score_cam(model, images, 1)
    np.testing.assert_array_equal(by_default, score_cam(model, images, 1, layer="last"))
    assert np.abs(by_default - score_cam(model, images, 1, layer="first")).max() > 0.01


def test_score_cam_leaves_images_and_model(model, images):
    images_before, weights_before = images.copy(), model.get_weights()
    score_cam(model, images, 1)
    np.testing.assert_array_equal(images, images_before)
    for before, after in zip(weights_before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weighting": "logit"}, "weighting"),
        ({"batch_size": 0}, "batch size"),
        ({"class_index": 2}, "classes 0 to 1"),
        ({"class_index": -1}, "classes 0 to 1"),
        ({"layer": "block5_conv3"}, "no layer 'block5_conv3'"),
        ({"layer": "pooling"}, "before pooling"),
        ({"images": np.zeros((2, SIZE, SIZE + 1))}, "resize"),
        ({"images": np.zeros((SIZE, SIZE))}, "3 or 4 axes"),
        ({"images": np.zeros((2, SIZE, SIZE, 3))}, "resize"),
        ({"images": np.zeros((0, SIZE, SIZE))}, "non-empty"),
        ({"images": np.full((2, SIZE, SIZE), np.nan)}, "finite"),
    ],
)
def test_bad_arguments_are_refused(model, images, arguments, message):
    with pytest.raises(ValueError, match=message):
        score_cam(**({"model": model, "images": images, "class_index": 1} | arguments))


def test_models_that_do_not_fit_are_refused(images):
    inputs = keras.Input((SIZE, SIZE, 1))
    maps = keras.layers.Conv2D(3, 3)(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    with pytest.raises(ValueError, match="end the model in a softmax"):
        score_cam(keras.Model(inputs, keras.layers.Dense(2)(pooled)), images, 1)
    nested = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))(inputs)
    with pytest.raises(ValueError, match=r"encoder\.output"):
        score_cam(keras.Model(inputs, nested), images, 1)
