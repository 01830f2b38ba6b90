"""Pictures in which a threshold moves: a point in the ROC plane, with its four counts and its seven scores."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from scipy.stats import norm
from sklearn.metrics import roc_curve

from cxrlib.evaluation.operating_point import concave_bounds, d_prime_from_counts, implied_sensitivity
from cxrlib.evaluation.scores import COUNTS, SCORES, check_predictions, from_counts
from cxrlib.figures.html import HtmlPicture
from cxrlib.figures.moving import Control, moving_picture
from cxrlib.figures.style import NOTHING
from cxrlib.figures.tables import SCORE_NAMES, signed

SIDE, LEFT, TOP = 300, 44, 8  # of the ROC plane within its drawing, in the drawing's units
STEPS = np.arange(101) / 100  # thresholds of a run
SHIFTS = np.arange(-50, 51) / 20  # of a published threshold, in standard deviations of a class's scores
_THIN = 'fill="none" stroke="currentColor" stroke-opacity="0.4" stroke-width="1"'
_COUNTS = """<table><thead><tr><td></td><th scope="col">called abnormal</th><th scope="col">called normal</th></tr>
</thead><tbody><tr><th scope="row">abnormal</th><td data-part="tp"></td><td data-part="fn"></td></tr>
<tr><th scope="row">normal</th><td data-part="fp"></td><td data-part="tn"></td></tr></tbody></table>"""


def on_curves(
    y_true: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    threshold: float = 0.5,
    notes: Mapping[str, str] = NOTHING,
) -> HtmlPicture:
    """Let a threshold move a point along the ROC curve of each of several models.

    Args:
        y_true: Labels, 0 normal and 1 abnormal, shape (N,).
        probabilities: Model name to probability of abnormal, shape (N,), in [0, 1].
        threshold: Threshold at first; an image at or above it is called abnormal.
        notes: Model name to the name that is shown, as `arms.notes` gives it.

    Returns:
        A list of the models, a slider from 0 to 1 in steps of a hundredth, the plane, and the counts and scores of
        `scores.from_counts`.

    Raises:
        ValueError: The labels or probabilities are not as in `scores.from_predictions`.
    """
    steps = np.union1d(STEPS, [threshold])
    cells, curves = [], []
    for probability in probabilities.values():
        labels, probability = check_predictions(y_true, probability)
        called = probability >= steps[:, None]  # (steps, N)
        hits, alarms = (np.sum(called & (labels == label), axis=1) for label in (1, 0))
        abnormal = int(labels.sum())
        cells.append(np.stack([hits, abnormal - hits, alarms, len(labels) - abnormal - alarms], axis=1))
        curves.append(_path(*roc_curve(labels, probability)[:2]))
    others = "".join(f'<path d="{curve}" {_THIN}></path>' for curve in curves)
    drawing = _plane(
        f'{others}<path data-part="curve" fill="none" stroke="currentColor" stroke-width="2"></path>{_POINT}',
        "ROC plane with a curve for each model, and a point on one of them",
    )
    controls = [
        Control("Model", [notes.get(name, name) for name in probabilities], is_list=True),
        Control("Threshold", [f"{step:.12g}" for step in steps], int(np.searchsorted(steps, threshold))),
    ]
    parts = {"curve": {"d": curves}, **_point_and_scores(np.concatenate(cells))}
    told = f"<output>{_found(cells[0][0])}</output>{_COUNTS}{_SCORES}"
    return moving_picture(
        drawing, told, controls, parts, "A threshold moves a point along the ROC curve; its counts and scores follow"
    )


def on_published_points(counts: Mapping[str, tuple[int, int, int, int]]) -> HtmlPicture:
    """Let a threshold move published operating points, along the binormal curve through each of them.

    Of each model one point is published, and no curve. The curve is the equal-variance binormal model's, in which only
    the threshold differs from the published point. The ground behind it is where any concave curve through the point
    must lie (`operating_point.concave_bounds`).

    Args:
        counts: Name of each model to its published (tp, fn, fp, tn), all of the same images.

    Returns:
        A list of the models, a slider of the threshold in standard deviations from the published one, the plane, and
        the counts and scores. Away from the published point counts are the model's, rounded to whole images.

    Raises:
        ValueError: A model's sensitivity or specificity is 0 or 1, or its point lies below chance.
    """
    cells, curves, grounds, limits, points = [], [], [], [], []
    rate = np.linspace(0, 1, 101)
    for model in counts.values():
        tp, fn, fp, tn = model
        sensitivity, specificity = tp / (tp + fn), tn / (fp + tn)
        distance = d_prime_from_counts(*model)["d_prime"]
        moved = norm.cdf(norm.ppf(specificity) + SHIFTS)
        hits = np.rint(implied_sensitivity(distance, moved) * (tp + fn)).astype(int)
        right = np.rint(moved * (fp + tn)).astype(int)
        cells.append(np.stack([hits, tp + fn - hits, fp + tn - right, right], axis=1))
        curves.append(_path(rate, implied_sensitivity(distance, 1 - rate)))
        grounds.append(_concave_ground(sensitivity, specificity))
        limits += [concave_bounds(sensitivity, specificity, there) for there in right / (fp + tn)]
        points.append((1 - specificity, sensitivity))
    hollow = "".join(
        f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="4" fill="none" stroke="currentColor"><title>{escape(name)}, '
        "published</title></circle>"
        for name, (x, y) in zip(counts, points, strict=True)
    )
    drawing = _plane(
        '<path data-part="ground" fill="#56b4e9" fill-opacity="0.22"></path><path data-part="curve" fill="none" '
        f'stroke="currentColor" stroke-width="2" stroke-dasharray="6 4"></path>{hollow}{_POINT}',
        "ROC plane with a hollow mark for each published point, and a dashed model curve through one of them",
    )
    said = [
        "published" if shift == 0 else f"{abs(shift):.2f} SD {'stricter' if shift > 0 else 'laxer'}: model"
        for shift in SHIFTS
    ]
    controls = [
        Control("Model", list(counts), is_list=True),
        Control("Threshold", said, int(np.flatnonzero(SHIFTS == 0)[0])),
    ]
    parts = {
        "curve": {"d": curves},
        "ground": {"d": grounds},
        **_point_and_scores(np.concatenate(cells)),
        "low": {"text": [f"{low:.2f}" for low, _ in limits]},
        "high": {"text": [f"{high:.2f}" for _, high in limits]},
    }
    told = (
        f"<output>{_found(cells[0][0])} If the curve is only known to be concave, the sensitivity at this specificity "
        f'lies between <b data-part="low"></b> and <b data-part="high"></b>.</output>{_COUNTS}{_SCORES}'
    )
    return moving_picture(
        drawing,
        told,
        controls,
        parts,
        "A threshold moves a published operating point along a binormal curve, which is a model and not published",
    )


_POINT = (
    '<circle data-part="point" r="7" fill="#d55e00" stroke="currentColor" stroke-width="1.5"></circle>'  # over the rest
)
_SCORES = (
    "<dl>"
    + "".join(f'<div><dt>{escape(SCORE_NAMES[score])}</dt><dd data-part="{score}"></dd></div>' for score in SCORES)
    + "</dl>"
)


def _found(cells: Sequence[int]) -> str:
    tp, fn, fp, tn = cells
    return (
        f'Finds <b data-part="tp"></b> of {tp + fn} abnormal images; calls <b data-part="fp"></b> of {fp + tn} normal '
        "images abnormal."
    )


def _point_and_scores(cells: np.ndarray) -> dict[str, dict[str, list]]:
    """Give what moves with the counts (frames, 4): the point's place, the counts and the scores."""
    tp, fn, fp, tn = cells.T
    found = from_counts(*cells.T)
    return {
        "point": {
            "cx": [f"{_x(x):.1f}" for x in fp / (fp + tn)],
            "cy": [f"{_y(y):.1f}" for y in tp / (tp + fn)],
        },
        **{name: {"text": column.tolist()} for name, column in zip(COUNTS, cells.T, strict=True)},
        **{score: {"text": [signed(value) for value in found[score]]} for score in SCORES},
    }


