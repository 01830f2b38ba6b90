"""An encoder's features before it has seen any label, and the encoders that a start is compared with.

A start brings two things: what its weights have learnt, and how large they are. `random_with_moments` keeps only the
sizes and `transplant` only the first blocks, so training from each shows where a start's effect comes from.
"""

import keras
import numpy as np
from scipy.stats import entropy

from cxrlib.arrays import check_array
from cxrlib.networks import training
from cxrlib.networks.vgg16 import VGG16_BLOCKS, copy_encoder

LAST_CONVOLUTIONS = {
    block: f"block{block}_conv{convolutions}" for block, (_, convolutions) in enumerate(VGG16_BLOCKS, start=1)
}
"""Number of each block, from 1, to the name of its last convolution."""


def pooled_features(
    network: keras.Model, images: np.ndarray, rows: np.ndarray | None = None, batch_size: int = 32
) -> dict[int, np.ndarray]:
    """Return the features of each image at the end of each block: its feature maps' means over the image.

    All blocks are read in one pass, batch by batch; only the means are kept.

    Args:
        network: Encoder of `vgg16.vgg16_encoder`, or a classifier on top of one.
        images: (N, H, W), float in [0, 1] or 8-bit, also memory-mapped.
        rows: Positions of the images to use, all by default.
        batch_size: Images per forward pass.

    Returns:
        Block, from 1, to float32 (N, C); 0 or above, because each map has passed a rectifier.

    Raises:
        ValueError: The network is not a VGG-16 of `vgg16_encoder`.
    """
    if missing := set(LAST_CONVOLUTIONS.values()) - {layer.name for layer in network.layers}:
        raise ValueError(f"{network.name} has no layer {', '.join(sorted(missing))}: give a VGG-16 of vgg16_encoder")
    x = inputs = keras.Input(network.input_shape[1:])
    pooled = []
    # Not by `layer.output`: a layer in two networks knows only the network that it was made for.
    for layer in network.layers[1:]:
        x = layer(x)
        if layer.name in LAST_CONVOLUTIONS.values():
            pooled.append(keras.layers.GlobalAveragePooling2D()(x))  # (N, C)
        if len(pooled) == len(LAST_CONVOLUTIONS):
            break
    taps = keras.Model(inputs, pooled)
    found = training.predict(taps, images, batch_size, network.input_shape[-1], rows)
    return dict(zip(LAST_CONVOLUTIONS, found, strict=True))


def summarise(features: np.ndarray) -> dict[str, float]:
    """Return a summary of a block's features over images.

    Args:
        features: Pooled features (N, C), 0 or above.

    Returns:
        `mean` over images and channels; `deviation`, the standard deviation over images, as its mean over channels;
        `live`, the share of channels that are above zero for at least one image; and the `effective_rank`.

    Raises:
        ValueError: As in `effective_rank`.

    >>> summarise(np.array([[0.0, 1.0], [0.0, 3.0]]))
    {'mean': 1.0, 'deviation': 0.5, 'live': 0.5, 'effective_rank': 1.0}
    """
    rank = effective_rank(features)
    features = np.asarray(features, dtype=float)
    return {
        "mean": float(features.mean()),
        "deviation": float(features.std(axis=0).mean()),
        "live": float((features > 0).any(axis=0).mean()),
        "effective_rank": rank,
    }


def effective_rank(features: np.ndarray) -> float:
    """Return the number of directions in which features vary; weak directions count less than strong ones.

    It is exp(H), with H the entropy of the singular values of the centred features, divided by their sum (Roy and
    Vetterli 2007, section 2).

    Args:
        features: (N, C).

    Returns:
        From 1 (all images on one line) to min(N - 1, C) (all directions equally strong); 0 if no feature varies.

    Raises:
        ValueError: The shape is not (N, C), or a value is not finite.

    >>> [round(effective_rank(features), 6) for features in (np.eye(3), np.outer([1, 2, 3], [1, 5]), np.ones((3, 2)))]
    [2.0, 1.0, 0.0]
    """
    features, centred = _centred(features)
    values = np.linalg.svd(centred, compute_uv=False)
    rounding = max(features.shape) * np.finfo(float).eps * np.linalg.norm(features)
    values = values[values > rounding]
    return float(np.exp(entropy(values))) if len(values) else 0.0


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Return how similarly two encoders place the same images, whatever the order of their channels: linear CKA.

    With X and Y the centred features it is ||Y'X||² / (||X'X|| ||Y'Y||), in Frobenius norms (Kornblith et al. 2019,
    section 3). Rotations and one scale for all features do not change it. With fewer images than channels it is large
    even for unrelated features: give many images.

    Args:
        first: Features of one encoder, (N, C).
        second: Features of the other, (N, D), of the same images in the same order.

    Returns:
        From 0 to 1; 1 for features that are equal up to rotation and scale, 0 if one of the two does not vary.

    Raises:
        ValueError: A shape is not (N, C), the numbers of images differ, or a value is not finite.

    >>> features = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 5.0]])
    >>> round(similarity(features, 3 * features[:, ::-1]), 6)
    1.0
    """
    (_, first), (_, second) = _centred(first), _centred(second)
    if len(first) != len(second):
        raise ValueError(f"features of {len(first)} and of {len(second)} images; give both of the same images")
    scale = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    return float(np.linalg.norm(second.T @ first) ** 2 / scale) if scale > 0 else 0.0


def random_with_moments(encoder: keras.Model, seed: int) -> keras.Model:
    """Return an encoder with random weights that have the mean and spread of a given encoder's weights.

    Each array of weights is drawn from a normal distribution with that array's mean and standard deviation. This
    removes what the given encoder has learnt and keeps its scale from layer to layer (Raghu et al. 2019, "Mean Var
    Init").

    Args:
        encoder: The encoder that gives the moments; it is not changed.
        seed: Seed of the draw.
    """
    rng = np.random.default_rng(seed)
    drawn = keras.models.clone_model(encoder)
    drawn.set_weights([rng.normal(weight.mean(), weight.std(), weight.shape) for weight in encoder.get_weights()])
    return drawn


def transplant(donor: keras.Model, recipient: keras.Model, blocks: int) -> keras.Model:
    """Return a copy of one encoder that has the first blocks of another (Raghu et al. 2019, "weight transfusion").

    Args:
        donor: Encoder that gives its first blocks.
        recipient: Encoder of the same shape that gives the rest, such as a random start.
        blocks: Number of blocks, 1 to 4.

    Raises:
        ValueError: The number of blocks is outside 1 to 4, or the shapes differ.
    """
    if blocks not in range(1, len(VGG16_BLOCKS)):
        raise ValueError(f"{blocks} blocks; give 1 to {len(VGG16_BLOCKS) - 1}, because all blocks are the donor itself")
    grafted = copy_encoder(recipient)
    first = tuple(f"block{block}_" for block in range(1, blocks + 1))
    for layer in grafted.layers:
        if layer.name.startswith(first):
            layer.set_weights(donor.get_layer(layer.name).get_weights())
    return grafted


def _centred(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return checked features (N, C), and the same minus their means over images."""
    remedy = "give pooled features, one row per image"
    features = check_array(np.asarray(features, dtype=float), "features", (2,), remedy=remedy)
    return features, features - features.mean(axis=0)
