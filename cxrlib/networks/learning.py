"""Does a network learn? The loss of the best constant answer, and what each epoch is compared with it.

A network can train for days and learn nothing: a saturated sigmoid passes no gradient, a rate that is too high throws
the weights away, a start that is too small leaves a classifier at the share of its classes. Its loss curve looks like
that of a network that is only waiting. The loss of the best constant answer separates the two.
"""

from collections import deque
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

STATES = ("learning", "idle", "saturated", "diverged")
"""What an epoch can be: better than the best constant answer; no better; no better, and its output flat or
at the ends of its sigmoid; or without a finite loss."""

TOLERANCE = 0.02  # a network must beat the constant's loss by this share: less is the noise of a few batches
WINDOW = 10  # steps whose mean loss is compared
FLAT = 1e-3  # of images in [0, 1]: a quarter of a step of 8 bits, as a deviation and as a distance from the ends
SATURATED = 0.95  # share of the pixels at the ends; a radiograph has few
ALIKE = 1e-6  # deviation of probabilities over images that is rounding alone
GREYS = np.linspace(0, 1, 17)  # constant images that are tried beside the mean one
SAMPLE = 256  # largest number of targets from which the best constant image is made


class NotLearningError(RuntimeError):
    """A network that is no better than a constant answer; the message names it and says what to try."""

    def _render_traceback_(self):
        """Show one line in Jupyter: the traceback would only hide the remedy (IPython's display hook)."""
        return [str(self)]


def constant_loss(loss: str | Callable, targets: np.ndarray) -> float:
    """Return the loss of the best answer that is the same for every input.

    For labels it is the entropy of the classes' shares. For images it is the lowest loss among their mean image and 17
    even shades of grey. For the mean squared error the mean image is the best constant. For other losses, such as
    1 - SSIM, these are candidates, and a better constant may exist.

    Args:
        loss: "sparse_categorical_crossentropy", or a function of (targets, answers) that returns one loss per image.
        targets: Labels (N,), whole numbers from 0; or images (N, H, W) or (N, H, W, C), 8-bit or float in [0, 1].

    Returns:
        The loss, in the unit of the loss: nats for cross-entropy.

    Raises:
        ValueError: If there is no target, or labels come with another loss.

    >>> round(constant_loss("sparse_categorical_crossentropy", np.array([0, 0, 1, 1])), 4)  # log 2
    0.6931
    """
    targets = np.asarray(targets)
    if len(targets) == 0:
        raise ValueError("no target; give at least one")
    if targets.ndim == 1:
        if loss != "sparse_categorical_crossentropy":
            raise ValueError(f"labels and the loss {loss!r}; give labels with sparse_categorical_crossentropy")
        shares = np.unique(targets, return_counts=True)[1] / len(targets)
        return float(-(shares * np.log(shares)).sum())
    images = targets[np.linspace(0, len(targets) - 1, min(len(targets), SAMPLE)).astype(int)]
    images = images.astype(np.float32) / (255 if images.dtype == np.uint8 else 1)
    images = images[..., None] if images.ndim == 3 else images  # (N, H, W, C)
    answers = [images.mean(axis=0), *(np.full(images.shape[1:], grey, np.float32) for grey in GREYS)]
    truth = ops.convert_to_tensor(images)
    found = (loss(truth, ops.convert_to_tensor(np.broadcast_to(answer, images.shape).copy())) for answer in answers)
    return min(float(ops.convert_to_numpy(values).mean()) for values in found)


def varies(output: np.ndarray) -> bool:
    """Return whether learning can still change an output.

    Images must vary from pixel to pixel, and at most 95 % of their pixels may be at the ends of a sigmoid, where no
    gradient passes. Probabilities must vary from image to image.

    Args:
        output: Shape (N, H, W, C) or (N, classes), in [0, 1].
    """
    output = np.asarray(output, dtype=np.float64)
    if output.ndim < 4:
        return bool(output.std(axis=0).mean() > ALIKE)
    at_the_ends = ((output < FLAT) | (output > 1 - FLAT)).mean()
    return bool(output.std(axis=(1, 2)).mean() > FLAT and at_the_ends < SATURATED)


def judge(loss: float, constant: float, output: np.ndarray) -> str:
    """Return which of `STATES` an epoch is.

    Args:
        loss: The epoch's loss.
        constant: Loss of the best constant answer, from `constant_loss`.
        output: The network's output for a few inputs.
    """
    if not np.isfinite(loss) or not np.isfinite(output).all():
        return "diverged"
    if loss < (1 - TOLERANCE) * constant:
        return "learning"
    return "idle" if varies(output) else "saturated"


class Watch(keras.callbacks.Callback):
    """Follow a training step by step, and stop it if it is no better than a constant answer.

    The patience is counted in steps from the start, or from the last step at which the mean loss of the last ten steps
    was better than the constant. So a network that has learnt and then collapses is noticed, too.

    Args:
        name: The network's name, and how it started, for the message.
        constant: Loss of the best constant answer.
        patience: Steps without learning after which a training stops. A narrow VGG without normalisation takes 200 to
            400 steps before it begins to learn: give classifiers more than that.
        inputs: A few inputs, to see whether the output varies.
        stop: Stop the training; if False it goes on, and its history records the state of each epoch.
        state: A dict that survives a kill; `step` and `learnt_at` are written to it.
    """

    def __init__(self, name: str, constant: float, patience: int, inputs: np.ndarray, stop: bool, state: dict):
        super().__init__()
        self.name, self.constant, self.patience = name, constant, patience
        self.inputs, self.stop, self.state = inputs, stop, state
        self.recent: deque[float] = deque(maxlen=WINDOW)
        state.setdefault("step", 0)
        state.setdefault("learnt_at", 0)

    def on_epoch_begin(self, epoch, logs=None):
        """Restart the running mean that Keras reports."""
        self._batches, self._mean = 0, 0.0

    def on_train_batch_end(self, batch, logs=None):
        """Compare the last steps with the constant answer."""
        # Keras gives the mean of the epoch so far; what a step adds to it is that step's own loss.
        self.recent.append(logs["loss"] * (self._batches + 1) - self._mean * self._batches)
        self._batches, self._mean = self._batches + 1, logs["loss"]
        self.state["step"] += 1
        mean = float(np.mean(self.recent))
        if len(self.recent) == WINDOW and mean < (1 - TOLERANCE) * self.constant:
            self.state["learnt_at"] = self.state["step"]
        waited = self.state["step"] - self.state["learnt_at"]
        if self.stop and (not np.isfinite(mean) or waited >= self.patience):
            raise NotLearningError(self._sentence(mean, waited))

    def judge(self, loss: float) -> str:
        """Return which of `STATES` an epoch with this validation loss is."""
        return judge(loss, self.constant, ops.convert_to_numpy(self.model.predict_on_batch(self.inputs)))

    def _sentence(self, mean: float, waited: int) -> str:
        state = self.judge(mean)
        rate = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        what = {
            "diverged": f"its loss is {mean}",
            "saturated": f"its output is flat or at its ends, where nothing can be learnt, at a loss of {mean:.3f}",
        }.get(state, f"its loss of {mean:.3f} is no better than that of one constant answer, {self.constant:.3f}")
        since = self.state["learnt_at"]
        when = f"in {waited} steps" if not since else f"for {waited} steps, since step {since}"
        return (
            f"{self.name}, rate {rate:g}, has not learnt {when} ({state}): {what}. Try another start or a lower rate, "
            "give it more steps of patience if it may only be waiting, or let it go on with stop_idle = False"
        )
