"""One seed of the experiment that `book/protocol.md` plans, on the open pneumonia set; no chapter is needed for it.

    python tools/replicate.py path/to/chest_xray path/to/vgg16.npz book/reference/replication --seed 1 --work DIR

Each result is written as soon as it is there, and one that is there is not computed again: an interrupted training goes
on from its last epoch, and the same command ends what is left. `--primary` leaves out the arms that no primary
contrast needs; without it, the command adds them. `--pilot` takes seed 0, three starts and the validation
images, and scores no test image. Nothing that is written shows an image or holds a weight.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from bookchain.provenance import environment  # noqa: E402
from cxrlib.data import checking, cropping, splits  # noqa: E402
from cxrlib.data import cohort as cohorts  # noqa: E402
from cxrlib.evaluation import baselines, probes  # noqa: E402
from cxrlib.files import written_whole  # noqa: E402
from cxrlib.networks import encoders, learning, losses, training, vgg16  # noqa: E402
from cxrlib.restoration import corruption, quality, tasks  # noqa: E402

SPLIT_SEED = 20240702
SIZES = (4100, 586, 1170)  # Table 1; the restoration test's children are the classifiers' test
SIZE, BATCH = 48, 16  # pixels a side, images a step
PRETEXT = {"epochs": 12, "rate": 1e-3, "flat": (2, 0.004)}  # stop once two epochs have gained 0.004 of SSIM or less
RATES = {"ImageNet, own scaling": 5e-5}  # of the other arms 1e-4
# Labelled images, 0 for all: most epochs, and how many without a better validation loss end a training.
LABELS = {0: (20, (4, 0.0)), 250: (40, (8, 0.0))}
ARMS = (
    "Random start, He",
    "ImageNet, [0, 1]",
    "Den-P",
    "Deb-P",
    "Id-P",
    "ImageNet, own scaling",
    "Random start, Glorot",
    "Random start, Den-P's moments",
)
PRIMARY = ("Random start, He", "ImageNet, [0, 1]", "Den-P", "Deb-P")
UNTRAINED = ("Random start, Glorot", "Random start, Den-P's moments")  # starts that no training makes
PILOT = ("Random start, He", "ImageNet, [0, 1]", "ImageNet, own scaling")
PROBE_LABELS, DRAWS = (50, 100, 250, 500), 10


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the Kermany set")
    parser.add_argument("vgg16", type=Path, help="ImageNet weights of VGG-16 (.npz or .h5)")
    parser.add_argument("out", type=Path, help="folder for tables and provenance")
    parser.add_argument("--seed", type=int, default=1, help="1 or more; the pilot has 0")
    parser.add_argument("--primary", action="store_true", help="only what the primary contrasts need")
    parser.add_argument("--pilot", action="store_true", help="only what the protocol's set-up was chosen by")
    parser.add_argument("--work", type=Path, required=True, help="folder for arrays and checkpoints, kept from Git")
    return parser.parse_args()


def cohort_of(data: Path, out: Path, work: Path) -> tuple[pd.DataFrame, cohorts.Pixels]:
    """Split the set as chapter 1 does it for one set and bacterial against viral; store the whole frames."""
    if not (work / "cohort.csv").is_file():
        report = checking.check(data, progress=True)
        report.require("kermany")
        frame, pairs = report.frame, report.duplicates
        strata = frame.assign(label=pd.factorize(frame.finding, sort=True)[0])
        strata["restoration"] = splits.split_by_patient(strata, SIZES, SPLIT_SEED, pairs).split
        halves = splits.split_in_halves(strata, SPLIT_SEED, pairs)
        for purpose in ("pretext", "classification"):
            part = halves[halves[purpose].notna()]
            splits.check_leakage(part.assign(split=part[purpose]), pairs)
        cohort = frame.assign(
            row=np.arange(len(frame)),
            pretext=halves.pretext,
            classification=halves.classification.where(frame.label == 1),
            label=(frame.finding == "bacterial pneumonia").astype(int),
        )
        cropping.crop_to_lungs(list(cohort.path), None, work / "clean.npy", SIZE, unfinished=work / "crops")
        with written_whole(work / "cohort.csv") as partial:
            cohort.drop(columns="path").to_csv(partial, index=False, lineterminator="\n")
    cohort = pd.read_csv(work / "cohort.csv")
    used = cohort[cohort.classification.isin(("validation", "test"))]
    out.mkdir(parents=True, exist_ok=True)
    columns = ["row", "image", "patient", "label", "classification"]
    used[columns].rename(columns={"classification": "part"}).to_csv(
        out / "images.csv", index=False, lineterminator="\n"
    )
    return cohort, cohorts.pixels(cohort, work / "clean.npy")


def parts_of(cohort: pd.DataFrame) -> dict[str, np.ndarray]:
    """Give the numbers of the classifiers' images by part."""
    return {part: cohorts.rows(cohort, "classification", part) for part in cohorts.PARTS}


