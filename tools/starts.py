"""Which starts learn? Restoration networks and classifiers by first weights, rule, width and size, on real radiographs.

    python tools/starts.py path/to/chest_xray OUT

A restoration network is trained to denoise for a few steps, a classifier to tell bacterial from viral pneumonia for a
few hundred. `unet.jsonl` and `classifier.jsonl` get one line a training as soon as it is done, and a second call
continues where the first one ended. `first-step.csv` shows what one step of Adam does to the features of each layer. No
output shows an image.
"""

import argparse
import json
import os
import sys
import time
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")

import cv2  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from bookchain.provenance import environment  # noqa: E402
from cxrlib.data.images import read_image  # noqa: E402
from cxrlib.networks import learning, losses, training, vgg16  # noqa: E402
from cxrlib.restoration import tasks  # noqa: E402

SMALL_LAST = 0.01  # factor on the last layer's first weights, of the start "he_normal, small last layer"
STARTS = ("he_normal", "glorot_uniform", "lecun_normal", "he_normal, small last layer")


def unet_trials():
    """Yield start, rate, width, size, batch, steps and seed of each restoration network."""
    for seed, start in product(range(5), STARTS):
        yield start, 1e-3, 1.0, 48, 16, 20, seed
    for start, seed in product(STARTS, range(3)):
        yield start, 1e-3, 0.25, 64, 16, 60, seed
    for start, seed in (("he_normal", 0), ("glorot_uniform", 0), ("glorot_uniform", 1)):
        yield start, 1e-3, 1.0, 224, 8, 6, seed
    for seed in range(3):
        yield "he_normal", 1e-4, 1.0, 48, 16, 20, seed
    for seed, start in product(range(3), ("he_normal", "glorot_uniform")):
        yield start, 1e-3, 0.5, 64, 16, 20, seed
        yield start, 1e-3, 1.0, 64, 16, 12, seed


def classifier_trials():
    """Yield start, rule, width, size, batch, steps and seed of each classifier."""
    for seed, start, rule in product(range(3), ("he_normal", "glorot_uniform"), ("adam 3e-4", "sgd 1e-3")):
        yield start, rule, 0.125, 64, 8, 900, seed  # as in the quick study
    for seed, start, rule in product(range(3), ("he_normal", "glorot_uniform"), ("sgd 1e-3", "adam 1e-4")):
        yield start, rule, 1.0, 48, 16, 200, seed


