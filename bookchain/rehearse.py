"""Rehearse a preset before its hours are spent: `python -m bookchain.rehearse paper`.

The chapters that train run as they are, at the preset's own size and width, on a few of the run's images. Each training
takes a few steps only (`cxrlib.networks.rehearsal`), and what comes out is a verdict on each network, what a step
takes, and from these what the whole preset would take on this machine.
"""

import argparse
import csv
import json
import os
import shutil
import sys
from itertools import islice
from pathlib import Path

import pandas as pd

from bookchain import provenance
from bookchain.chapter import project_root
from bookchain.estimate import disk, hours, training_images, trainings
from bookchain.execute import execute
from bookchain.plan import Plan
from bookchain.presets import PlanError
from cxrlib.networks import rehearsal

CHAPTERS = ("01-preprocessing", "02-noise-and-blur", "03-pretext-learning", "04-classification", "05-ensembles")
FEW = {
    "01-preprocessing": {
        # Of each half of the first, enough for validation to hold several children of each class.
        **{"synthetic_kermany": [32, 36, 24], "synthetic_vindr": [44, 20]},
        **{"restoration_sizes": [0.6, 0.2, 0.2], "classification_sizes": [0.6, 0.15, 0.25], "segmenter_images": 32},
    },
    "03-pretext-learning": {"ablated_images": 2},
    "04-classification": {"photograph_crops": 80},
}
"""Parameters that make a rehearsal small; none of them is a network's or a training's."""

EACH = 16  # images of each folder and class that are taken from real data
LARGE = 128  # pixels a side from which synthetic radiographs are drawn larger, as in preset paper-proof


def rehearse(plan: Plan, steps: int) -> pd.DataFrame:
    """Run the chapters that train, each training as a rehearsal.

    Args:
        plan: The preset's plan, made without asking for its data.
        steps: Steps of each network, at most.

    Returns:
        One row a network: chapter and what `cxrlib.networks.rehearsal.rehearse` writes down.

    Raises:
        PlanError: If a chapter fails; its log says why.
    """
    run = Path(f"runs/{plan.preset}-rehearsal")
    shutil.rmtree(plan.root / run, ignore_errors=True)
    (plan.root / run).mkdir(parents=True)
    given = {name: sample(name, plan.root / path, plan.root / run / "data") for name, path in plan.given.items()}
    record = plan.root / run / "rehearsal.jsonl"
    os.environ |= {rehearsal.FILE: str(record), rehearsal.STEPS: str(steps)}
    rows: list[dict] = []
    for chapter in CHAPTERS:
        known = plan.values(chapter)
        few = {name: value for name, value in FEW.get(chapter, {}).items() if name in known}
        if known.get("image_size", 0) >= LARGE:
            few["synthetic_size"] = max(known["synthetic_size"], 320)
        own = {name: str(path) for name, path in given.items() if name in known}
        values = plan.parameters(chapter) | few | own | {"run": str(run)}
        if execute(run, chapter, json.dumps({"parameters": values})):
            raise PlanError(f"{chapter} failed in the rehearsal of {plan.preset}; its traceback is above")
        lines = record.read_text().splitlines() if record.is_file() else []
        rows += [{"chapter": chapter, **json.loads(line)} for line in lines[len(rows) :]]
    return pd.DataFrame(rows)


def sample(name: str, source: Path, target: Path) -> Path:
    """Copy a few images of a data set, with the tables that name them; weights and masks are taken as they are.

    Args:
        name: The parameter that names the data: "kermany", "vindr", or another, which is not copied.
        source: Where it is.
        target: Folder for the copies.

    Returns:
        The folder to use.
    """
    if name == "kermany":
        for folder in sorted(
            path for path in source.rglob("*") if path.is_dir() and path.name in ("NORMAL", "PNEUMONIA")
        ):
            for kind in ("*bacteria*", "*virus*", "*IM-*"):
                for file in islice(sorted(folder.glob(kind)), EACH):
                    place = target / name / file.relative_to(source)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, place)
        return target / name
    if name == "vindr":
        for folder in ("train", "test"):
            (target / name / folder).mkdir(parents=True)
            with (source / f"image_labels_{folder}.csv").open(encoding="utf-8-sig") as file:
                rows = list(csv.DictReader(file))
            chosen = [row for kind in ("1", "0") for row in islice(_labelled(rows, kind), EACH)]
            for row in chosen:
                file = f"{folder}/{row['image_id']}.dicom"
                shutil.copyfile(source / file, target / name / file)
            for table in ("image_labels", "annotations"):
                frame = pd.read_csv(source / f"{table}_{folder}.csv", dtype=str)
                frame = frame[frame.image_id.isin([row["image_id"] for row in chosen])]
                frame.to_csv(target / name / f"{table}_{folder}.csv", index=False)
        return target / name
    return source


