"""The state of an unfinished training: saved at each epoch's end and resumed after a kill."""

import hashlib
import json
from pathlib import Path

import keras
import numpy as np

from cxrlib.data.cohort import Pixels
from cxrlib.files import written_whole
from cxrlib.networks.learning import NotLearningError


class Continuation(keras.callbacks.ReduceLROnPlateau):
    """Lower the rate on plateaus if asked to, keep the best weights, and save everything at each epoch's end.

    Keras's BackupAndRestore keeps weights and optimiser only: after a kill, the plateau's patience, the best
    epoch and the order of the images would start again, and the result would differ from an undisturbed run.

    Args:
        folder: Folder of the state.
        batches: `training.Batches` of the training data, whose count of epochs decides their order.
        fingerprint: Digest that a saved state must have to be resumed, see `fingerprint`.
        watch: `learning.Watch` that judges each epoch; None for none.
        patience: Epochs without improvement that make a plateau; None for no plateaus.
        flat: (epochs, gain): stop once so many epochs have lowered the best validation loss by no more than the gain
            altogether; None never stops.
        plateau: Further settings of `keras.callbacks.ReduceLROnPlateau`.
    """

    def __init__(self, folder: Path, batches, fingerprint: str, watch, patience: int | None, flat=None, **plateau):
        super().__init__(monitor="val_loss", min_delta=0.0, patience=patience or 0, **plateau)
        self.has_plateaus, self.flat = patience is not None, flat
        self.folder, self.batches, self.fingerprint, self.watch = folder, batches, fingerprint, watch
        self.state = {"fingerprint": fingerprint, "epoch": 0, "best_loss": None, "best_epoch": 0, "history": []}

    def restore(self, model, epochs: int) -> int:
        """Load the state of an interrupted training of the same kind; return the epochs done, at most `epochs`.

        Files that are not as they were written (after a power failure) are not used, and a line says so.
        """
        path = self.folder / "state.json"
        if not path.exists():
            return 0
        try:
            state = json.loads(path.read_text())
            if state["fingerprint"] != self.fingerprint or state["epoch"] > epochs:
                return (
                    0  # another model, data or setting, or a best epoch that this training never reaches: start again
                )
            for epoch in (state["best_epoch"], state["epoch"]):  # the best one's weights are loaded at the end only
                path = self.folder / f"epoch-{epoch}.weights.h5"
                if _digest(path) != state["digests"][str(epoch)]:
                    raise ValueError("not as it was saved")
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(
                f"{self.folder.name}/{path.name}: damaged ({type(error).__name__}: {error}); this training starts again"
            )
            return 0
        model.load_weights(path)
        self.state = state
        if self.watch:
            self.watch.state.update(state.get("watch", {}))
        self.batches.epoch = state["epoch"]
        return epochs if self._is_flat() else state["epoch"]

    def _is_flat(self) -> bool:
        """Return whether the last epochs have gained too little for another one to be worth its time."""
        losses = [epoch["val_loss"] for epoch in self.state["history"]]
        if self.flat is None or len(losses) <= self.flat[0]:
            return False
        epochs, gain = self.flat
        return min(losses[:-epochs]) - min(losses) <= gain

    def on_train_begin(self, logs=None):
        """Restore the plateau's memory, which Keras resets here."""
        super().on_train_begin(logs)
        for name in ("best", "wait", "cooldown_counter"):
            setattr(self, name, self.state.get(name, getattr(self, name)))

    def on_epoch_end(self, epoch, logs=None):
        """Save weights and optimiser first and the state that names them last, each whole or not at all."""
        if self.has_plateaus:
            super().on_epoch_end(epoch, logs)
        else:
            logs["learning_rate"] = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        done, state = epoch + 1, self.state
        if not np.isfinite(logs["val_loss"]):
            raise NotLearningError(
                f"{self.folder.name}: the validation loss is {logs['val_loss']} after epoch {done}, so this training "
                "has diverged; lower the learning rate, or limit the norm of the gradient"
            )
        state["epoch"] = done
        state["history"].append({name: float(value) for name, value in logs.items()})
        if self.watch:
            state["history"][-1]["state"] = self.watch.judge(logs["val_loss"])
            state["watch"] = self.watch.state
        if state["best_loss"] is None or logs["val_loss"] < state["best_loss"]:
            state["best_loss"], state["best_epoch"] = float(logs["val_loss"]), done
        if self.has_plateaus:
            state.update(best=float(self.best), wait=int(self.wait), cooldown_counter=int(self.cooldown_counter))
        self.folder.mkdir(parents=True, exist_ok=True)
        with written_whole(self.folder / f"epoch-{done}.weights.h5") as partial:
            self.model.save_weights(partial)
            digests = {**state.get("digests", {}), str(done): _digest(partial)}
        state["digests"] = {epoch: digests[epoch] for epoch in {str(state["best_epoch"]), str(done)}}
        with written_whole(self.folder / "state.json") as partial:
            partial.write_text(json.dumps(state))
        for path in self.folder.glob("epoch-*.weights.h5"):
            if path.name not in {f"epoch-{n}.weights.h5" for n in (done, state["best_epoch"])}:
                path.unlink()
        if self._is_flat():
            self.model.stop_training = True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(model: keras.Model, batches, validation, plateau: dict) -> str:
    """Return a digest of everything that a training's result depends on, except the number of epochs.

    Args:
        model: Compiled model with its first weights.
        batches: `training.Batches` of the training data.
        validation: `training.Batches` of the validation data.
        plateau: Settings of the plateau rule.

    Returns:
        SHA-256 in hexadecimal; equal if one training may resume the state of the other.
    """
    optimizer = {name: value for name, value in model.optimizer.get_config().items() if name != "name"}
    settings = [keras.backend.backend(), plateau, type(model.optimizer).__name__, optimizer]
    settings += [keras.saving.serialize_keras_object(model.loss), [v.shape for v in model.trainable_variables]]
    arrays = model.get_weights()
    for data in (batches, validation):
        settings.append([data.batch_size, data.seed, data.channels, data.mirror])
        for array in (data.inputs, data.targets):  # the pixels of a cohort as they are stored, not all as float32
            arrays += [array.stored, array.rows, array.places] if isinstance(array, Pixels) else [array]
        arrays.append(data.rows)
    content = hashlib.sha256(json.dumps(settings, default=str).encode())
    for array in arrays:
        content.update(f"{array.dtype}{array.shape}".encode())
        content.update(memoryview(np.ascontiguousarray(array)).cast("B"))
    return content.hexdigest()
