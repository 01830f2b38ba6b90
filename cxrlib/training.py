"""Losses and a training loop that continues where it was killed (paper, sections 2.3.1 and 2.3.3)."""

import hashlib
import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import ops
from tqdm import tqdm

SSIM_WINDOW, SSIM_SIGMA, SSIM_K1, SSIM_K2 = 11, 1.5, 0.01, 0.03  # Wang et al. 2004


def ssim(y_true, y_pred):
    """Mean structural similarity of each image with a Gaussian window, data range 1.

    Args:
        y_true: Images, (N, H, W, C) in [0, 1], H and W at least 11.
        y_pred: Same shape.

    Returns:
        Shape (N,), in [-1, 1]; mean over pixels whose window lies inside the image, and over channels.

    Source: Wang et al. 2004; paper, Eq. 6.
    """
    y_true = ops.cast(y_true, y_pred.dtype)
    offsets = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    window = ops.cast(window / window.sum(), y_pred.dtype)
    maps = ops.stack([y_true, y_pred, y_true * y_true, y_pred * y_pred, y_true * y_pred])  # (5, N, H, W, C)
    height, width = y_pred.shape[1], y_pred.shape[2]
    flat = ops.reshape(ops.transpose(maps, (0, 1, 4, 2, 3)), (-1, height, width, 1))
    flat = ops.conv(flat, ops.reshape(window, (-1, 1, 1, 1)), padding="valid", data_format="channels_last")
    flat = ops.conv(flat, ops.reshape(window, (1, -1, 1, 1)), padding="valid", data_format="channels_last")
    inner = (height - SSIM_WINDOW + 1, width - SSIM_WINDOW + 1)
    mean_1, mean_2, square_1, square_2, product = ops.unstack(ops.reshape(flat, (5, -1, y_pred.shape[3], *inner)), 5)
    variance_1, variance_2 = square_1 - mean_1**2, square_2 - mean_2**2
    covariance = product - mean_1 * mean_2
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    similarity = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_1**2 + mean_2**2 + c1) * (variance_1 + variance_2 + c2))
    return ops.mean(similarity, axis=(1, 2, 3))


def ssim_loss(y_true, y_pred):
    """Give 1 - SSIM of each image, the loss of the pretext tasks (paper, section 2.3.1); arguments as `ssim`."""
    return 1 - ssim(y_true, y_pred)


def psnr(y_true, y_pred):
    """Peak signal-to-noise ratio of each image in dB, range 1, at most 100 (paper, Eq. 4); arguments as `ssim`."""
    error = ops.mean(ops.square(ops.cast(y_true, y_pred.dtype) - y_pred), axis=(1, 2, 3))
    return -10 * ops.log10(ops.maximum(error, 1e-10))


class Batches(keras.utils.PyDataset):
    """Batches in an order that depends on seed and epoch alone, so that a resumed training sees the same.

    Args:
        inputs: Array (N, ...), also memory-mapped; 8-bit values are scaled to [0, 1].
        targets: Array (N, ...), scaled likewise if of images.
        batch_size: Images a batch.
        seed: Seed of the order; None keeps the order as it is.
        channels: Copies of the grey channel that the network wants: (N, H, W) becomes (N, H, W, channels).
        mirror: Mirror each image left to right with probability one half, targets that are images with it.
    """

    def __init__(self, inputs, targets, batch_size, seed=None, channels=3, mirror=False):
        super().__init__()
        if len(inputs) != len(targets) or not len(inputs):
            raise ValueError(f"{len(inputs)} inputs and {len(targets)} targets; give as many of each, at least one")
        self.inputs, self.targets, self.batch_size = inputs, targets, batch_size
        self.seed, self.channels, self.mirror, self.epoch = seed, channels, mirror, 0

    def __len__(self):
        return -(-len(self.inputs) // self.batch_size)

    def on_epoch_end(self):
        """Count epochs: the next order follows from it."""
        self.epoch += 1

    def _prepare(self, array, chosen, mirrored, channels):
        values = np.asarray(array[np.sort(chosen)])[np.argsort(np.argsort(chosen))]  # sorted: kind to memory maps
        if values.dtype == np.uint8 and values.ndim == 3:
            values = values.astype(np.float32) / 255
        if values.ndim != 3:
            return values
        values = np.where(mirrored[:, None, None], values[:, :, ::-1], values)
        return np.repeat(values[..., None], channels, axis=-1).astype(np.float32)  # (N, H, W, C)

    def __getitem__(self, index):
        count = len(self.inputs)
        order = np.arange(count)
        mirrored = np.zeros(count, dtype=bool)
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, self.epoch])
            order = rng.permutation(count)
            mirrored = rng.random(count) < 0.5 if self.mirror else mirrored
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = self._prepare(self.inputs, chosen, mirrored[chosen], self.channels)
        return inputs, self._prepare(self.targets, chosen, mirrored[chosen], 1)


