"""Put what every seed of a run found into tables: `python -m bookchain.collect runs/quick --seeds 3`.

They lie in `runs/quick/seeds/`, one row a seed in `scores.csv` and `restoration-scores.csv`, and over all seeds in
`models.csv`, `differences.csv`, `restoration.csv` and `gains.csv`. Where all seeds have one split, `areas.csv` has the
differences in AUC with intervals that count seeds and children.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from bookchain import seeds
from cxrlib.evaluation import repeated, replication
from cxrlib.evaluation.arms import compared

FOLDER = "seeds"  # of the tables, in the book's run folder
PRETEXT, ENSEMBLES, EVALUATION = seeds.COLLECTED
AREAS = ["model_1", "model_2", *replication.COMPARED]
INPUT, NETWORK = "corrupted input", "Sharp U-Net"  # among the methods of chapter 7's table of restoration


def collect(run: Path, count: int, threshold: float = 0.5) -> dict[str, pd.DataFrame]:
    """Collect the scores of a run's first seeds.

    Args:
        run: The book's run folder; the other seeds' lie in it.
        count: How many seeds.
        threshold: An image at or above it is called abnormal.

    Returns:
        The tables by name, for `write`.
    """
    folders = {number: Path(seeds.folder(str(run), number)) for number in range(1, count + 1)}
    predictions = {number: pd.read_csv(folder / ENSEMBLES / "predictions.csv") for number, folder in folders.items()}
    states = {number: _states(folder / ENSEMBLES / "states.csv") for number, folder in folders.items()}
    scores = repeated.scores_by_seed(predictions, states, threshold)
    restored = pd.concat([_restored(folder).assign(seed=number) for number, folder in folders.items()])
    pairs = compared(scores["model"].unique())
    differences = repeated.paired_differences(scores, pairs)
    gains = [
        repeated.paired_differences(part, [(INPUT, NETWORK)], "method").assign(task=task)
        for task, part in restored.groupby("task", sort=False)
    ]
    tables = {
        "scores": scores,
        "models": repeated.over_seeds(scores),
        "differences": repeated.over_seeds(differences, ("model_1", "model_2")),
        "restoration-scores": restored,
        "restoration": repeated.over_seeds(restored, ("task", "method")),
        "gains": repeated.over_seeds(pd.concat(gains), ("task", "model_1", "model_2")),
    }
    tested = [frame[frame["split"] == "test"].set_index("row") for frame in predictions.values()]
    if all(frame[["patient", "label"]].equals(tested[0][["patient", "label"]]) for frame in tested):
        tables["areas"] = _areas(tested, [*states.values()], pairs)
    return tables


def _areas(tested: list[pd.DataFrame], states: list[dict[str, str]], pairs: list[tuple[str, str]]) -> pd.DataFrame:
    """Compare pairs of models in AUC over the seeds in which both learned."""
    rows = []
    for pair in pairs:
        learnt = [
            frame for frame, state in zip(tested, states, strict=True) if {state.get(name) for name in pair} == {""}
        ]
        if learnt:
            first, second = (np.stack([frame[name] for frame in learnt]) for name in pair)
            found = replication.compare(tested[0]["label"], tested[0]["patient"], first, second)
            rows.append({"model_1": pair[0], "model_2": pair[1], **found})
    return pd.DataFrame(rows, columns=AREAS)  # where no pair learned, a table without rows


def _states(path: Path) -> dict[str, str]:
    return pd.read_csv(path, index_col="model", keep_default_na=False)["state"].to_dict()


def _restored(folder: Path) -> pd.DataFrame:
    """Read chapter 7's scores of restored images, with the state of the network that restored them."""
    kept = pd.read_csv(folder / PRETEXT / "kept.csv", index_col="network")["state"].replace("learning", "")
    table = pd.read_csv(folder / EVALUATION / "table-2.csv")
    networks = ("restoration, " + table["task"]).map(kept).fillna("")
    table.insert(2, "state", networks.where(table["method"].eq(NETWORK), ""))
    return table


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as CSV, with fixed digits, so that equal runs give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder, for example runs/quick")
    parser.add_argument("--seeds", type=int, required=True, help="how many seeds, from the first on")
    parser.add_argument("--threshold", type=float, default=0.5, help="an image at or above it is called abnormal")
    given = parser.parse_args()
    write(collect(given.run, given.seeds, given.threshold), given.run / FOLDER)
