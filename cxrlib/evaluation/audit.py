"""How far printed numbers can be audited: what one operating point says of a model, and what two models' counts allow.

The paper prints one operating point a model (Table 3) and no ROC curve. Two models fill the gap, and neither is
observed: the equal-variance binormal one, whose only parameter is d', and the weaker one that the curve is concave.
Without predictions image by image nobody knows how often two models agree. Their counts still bound it, and with it
the p value of McNemar's test.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from cxrlib.arrays import check_array
from cxrlib.evaluation.scores import check_counts
from cxrlib.evaluation.significance import exact_mcnemar


def d_prime(sensitivity: float, specificity: float) -> float:
    """Return d' of the equal-variance binormal model, the distance of the two classes in standard deviations.

    d' = z(sensitivity) + z(specificity), z the normal quantile (Green and Swets, Signal Detection Theory and
    Psychophysics, 1966). In the model the area under the ROC curve is the normal distribution at d' / sqrt(2).

    Args:
        sensitivity: above 0 and below 1.
        specificity: above 0 and below 1.

    Returns:
        d', 0 at chance, negative below it.

    Raises:
        ValueError: a rate outside (0, 1), where d' is infinite.

    >>> round(d_prime(sensitivity=0.8, specificity=0.9), 3)
    2.123
    """
    for name, rate in (("sensitivity", sensitivity), ("specificity", specificity)):
        if not 0 < rate < 1:
            raise ValueError(
                f"{name} is {rate}: d' needs a rate between 0 and 1; add half a count to each cell (Hautus 1995)"
            )
    return float(norm.ppf(sensitivity) + norm.ppf(specificity))


def d_prime_from_counts(tp: int, fn: int, fp: int, tn: int, level: float = 0.95) -> dict[str, float]:
    """Return d' with its normal interval by the delta method (Gourevitch and Galanter, Psychometrika 32 (1967) 25).

    The variance is the sum over both rates of r (1 - r) / (n phi(z(r))^2), phi the normal density.

    Args:
        tp: abnormal images called abnormal.
        fn: abnormal images called normal.
        fp: normal images called abnormal.
        tn: normal images called normal.
        level: coverage of the interval.

    Returns:
        `d_prime`, `standard_error`, `low`, `high`.

    Raises:
        ValueError: as in `d_prime`, or counts as in `cxrlib.evaluation.scores.from_counts`.
    """
    tp, fn, fp, tn = check_counts(tp, fn, fp, tn)
    images = np.array([tp + fn, fp + tn])
    rates = np.array([tp, tn]) / images
    distance = d_prime(*rates)
    standard_error = float(np.sqrt(np.sum(rates * (1 - rates) / (images * norm.pdf(norm.ppf(rates)) ** 2))))
    return _with_interval("d_prime", distance, standard_error, level)


def youden_from_counts(tp: int, fn: int, fp: int, tn: int, level: float = 0.95) -> dict[str, float]:
    """Return Youden's J = sensitivity + specificity - 1 with Wald's interval; balanced accuracy is (J + 1) / 2.

    The classes are independent, so the variance is the sum over both rates of r (1 - r) / n (Youden, Cancer 3 (1950)
    32).

    Args:
        tp: abnormal images called abnormal.
        fn: abnormal images called normal.
        fp: normal images called abnormal.
        tn: normal images called normal.
        level: coverage of the interval.

    Returns:
        `youden`, `standard_error`, `low`, `high`.

    Raises:
        ValueError: as in `cxrlib.evaluation.scores.from_counts`.

    >>> round(youden_from_counts(tp=40, fn=10, fp=20, tn=30)["standard_error"], 4)
    0.0894
    """
    tp, fn, fp, tn = check_counts(tp, fn, fp, tn)
    images = np.array([tp + fn, fp + tn])
    rates = np.array([tp, tn]) / images
    standard_error = float(np.sqrt(np.sum(rates * (1 - rates) / images)))
    return _with_interval("youden", float(rates.sum() - 1), standard_error, level)


def _with_interval(name: str, estimate: float, standard_error: float, level: float) -> dict[str, float]:
    margin = float(norm.ppf((1 + level) / 2)) * standard_error
    return {name: estimate, "standard_error": standard_error, "low": estimate - margin, "high": estimate + margin}


MEASURES = {"youden": youden_from_counts, "d_prime": d_prime_from_counts}
"""What a threshold moves, and what in the binormal model it does not."""


def compare_pairs(counts: Mapping[str, tuple[int, int, int, int]], measure: str) -> pd.DataFrame:
    """Test the differences in J or d' of every pair of models, taken as independent.

    Args:
        counts: name of each model to its (tp, fn, fp, tn).
        measure: a name in `MEASURES`.

    Returns:
        One row a pair, with `model_1`, `model_2`, `difference` (second less first), `standard_error`, `z`, the
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


def best_youden(d_prime: float) -> float:
    """Return the largest J that a binormal classifier reaches by moving its threshold, 2 Phi(d' / 2) - 1.

    It is reached half way between the classes, where sensitivity and specificity are equal.

    >>> round(best_youden(2), 3)
    0.683
    """
    return float(2 * norm.cdf(d_prime / 2) - 1)


