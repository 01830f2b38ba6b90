"""The networks: VGG-16 encoder, VGG-16-Sharp-U-Net and classifier (paper, section 2.3)."""

import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers

VGG16_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (filters, convolutions)
DECODER_CONVOLUTIONS = (3, 3, 2, 2)
SHARPEN = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], dtype=np.float32)  # the paper's kernel
SHARPEN_DEMO = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], dtype=np.float32)  # Zunair and Ben Hamza's demo
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)  # what the Oxford ImageNet weights were trained with
PREPROCESSING = (None, "caffe")


def _check_input(input_shape: tuple[int, int, int]) -> None:
    if len(input_shape) != 3 or any(side is not None and side % 16 for side in input_shape[:2]):
        raise ValueError(f"input_shape {input_shape}; give (H, W, C) with H and W multiples of 16 (four poolings)")


def _scaled(filters: int, width: float) -> int:
    if width <= 0:
        raise ValueError(f"width {width}; give a positive factor, 1.0 for the paper's network")
    return max(1, round(filters * width))


def vgg16_encoder(
    input_shape: tuple[int, int, int], width: float = 1.0, initializer: str = "glorot_uniform", seed: int | None = None
) -> keras.Model:
    """Build the convolution stack of VGG-16, without the pooling after its last convolution.

    Args:
        input_shape: (H, W, C), H and W multiples of 16.
        width: Factor on the numbers of filters; ImageNet weights fit only 1.0.
        initializer: Keras initialiser of the kernels; the paper says "random", and this is Keras's default.
        seed: Seed of the initial weights.

    Returns:
        Model from (N, H, W, C) to (N, H / 16, W / 16, 512 width), layers named as in Keras Applications;
        14,714,688 weights at width 1 and three channels.

    Raises:
        ValueError: If a side is not a multiple of 16, or the width is not positive.

    Source: Simonyan and Zisserman 2015, configuration D; paper, section 2.3.1.
    """
    _check_input(input_shape)
    seeds = None if seed is None else np.random.default_rng(seed)
    x = inputs = keras.Input(input_shape)
    for block, (filters, convolutions) in enumerate(VGG16_BLOCKS, start=1):
        for index in range(1, convolutions + 1):
            x = _convolution(_scaled(filters, width), _initializer(initializer, seeds), f"block{block}_conv{index}")(x)
        if block < len(VGG16_BLOCKS):
            x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    return keras.Model(inputs, x, name="vgg16_encoder")


def _initializer(name: str, seeds: np.random.Generator | None) -> keras.initializers.Initializer:
    """Return an initialiser with a seed of its own: equal seeds would give equal shapes equal weights."""
    config = {} if seeds is None else {"seed": int(seeds.integers(2**31))}
    return keras.initializers.get({"class_name": name, "config": config})


def _convolution(filters: int, initializer: keras.initializers.Initializer, name: str) -> layers.Conv2D:
    return layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer=initializer, name=name)


def sharp_unet(
    input_shape: tuple[int, int, int],
    width: float = 1.0,
    kernel: np.ndarray = SHARPEN,
    output_channels: int = 3,
    initializer: str = "glorot_uniform",
    seed: int | None = None,
) -> keras.Model:
    """Build the VGG-16-Sharp-U-Net: each skip passes a frozen depthwise sharpening filter before it joins the decoder.

    Args:
        input_shape: (H, W, C), H and W multiples of 16.
        width: Factor on the numbers of filters.
        kernel: Sharpening kernel, shape (3, 3): `SHARPEN` (the paper's) or `SHARPEN_DEMO`. Padding is with zeros, so
            a constant map comes out times 1 inside, 2 at an edge and 3 in a corner (for `SHARPEN`).
        output_channels: Channels of the sigmoid output, 3 or 1; the paper does not say.
        initializer: Keras initialiser of the trainable kernels. "he_normal" dies at full width, in the first step of
            Adam at 1e-3 (chapter 3; book/reference/starts).
        seed: Seed of the initial weights.

    Returns:
        Model from (N, H, W, C) to (N, H, W, output_channels) in [0, 1]. At width 1 and three channels it has
        28,806,211 trainable and 8,640 frozen weights. The decoder's widths are not in the paper: they mirror the
        encoder's.

    Raises:
        ValueError: If the kernel is not 3 x 3, a side is not a multiple of 16, or the width is not positive.

    Source: paper, section 2.3.1 and Figure 1; Zunair and Ben Hamza 2021 (Sharp U-Net).
    """
    kernel = np.asarray(kernel, dtype=np.float32)
    if kernel.shape != (3, 3):
        raise ValueError(f"kernel of shape {kernel.shape}; the sharpening kernel is 3 x 3")
    encoder = vgg16_encoder(input_shape, width, initializer, seed)
    seeds = None if seed is None else np.random.default_rng([seed, 1])
    x = encoder.output
    for up, convolutions in enumerate(DECODER_CONVOLUTIONS, start=1):
        level = len(DECODER_CONVOLUTIONS) + 1 - up  # encoder block that this decoder block mirrors
        filters, depth = VGG16_BLOCKS[level - 1]
        skip = encoder.get_layer(f"block{level}_conv{depth}").output  # (N, H, W, C) before the pooling
        sharpen = layers.DepthwiseConv2D(3, padding="same", use_bias=False, trainable=False, name=f"sharpen{level}")
        skip = sharpen(skip)
        sharpen.set_weights([np.repeat(kernel[:, :, None, None], skip.shape[-1], axis=2)])  # (3, 3, C, 1)
        x = layers.Conv2DTranspose(
            _scaled(filters, width), 2, strides=2, kernel_initializer=_initializer(initializer, seeds), name=f"up{up}"
        )(x)
        x = layers.Concatenate(name=f"skip{level}")([x, skip])
        for index in range(1, convolutions + 1):
            x = _convolution(_scaled(filters, width), _initializer(initializer, seeds), f"decoder{up}_conv{index}")(x)
    restored = layers.Conv2D(
        output_channels,
        3,
        padding="same",
        activation="sigmoid",
        kernel_initializer=_initializer("glorot_uniform", seeds),
        name="restored",
    )(x)
    return keras.Model(encoder.input, restored, name="vgg16_sharp_unet")


