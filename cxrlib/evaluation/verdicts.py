"""Verdicts on a study's claims, written by rule from numbers: opposite numbers give opposite verdicts."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from cxrlib.evaluation.localisation import paired_differences

SUPPORTED, IN_PART, NOT_SHOWN = "supported", "supported in part", "not shown"
CONTRADICTED, OPEN, NOT_TESTED = "contradicted", "open", "not tested yet"
SIGNIFICANCE_LEVEL = 0.05  # the paper's
MEASURE_NAMES = {"iou": "mean IoU", "pointing": "pointing game"}  # those of `localisation.MEASURES`


class Verdict(NamedTuple):
    """What the numbers say about a claim.

    Attributes:
        word: "supported", "supported in part", "not shown", "contradicted", "open" or "not tested yet".
        because: The counts or differences that decide it, as a clause with no full stop.
    """

    word: str
    because: str


def gain_over_input(inputs: pd.DataFrame, output: Mapping[str, float]) -> Verdict:
    """Judge whether restored images score above their inputs, when the inputs can be made in several ways.

    Args:
        inputs: One row per reading of how the inputs were made, one column per score; higher is better.
        output: The same scores of the restored images.

    Returns:
        "supported" if every reading's input is below the output in all scores, "contradicted" if every input is above
        it in all scores, "not shown" if every input reaches it in all scores, and "open" otherwise.

    Raises:
        ValueError: There is no reading.

    >>> gain_over_input(pd.DataFrame({"ssim": [0.5, 0.7]}), {"ssim": 0.6}).word
    'open'
    """
    if inputs.empty:
        raise ValueError("no reading of the inputs: give at least one row")
    scores, restored = inputs[list(output)], pd.Series(output)
    reached, below = (scores >= restored).all(axis=1), (scores < restored).all(axis=1)
    above = (scores > restored).all(axis=None)
    word = SUPPORTED if below.all() else CONTRADICTED if above else NOT_SHOWN if reached.all() else OPEN
    return Verdict(
        word,
        f"the untouched input reaches all published scores in {reached.sum()} of {len(inputs)} readings of the text, "
        f"and is below each in {below.sum()}",
    )


def superior(
    tests: Mapping[str, pd.DataFrame],
    claimed: Sequence[tuple[str, str]],
    idle: Collection[str] = (),
) -> Verdict:
    """Judge whether models are better than others, as a study claims, by one measure or several.

    Args:
        tests: Name of each measure to its tests, one row per pair of models: `model_1`, `model_2`, `difference`
            (second minus first) and `p_holm`. A claimed pair may be in either order.
        claimed: Pairs (worse, better), as claimed.
        idle: Networks that did not learn. A pair with one of them is left out: it would compare with no method.

    Returns:
        "supported" if all pairs differ significantly as claimed in all measures, "supported in part" if some do and
        none the other way, "contradicted" if some differ the other way and none as claimed, "open" if there are both,
        else "not shown".

    Raises:
        KeyError: A measure has no test of a claimed pair.
    """
    kept = [pair for pair in claimed if not set(pair) & set(idle)]
    if not kept:
        return Verdict(NOT_SHOWN, "no comparison can be made: a network of each did not learn")
    speaking, above, below = [], 0, 0
    for measure, frame in tests.items():
        found = [difference(frame, *pair) for pair in kept]
        gaps = [row["difference"] for row in found if row["p_holm"] < SIGNIFICANCE_LEVEL]
        ahead = sum(gap > 0 for gap in gaps)
        above, below = above + ahead, below + len(gaps) - ahead
        speaking.append(f"{ahead} of {len(kept)} comparisons in {measure}")
    because = f"after Holm's adjustment, {' and '.join(speaking)} support the claim, and {below} contradict it"
    if left_out := len(claimed) - len(kept):
        because += f" (comparisons left out because a network did not learn: {left_out})"
    return Verdict(_word(above, below, len(kept) * len(tests)), because)


def difference(tests: pd.DataFrame, worse: str, better: str) -> dict[str, float]:
    """Return the test of a pair, in either order of the table, with the difference as better minus worse.

    Args:
        tests: As in `superior`.
        worse: Name of the first model.
        better: Name of the second model.

    Returns:
        `difference`, `p` and `p_holm`.

    Raises:
        KeyError: The pair has no test.
    """
    for first, second, sign in ((worse, better, 1), (better, worse, -1)):
        row = tests[(tests["model_1"] == first) & (tests["model_2"] == second)]
        if len(row):
            return {"difference": sign * float(row["difference"].iloc[0]), **row.iloc[0][["p", "p_holm"]].to_dict()}
    raise KeyError(f"no test of {worse} and {better}")


def all_pairs_differ(pairs: pd.DataFrame, exceptions: Collection[tuple[str, str]]) -> Verdict:
    """Judge whether all pairs of models except the named ones differ significantly.

    The claim is about the outcome of a test. Where it is contradicted the models may still differ.

    Args:
        pairs: One row per pair: `model_1`, `model_2`, `p` and `p_holm`.
        exceptions: The pairs that are not claimed to differ, in the order of the table.

    Returns:
        "contradicted" if a claimed pair has a raw p value at or above `SIGNIFICANCE_LEVEL`, "supported in part" if one
        has it only after Holm's adjustment, else "supported".
    """
    named = list(zip(pairs["model_1"], pairs["model_2"], strict=True))
    claimed = pairs[[pair not in set(exceptions) for pair in named]]
    raw, adjusted = ((claimed[column] >= SIGNIFICANCE_LEVEL).sum() for column in ("p", "p_holm"))
    word = CONTRADICTED if raw else IN_PART if adjusted else SUPPORTED
    return Verdict(
        word,
        f"of {len(claimed)} pairs that are said to differ, {raw} do not differ significantly, and {adjusted} do not "
        "after Holm's adjustment",
    )


def closer_to_boxes(scores: pd.DataFrame, arms: Sequence[str], rival: str) -> Verdict:
    """Judge whether the maps of some arms match boxes better than those of another arm, image by image.

    Args:
        scores: One row per image and map: `map`, `row` (the image), `patient`, and the measures `pointing` and `iou`,
            as `cxrlib.evaluation.localisation.measure` gives them.
        arms: Maps that are claimed to be better.
        rival: The map that they are compared with.

    Returns:
        The word of `superior`, where a difference counts if the 95% interval of its mean over resampled children
        (`cxrlib.evaluation.localisation.paired_differences`) leaves out zero. The intervals are not adjusted for their
        number. With a single child "not shown".

    Raises:
        ValueError: An arm or the rival has no map, the patients are missing, or fewer than two images are measured.
    """
    missing = [name for name in (*arms, rival) if name not in set(scores["map"])]
    if missing or not arms or scores["row"].nunique() < 2:
        raise ValueError(f"no maps of {', '.join(missing) or 'any arm'}, or fewer than two images with boxes")
    if "patient" not in scores:
        raise ValueError("the scores have no column `patient`: add each image's, because intervals are over children")
    patients = scores.drop_duplicates("row").set_index("row")["patient"]
    if patients.nunique() < 2:
        return Verdict(NOT_SHOWN, "all images with boxes are of one child, which says nothing about others")
    found = paired_differences(scores, patients, [(rival, arm) for arm in arms])
    told = []
    for measure, name in MEASURE_NAMES.items():
        rows = found[found["measure"] == measure]
        limits = [
            f"{row.model_2} {_signed(row.difference)} ({_signed(row.low)} to {_signed(row.high)})"
            for row in rows.itertuples()
        ]
        told.append(f"{name} minus that of {rival}: {', '.join(limits)}")
    word = _word((found["low"] > 0).sum(), (found["high"] < 0).sum(), len(found))
    return Verdict(word, f"with intervals over resampled children, {'; '.join(told)}")


def _signed(number: float) -> str:
    return f"{number:+.3f}".replace("-", "\N{MINUS SIGN}")


def _word(above: int, below: int, asked: int) -> str:
    """Return the verdict on so many comparisons, of which some speak for a claim and some against it."""
    if above and below:
        return OPEN
    return SUPPORTED if above == asked else IN_PART if above else CONTRADICTED if below else NOT_SHOWN