def learn_pretext(name: str, cohort: pd.DataFrame, seed: int, out: Path, work: Path) -> keras.Model:
    """Train the Sharp U-Net of one task on the whole pretext half; return its encoder, and write how it went."""
    task, kept = tasks.find_task(name), work / f"{name}.keras"
    if kept.is_file():
        return training.load_model(kept)
    clean = cohorts.pixels(cohort, work.parent / "clean.npy", "pretext")
    rows = {part: cohorts.rows(cohort, "pretext", part) for part in ("train", "validation")}
    task_seed = seed + task.seed_offset
    levels = corruption.draw_levels(range(len(cohort)), task.levels, task_seed)
    corruption.save_corrupted(work / f"{name}.npy", clean, name, levels[clean.rows], task_seed, clean.rows)
    changed = cohorts.Pixels(work / f"{name}.npy", clean.rows)
    keras.utils.set_random_seed(seed)
    # Every task begins with the same weights, which are those of the arm "Random start, Glorot".
    network = vgg16.sharp_unet((SIZE, SIZE, 3), output_channels=1, initializer="glorot_uniform", seed=seed)
    network.compile(keras.optimizers.Adam(PRETEXT["rate"]), losses.ssim_loss, metrics=[losses.psnr])
    history = training.train(
        network,
        training.Batches(changed, clean, BATCH, seed, rows=rows["train"]),
        training.Batches(changed, clean, BATCH, rows=rows["validation"]),
        PRETEXT["epochs"],
        work / name,
        constant=learning.constant_loss(losses.ssim_loss, clean[rows["train"]]),
        start="glorot_uniform",
        flat=PRETEXT["flat"],
    )
    truth, inputs = clean[rows["validation"]], changed[rows["validation"]]
    images = {"input": inputs, "output": training.predict(network, inputs, BATCH)[..., 0]}
    scores = [
        {"task": name, "images": kind, **{score: quality.mean_score(v) for score, v in quality.score(truth, x).items()}}
        for kind, x in images.items()
    ]
    append(out / "restoration.csv", pd.DataFrame(scores), ["task"])
    append(out / "pretext-histories.csv", history.assign(task=name), ["task"])
    encoder = vgg16.encoder_of(network)
    training.save_model(encoder, kept)
    return encoder


def start_of(arm: str, made: dict[str, keras.Model], imagenet: Path, seed: int) -> keras.Model:
    """Give the encoder that an arm begins with, as a copy of its own."""
    shape = (SIZE, SIZE, 3)
    if arm.startswith("ImageNet"):
        return vgg16.load_imagenet_weights(vgg16.vgg16_encoder(shape), imagenet)
    if arm == "Random start, Glorot":  # the very weights that the pretext networks began with
        return vgg16.encoder_of(vgg16.sharp_unet(shape, output_channels=1, initializer="glorot_uniform", seed=seed))
    if arm == "Random start, He":
        return vgg16.vgg16_encoder(shape, initializer="he_normal", seed=seed + 7)
    if arm == "Random start, Den-P's moments":
        return encoders.random_with_moments(made["Den-P"], seed + 7)
    return vgg16.copy_encoder(made[arm])