def _x(rate):
    return LEFT + SIDE * rate


def _y(rate):
    return TOP + SIDE * (1 - rate)


def _path(across: Sequence[float], upwards: Sequence[float]) -> str:
    return "M" + "L".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in zip(across, upwards, strict=True))


def _concave_ground(sensitivity: float, specificity: float) -> str:
    """Outline where concave curves through a point lie: two triangles that meet in it."""
    across = 1 - specificity
    on_left = concave_bounds(sensitivity, specificity, 1)[1]
    on_top = min(1.0, across / sensitivity)  # where the line from the origin through the point leaves the plane
    left = _path([0, across, 0], [0, sensitivity, on_left])
    return f"{left}Z{_path([across, 1, on_top], [sensitivity, 1, 1])}Z"


def _plane(inside: str, description: str) -> str:
    """Draw the axes of the ROC plane around what is in it."""
    ticks = "".join(
        f'<text x="{_x(tick):.0f}" y="{TOP + SIDE + 17}" text-anchor="middle">{tick:g}</text>'
        f'<text x="{LEFT - 6}" y="{_y(tick) + 4:.0f}" text-anchor="end">{tick:g}</text>'
        for tick in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<svg viewBox="0 0 {LEFT + SIDE + 14} {TOP + SIDE + 40}" role="img" aria-label="{escape(description)}" '
        f'fill="currentColor"><path d="{_path([0, 1, 1, 0, 0, 1], [0, 0, 1, 1, 0, 1])}" {_THIN}></path>'
        f'{ticks}<text x="{LEFT + SIDE / 2}" y="{TOP + SIDE + 36}" text-anchor="middle">1 − specificity</text>'
        f'<text transform="translate(12 {TOP + SIDE / 2}) rotate(-90)" text-anchor="middle">sensitivity</text>'
        f"{inside}</svg>"
    )
