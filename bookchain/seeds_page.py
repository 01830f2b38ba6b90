"""The section on a run's seeds, for the page of findings: how far the scores move when everything is trained again."""

from pathlib import Path
from string import Template

import pandas as pd

from bookchain import seeds
from bookchain.collect import FOLDER
from bookchain.markup import csv_table
from cxrlib.figures.tables import SCORE_NAMES, signed

TEMPLATE = Path(__file__).with_name("templates") / "seeds.md"
AREA, ACCURACY = "auc", "balanced_accuracy"
COUNTED = "It counts both other trainings and other children"
NO_PAIR = "In no seed of this run did two models that the paper compares both learn."
STUDENT = "It is Student's over the seeds, which have different splits, and takes these as independent"


def section(run: Path, count: int) -> str:
    """Write the section, in MyST; "" for a single seed.

    Args:
        run: The book's run folder, with the tables that `bookchain.collect` leaves.
        count: How many seeds they are made from.
    """
    if count == 1:
        return ""
    tables = {path.stem: pd.read_csv(path) for path in (run / FOLDER).glob("*.csv")}
    idle = tables["scores"].dropna(subset="state").groupby("model", sort=False)["seed"].agg(list)
    left_out = "; ".join(
        f"{model} (seed{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))})" for model, numbers in idle.items()
    )
    shared = "areas" in tables
    return Template(TEMPLATE.read_text()).substitute(
        count=count,
        step=seeds.STEP,
        last=seeds.folder(f"runs/{run.name}", count),
        folder=f"runs/{run.name}/{FOLDER}",
        split="All seeds have the same split" if shared else "Each seed has a split of its own",
        interval=COUNTED if shared else STUDENT,
        idle=f"Left out, because they did not learn: {left_out}."
        if left_out
        else "Every classifier learned in each seed.",
        models=_models(tables["models"]),
        differences=_differences(tables["differences"], tables.get("areas")),
    )


def _scored(frame: pd.DataFrame, score: str, by: list[str]) -> pd.DataFrame:
    return frame[frame["score"] == score].set_index(by)


def _models(models: pd.DataFrame) -> str:
    area, accuracy = (_scored(models, score, ["model"]) for score in (AREA, ACCURACY))
    rows = {"model": area.index, "seeds": area["seeds"]}
    for name, found in (("AUC", area), (SCORE_NAMES[ACCURACY], accuracy)):
        rows[name] = [_with(mean, signed(sd)) for mean, sd in zip(found["mean"], found["sd"], strict=True)]
    return csv_table(pd.DataFrame(rows), "36 16 24 24")


def _differences(differences: pd.DataFrame, areas: pd.DataFrame | None) -> str:
    pair = ["model_1", "model_2"]
    area, accuracy = (_scored(differences, score, pair) for score in (AREA, ACCURACY))
    if areas is not None:
        area = areas.rename(columns={"difference": "mean"}).set_index(pair)
    rows = [
        {
            "models": f"{second} minus {first}",
            "seeds": found["seeds"],
            "AUC (95 % interval)": _with(found["mean"], _range(found["low"], found["high"]), plus=True),
            "Bal. acc. (lowest to highest)": _with(
                (other := accuracy.loc[(first, second)])["mean"], _range(other["lowest"], other["highest"]), plus=True
            ),
        }
        for (first, second), found in area.to_dict("index").items()
    ]
    return csv_table(pd.DataFrame(rows), "29 15 28 28") if rows else NO_PAIR


def _range(low: float, high: float) -> str:
    return "" if pd.isna(low) else f"{signed(low, plus=True)} to {signed(high, plus=True)}"


def _with(mean: float, spread: str, plus: bool = False) -> str:
    return signed(mean, plus=plus) + (f" ({spread})" if spread not in ("", "nan") else "")
