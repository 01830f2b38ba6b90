"""An audit of printed numbers: which differences between models their counts support, and which they may support.

Without predictions image by image it is unknown how often two models agree. The counts still bound it, and so the p
value of McNemar's test.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from cxrlib.evaluation.operating_point import d_prime_from_counts, youden_from_counts
from cxrlib.evaluation.paired import exact_mcnemar
from cxrlib.evaluation.scores import check_counts

MEASURES = {"youden": youden_from_counts, "d_prime": d_prime_from_counts}
"""Measures that a threshold moves (J), and that it does not move in the binormal model (d')."""


def compare_pairs(counts: Mapping[str, tuple[int, int, int, int]], measure: str) -> pd.DataFrame:
    """Test the differences in J or d' of every pair of models, taken as independent.

    Args:
        counts: name of each model to its (tp, fn, fp, tn).
        measure: a name in `MEASURES`.

    Returns:
        One row per pair, with `model_1`, `model_2`, `difference` (second minus first), `standard_error`, `z`, the
        two-sided `p`, and `p_holm`, adjusted over all pairs.

    Raises:
        ValueError: fewer than two models, or as in `d_prime_from_counts`.
    """
    if len(counts) < 2:
        raise ValueError(f"{len(counts)} model: a comparison needs at least two")
    estimates = {model: MEASURES[measure](*cells) for model, cells in counts.items()}
    rows = []
    for model_1, model_2 in combinations(estimates, 2):
        first, second = estimates[model_1], estimates[model_2]
        difference = second[measure] - first[measure]
        standard_error = float(np.hypot(first["standard_error"], second["standard_error"]))
        rows.append((model_1, model_2, difference, standard_error, difference / standard_error))
    frame = pd.DataFrame(rows, columns=["model_1", "model_2", "difference", "standard_error", "z"])
    frame["p"] = 2 * norm.sf(frame["z"].abs())
    frame["p_holm"] = multipletests(frame["p"], method="holm")[1]
    return frame


def verdict(
    counts: Mapping[str, tuple[int, int, int, int]], model: str, baseline: str, significance_level: float = 0.05
) -> str:
    """Return sentences, by rule, on how far the counts support the claim that a model is better than the baseline.

    J says whether the model does better at the published thresholds, d' whether it separates the classes better. Both
    tests are adjusted over all pairs (Holm) and take the models as independent. A difference that is not found is never
    called equality.

    Args:
        counts: name of each model to its (tp, fn, fp, tn).
        model: the one that the claim is about.
        baseline: the one that it is compared with.
        significance_level: of the p values after Holm.

    Returns:
        Two sentences, and one that says what d' is.

    Raises:
        ValueError: as in `compare_pairs`.
        KeyError: a name is not in `counts`.
    """
    ordered = {name: counts[name] for name in (baseline, *(name for name in counts if name != baseline))}
    found = {}
    for measure in MEASURES:
        row = compare_pairs(ordered, measure).set_index(["model_1", "model_2"]).loc[(baseline, model)]
        found[measure] = float(np.sign(row["difference"])) if row["p_holm"] < significance_level else 0.0
    at_thresholds, separates = (int(found[measure]) for measure in ("youden", "d_prime"))
    does = {1: "does better", 0: "is not shown to do better or worse", -1: "does worse"}[at_thresholds]
    open_question = {
        1: "better or only has a better threshold",
        0: "better or worse",
        -1: "worse or only has a worse threshold",
    }
    also = "also " if separates == at_thresholds else ""
    reading = {
        1: f"It {also}separates the classes better: its d' is above {baseline}'s.",
        0: f"The counts do not show whether it separates the classes {open_question[at_thresholds]}: the two values of "
        "d' do not differ significantly.",
        -1: f"It {also}separates the classes worse: its d' is below {baseline}'s.",
    }[separates]
    return (
        f"At the published thresholds {model} {does} than {baseline} in balanced accuracy and Youden's J. {reading} "
        "(In a binormal model d' does not depend on the threshold.)"
    )


def mcnemar_by_overlap(hits_1: int, hits_2: int, positives: int) -> pd.DataFrame:
    """Return the exact McNemar p value for every number of hits that two models can share.

    Args:
        hits_1: abnormal images that the first model finds.
        hits_2: abnormal images that the second finds.
        positives: abnormal images in all, which sets the least overlap.

    Returns:
        Columns `overlap`, rising by one a row, and `p`, which never rises.

    Raises:
        ValueError: hits outside 0 to `positives`, or no positive.
    """
    for hits in (hits_1, hits_2):
        check_counts(hits, positives - hits, 0, 1)
    overlap = np.arange(max(0, hits_1 + hits_2 - positives), min(hits_1, hits_2) + 1)
    return pd.DataFrame({"overlap": overlap, "p": [exact_mcnemar(hits_1 - k, hits_2 - k) for k in overlap]})


def mcnemar_bounds(hits_1: int, hits_2: int, positives: int, alpha: float = 0.05) -> dict[str, float | None]:
    """Return what the margins alone say about the exact McNemar test on sensitivity.

    Args:
        hits_1: abnormal images that the first model finds.
        hits_2: abnormal images that the second finds.
        positives: abnormal images in all.
        alpha: level of significance.

    Returns:
        `least_overlap` and `most_overlap` possible, the p value at each (`p_largest`, `p_smallest`), and
        `overlap_needed`: the fewest shared hits at which p is below alpha, None if no overlap is enough. It
        equals `least_overlap` if the test is significant at any overlap.

    Raises:
        ValueError: as in `mcnemar_by_overlap`.

    >>> found = mcnemar_bounds(hits_1=180, hits_2=195, positives=575)
    >>> found["least_overlap"], found["overlap_needed"], found["most_overlap"]
    (0, 162, 180)
    """
    frame = mcnemar_by_overlap(hits_1, hits_2, positives)
    enough = frame.loc[frame["p"] < alpha, "overlap"]
    return {
        "least_overlap": int(frame["overlap"].iloc[0]),
        "most_overlap": int(frame["overlap"].iloc[-1]),
        "overlap_needed": None if enough.empty else int(enough.iloc[0]),
        "p_largest": float(frame["p"].iloc[0]),
        "p_smallest": float(frame["p"].iloc[-1]),
    }


def compare_accuracy(
    counts_1: tuple[int, int, int, int], counts_2: tuple[int, int, int, int]
) -> dict[str, float | None]:
    """Test the difference of two accuracies, unpaired, and bound the paired test.

    Args:
        counts_1: (tp, fn, fp, tn) of the first model.
        counts_2: those of the second, on the same images.

    Returns:
        `difference` (second minus first), the pooled two-proportion z test's `z` and `p` (statsmodels'
        `proportions_ztest`, models taken as independent), and `p_paired_smallest`: the smallest p value that an exact
        McNemar test of correct calls could have, reached if the models agree on as many images as possible.

    Raises:
        ValueError: counts as in `cxrlib.evaluation.scores.from_counts`, or the models differ in their
            numbers of abnormal or normal images.
    """
    tp_1, fn_1, fp_1, tn_1 = check_counts(*counts_1)
    tp_2, fn_2, fp_2, tn_2 = check_counts(*counts_2)
    if (tp_1 + fn_1, fp_1 + tn_1) != (tp_2 + fn_2, fp_2 + tn_2):
        raise ValueError(f"{counts_1} and {counts_2} do not have the same abnormal and normal images")
    total, gained = tp_1 + fn_1 + fp_1 + tn_1, (tp_2 - tp_1, tn_2 - tn_1)
    correct = (tp_2 + tn_2, tp_1 + tn_1)
    # Both models right, or both wrong, on every image: the pooled error is 0, and so is the difference.
    z, p = (0.0, 1.0) if correct[0] == correct[1] else proportions_ztest(correct, (total, total))
    only_1, only_2 = sum(max(-change, 0) for change in gained), sum(max(change, 0) for change in gained)
    return {
        "difference": sum(gained) / total,
        "z": float(z),
        "p": float(p),
        "p_paired_smallest": exact_mcnemar(only_1, only_2),
    }
