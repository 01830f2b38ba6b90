"""Where a classifier looks: Score-CAM maps (section 2.4).

Score-CAM: Wang et al. 2020, "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks", CVPR
Workshops. The method's own code, which this module follows, departs from the paper in how channels are weighted.
"""

from collections.abc import Iterator
from itertools import islice

import cv2
import keras
import numpy as np

from cxrlib.arrays import check_array

WEIGHTINGS = ("softmax", "increase")

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.Conv2DTranspose, keras.layers.SeparableConv2D)


def _find_layer(model: keras.Model, name: str | None) -> keras.Layer:
    """Return the named layer, or the last convolution."""
    convolutions = [layer for layer in model.layers if isinstance(layer, _CONVOLUTIONS)]
    if name is None and not convolutions:
        raise ValueError(
            f"model {model.name!r} has no convolution among its own layers: build the classifier on encoder.output, "
            "so that the encoder's layers are the model's, or name a layer"
        )
    if name is None:
        return convolutions[-1]
    names = [layer.name for layer in model.layers]
    if name not in names:
        raise ValueError(f"model {model.name!r} has no layer {name!r}: its layers are {', '.join(names)}")
    layer = model.get_layer(name)
    if len(layer.output.shape) != 4:
        raise ValueError(f"layer {name!r} has no maps, its output is {layer.output.shape}: choose one before pooling")
    return layer


