"""A few steps instead of a training: does this network learn at its own size, and how long does a step take?

`make rehearse` sets two environment variables, and every training of a chapter then becomes a rehearsal of itself,
with the network that the chapter has built and compiled, on the batches that it would learn from.
"""

import json
import os
import resource
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import ops

from cxrlib.networks import learning

FILE, STEPS = "CXRLIB_REHEARSAL", "CXRLIB_REHEARSAL_STEPS"
"""Environment variables: the file that takes one line of JSON a network, and the number of steps."""

VERDICTS = {
    "learns": "it is better than the best constant answer",
    "falling": "its loss falls on images that it sees again",
    "waits": "its weights move and its output varies, but its loss does not fall yet",
    "dead": "nothing that it could learn from comes through",
}
STILL = 1e-9  # largest change of a weight that moves nothing: biases start at zero, and take any step
FALL = 0.01  # share by which the loss of a repeated batch must fall


def asked_for() -> bool:
    """Return whether trainings are to be rehearsals."""
    return bool(os.environ.get(FILE))


def rehearse(
    model: keras.Model, batches, validation, epochs: int, name: str, constant: float | None, start: str
) -> pd.DataFrame:
    """Take a few steps, record the result, and return a history of one epoch.

    The steps repeat the first batches, so that a network sees the same images again. They end early if it is better
    than the constant answer three times in a row.

    Args:
        model: Compiled model.
        batches: `training.Batches` of the training data.
        validation: `training.Batches` of the validation data; the first batch is scored.
        epochs: Epochs that the training would have, for the record.
        name: The network's name.
        constant: Loss of the best constant answer, or None if the chapter gives none.
        start: How the network started.

    Returns:
        One row, with the columns of a history from `training.train`.
    """
    steps, round_ = int(os.environ.get(STEPS, "20")), min(len(batches), 2)
    before = [weights.copy() for weights in model.get_weights()]
    trace, seconds = [], []
    while len(trace) < steps and not _proven(trace, constant):
        begun = time.perf_counter()
        logs = model.train_on_batch(*batches[len(trace) % round_], return_dict=True)
        seconds.append(time.perf_counter() - begun)
        trace.append(float(logs["loss"]))
    held_out = model.test_on_batch(*validation[0], return_dict=True)
    output = ops.convert_to_numpy(model.predict_on_batch(validation[0][0]))
    changes = (np.abs(a - b).max(initial=0) for a, b in zip(before, model.get_weights(), strict=True))
    moved = max(changes, default=0) > STILL
    record = {
        "network": name,
        "start": start,
        "verdict": verdict(trace, constant, round_, output, moved),
        "losses": [round(loss, 4) for loss in trace],
        "constant": constant,
        "seconds a step": float(np.median(seconds[1:] or seconds)),  # the first step compiles
        "batch": batches.batch_size,
        "epochs": epochs,
        "weights": model.count_params(),
        "memory (GB)": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }
    with Path(os.environ[FILE]).open("a") as file:
        file.write(json.dumps(record) + "\n")
    row = {key: float(value) for key, value in logs.items()}
    row |= {f"val_{key}": float(value) for key, value in held_out.items()}
    rate = float(ops.convert_to_numpy(model.optimizer.learning_rate))
    state = {} if constant is None else {"state": learning.judge(row["val_loss"], constant, output)}
    return pd.DataFrame([{"epoch": 1, **row, "learning_rate": rate, **state, "best": True}])


def _proven(trace: list[float], constant: float | None) -> bool:
    last = trace[-3:]
    return constant is not None and len(last) == 3 and max(last) < (1 - learning.TOLERANCE) * constant


def verdict(losses: list[float], constant: float | None, round_: int, output: np.ndarray, moved: bool) -> str:
    """Return the member of `VERDICTS` that a few steps justify.

    Args:
        losses: Loss of each step.
        constant: Loss of the best constant answer; None if it is not known.
        round_: Number of batches that were repeated in turn.
        output: The network's output for validation images.
        moved: Whether a weight has changed.
    """
    if not np.isfinite(losses).all() or not moved or not learning.varies(output):
        return "dead"
    if constant is not None and np.mean(losses[-round_:]) < (1 - learning.TOLERANCE) * constant:
        return "learns"
    if len(losses) >= 2 * round_ and np.mean(losses[-round_:]) < (1 - FALL) * np.mean(losses[:round_]):
        return "falling"
    return "waits"
