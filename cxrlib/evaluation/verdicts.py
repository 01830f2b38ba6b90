"""Verdicts on a study's claims, written by rule from numbers: opposite numbers give opposite verdicts."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

SUPPORTED, IN_PART, NOT_SHOWN = "supported", "supported in part", "not shown"
CONTRADICTED, OPEN, NOT_TESTED = "contradicted", "open", "not tested yet"
SIGNIFICANCE_LEVEL = 0.05  # the paper's


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
        "supported" if every reading's input is below the output in all scores, "not shown" if every input reaches it
        in all scores, and "open" otherwise.

    Raises:
        ValueError: There is no reading.

    >>> gain_over_input(pd.DataFrame({"ssim": [0.5, 0.7]}), {"ssim": 0.6}).word
    'open'
    """
    if inputs.empty:
        raise ValueError("no reading of the inputs: give at least one row")
    scores = inputs[list(output)]
    reached, below = (scores >= pd.Series(output)).all(axis=1), (scores < pd.Series(output)).all(axis=1)
    word = SUPPORTED if below.all() else NOT_SHOWN if reached.all() else OPEN
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
        "supported" if all pairs differ significantly as claimed in all measures, "contradicted" if some differ the
        other way and none as claimed, "supported in part" if some differ as claimed, else "not shown".

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
        scores: One row per image and map: `map`, `row` (the image) and `iou`.
        arms: Maps that are claimed to be better.
        rival: The map that they are compared with.

    Returns:
        "supported" if the interval of every mean difference (95 %, normal, paired by image) is above zero,
        "contradicted" if none is above and one is below, "supported in part" if some are above, else "not shown".

    Raises:
        ValueError: An arm or the rival has no map, or fewer than two images are measured.
    """
    table = scores.pivot(index="row", columns="map", values="iou")
    missing = [name for name in (*arms, rival) if name not in table]
    if missing or not arms or len(table) < 2:
        raise ValueError(f"no maps of {', '.join(missing) or 'any arm'}, or fewer than two images with boxes")
    told, above, below = [], 0, 0
    for arm in arms:
        apart = (table[arm] - table[rival]).dropna()
        mean, margin = apart.mean(), 1.96 * apart.std(ddof=1) / np.sqrt(len(apart))
        above, below = above + (mean - margin > 0), below + (mean + margin < 0)
        told.append(f"{arm} {mean:+.3f} ({mean - margin:+.3f} to {mean + margin:+.3f})")
    because = f"mean IoU minus that of {rival}, with its interval: {', '.join(told)}"
    return Verdict(_word(above, below, len(arms)), because.replace("-0.", "\N{MINUS SIGN}0."))


def _word(above: int, below: int, asked: int) -> str:
    """Return the verdict on so many comparisons, of which some speak for a claim and some against it."""
    return SUPPORTED if above == asked else IN_PART if above else CONTRADICTED if below else NOT_SHOWN