def load(root: Path, size: int, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Read pneumonia images as squares: 8-bit (N, size, size), and 1 for bacterial, 0 for viral."""
    paths = sorted(root.glob("*/PNEUMONIA/*.jpeg"))
    chosen = np.random.default_rng(seed).permutation(len(paths))[:count]
    images = [cv2.resize(read_image(paths[i]), (size, size), interpolation=cv2.INTER_AREA) for i in chosen]
    return np.rint(255 * np.stack(images)).astype(np.uint8), np.array(
        ["bacteria" in paths[i].name for i in chosen], int
    )


def run_unet(trial, root: Path, cache: dict) -> dict:
    """Train one restoration network; give its loss at each step and what a constant answer would have."""
    start, rate, width, size, batch, steps, seed = trial
    if size not in cache:
        clean, _ = load(root, size, 512)
        levels = tasks.draw_levels(len(clean), tasks.NOISE_FACTORS, 0)
        cache[size] = clean, tasks.corrupt(clean / np.float32(255), "denoising", levels, 0)
    clean, noisy = cache[size]
    keras.utils.clear_session()
    name, _, small = start.partition(", ")
    network = vgg16.sharp_unet((size, size, 3), width, output_channels=1, initializer=name, seed=seed)
    if small:
        kernel, bias = network.get_layer("restored").get_weights()
        network.get_layer("restored").set_weights([SMALL_LAST * kernel, bias])
    network.compile(keras.optimizers.Adam(rate), losses.ssim_loss)
    batches = training.Batches(noisy, clean, batch, seed)
    trace = follow(network, batches, steps)
    output = np.asarray(network.predict_on_batch(batches[0][0]))
    return {"deviation": float(output.std(axis=(1, 2)).mean()), "trace": trace}


def run_classifier(trial, root: Path, cache: dict) -> dict:
    """Train one classifier; give its loss at each step and that of knowing the share only."""
    start, rule, width, size, batch, steps, seed = trial
    if size not in cache:
        cache[size] = load(root, size, 1078)
    images, labels = cache[size]
    keras.utils.clear_session()
    encoder = vgg16.vgg16_encoder((size, size, 3), width, start, seed)
    network = vgg16.classifier(encoder, seed=seed)
    kind, rate = rule.split()
    adam = keras.optimizers.Adam(float(rate), global_clipnorm=0.5)
    sgd = keras.optimizers.SGD(float(rate), momentum=0.9, global_clipnorm=1.0)
    network.compile(adam if kind == "adam" else sgd, "sparse_categorical_crossentropy")
    trace = follow(network, training.Batches(images, labels, batch, seed), steps)
    share = labels.mean()
    return {"share only": float(-share * np.log(share) - (1 - share) * np.log(1 - share)), "trace": trace}


def first_step(root: Path) -> pd.DataFrame:
    """Tell how far the features of each layer spread before and after one step of Adam, at 48 pixels."""
    clean, _ = load(root, 48, 16)
    noisy = tasks.corrupt(clean / np.float32(255), "denoising", 0.06, 0)
    inputs, targets = np.repeat(noisy[..., None], 3, axis=-1), (clean / np.float32(255))[..., None]
    rows = []
    for width, start, rate in ((1.0, "he_normal", 1e-3), (1.0, "he_normal", 1e-4), (1.0, "glorot_uniform", 1e-3),
                               (0.25, "he_normal", 1e-3)):  # fmt: skip
        keras.utils.clear_session()
        network = vgg16.sharp_unet((48, 48, 3), width, output_channels=1, initializer=start, seed=1)
        network.compile(keras.optimizers.Adam(rate), losses.ssim_loss)
        names = [layer.name for layer in network.layers if "_conv" in layer.name]
        tap = keras.Model(network.input, [network.get_layer(name).output for name in names] + [network.output])
        for when in ("before", "after one step"):
            if when != "before":
                network.train_on_batch(inputs, targets)
            *features, output = (np.asarray(values) for values in tap.predict_on_batch(inputs))
            rows += [
                {"width": width, "start": start, "rate": rate, "when": when, "place": place, "layer": name,
                 "deviation": float(values.std())}
                for place, (name, values) in enumerate(zip([*names, "restored"], [*features, output], strict=True), 1)
            ]  # fmt: skip
    return pd.DataFrame(rows)


def follow(network: keras.Model, batches: training.Batches, steps: int) -> list[float]:
    """Take steps, epoch by epoch, and give the loss of each."""
    trace = []
    while len(trace) < steps:
        for index in range(min(len(batches), steps - len(trace))):
            trace.append(float(network.train_on_batch(*batches[index])))
        batches.on_epoch_end()
    return trace


def main() -> None:
    """Run all trials that OUT does not have yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder chest_xray")
    parser.add_argument("out", type=Path)
    parser.add_argument("--networks", nargs="+", default=["unet", "classifier"], choices=["unet", "classifier"])
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    columns = ["start", "rule", "width", "size", "batch", "steps", "seed"]
    if not (given.out / "first-step.csv").is_file():
        first_step(given.data).to_csv(
            given.out / "first-step.csv", index=False, float_format="%.4g", lineterminator="\n"
        )
    for name, trials, run in (("unet", unet_trials(), run_unet), ("classifier", classifier_trials(), run_classifier)):
        if name not in given.networks:
            continue
        path, cache = given.out / f"{name}.jsonl", {}
        known = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
        done = {tuple(row[column] for column in columns) for row in known}
        for trial in trials:
            if trial in done:
                continue
            begun = time.perf_counter()
            found = dict(zip(columns, trial, strict=True)) | run(trial, given.data, cache)
            found["seconds"] = round(time.perf_counter() - begun, 1)
            found["trace"] = [round(loss, 3) for loss in found["trace"]]
            with path.open("a") as file:
                file.write(json.dumps(found) + "\n")
            tail = np.mean(found["trace"][-5:])
            print(name, *trial, f"first {found['trace'][0]:.3f} last five {tail:.3f}", found["seconds"], flush=True)
        if path.is_file():
            summarise(path, given.data).to_csv(path.with_suffix(".csv"), index=False, lineterminator="\n")
    command = f"python tools/starts.py path/to/chest_xray OUT --networks {' '.join(given.networks)}"
    made = environment() | {"command": command}
    (given.out / f"provenance-{'-'.join(given.networks)}.json").write_text(json.dumps(made, indent=1) + "\n")


def summarise(path: Path, root: Path) -> pd.DataFrame:
    """Give one row a training: its first loss, the mean of its last three, and whether it beats a constant answer."""
    rows = pd.read_json(path, lines=True).rename(columns={"rule": "rate"} if path.stem == "unet" else {})
    best = {}
    for size in sorted(rows["size"].unique()):
        images, labels = load(root, size, 256)
        loss, targets = (
            (losses.ssim_loss, images) if path.stem == "unet" else ("sparse_categorical_crossentropy", labels)
        )
        best[size] = learning.constant_loss(loss, targets)
    rows["first"] = [trace[0] for trace in rows["trace"]]
    rows["last"] = [round(float(np.mean(trace[-3 if path.stem == "unet" else -50 :])), 3) for trace in rows["trace"]]
    rows["constant"] = rows["size"].map(best).round(3)
    rows["learns"] = (rows["last"] < (1 - learning.TOLERANCE) * rows["constant"]).astype(int)
    kept = [column for column in ("width", "size", "rate", "rule", "start", "seed", "batch", "steps") if column in rows]
    order = ["width", "size", "rate" if "rate" in rows else "rule", "start", "seed"]
    rows = rows.sort_values(order, ascending=[False, True, False, True, True])
    return rows[[*kept, "first", "last", "constant", "learns"]]


if __name__ == "__main__":
    main()
