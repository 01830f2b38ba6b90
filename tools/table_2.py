"""Table 2 on real radiographs at any size, on a machine that has Keras and nothing of the chain, such as a lent GPU.

    python tools/table_2.py path/to/chest_xray OUT --width 1.0 --epochs 20

Whole frames, in Table 1's split. For each task the corrupted input and OpenCV's filters are scored first, then a
Sharp U-Net is trained and scored. Each result is written as soon as it is there, a training that was interrupted goes
on, and `provenance.json` says what made it. Nothing that is written shows an image.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from bookchain.provenance import environment  # noqa: E402
from cxrlib.data import checking, cropping, splits  # noqa: E402
from cxrlib.evaluation import published  # noqa: E402
from cxrlib.figures.tables import QUALITY_NAMES  # noqa: E402
from cxrlib.networks import losses, training, vgg16  # noqa: E402
from cxrlib.restoration import corruption, filters, quality, tasks  # noqa: E402

# Name of a task: what `corruption.corrupt` is told.
TASKS = {
    "deblurring": ("deblurring", {}),
    "denoising, deviation": ("denoising", {"noise_scale": "std"}),
    "denoising, variance": ("denoising", {"noise_scale": "variance"}),
    "denoising, deviation, three channels": ("denoising", {"noise_scale": "std", "channels": 3}),
}
SIZES = (4100, 586, 1170)  # Table 1


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the Kermany set")
    parser.add_argument("out", type=Path, help="folder for tables and provenance")
    parser.add_argument("--work", type=Path, help="folder for arrays and checkpoints; default: OUT/work")
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS, metavar="TASK")
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--width", type=float, default=1.0, help="factor on the network's filters; 0 trains none")
    parser.add_argument("--images", type=int, default=0, help="training images, at most; 0: all")
    parser.add_argument("--tested", type=int, default=0, help="test images, at most; 0: all")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seed", type=int, default=20240702)
    return parser.parse_args()


def main() -> None:
    """Score and train task by task."""
    given = parse()
    work = given.work or given.out / "work"
    for folder in (given.out, work):
        folder.mkdir(parents=True, exist_ok=True)
    settings = {key: value for key, value in vars(given).items() if key not in ("data", "out", "work")}
    started = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    record = {"settings": settings, "started": started, **environment(ROOT), "seconds": {}}
    report = checking.check(given.data, progress=True)
    report.require("kermany")
    cohort = splits.split_by_patient(report.frame, SIZES, given.seed, report.duplicates)
    splits.check_leakage(cohort, report.duplicates)
    cropping.crop_to_lungs(list(cohort.path), None, work / "clean.npy", given.size, unfinished=work / "crops")
    clean = np.load(work / "clean.npy", mmap_mode="r")
    rng = np.random.default_rng(given.seed)
    limits = {"train": given.images or None, "validation": max(given.images // 7, 40) if given.images else None}
    rows = {}
    for part in ("train", "validation", "test"):
        limit = limits.get(part, given.tested or None)
        rows[part] = np.sort(rng.permutation(np.flatnonzero(cohort.split == part))[:limit])
    record["images"] = {part: len(positions) for part, positions in rows.items()}
    paper = published.as_frame(published.TABLE_2).rename_axis("task")
    paper.rename(columns=QUALITY_NAMES).to_csv(given.out / "published.csv", lineterminator="\n")
    for name in given.tasks:
        start = time.perf_counter()
        run_task(name, clean, rows, given, work)
        record["seconds"][name] = round(time.perf_counter() - start)
        (given.out / "provenance.json").write_text(json.dumps(record, indent=1) + "\n")


def run_task(name: str, clean: np.ndarray, rows: dict, given: argparse.Namespace, work: Path) -> None:
    """Score the inputs, the filters and the network of one task; append to `scores.csv`."""
    task, options = TASKS[name]
    numbers = np.concatenate(list(rows.values()))
    levels = corruption.draw_levels(range(len(clean)), tasks.find_task(task).levels, given.seed)
    changed = np.lib.format.open_memmap(work / "changed.npy", "w+", np.uint8, clean.shape)
    for block in np.array_split(numbers, max(1, len(numbers) // 64)):
        images = corruption.corrupt(
            clean[block] / np.float32(255), task, levels[block], given.seed, image_numbers=block, **options
        )
        changed[block] = np.rint(255 * images)
    truth, inputs = (array[rows["test"]] / np.float32(255) for array in (clean, changed))
    add(given.out, name, "corrupted input", "", truth, inputs)
    chosen = rows["validation"][:40]
    for method in tasks.find_task(task).filters:
        pairs = (array[chosen] / np.float32(255) for array in (changed, clean))
        strength = filters.choose_strength(method, *pairs, quality.ssim)
        filtered = np.stack([filters.apply_filter(method, image, strength) for image in inputs])
        add(given.out, name, method, strength, truth, filtered)
    if not given.width:
        return
    network = vgg16.sharp_unet((given.size, given.size, 3), given.width, output_channels=1, seed=given.seed)
    network.compile(keras.optimizers.Adam(1e-3), losses.ssim_loss, metrics=[losses.psnr])
    batches = training.Batches(changed, clean, given.batch_size, given.seed, rows=rows["train"])
    held_out = training.Batches(changed, clean, given.batch_size, rows=rows["validation"])
    short = name.replace(",", "").replace(" ", "-")
    history = training.train(network, batches, held_out, given.epochs, work / short)
    history.to_csv(given.out / f"history-{short}.csv", index=False, float_format="%.5g", lineterminator="\n")
    restored = training.predict(network, changed, given.batch_size, rows=rows["test"])[..., 0]
    add(given.out, name, f"Sharp U-Net, width {given.width:g}", "", truth, restored)


def add(out: Path, task: str, method: str, strength: float | str, truth: np.ndarray, images: np.ndarray) -> None:
    """Append one line of mean scores."""
    scores = quality.score(truth, images)
    line = {"task": task, "method": method, "strength": strength}
    for name, printed in QUALITY_NAMES.items():
        line[printed] = f"{quality.mean_score(scores[name]):.{2 if name == 'psnr' else 4}f}"
    path = out / "scores.csv"
    known = pd.read_csv(path, keep_default_na=False, dtype=str) if path.is_file() else pd.DataFrame()
    if len(known):
        known = known[(known.task != task) | (known.method != method)]  # a repeated run replaces its line
    pd.concat([known, pd.DataFrame([line])]).to_csv(path, index=False, lineterminator="\n")
    print(line, flush=True)


if __name__ == "__main__":
    main()