def verdict(
    counts: Mapping[str, tuple[int, int, int, int]], model: str, baseline: str, significance_level: float = 0.05
) -> str:
    """Say in words, by rule, what the counts carry of the claim that a model is better than the baseline.

    J says whether the model does better at the published thresholds, d' whether it tells the classes apart better; both
    tests are adjusted over all pairs (Holm), models taken as independent. A difference that is not found is never
    called equality.

    Args:
        counts: name of each model to its (tp, fn, fp, tn).
        model: the one that the claim is about.
        baseline: the one that it is compared with.
        significance_level: of the p values after Holm.

    Returns:
        Two sentences.

    Raises:
        ValueError: as in `compare_pairs`.
        KeyError: a name is not in `counts`.
    """
    ordered = {name: counts[name] for name in (baseline, *(name for name in counts if name != baseline))}
    found = {}
    for measure in MEASURES:
        row = compare_pairs(ordered, measure).set_index(["model_1", "model_2"]).loc[(baseline, model)]
        found[measure] = float(np.sign(row["difference"])) if row["p_holm"] < significance_level else 0.0
    operating = {1: "does better", 0: "is not shown to do better or worse", -1: "does worse"}[found["youden"]]
    reading = {
        1: f"It also tells the classes apart better: its d' is above {baseline}'s.",
        0: "Whether it tells the classes apart better, or only has its threshold at a better place, the counts do not "
        "show: the two values of d' do not differ significantly.",
        -1: f"Yet it tells the classes apart worse: its d' is below {baseline}'s.",
    }[found["d_prime"]]
    return f"At the published thresholds {model} {operating} than {baseline} in J and balanced accuracy. {reading}"


def implied_sensitivity(d_prime: float, specificity: ArrayLike) -> np.ndarray | float:
    """Return the sensitivity at a specificity in the equal-variance binormal model, Phi(d' - z(specificity)).

    Args:
        d_prime: distance of the classes.
        specificity: in [0, 1], any shape.

    Returns:
        Sensitivity in [0, 1], of the same shape.

    Raises:
        ValueError: a specificity outside [0, 1].
    """
    specificity = _rates(specificity)
    sensitivity = norm.cdf(d_prime - norm.ppf(specificity))
    return float(sensitivity) if np.ndim(sensitivity) == 0 else sensitivity


def concave_bounds(sensitivity: float, specificity: float, at_specificity: float) -> tuple[float, float]:
    """Bound the sensitivity at another specificity for any concave ROC curve through one operating point.

    The lower bound is the chord to the nearer corner, (0, 0) or (1, 1) of the ROC plane, which chance alone reaches
    by mixing two thresholds; the upper one is the line from the farther corner, cut at 1. A curve that ranks images by
    their true odds is concave; that a network does so is an assumption, though a weaker one than a binormal curve.

    Args:
        sensitivity: of the known point, in [0, 1].
        specificity: of the known point, in [0, 1].
        at_specificity: where to bound, in [0, 1].

    Returns:
        (lowest, highest) sensitivity.

    Raises:
        ValueError: a rate outside [0, 1], or a point below chance (no concave curve goes through it).
    """
    sensitivity, specificity, at_specificity = (float(_rates(r)) for r in (sensitivity, specificity, at_specificity))
    if sensitivity + specificity < 1:
        raise ValueError(f"({sensitivity:g}, {specificity:g}) lies below chance: no concave ROC curve passes it")
    false_positive_rate, at = 1 - specificity, 1 - at_specificity
    with np.errstate(divide="ignore", invalid="ignore"):
        from_origin = np.float64(sensitivity) * at / false_positive_rate
        from_corner = 1 - (1 - sensitivity) * at_specificity / np.float64(specificity)
    if at == false_positive_rate:
        return sensitivity, sensitivity
    bounds = (from_origin, from_corner) if at < false_positive_rate else (from_corner, from_origin)
    # From a corner of the plane itself no line is defined, and nothing is ruled out.
    return float(bounds[0]), float(np.nanmin([bounds[1], 1.0]))


def _rates(values: ArrayLike) -> np.ndarray:
    return check_array(np.asarray(values, dtype=float), "a rate", low=0, high=1, remedy="give shares, not percentages")


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
    """Say what the margins alone tell of the exact McNemar test on sensitivity.

    Args:
        hits_1: abnormal images that the first model finds.
        hits_2: abnormal images that the second finds.
        positives: abnormal images in all.
        alpha: level of significance.

    Returns:
        `least_overlap` and `most_overlap` possible, the p value at each (`p_largest`, `p_smallest`), and
        `overlap_needed`: the fewest shared hits at which p is below alpha, None where no overlap is enough. It
        equals `least_overlap` where the test is significant however the hits overlap.

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
        `difference` (second less first), the pooled two-proportion z test's `z` and `p` (statsmodels'
        `proportions_ztest`, models taken as independent), and `p_paired_smallest`: the least p value that an exact
        McNemar test of correct calls could have, which is where the models agree on as many images as they can.

    Raises:
        ValueError: counts as in `cxrlib.evaluation.scores.from_counts`, or other numbers of abnormal or normal images.
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