def as_input(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return images as the model's input, float32 (N, H, W, C).

    Raises:
        ValueError: The images do not fit the model, or are not finite.
    """
    images = check_array(images, "the images", (3, 4), remedy="read them again or leave them out").astype(np.float32)
    _, height, width, channels = model.input_shape
    if images.ndim == 3:
        images = np.repeat(images[..., None], channels, axis=-1)
    fits = height in (None, images.shape[1]) and width in (None, images.shape[2])
    if not fits or images.shape[-1] != channels:
        raise ValueError(f"model {model.name!r} takes {model.input_shape}, got images of shape {images.shape}: resize")
    return images


def _predict(model: keras.Model, batch: np.ndarray, batch_size: int) -> np.ndarray:
    """Predict up to `batch_size` inputs, always as a full batch: the backend then compiles one shape only."""
    # TensorFlow takes another path, with other rounding, for a batch of one.
    padding = np.zeros((max(batch_size, 2) - len(batch), *batch.shape[1:]), batch.dtype)
    return np.asarray(model.predict_on_batch(np.concatenate([batch, padding])))[: len(batch)]


def predict_probability(model: keras.Model, batch: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the probability of each class for up to `batch_size` inputs of the model, float64 (N, classes).

    Raises:
        ValueError: The model does not end in a softmax.
    """
    output = _predict(model, batch, batch_size).astype(np.float64)
    # The tolerance lets half-precision models pass.
    if output.min() < 0 or not np.allclose(output.sum(axis=-1), 1, atol=1e-2):
        raise ValueError(f"the output of model {model.name!r} is not a distribution: end the model in a softmax")
    return output


def _upsample(feature_map: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize bilinearly with pixel centres aligned: torch's `align_corners=False`, which the method's own code uses."""
    return cv2.resize(feature_map, (width, height), interpolation=cv2.INTER_LINEAR)


def _min_max(values: np.ndarray) -> np.ndarray | None:
    """Scale values to [0, 1]; return None if they are flat to the precision of float32, in which models compute."""
    low, high = values.min(), values.max()
    if high - low <= np.finfo(np.float32).eps * max(abs(low), abs(high)):
        return None
    return (values - low) / (high - low)


def _masked_inputs(images: np.ndarray, maps: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield image number, channel and the image masked by that channel; flat channels are left out."""
    for number, image in enumerate(images):
        for channel in range(maps.shape[-1]):
            mask = _min_max(_upsample(maps[number, :, :, channel], *image.shape[:2]))
            if mask is not None:
                yield number, channel, image * mask[..., None]


def score_cam(
    model: keras.Model,
    images: np.ndarray,
    class_index: int,
    layer: str | None = None,
    batch_size: int = 32,
    weighting: str = "softmax",
) -> np.ndarray:
    """Return the Score-CAM maps of a classifier (section 2.4).

    Each map A_k of the layer is upsampled to the image and scaled to [0, 1] by its minimum and maximum; flat maps are
    skipped. The image masked by it gets probability p_k of the class. The result is ReLU(sum_k w_k A_k), with the
    unscaled upsampled maps, scaled to [0, 1]. The weights w_k are:

    - "softmax": p_k, the model's own softmax over classes (the method's code). No second softmax is applied. A softmax
      of p_k over the channels (Algorithm 1 of Wang et al.) makes nearly the same map, and is left out.
    - "increase": p_k minus the probability for an all-zero image, which may be negative (the channel-wise increase of
      confidence of Wang et al.).

    Args:
        model: Functional classifier with one input (N, H, W, C), ending in a softmax.
        images: (N, H, W), copied to all channels of the model, or (N, H, W, C); as the model is fed, [0, 1] here.
        class_index: Class to explain; 1 is abnormal.
        layer: Name of a layer with output (N, h, w, K); by default the last convolution.
        batch_size: Masked images per forward pass; the result does not depend on it.
        weighting: "softmax" or "increase".

    Returns:
        Maps, float32 (N, H, W) in [0, 1]; all zeros where the weighted sum is flat.

    Raises:
        ValueError: The images do not fit the model or are not finite, the class, layer or weighting does not exist,
            the layer has no maps, the model does not end in a softmax, or the batch size is below 1.

    >>> inputs = keras.Input((8, 8, 1))
    >>> maps = keras.layers.Conv2D(1, 1, kernel_initializer="ones")(inputs)
    >>> pooled = keras.layers.GlobalAveragePooling2D()(maps)
    >>> model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))
    >>> image = np.eye(8)[:1] * np.eye(8)[:, 5:6]  # black, but for one pixel
    >>> np.argwhere(score_cam(model, image[None], class_index=1)[0] == 1).tolist()
    [[5, 0]]
    """
    if weighting not in WEIGHTINGS:
        raise ValueError(f"the weighting must be one of {', '.join(WEIGHTINGS)}, got {weighting!r}")
    if class_index not in range(model.output_shape[-1]):
        raise ValueError(f"the model has classes 0 to {model.output_shape[-1] - 1}, got class_index={class_index}")
    return all_maps(model, images, layer, batch_size)[weighting][class_index]


def all_maps(
    model: keras.Model, images: np.ndarray, layer: str | None = None, batch_size: int = 32
) -> dict[str, np.ndarray]:
    """Return the Score-CAM maps of every class under every weighting, at the cost of one map: the passes are shared.

    Arguments, errors and definitions are as in `score_cam`.

    Returns:
        Weighting to maps, float32 (classes, N, H, W) in [0, 1].
    """
    if batch_size < 1:
        raise ValueError(f"the batch size must be 1 or more, got {batch_size}")
    images = as_input(model, images)

    feature_model = keras.Model(model.inputs, _find_layer(model, layer).output)
    starts = range(0, len(images), batch_size)
    maps = np.concatenate([_predict(feature_model, images[i : i + batch_size], batch_size) for i in starts])
    maps = maps.astype(np.float32)  # (N, h, w, K)

    black = predict_probability(model, np.zeros_like(images[:1]), batch_size)  # (1, classes)
    shape = (len(images), maps.shape[-1], black.shape[-1])
    weights = {name: np.zeros(shape) for name in WEIGHTINGS}  # (N, K, classes), 0 for flat maps
    masked = _masked_inputs(images, maps)
    while batch := list(islice(masked, batch_size)):
        numbers, channels, inputs = zip(*batch, strict=True)
        probability = predict_probability(model, np.stack(inputs), batch_size)
        weights["softmax"][numbers, channels] = probability
        weights["increase"][numbers, channels] = probability - black
    return {
        name: np.stack([_combine(maps, of_class, images.shape[1:3]) for of_class in np.moveaxis(values, -1, 0)])
        for name, values in weights.items()
    }


def _combine(maps: np.ndarray, weights: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the weighted sums of the maps, upsampled, cut at 0 and scaled."""
    result = np.zeros((len(maps), *size), np.float32)
    for number, combined in enumerate(np.einsum("nhwk,nk->nhw", maps, weights)):
        scaled = _min_max(np.maximum(_upsample(combined, *size), 0))
        if scaled is not None:
            result[number] = scaled
    return result
