"""Compare two starts over many seeds: what another training would change, and what other children would.

A difference in AUC, seen once, depends on the seed of the training and on the children of the test. Here both are taken
as drawn at random, seeds standing for the readers of a study with several readers and cases.
"""

from __future__ import annotations  # the code reference then says ArrayLike, not what numpy makes of it

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t

from cxrlib.evaluation.clusters import auc_contributions
from cxrlib.evaluation.roc import placements
from cxrlib.evaluation.significance import all_pairs

BETTER, WORSE, ALIKE, UNDECIDED = "better", "worse", "no difference that matters", "undecided"
FEWEST_SEEDS = 3
# What `compare` returns.
COMPARED = ("seeds", "difference", "by_seed", "by_child", "degrees", "low", "high", "low_90", "high_90", "p")
SIGNIFICANCE_LEVEL = 0.05


def areas(y_true: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """Return the area under the ROC curve of every seed of an arm.

    Args:
        y_true: Labels, 0 and 1, shape (images,).
        probabilities: Probability of class 1, shape (seeds, images), in [0, 1].

    Returns:
        Shape (seeds,), in [0, 1].

    Raises:
        ValueError: As in `cxrlib.evaluation.roc.placements`.
    """
    return placements(y_true, probabilities)[:, np.asarray(y_true) == 1].mean(axis=1)


def compare(y_true: ArrayLike, patients: ArrayLike, first: ArrayLike, second: ArrayLike) -> dict[str, float]:
    """Compare two arms that were trained with the same seeds and read the same images.

    The analysis of Obuchowski and Rockette (Communications in Statistics 24 (1995) 285-308), with seeds in the place of
    readers, and the degrees of freedom of Hillis (Statistics in Medicine 26 (2007) 596-619). The covariances are
    DeLong's, counted by child (`cxrlib.evaluation.clusters.auc_contributions`). With a single seed only the children
    are taken as drawn: nothing is known of another training, and there is no test.

    Args:
        y_true: Labels, 0 and 1, shape (images,).
        patients: The patient of each image, shape (images,).
        first: Probabilities of the first arm, shape (seeds, images), in [0, 1].
        second: Those of the second, in the same order of seeds.

    Returns:
        `seeds`; `difference`, the mean AUC of the second less that of the first; the two parts of its standard error,
        `by_seed` and `by_child`, whose squares add up to its square; `degrees` of freedom; the limits of its 95 %
        interval, `low` and `high`, and of its 90 % interval, `low_90` and `high_90`; and the two-sided `p`.

    Raises:
        ValueError: The shapes differ, an image has no patient, all images are of one child, or as in
            `cxrlib.evaluation.roc.placements`.
    """
    first, second, codes = _checked(y_true, patients, first, second)
    seeds = len(first)
    differences = areas(y_true, second) - areas(y_true, first)  # (seeds,)
    added = np.array([auc_contributions(y_true, scores) for scores in (*first, *second)])
    by_child = np.array([np.bincount(codes, row) for row in added])  # (2 seeds, children)
    children = by_child.shape[1]
    covariance = by_child @ by_child.T * children / (children - 1)
    # Of the difference's mean over seeds, if children alone were drawn again and the trainings stayed as they are.
    signs = np.repeat([-1, 1], seeds)
    contrast = covariance * np.outer(signs, signs)  # summed over all of it: the variance of the sum of differences
    own = np.kron(np.ones((2, 2)), np.eye(seeds)) == 1  # both entries are of one seed
    if seeds == 1:
        children_variance, seed_variance, degrees = contrast.sum(), np.nan, np.nan
        spread = children_variance
    else:
        # Covariances between different seeds: those within an arm less those across, as in the original.
        children_variance = max(contrast[~own].sum() / (seeds * (seeds - 1)), 0.0)
        seed_variance = differences.var(ddof=1) / seeds
        spread = seed_variance + children_variance
        degrees = (seeds - 1) * (spread / seed_variance) ** 2 if seed_variance > 0 else np.inf
    difference, error = float(differences.mean()), float(np.sqrt(spread))
    law = t(degrees if seeds > 1 else np.inf)
    found = {
        "seeds": seeds,
        "difference": difference,
        "by_seed": float(np.sqrt(seed_variance)),
        "by_child": float(np.sqrt(children_variance)),
        "degrees": float(degrees),
    }
    for name, share in (("", 0.975), ("_90", 0.95)):
        margin = float(law.ppf(share)) * error
        found |= {f"low{name}": difference - margin, f"high{name}": difference + margin}
    tested = seeds > 1 and error > 0
    return found | {"p": float(2 * law.sf(abs(difference) / error)) if tested else np.nan}


def two_level_bootstrap(
    y_true: ArrayLike,
    patients: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Draw seeds and children with replacement, and return a percentile interval of the mean difference in AUC.

    It makes no model of the variances, but with few seeds it is too narrow: of five seeds it sees the spread of five.

    Args:
        y_true: As in `compare`.
        patients: As in `compare`.
        first: As in `compare`.
        second: As in `compare`.
        resamples: Number of resamples; one that draws a single class is left out.
        seed: Seed of the generator.
        level: Coverage.

    Returns:
        (low, high) of the second minus the first.

    Raises:
        ValueError: As in `compare`, or there is no resample.
    """
    return _interval(_drawn_differences(y_true, patients, first, second, resamples, seed), level)


def _drawn_differences(
    y_true: ArrayLike, patients: ArrayLike, first: ArrayLike, second: ArrayLike, resamples: int, seed: int
) -> np.ndarray:
    """Return the mean difference in AUC of each resample that draws both classes."""
    first, second, codes = _checked(y_true, patients, first, second)
    if resamples < 1:
        raise ValueError(f"{resamples} resamples: ask for at least one")
    labels = np.asarray(y_true)
    rng, children = np.random.default_rng(seed), codes.max() + 1
    times = rng.multinomial(children, np.full(children, 1 / children), size=resamples)[:, codes]  # (resamples, images)
    positive, negative = times[:, labels == 1], times[:, labels == 0]
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    found = []
    for scores in zip(first, second, strict=True):
        # For each pair of a positive and a negative image: does it count for the second arm more than for the first?
        ordered = [np.sign(row[labels == 1][:, None] - row[labels == 0]) for row in scores]
        gained = ((ordered[1] - ordered[0]) / 2).astype(np.float32)
        found.append(np.einsum("rn,rn->r", positive @ gained, negative))
    drawn = rng.integers(len(first), size=(resamples, len(first)))
    sums = np.array(found)[drawn, np.arange(resamples)[:, None]].mean(axis=1)
    return sums[pairs > 0] / pairs[pairs > 0]


def _checked(
    y_true: ArrayLike, patients: ArrayLike, first: ArrayLike, second: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the probabilities of both arms, shape (seeds, images), and the number of each image's child, (images,)."""
    first, second = np.atleast_2d(np.asarray(first, float)), np.atleast_2d(np.asarray(second, float))
    if first.shape != second.shape:
        raise ValueError(f"probabilities {first.shape} and {second.shape}: give both arms with the same seeds")
    images, codes = np.size(y_true), pd.factorize(np.asarray(patients))[0]
    if first.shape[1] != images or len(codes) != images:
        raise ValueError(f"{images} labels, {len(codes)} patients, probabilities {first.shape}: one of each per image")
    if lacking := int((codes < 0).sum()):
        raise ValueError(
            f"{lacking} of {images} images have no patient: name each image's child, or leave these images out "
            "(in a set that names no children, each image is a child of its own)"
        )
    if codes.max() == 0:
        raise ValueError(
            f"all {images} images are of one child: a comparison by child needs at least two; "
            "look whether the column of patients is the right one"
        )
    return first, second, codes


def _interval(drawn: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def contrasts(
    y_true: ArrayLike,
    patients: ArrayLike,
    probabilities: Mapping[str, ArrayLike],
    pairs: Sequence[tuple[str, str]],
    smallest: float,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare pairs of arms that were planned, adjust their p values together, and give each pair its verdict.

    Args:
        y_true: As in `compare`.
        patients: As in `compare`.
        probabilities: Name of each arm to its probabilities, shape (seeds, images), seeds in the same order.
        pairs: Names of two arms each, the control first.
        smallest: Smallest difference of interest in AUC, above 0.
        resamples: Of `two_level_bootstrap`.
        seed: Of `two_level_bootstrap`.

    Returns:
        One row per pair: `model_1`, `model_2`, what `compare` gives, `p_holm`, the limits of the two-level bootstrap
        `drawn_low` and `drawn_high` (95 %), `drawn_low_90` and `drawn_high_90`, and `verdict`.

    Raises:
        ValueError: As in `compare`.
    """

    def compared(control: str, arm: str) -> dict[str, float]:
        both = probabilities[control], probabilities[arm]
        found = compare(y_true, patients, *both)
        drawn = _drawn_differences(y_true, patients, *both, resamples, seed)
        for name, level in (("", 0.95), ("_90", 0.9)):
            low, high = _interval(drawn, level)
            found |= {f"drawn_low{name}": low, f"drawn_high{name}": high}
        return found

    found = all_pairs(list(probabilities), compared, pairs)
    return found.assign(verdict=[verdict(row, smallest) for row in found.to_dict("records")])


def verdict(contrast: Mapping[str, float], smallest: float) -> str:
    """Say by the protocol's rule what a contrast shows.

    Args:
        contrast: A row of `contrasts`.
        smallest: Smallest difference of interest.

    Returns:
        "better" or "worse" where the adjusted p is below 0.05; else "no difference that matters" where the 90 %
        interval lies within the smallest difference of interest on either side; else "undecided". A difference that is
        significant, with its 90 % interval within those bounds, is one that does not matter. Always "undecided" with
        fewer than three seeds, or where the two-level bootstrap leads to another word.

    >>> wide = {"low_90": 0.01, "high_90": 0.05, "drawn_low": 0.01, "drawn_low_90": 0.01, "drawn_high_90": 0.05}
    >>> verdict({"seeds": 5, "difference": 0.03, "p_holm": 0.01, "drawn_high": 0.05, **wide}, 0.02)
    'better'
    """
    if contrast["seeds"] < FEWEST_SEEDS:
        return UNDECIDED
    within = [max(-contrast[f"{by}low_90"], contrast[f"{by}high_90"]) < smallest for by in ("", "drawn_")]
    away = [contrast["p_holm"] < SIGNIFICANCE_LEVEL, contrast["drawn_low"] > 0 or contrast["drawn_high"] < 0]
    words = {
        ALIKE if inside else (BETTER if contrast["difference"] > 0 else WORSE) if apart else UNDECIDED
        for inside, apart in zip(within, away, strict=True)
    }
    return words.pop() if len(words) == 1 else UNDECIDED
