"""A training loop that continues where it was killed, and models saved whole (paper, sections 2.3.1 and 2.3.3)."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from cxrlib import progress
from cxrlib.losses import psnr, ssim, ssim_loss
from cxrlib.optimizers import optimizer

__all__ = ["Batches", "load_model", "optimizer", "predict", "psnr", "save_model", "ssim", "ssim_loss", "train"]


class Batches(keras.utils.PyDataset):
    """Batches in an order that depends on seed and epoch alone, so that a resumed training sees the same.

    Args:
        inputs: Array (N, ...), also memory-mapped; 8-bit values are scaled to [0, 1].
        targets: Array (N, ...), scaled likewise if of images.
        batch_size: Images a batch.
        seed: Seed of the order; None keeps the order as it is.
        channels: Copies of the grey channel that the network wants: (N, H, W) becomes (N, H, W, channels).
        mirror: Mirror each image left to right with probability one half, targets that are images with it.
        rows: Positions in both arrays that are used, all by default; memory-mapped arrays stay on disk.
    """

    def __init__(self, inputs, targets, batch_size, seed=None, channels=3, mirror=False, rows=None):
        super().__init__()
        self.rows = np.arange(len(inputs)) if rows is None else np.asarray(rows)
        if len(inputs) != len(targets) or not len(self.rows):
            raise ValueError(f"{len(inputs)} inputs and {len(targets)} targets; give as many of each, at least one")
        self.inputs, self.targets, self.batch_size = inputs, targets, batch_size
        self.seed, self.channels, self.mirror, self.epoch = seed, channels, mirror, 0

    def __len__(self):
        return -(-len(self.rows) // self.batch_size)

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
        count = len(self.rows)
        order = np.arange(count)
        mirrored = np.zeros(count, dtype=bool)
        if self.seed is not None:
            rng = np.random.default_rng([self.seed, self.epoch])
            order = rng.permutation(count)
            mirrored = rng.random(count) < 0.5 if self.mirror else mirrored
        chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
        inputs = self._prepare(self.inputs, self.rows[chosen], mirrored[chosen], self.channels)
        return inputs, self._prepare(self.targets, self.rows[chosen], mirrored[chosen], 1)


class Continuation(keras.callbacks.ReduceLROnPlateau):
    """Lower the rate on plateaus if asked to, keep the best weights, and save everything at each epoch's end.

    Keras's BackupAndRestore keeps weights and optimiser only: after a kill, the plateau's patience, the best
    epoch and the order of the images would start anew, and the result would differ from an undisturbed run.
    """

    def __init__(self, folder: Path, batches: Batches, fingerprint: str, patience: int | None, **plateau):
        super().__init__(monitor="val_loss", min_delta=0.0, patience=patience or 0, **plateau)
        self.has_plateaus = patience is not None
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
        if self.has_plateaus:
            super().on_epoch_end(epoch, logs)
        else:
            logs["learning_rate"] = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        done = epoch + 1
        if not np.isfinite(logs["val_loss"]):
            raise FloatingPointError(
                f"{self.folder.name}: the validation loss is {logs['val_loss']} after epoch {done}, so this training "
                "has diverged; lower the learning rate, or limit the norm of the gradient"
            )
        state = self.state
        state["epoch"] = done
        state["history"].append({name: float(value) for name, value in logs.items()})
        if state["best_loss"] is None or logs["val_loss"] < state["best_loss"]:
            state["best_loss"], state["best_epoch"] = float(logs["val_loss"]), done
        if self.has_plateaus:
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
    """Move one bar over all batches of a training: the time left is that of the whole, not of an epoch."""

    def __init__(self, bar: tqdm, name: str, epochs: int):
        super().__init__()
        self.bar, self.name, self.epochs = bar, name, epochs

    def on_epoch_begin(self, epoch, logs=None):
        """Name the epoch."""
        self.bar.set_description(f"{self.name} epoch {epoch + 1}/{self.epochs}", refresh=False)

    def on_train_batch_end(self, batch, logs=None):
        """Count."""
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
        patience: Epochs without improvement that make a plateau; None leaves the rate to the optimiser's own schedule.
        min_learning_rate: Lower bound of the learning rate.

    Returns:
        One row an epoch: epoch (from 1), loss, metrics, val_loss and so on, learning_rate, best (bool).

    Raises:
        ValueError: If `epochs` is not positive.
        FloatingPointError: If the validation loss is not a finite number after an epoch.
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
        with progress.bar(folder.name, len(batches) * epochs, "batch", len(batches) * done) as bar:
            model.fit(
                batches,
                validation_data=validation,
                initial_epoch=done,
                epochs=epochs,
                verbose=0,
                shuffle=False,  # Keras would draw an order of batches that no seed of ours governs
                callbacks=[continuation, Progress(bar, folder.name, epochs)],
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
        arrays += [data.inputs, data.targets, data.rows]
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


def load_model(path: str | Path) -> keras.Model:
    """Load a `.keras` file in Keras's safe mode: code that a file brings is refused, never executed.

    Args:
        path: File that `save_model` or Keras wrote.

    Returns:
        The model, without loss and optimiser.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, damaged or cut short, or brings code.
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
    """Predict in fixed-size batches, in order.

    Args:
        model: Keras model with input (N, H, W, channels).
        images: (N, H, W), float in [0, 1] or 8-bit, also memory-mapped.
        batch_size: Images at a time.
        channels: Copies of the grey channel that the network wants.
        rows: Positions of the images that are used, all by default.

    Returns:
        The model's output, float32, one row an image that is used.
    """
    batches = Batches(images, np.zeros(len(images)), batch_size, channels=channels, rows=rows)
    return model.predict(batches, verbose=0)
