"""A training loop that continues after a kill, and models saved whole (paper, sections 2.3.1 and 2.3.3)."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from cxrlib import progress
from cxrlib.files import written_whole
from cxrlib.networks import rehearsal
from cxrlib.networks.learning import Watch
from cxrlib.networks.resume import Continuation, fingerprint


class Batches(keras.utils.PyDataset):
    """Batches in an order that depends on seed and epoch alone, so that a resumed training sees the same.

    Args:
        inputs: Array (N, ...), also memory-mapped; 8-bit values are scaled to [0, 1].
        targets: Array (N, ...); images are scaled in the same way.
        batch_size: Images per batch.
        seed: Seed of the order; None keeps the order as it is.
        channels: Copies of the grey channel for the network: (N, H, W) becomes (N, H, W, channels).
        mirror: Mirror each image left to right with probability one half, together with a target that is an image.
        rows: Positions to use in both arrays, all by default; memory-mapped arrays stay on disk.
    """

    def __init__(self, inputs, targets, batch_size, seed=None, channels=3, mirror=False, rows=None):
        super().__init__()
        self.rows = np.arange(len(inputs)) if rows is None else np.asarray(rows)
        if len(inputs) != len(targets) or not len(self.rows):
            raise ValueError(
                f"{len(inputs)} inputs and {len(targets)} targets; give equally many of each, at least one"
            )
        self.inputs, self.targets, self.batch_size = inputs, targets, batch_size
        self.seed, self.channels, self.mirror, self.epoch = seed, channels, mirror, 0

    def __len__(self):
        return -(-len(self.rows) // self.batch_size)

    def on_epoch_end(self):
        """Count the epoch: the next order follows from the count."""
        self.epoch += 1

    def _read(self, array, chosen, mirrored, channels):
        values = np.asarray(array[np.sort(chosen)])[np.argsort(np.argsort(chosen))]  # sorted: kind to memory maps
        if values.dtype == np.uint8 and values.ndim == 3:
            values = values.astype(np.float32) / 255
        if values.ndim != 3:
            return values
        values = np.where(mirrored[:, None, None], values[:, :, ::-1], values)
        return np.repeat(values[..., None], channels, axis=-1).astype(np.float32)  # (N, H, W, C)

    def __getitem__(self, index):
        count = len(self.rows)
        order = np.arange(count)
        mirrored = np.zeros(count, dtype=bool)
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, self.epoch])
            order = rng.permutation(count)
            mirrored = rng.random(count) < 0.5 if self.mirror else mirrored
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = self._read(self.inputs, self.rows[chosen], mirrored[chosen], self.channels)
        return inputs, self._read(self.targets, self.rows[chosen], mirrored[chosen], 1)


class Progress(keras.callbacks.Callback):
    """Show one progress bar for all batches of a training, so that the time left is for the whole training."""

    def __init__(self, bar: tqdm, name: str, epochs: int):
        super().__init__()
        self.bar, self.name, self.epochs = bar, name, epochs

    def on_epoch_begin(self, epoch, logs=None):
        """Show the epoch beside the bar."""
        self.bar.set_description(f"{self.name} epoch {epoch + 1}/{self.epochs}", refresh=False)

    def on_train_batch_end(self, batch, logs=None):
        """Move the bar by one batch."""
        self.bar.set_postfix({"loss": f"{logs['loss']:.4g}"}, refresh=False)
        self.bar.update()


def train(
    model: keras.Model,
    batches: Batches,
    validation: Batches,
    epochs: int,
    folder: str | Path,
    factor: float = 0.5,
    patience: int | None = 10,
    min_learning_rate: float = 1e-6,
    constant: float | None = None,
    idle_steps: int = 600,
    stop_idle: bool = True,
    start: str = "",
    flat: tuple[int, float] | None = None,
) -> pd.DataFrame:
    """Train a compiled model, keep the weights of the best validation loss, and survive a kill.

    In a rehearsal (see `rehearsal`) it takes a few steps only.

    Args:
        model: Compiled Keras model; it has the weights of its best epoch at the end.
        batches: Training data.
        validation: Validation data, without a seed.
        epochs: Epochs in total, including those before a kill.
        folder: Folder for the state of an unfinished training. A state with other initial weights, data, loss,
            optimiser settings or plateau rule, or with more epochs, is not resumed.
        factor: Factor on the learning rate at a plateau of the validation loss.
        patience: Epochs without improvement that make a plateau; None leaves the rate to the optimiser's own schedule.
        min_learning_rate: Lower bound of the learning rate.
        constant: Loss of the best constant answer, from `learning.constant_loss`; None watches nothing.
        idle_steps: Steps without learning after which a training stops.
        stop_idle: Stop it; if False it goes on, and its history records the state of each epoch.
        start: How the network started, for the message.
        flat: (epochs, gain): stop early, once so many epochs have lowered the best validation loss by no more than the
            gain altogether; None trains for all epochs.

    Returns:
        One row per epoch: epoch (from 1), loss, metrics, val_loss and so on, learning_rate, with `constant` also state
        (of `learning.STATES`), best (bool).

    Raises:
        ValueError: If `epochs` is not positive.
        learning.NotLearningError: If the network is no better than the constant answer for `idle_steps` steps, or the
            loss is not a finite number.
    """
    if epochs < 1:
        raise ValueError(f"epochs {epochs}; give at least 1")
    folder = Path(folder)
    if rehearsal.asked_for():
        return rehearsal.rehearse(model, batches, validation, epochs, folder.name, constant, start)
    model.optimizer.build(model.trainable_variables)  # its state can be loaded only into existing variables
    plateau = {"factor": factor, "patience": patience, "min_lr": min_learning_rate}
    batches.epoch = 0  # an earlier training with the same batches must not shift the order of this one
    watch = None
    if constant is not None:
        name = f"{folder.name}, from {start}" if start else folder.name
        watch = Watch(name, constant, idle_steps, validation[0][0], stop_idle, {})
    continuation = Continuation(
        folder, batches, fingerprint(model, batches, validation, plateau), watch, flat=flat, **plateau
    )
    done = continuation.restore(model, epochs)
    if done < epochs:
        with progress.bar(folder.name, len(batches) * epochs, "batch", len(batches) * done) as bar:
            model.fit(
                batches,
                validation_data=validation,
                initial_epoch=done,
                epochs=epochs,
                verbose=0,
                shuffle=False,  # Keras would draw an order of batches that no seed of ours governs
                callbacks=[continuation, Progress(bar, folder.name, epochs), *([watch] if watch else [])],
            )
    history = pd.DataFrame(continuation.state["history"])
    best = continuation.state["best_epoch"]
    model.load_weights(folder / f"epoch-{best}.weights.h5")
    history.insert(0, "epoch", np.arange(1, len(history) + 1))
    return history.assign(best=history.epoch == best)


def save_model(model: keras.Model, path: str | Path) -> None:
    """Save a model without its loss and optimiser, so that plain `keras.models.load_model` reads it anywhere.

    Args:
        model: Keras model.
        path: File ending in `.keras`; it is written under another name first, so a kill leaves no partial file.
    """
    with written_whole(path) as partial:
        keras.Model(model.input, model.output, name=model.name).save(partial)


def load_model(path: str | Path) -> keras.Model:
    """Load a `.keras` file in Keras's safe mode: code in a file is refused, never executed.

    Args:
        path: File that `save_model` or Keras wrote.

    Returns:
        The model, without loss and optimiser.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, damaged or cut short, or contains code.
    """
    path = Path(path)
    remedy = "fetch it again, or run the chapter that made it again"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give a model saved as .keras")
    if path.suffix != ".keras" or not zipfile.is_zipfile(path):  # of a file cut short Keras says "File not found"
        raise ValueError(f"{path}: not a .keras file, or one that was cut short; {remedy}")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # damage shows anywhere: in the archive, its JSON, its HDF5, the shapes
        raise ValueError(f"{path}: cannot be read as a model ({' '.join(str(error).split())}); {remedy}") from error


def predict(
    model: keras.Model,
    images: np.ndarray,
    batch_size: int = 32,
    channels: int = 3,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Return a model's predictions, computed in batches of one size and in order.

    Args:
        model: Keras model with input (N, H, W, channels).
        images: (N, H, W), float in [0, 1] or 8-bit, also memory-mapped.
        batch_size: Images per forward pass.
        channels: Copies of the grey channel for the network.
        rows: Positions of the images to use, all by default.

    Returns:
        The model's output, float32, one row per image used.
    """
    batches = Batches(images, np.zeros(len(images)), batch_size, channels=channels, rows=rows)
    return model.predict(batches, verbose=0)
