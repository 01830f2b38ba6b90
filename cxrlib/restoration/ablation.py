"""Which of its sources does a trained Sharp U-Net use? Switch them off, one at a time, and score the output.

The decoder has five sources: the bottleneck, the only one that has passed the whole encoder, and four sharpened skips.
A constant, one number per channel, replaces a source that is switched off; nothing is trained again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import numpy as np
import pandas as pd

from cxrlib.networks import training
from cxrlib.restoration import quality

SOURCES = {"bottleneck": "block5_conv3", **{f"skip{level}": f"sharpen{level}" for level in (4, 3, 2, 1)}}
"""Name of each source, coarse to fine, to the layer whose output the decoder reads."""

SWITCHED_OFF = {
    "none": (),
    **{source: (source,) for source in SOURCES},
    "all skips": tuple(source for source in SOURCES if source != "bottleneck"),
}
"""What `measure` compares."""


def split(unet: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Split a network where its decoder begins; both parts share the network's weights.

    Args:
        unet: Network of `vgg16.sharp_unet`.

    Returns:
        Model from images (N, H, W, C) to the five `SOURCES`, and model from these to the restored images.

    Raises:
        ValueError: The network is not from `vgg16.sharp_unet`.
    """
    missing = set(SOURCES.values()) - {layer.name for layer in unet.layers}
    if missing:
        raise ValueError(f"{unet.name} has no layer {', '.join(sorted(missing))}: give a network of vgg16.sharp_unet")
    sources = [unet.get_layer(layer).output for layer in SOURCES.values()]
    return keras.Model(unet.input, sources, name="encoder"), keras.Model(sources, unet.output, name="decoder")


def means(encoder: keras.Model, images: np.ndarray, batch_size: int = 32) -> dict[str, np.ndarray]:
    """Return the mean output of each source.

    Args:
        encoder: First part of `split`.
        images: Its inputs, (N, H, W), float in [0, 1] or 8-bit.
        batch_size: Images at a time.

    Returns:
        Source to the mean of each channel over images and pixels, shape (C,).
    """
    sums = dict.fromkeys(SOURCES, 0.0)
    for passed in _encode(encoder, images, batch_size):
        for source, values in passed.items():
            sums[source] = sums[source] + values.mean(axis=(1, 2), dtype=np.float64).sum(axis=0)
    return {source: (total / len(images)).astype(np.float32) for source, total in sums.items()}


def without(
    unet: keras.Model, sources: Sequence[str], constants: Mapping[str, np.ndarray] | None = None
) -> keras.Model:
    """Return the network with some of its decoder's sources switched off; it shares its weights with the original.

    Args:
        unet: Network of `vgg16.sharp_unet`.
        sources: Names of `SOURCES`; without any, the network is the original.
        constants: Source to the number that replaces each channel, shape (C,), such as `means` returns. The default is
            zero, which the decoder has hardly ever read from all channels at once, so the result also reflects this
            surprise. The mean removes the differences between images and pixels, and keeps the usual level.

    Returns:
        Model with the inputs and outputs of the original.

    Raises:
        ValueError: The network is not from `vgg16.sharp_unet`, a source is unknown, or a constant is missing, not
            finite or not (C,).
    """
    encoder, decoder = split(unet)
    passed = dict(zip(SOURCES, encoder(unet.input), strict=True))
    for source, constant in _checked(sources, constants, encoder).items():
        passed[source] = keras.ops.zeros_like(passed[source]) + constant  # (N, h, w, C)
    return keras.Model(unet.input, decoder(list(passed.values())), name=unet.name)


def measure(
    unet: keras.Model,
    inputs: np.ndarray,
    targets: np.ndarray,
    constants: Mapping[str, np.ndarray] | None = None,
    switched_off: Mapping[str, Sequence[str]] = SWITCHED_OFF,
    score: Callable[[np.ndarray, np.ndarray], pd.DataFrame] = quality.score,
    batch_size: int = 32,
) -> pd.DataFrame:
    """Score the restored images with each source of the decoder switched off.

    A small loss shows that the trained network can do without this source. It does not show that the source carries
    nothing: two sources with the same information can replace each other, and then either one alone costs little.

    Args:
        unet: Trained network of `vgg16.sharp_unet`.
        inputs: Corrupted images, (N, H, W), float in [0, 1] or 8-bit.
        targets: Clean images, (N, H, W), float in [0, 1].
        constants: Replacement for each source, as in `without`; by default its `means` over the inputs.
        switched_off: Name of each row to the sources that are off; the row "none" is the intact network.
        score: Function from clean and restored images to one row per image, such as `quality.score`.
        batch_size: Images at a time.

    Returns:
        Column `off`, the mean of each score (`quality.mean_score`), and `<score>_loss`, the intact network's score
        minus this one; negative if the network does better without the source.

    Raises:
        ValueError: There is no row "none", the numbers of images differ, or for the reasons of `without` and `score`.
    """
    if "none" not in switched_off or len(inputs) != len(targets):
        raise ValueError(
            f"{len(inputs)} inputs, {len(targets)} targets, rows {', '.join(switched_off)}: give equal numbers, and "
            'a row "none" for the intact network'
        )
    # Not by `without`: one encoder and one decoder are compiled once for all rows.
    encoder, decoder = split(unet)
    constants = means(encoder, inputs, batch_size) if constants is None else constants
    stand_ins = {name: _checked(sources, constants, encoder) for name, sources in switched_off.items()}
    scores = {name: [] for name in switched_off}
    for number, passed in enumerate(_encode(encoder, inputs, batch_size)):
        clean = targets[number * batch_size : (number + 1) * batch_size]
        for name, stand_in in stand_ins.items():
            constant = {source: np.broadcast_to(value, passed[source].shape) for source, value in stand_in.items()}
            restored = decoder.predict_on_batch(list({**passed, **constant}.values()))
            scores[name].append(score(clean, restored.mean(axis=-1)))
    rows = {name: pd.concat(parts).agg(quality.mean_score) for name, parts in scores.items()}
    frame = pd.DataFrame(rows).T
    losses = (frame.loc["none"] - frame).add_suffix("_loss")
    return frame.join(losses).rename_axis("off").reset_index()


def _encode(encoder: keras.Model, images: np.ndarray, batch_size: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield the outputs of the sources batch by batch, because all of them would not fit into memory."""
    channels = encoder.input_shape[-1]
    batches = training.Batches(images, np.zeros(len(images)), batch_size, channels=channels)
    for index in range(len(batches)):
        yield dict(zip(SOURCES, encoder.predict_on_batch(batches[index][0]), strict=True))


def _checked(
    sources: Sequence[str], constants: Mapping[str, np.ndarray] | None, encoder: keras.Model
) -> dict[str, np.ndarray]:
    """Return the constant of each source that is switched off, or raise an error that says what is wrong with it."""
    if isinstance(sources, str) or not set(sources) <= set(SOURCES):
        raise ValueError(f"sources {sources!r}; give a list of names out of {', '.join(SOURCES)}")
    channels = {source: tensor.shape[-1] for source, tensor in zip(SOURCES, encoder.outputs, strict=True)}
    checked = {}
    for source in sources:
        given = np.zeros(channels[source]) if constants is None else constants.get(source, np.nan)
        checked[source] = np.asarray(given, dtype=np.float32)  # (C,)
        if checked[source].shape != (channels[source],) or not np.isfinite(checked[source]).all():
            raise ValueError(
                f"the constant of {source} is {given}: give {channels[source]} finite numbers, one per channel"
            )
    return checked