class Continuation(keras.callbacks.ReduceLROnPlateau):
    """Lower the rate on plateaus, keep the best weights, and save everything at each epoch's end.

    Keras's BackupAndRestore keeps weights and optimiser only: after a kill, the plateau's patience, the best
    epoch and the order of the images would start anew, and the result would differ from an undisturbed run.
    """

    def __init__(self, folder: Path, batches: Batches, fingerprint: str, **plateau):
        super().__init__(monitor="val_loss", min_delta=0.0, **plateau)
        self.folder, self.batches, self.fingerprint = folder, batches, fingerprint
        self.state = {"fingerprint": fingerprint, "epoch": 0, "best_loss": None, "best_epoch": 0, "history": []}

    def restore(self, model, epochs: int) -> int:
        """Load what an interrupted training of the same kind left; give the epochs already done, at most `epochs`."""
        try:
            state = json.loads((self.folder / "state.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return 0
        if state["fingerprint"] != self.fingerprint or state["epoch"] > epochs:
            return 0  # another model, data or setting, or a best epoch that this training never reaches: start anew
        model.load_weights(self.folder / f"epoch-{state['epoch']}.weights.h5")
        self.state = state
        self.batches.epoch = state["epoch"]
        return state["epoch"]

    def on_train_begin(self, logs=None):
        """Put back the plateau's memory, which Keras resets here."""
        super().on_train_begin(logs)
        for name in ("best", "wait", "cooldown_counter"):
            setattr(self, name, self.state.get(name, getattr(self, name)))

    def on_epoch_end(self, epoch, logs=None):
        """Save weights and optimiser first and the state that names them last, each whole or not at all."""
        super().on_epoch_end(epoch, logs)
        done = epoch + 1
        state = self.state
        state["epoch"] = done
        state["history"].append({name: float(value) for name, value in logs.items()})
        if state["best_loss"] is None or logs["val_loss"] < state["best_loss"]:
            state["best_loss"], state["best_epoch"] = float(logs["val_loss"]), done
        state.update(best=float(self.best), wait=int(self.wait), cooldown_counter=int(self.cooldown_counter))
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / "partial.weights.h5"
        self.model.save_weights(partial)
        os.replace(partial, self.folder / f"epoch-{done}.weights.h5")
        (self.folder / "partial.json").write_text(json.dumps(state))
        os.replace(self.folder / "partial.json", self.folder / "state.json")
        for path in self.folder.glob("epoch-*.weights.h5"):
            if path.name not in {f"epoch-{n}.weights.h5" for n in (done, state["best_epoch"])}:
                path.unlink()


class Progress(keras.callbacks.Callback):
    """One bar over all batches of a training: epoch, loss and the time left of the whole, not of an epoch."""

    def __init__(self, name: str, batches: int, epochs: int, stream):
        super().__init__()
        self.name, self.batches, self.epochs, self.stream = name, batches, epochs, stream

    def on_epoch_begin(self, epoch, logs=None):
        """Open the bar where a resumed training stands, then name the epoch."""
        if not hasattr(self, "bar"):
            self.bar = tqdm(
                total=self.batches * self.epochs,
                initial=self.batches * epoch,
                file=self.stream,
                unit="batch",
                ascii=True,
                leave=False,
                mininterval=1,
            )
        self.bar.set_description(f"{self.name} epoch {epoch + 1}/{self.epochs}", refresh=False)

    def on_train_batch_end(self, batch, logs=None):
        """Count."""
        self.bar.set_postfix({"loss": f"{logs['loss']:.4g}"}, refresh=False)
        self.bar.update()

    def on_train_end(self, logs=None):
        """Close the bar."""
        self.bar.close()


def train(
    model: keras.Model,
    batches: Batches,
    validation: Batches,
    epochs: int,
    folder: str | Path,
    factor: float = 0.5,
    patience: int = 10,
    min_learning_rate: float = 1e-6,
) -> pd.DataFrame:
    """Train a compiled model, keep the weights of the best validation loss, and survive a kill.

    Args:
        model: Compiled Keras model; ends with the weights of its best epoch.
        batches: Training data.
        validation: Validation data, without a seed.
        epochs: Epochs in all, those before a kill counted in.
        folder: Where the state of an unfinished training is kept. A state made with other initial weights, data, loss,
            optimiser settings or plateau rule, or of more epochs, is not taken up.
        factor: Factor on the learning rate at a plateau of the validation loss.
        patience: Epochs without improvement that make a plateau.
        min_learning_rate: Lower bound of the learning rate.

    Returns:
        One row an epoch: epoch (from 1), loss, metrics, val_loss and so on, learning_rate, best (bool).

    Raises:
        ValueError: If `epochs` is not positive.
    """
    if epochs < 1:
        raise ValueError(f"epochs {epochs}; give at least 1")
    folder = Path(folder)
    model.optimizer.build(model.trainable_variables)  # its state can be loaded only into existing variables
    plateau = {"factor": factor, "patience": patience, "min_lr": min_learning_rate}
    batches.epoch = 0  # an earlier training with the same batches must not shift the order of this one
    continuation = Continuation(folder, batches, _fingerprint(model, batches, validation, plateau), **plateau)
    done = continuation.restore(model, epochs)
    if done < epochs:
        with open(os.environ.get("CXRLIB_PROGRESS") or os.devnull, "a", buffering=1) as log:
            stream = log if "CXRLIB_PROGRESS" in os.environ else sys.stderr
            progress = Progress(folder.name, len(batches), epochs, stream)
            model.fit(
                batches,
                validation_data=validation,
                initial_epoch=done,
                epochs=epochs,
                verbose=0,
                shuffle=False,  # Keras would draw an order of batches that no seed of ours governs
                callbacks=[continuation, progress],
            )
    history = pd.DataFrame(continuation.state["history"])
    best = continuation.state["best_epoch"]
    model.load_weights(folder / f"epoch-{best}.weights.h5")
    history.insert(0, "epoch", np.arange(1, len(history) + 1))
    return history.assign(best=history.epoch == best)


def _fingerprint(model: keras.Model, batches: Batches, validation: Batches, plateau: dict) -> str:
    """Tell one training from another by everything that its result depends on, but for the number of epochs."""
    optimizer = {name: value for name, value in model.optimizer.get_config().items() if name != "name"}
    settings = [keras.backend.backend(), plateau, type(model.optimizer).__name__, optimizer]
    settings += [keras.saving.serialize_keras_object(model.loss), [v.shape for v in model.trainable_variables]]
    arrays = model.get_weights()
    for data in (batches, validation):
        settings.append([data.batch_size, data.seed, data.channels, data.mirror])
        arrays += [data.inputs, data.targets]
    content = hashlib.sha256(json.dumps(settings, default=str).encode())
    for array in arrays:
        content.update(f"{array.dtype}{array.shape}".encode())
        content.update(memoryview(np.ascontiguousarray(array)).cast("B"))
    return content.hexdigest()


def save_model(model: keras.Model, path: str | Path) -> None:
    """Save a model without its loss and optimiser, so that plain `keras.models.load_model` reads it anywhere.

    Args:
        model: Keras model.
        path: File ending in `.keras`; written under another name first, so that a kill leaves no half file.
    """
    path = Path(path)
    partial = path.with_name(f"partial-{path.name}")
    keras.Model(model.input, model.output, name=model.name).save(partial)
    os.replace(partial, path)


def predict(model: keras.Model, images: np.ndarray, batch_size: int = 32, channels: int = 3) -> np.ndarray:
    """Predict in fixed-size batches, in order.

    Args:
        model: Keras model with input (N, H, W, channels).
        images: (N, H, W), float in [0, 1] or 8-bit, also memory-mapped.
        batch_size: Images at a time.
        channels: Copies of the grey channel that the network wants.

    Returns:
        The model's output, float32, (N, ...).
    """
    batches = Batches(images, np.zeros(len(images)), batch_size, channels=channels)
    return model.predict(batches, verbose=0)