def fine_tune(
    arm: str,
    encoder: keras.Model,
    count: int,
    cohort: pd.DataFrame,
    clean: cohorts.Pixels,
    seed: int,
    out: Path,
    work: Path,
) -> None:
    """Train one arm on all labels or on few; add its probabilities and its history to the seed's tables."""
    table = out / f"predictions-{count or 'all'}.csv"
    rows = parts_of(cohort)
    scored = np.sort(np.concatenate([rows["validation"], rows["test"]][: 1 if seed == 0 else 2]))
    predictions = pd.read_csv(table) if table.is_file() else pd.DataFrame({"row": scored})
    if arm in predictions:
        return
    labels = cohort.label.to_numpy()
    rows["train"] = labelled(rows["train"], labels, count, seed)
    epochs, flat = LABELS[count]
    keras.utils.set_random_seed(seed)
    network = vgg16.classifier(encoder, "caffe" if arm == "ImageNet, own scaling" else None, seed=seed)
    network.compile(keras.optimizers.Adam(RATES.get(arm, 1e-4)), "sparse_categorical_crossentropy")
    history = training.train(
        network,
        training.Batches(clean, labels, BATCH, seed, rows=rows["train"]),
        training.Batches(clean, labels, BATCH, rows=rows["validation"]),
        epochs,
        work / f"{arm.replace(', ', '-').replace(' ', '-')}-{count}",
        patience=None,
        constant=learning.constant_loss("sparse_categorical_crossentropy", labels[rows["train"]]),
        stop_idle=False,  # an arm that does not learn is a result, and its history says so
        flat=flat,
    )
    predictions[arm] = np.round(training.predict(network, clean, rows=scored)[:, 1], 6)
    append(out / "histories.csv", history.assign(labels=count or len(rows["train"]), arm=arm), ["labels", "arm"])
    with written_whole(table) as partial:  # last: an arm that is in it is done
        predictions.to_csv(partial, index=False, lineterminator="\n")


