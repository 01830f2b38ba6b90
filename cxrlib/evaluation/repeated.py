"""Scores of the same models, trained with several seeds: beside one another, and their mean and spread.

A seed decides first weights, the order of images and, in a study with a split of its own for each seed, who is tested.
Scores of one seed share all of it, so two models are compared within each seed, and the differences are averaged.
Where all seeds test the same images, `cxrlib.evaluation.replication` says more of AUC: it counts the children, too.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import roc_auc_score

from cxrlib.evaluation.scores import COUNTS, brier_score, from_predictions

SUMMARY = ["seeds", "mean", "sd", "lowest", "highest", "low", "high"]


def scores_by_seed(
    predictions: Mapping[int, pd.DataFrame], states: Mapping[int, Mapping[str, str]], threshold: float = 0.5
) -> pd.DataFrame:
    """Score each model of each seed on its test images.

    Args:
        predictions: By the seed's number, one row an image: columns `split` ("validation" or "test"), `label` (0
            normal, 1 abnormal), and for each model its probability of abnormal, in [0, 1].
        states: For the same seeds, the models to score, and what kept each from learning, as
            `cxrlib.evaluation.arms.did_not_learn` says it: "" if nothing did.
        threshold: An image at or above it is called abnormal.

    Returns:
        One row a seed and model: `seed`, `model`, `state`, `auc`, `brier`, and the scores of
        `cxrlib.evaluation.scores.from_counts`.

    Raises:
        ValueError: A seed lacks the predictions of a model, or has labels or probabilities that cannot be scored; the
            message names seed and model.
    """
    rows = []
    for seed, frame in predictions.items():
        test = frame[frame["split"] == "test"]
        for model, state in states[seed].items():
            if model not in test:
                raise ValueError(f"seed {seed}, {model}: no predictions; leave the model out, or predict with it")
            try:
                scores = from_predictions(test["label"], test[model], threshold)
            except ValueError as error:
                raise ValueError(f"seed {seed}, {model}: {error}") from error
            areas = {"auc": roc_auc_score(test["label"], test[model]), "brier": brier_score(test["label"], test[model])}
            rows.append({"seed": seed, "model": model, "state": state, **areas, **scores})
    return pd.DataFrame(rows).drop(columns=[*COUNTS])


def paired_differences(by_seed: pd.DataFrame, pairs: Sequence[tuple[str, str]], name: str = "model") -> pd.DataFrame:
    """Subtract, within each seed, the scores of the first of two models from those of the second.

    Args:
        by_seed: One row a seed and model: columns `seed`, the model's name, and one a score; where there is a column
            `state`, a model that did not learn in a seed has no difference there.
        pairs: Names of two models each; a seed that lacks one of them is left out for this pair.
        name: The column with the model's name.

    Returns:
        One row a pair and seed: `seed`, `model_1`, `model_2`, and the difference of each score.
    """
    tables = {key: part.set_index("seed") for key, part in _learnt(by_seed).groupby(name)}
    rows = []
    for first, second in pairs:
        if {first, second} <= tables.keys():
            scores = [tables[key].select_dtypes("number") for key in (first, second)]
            difference = (scores[1] - scores[0]).dropna(how="all").reset_index()
            rows.append(difference.assign(model_1=first, model_2=second))
    found = (
        pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["seed"]).assign(model_1="", model_2="")
    )
    return found[["seed", "model_1", "model_2", *found.columns.drop(["seed", "model_1", "model_2"])]]


def over_seeds(by_seed: pd.DataFrame, by: Sequence[str] = ("model",), level: float = 0.95) -> pd.DataFrame:
    """Return mean and spread of each score over the seeds.

    The interval is Student's for a mean, with the seed as the unit of chance. Where all seeds test the same images it
    speaks of other trainings alone, not of other children; and it takes the scores as normal, which three or five
    cannot show.

    Args:
        by_seed: One row a seed and thing that is scored; all columns of numbers but `seed` are scores. Where there is
            a column `state`, rows in which it says anything are left out: those numbers describe no method.
        by: Columns that name the thing.
        level: Coverage of the interval.

    Returns:
        One row a thing and score: the columns `by`, `score`, `seeds` (how many were averaged), `mean`, `sd` (standard
        deviation, with seeds - 1), `lowest` and `highest`, `low` and `high` (the interval). A single seed has no `sd`
        and no interval: NaN.

    >>> twice = pd.DataFrame({"seed": [1, 2], "model": "Den-P", "auc": [0.8, 0.9]})
    >>> over_seeds(twice)[["score", "seeds", "mean", "lowest", "highest"]].round(3).to_dict("records")
    [{'score': 'auc', 'seeds': 2, 'mean': 0.85, 'lowest': 0.8, 'highest': 0.9}]
    """
    by, rows = list(by), []
    scores = [column for column in by_seed.select_dtypes("number") if column != "seed"]
    for key, part in _learnt(by_seed).groupby(by, sort=False):
        for score in scores:
            values = part[score].dropna().to_numpy()
            rows.append((*key, score, *_summary(values, level)))
    return pd.DataFrame(rows, columns=[*by, "score", *SUMMARY])


def _learnt(by_seed: pd.DataFrame) -> pd.DataFrame:
    return by_seed[by_seed["state"].eq("")].drop(columns="state") if "state" in by_seed else by_seed


def _summary(values: np.ndarray, level: float) -> tuple[float, ...]:
    count = len(values)
    mean = values.mean()
    spread = (values - values[0]).std(ddof=1) if count > 1 else np.nan  # of equal values it is 0, to the last digit
    half = stats.t.ppf((1 + level) / 2, count - 1) * spread / np.sqrt(count) if count > 1 else np.nan
    return count, mean, spread, values.min(), values.max(), mean - half, mean + half