def _labelled(rows: list[dict], kind: str):
    return (row for row in rows if row.get("No finding", "").strip().startswith(kind))


def report(plan: Plan, networks: pd.DataFrame) -> str:
    """Write what the rehearsal found, for people."""
    networks = networks.assign(hours=hours(networks, training_images(plan)))
    lines = []
    for chapter, part in networks.groupby("chapter", sort=False):
        lines.append(f"{chapter}: {part.hours.sum():.1f} h of training, {part['memory (GB)'].max():.1f} GB of memory")
        for row in part.to_dict("records"):
            path = " ".join(f"{loss:.2f}" for loss in (row["losses"][:3] + row["losses"][3:][-3:]))
            beside = (
                ""
                if row["constant"] is None or pd.isna(row["constant"])
                else f" (constant answer {row['constant']:.2f})"
            )
            start = f" from {row['start']}" if row["start"] else ""
            lines.append(
                f"  {row['network']}{start}: {row['verdict'].upper()}, {rehearsal.VERDICTS[row['verdict']]}; "
                f"loss {path}{beside}; {row['seconds a step']:.2f} s a step of {row['batch']}, {row['hours']:.1f} h"
            )
    total = (networks.hours * trainings(plan, networks)).sum()
    machine = provenance.environment(plan.root)["machine"]
    where = f"{machine.get('cores')} cores, {'GPU ' + machine['GPU'] if 'GPU' in machine else 'no GPU'}"
    lines.append(
        f"{plan.preset} on this machine ({where}): about {total:.0f} hours of training"
        f"{f' for {plan.seeds} seeds' if plan.seeds > 1 else ''}, "
        f"{networks['memory (GB)'].max():.0f} GB of memory, {disk(plan, networks):.1f} GB of disk"
    )
    dead = networks[networks.verdict == "dead"].network.tolist()
    lines.append(
        f"DEAD: {', '.join(dead)}. Do not start this run: change the start or the rate first."
        if dead
        else "No network is dead."
    )
    return "\n".join(lines)


def warning(plan: Plan) -> str:
    """Give what to say before a preset that is made for a GPU runs without one; empty where there is nothing to say.

    On a cluster the machine that starts the run is not the one that computes.
    """
    if plan.profile or not plan.wants_gpu or "GPU" in provenance.environment(plan.root)["machine"]:
        return ""
    kept = plan.root / f"runs/{plan.preset}-rehearsal/report.txt"
    known = kept.read_text().splitlines()[-2] if kept.is_file() else "the rehearsal says what it takes here"
    return (
        f"Preset {plan.preset} is made for a GPU, and none is here: {known}. "
        f"`make rehearse PRESET={plan.preset}` takes about ten minutes and shows whether each network learns."
    )


def main() -> int:
    """Rehearse a preset; the exit status is 1 if one of its networks is dead."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", help="name in presets/, or a YAML file; data as in make, by environment variables")
    parser.add_argument("--steps", type=int, default=20, help="steps of each network, at most")
    parser.add_argument("--warn", action="store_true", help="only say what a run without a GPU would mean")
    given = parser.parse_args()
    root = project_root()
    os.chdir(root)
    try:
        plan = Plan(root, {"preset": given.preset}, os.environ, rehearsal=True)
        if given.warn:
            print(warning(plan), file=sys.stderr)
            return 0
        networks = rehearse(plan, given.steps)
    except PlanError as error:
        print(error, file=sys.stderr)
        return 1
    told = report(plan, networks)
    (root / f"runs/{plan.preset}-rehearsal/report.txt").write_text(told + "\n")
    print(told)
    return int((networks.verdict == "dead").any())


if __name__ == "__main__":
    sys.exit(main())