def labelled(rows: np.ndarray, labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw so many training images, each class in its proportion; 0: all."""
    if not count:
        return rows
    rng = np.random.default_rng([seed, count])
    positive = round(count * labels[rows].mean())
    wanted = {0: count - positive, 1: positive}
    return np.sort(np.concatenate([rng.permutation(rows[labels[rows] == label])[:n] for label, n in wanted.items()]))


def probe(starts: dict[str, keras.Model], cohort: pd.DataFrame, clean: cohorts.Pixels, seed: int, out: Path) -> None:
    """Describe each start before it sees a label: sizes, live channels, rank, linear probes by block, and CKA."""
    if (out / "features.csv").is_file() and set(starts) <= set(pd.read_csv(out / "features.csv")["arm"]):
        return
    labels = cohort.label.to_numpy()
    parts = [*parts_of(cohort).values()]
    rows, cuts = np.concatenate(parts), np.cumsum([len(part) for part in parts])[:-1]
    described, probed, kept = [], [], {}
    for arm, encoder in starts.items():
        taps = vgg16.classifier(encoder, "caffe" if arm == "ImageNet, own scaling" else None)
        for block, values in encoders.pooled_features(taps, clean, rows).items():
            kept[arm, block] = values[cuts[1] :]
            described.append({"arm": arm, "block": block, **encoders.summarise(values[: cuts[1]])})
            train, validation, test = (
                probes.Part(*both) for both in zip(np.split(values, cuts), np.split(labels[rows], cuts), strict=True)
            )
            few = probes.by_labels(train, validation, test, PROBE_LABELS, DRAWS, seed)
            every = {"labels": len(train.labels), "draw": 0, **probes.linear_probe(train, validation, test)}
            found = pd.concat([few, pd.DataFrame([every])])
            probed.append(found[["labels", "draw", "C", "auc"]].assign(arm=arm, block=block))
    append(out / "probes.csv", pd.concat(probed), ["arm"])
    alike = [
        {
            "first": one,
            "second": other,
            "block": block,
            "cka": encoders.similarity(kept[one, block], kept[other, block]),
        }
        for one, other in combinations(starts, 2)
        for block in encoders.LAST_CONVOLUTIONS
    ]
    append(out / "similarity.csv", pd.DataFrame(alike), ["first", "second"])
    append(out / "features.csv", pd.DataFrame(described), ["arm"])  # last: an arm that is in it is done


def append(path: Path, rows: pd.DataFrame, key: list[str]) -> None:
    """Add rows to a table, or replace those of the same key; key columns stand first."""
    rows = rows[[*key, *(name for name in rows if name not in key)]]
    if path.is_file():
        known = pd.read_csv(path)
        fresh = set(rows[key].itertuples(index=False, name=None))
        known = known[[line not in fresh for line in known[key].itertuples(index=False, name=None)]]
        rows = pd.concat([known, rows])
    with written_whole(path) as partial:
        rows.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")


def trivial(cohort: pd.DataFrame, clean: cohorts.Pixels, out: Path) -> None:
    """Score what knows next to nothing, once for all seeds."""
    rows = parts_of(cohort)
    found = baselines.probabilities(cohort, clean.__getitem__, rows)
    order = np.argsort(np.concatenate([rows["validation"], rows["test"]]))
    columns = {name: np.concatenate([parts["validation"], parts["test"]])[order] for name, parts in found.items()}
    numbers = np.sort(np.concatenate([rows["validation"], rows["test"]]))
    pd.DataFrame({"row": numbers, **columns}).round(6).to_csv(out / "baselines.csv", index=False, lineterminator="\n")


def main() -> None:
    """Run what is missing of one seed."""
    given = parse()
    if (given.seed < 1) != given.pilot:
        raise SystemExit("--seed: give 1 or more, or --pilot with --seed 0")
    cohort, clean = cohort_of(given.data, given.out, given.work)
    out = given.out / ("pilot" if given.pilot else f"seed-{given.seed}")
    work = given.work / out.name
    for folder in (out, work):
        folder.mkdir(parents=True, exist_ok=True)
    record = json.loads((out / "provenance.json").read_text()) if (out / "provenance.json").is_file() else {}
    digest = hashlib.sha256(given.vgg16.read_bytes()).hexdigest()
    record = {"seed": given.seed, "ImageNet weights": digest, **environment(ROOT), "seconds": record.get("seconds", {})}

    def step(name, call):
        start = time.perf_counter()
        result = call()
        took = time.perf_counter() - start
        record["seconds"][name] = round(record["seconds"].get(name, 0) + took)
        with written_whole(out / "provenance.json") as partial:
            partial.write_text(json.dumps(record, indent=1) + "\n")
        print(f"{name}: {took:.0f} s", flush=True)
        return result

    if given.pilot:
        for arm in PILOT:
            encoder = start_of(arm, {}, given.vgg16, 0)
            step(arm, lambda arm=arm, e=encoder: fine_tune(arm, e, 0, cohort, clean, 0, out, work))
        return
    trivial(cohort, clean, given.out)
    made = {}
    for task in ("denoising", "deblurring", "identity")[: 2 if given.primary else 3]:
        made[tasks.find_task(task).encoder] = step(
            task, lambda task=task: learn_pretext(task, cohort, given.seed, out, work)
        )
    arms = PRIMARY if given.primary else ARMS
    starts = {arm: start_of(arm, made, given.vgg16, given.seed) for arm in ARMS if arm in (*arms, *UNTRAINED)}
    for count in LABELS:
        for arm in arms:
            step(
                f"{arm}, {count or 'all'} labels",
                lambda arm=arm, count=count: fine_tune(
                    arm, vgg16.copy_encoder(starts[arm]), count, cohort, clean, given.seed, out, work
                ),
            )
    step("probes", lambda: probe(starts, cohort, clean, given.seed, out))


if __name__ == "__main__":
    main()
