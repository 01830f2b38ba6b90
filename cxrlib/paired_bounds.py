"""What the counts of two models alone say of a paired test between them.

Without predictions image by image nobody knows how often two models agree. Their counts still bound it, and with it
the p value of McNemar's test, which is how far a printed table can be audited.
"""

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportions_ztest

from cxrlib.predictions import check_counts
from cxrlib.significance import exact_mcnemar


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
        ValueError: counts as in `cxrlib.metrics.from_counts`, or other numbers of abnormal or normal images.
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