def encoder_of(model: keras.Model) -> keras.Model:
    """Return a model's part up to its deepest encoder convolution, block5_conv3; the weights are shared."""
    return keras.Model(model.input, model.get_layer("block5_conv3").output, name="vgg16_encoder")


def copy_encoder(encoder: keras.Model) -> keras.Model:
    """Return a copy of an encoder with its weights, so that fine-tuning does not change the original."""
    copy = keras.models.clone_model(encoder)
    copy.set_weights(encoder.get_weights())
    return copy


def classifier(encoder: keras.Model, preprocessing: str | None = None, seed: int | None = None) -> keras.Model:
    """Build a classifier: global average pooling and a two-node softmax on an encoder (paper, section 2.3.2).

    Args:
        encoder: Model to (N, h, w, C) feature maps; its layers become part of the classifier and are trained with it.
        preprocessing: Values that the encoder gets. None: [0, 1], as the paper says of all images. "caffe": BGR in
            [0, 255] minus ImageNet's mean, as the ImageNet weights were trained; it becomes a frozen first layer.
        seed: Seed of the dense layer's weights.

    Returns:
        Model from (N, H, W, C) in [0, 1] to (N, 2), probability of normal and abnormal; 14,715,714 weights at width 1.

    Raises:
        ValueError: If `preprocessing` is unknown, or "caffe" is given with an encoder without three channels.
    """
    if preprocessing not in PREPROCESSING:
        raise ValueError(f"preprocessing {preprocessing!r}; choose one of {PREPROCESSING}")
    if preprocessing == "caffe":
        if encoder.input_shape[-1] != 3:
            raise ValueError(f"caffe preprocessing needs 3 channels, the encoder takes {encoder.input_shape[-1]}")
        inputs = keras.Input(encoder.input_shape[1:])
        to_bgr = layers.Conv2D(3, 1, trainable=False, name="caffe_preprocessing")
        x = to_bgr(inputs)
        to_bgr.set_weights([255 * np.eye(3)[::-1][None, None], -np.array(CAFFE_MEAN_BGR)])
        for layer in encoder.layers[1:]:
            x = layer(x)
    else:
        inputs, x = encoder.input, encoder.output
    x = layers.GlobalAveragePooling2D(name="average_pooling")(x)  # (N, C)
    start = keras.initializers.GlorotUniform(seed=seed)
    outputs = layers.Dense(2, activation="softmax", kernel_initializer=start, name="probability")(x)  # (N, 2)
    return keras.Model(inputs, outputs, name="classifier")


def load_imagenet_weights(encoder: keras.Model, source: str | Path) -> keras.Model:
    """Fill a full-width encoder with VGG-16 weights trained on ImageNet.

    Args:
        encoder: Result of `vgg16_encoder(..., width=1.0)` with three channels.
        source: A Keras `.h5` file, an `.npz` file with `<layer>/kernel` (H, W, in, out) and `<layer>/bias`, or
            "imagenet", for which Keras downloads the file.

    Returns:
        The same encoder.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is of another kind or damaged, lacks a layer, has another shape, or has weights that
            are not finite.
    """
    if source == "imagenet":
        weights = keras.applications.VGG16(weights="imagenet", include_top=False)
        arrays = {layer.name: layer.get_weights() for layer in weights.layers if layer.weights}
    else:
        source = Path(source)
        if not source.is_file():
            raise FileNotFoundError(f"{source}: no such file; give VGG-16 weights as .h5 or .npz, or 'imagenet'")
        readers = {".npz": _read_npz, ".h5": _read_h5}
        if source.suffix not in readers:
            raise ValueError(f"{source}: weights end in .h5 or .npz; convert the file")
        try:
            arrays = readers[source.suffix](source)
        except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(f"{source}: cannot be read as weights ({error}); fetch it again") from error
    for layer in (layer for layer in encoder.layers if layer.weights):
        if layer.name not in arrays:
            raise ValueError(f"{source}: no weights for {layer.name}; is it a VGG-16?")
        wanted, given = ([array.shape for array in kind] for kind in (layer.get_weights(), arrays[layer.name]))
        if wanted != given:
            raise ValueError(
                f"{source}: {layer.name} has shapes {given}, the encoder needs {wanted}; "
                "ImageNet weights fit width 1.0 and three channels only"
            )
        if not all(np.isfinite(array).all() for array in arrays[layer.name]):
            raise ValueError(f"{source}: {layer.name} has weights that are not finite; fetch it again")
        layer.set_weights(arrays[layer.name])
    return encoder


def _read_npz(path: Path) -> dict[str, list[np.ndarray]]:
    with np.load(path, allow_pickle=False) as file:
        names = sorted({key.rsplit("/", 1)[0] for key in file.files})
        return {name: [file[f"{name}/kernel"], file[f"{name}/bias"]] for name in names}


def _read_h5(path: Path) -> dict[str, list[np.ndarray]]:
    """Read a Keras 1 or 2 file: groups by layer, `weight_names` in the order kernel, bias."""
    with h5py.File(path) as file:
        group = file.get("model_weights", file)
        return {
            name: [np.asarray(group[name][weight]) for weight in group[name].attrs["weight_names"]]
            for name in group
            if len(group[name].attrs.get("weight_names", ()))
        }
