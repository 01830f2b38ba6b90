"""Pictures of one radiograph that a reader moves: how strongly it is corrupted, and where its activation map is cut."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd

from cxrlib.arrays import check_image, check_pair
from cxrlib.evaluation.localisation import map_to_box, measure
from cxrlib.figures.html import HtmlPicture
from cxrlib.figures.moving import Control, moving_picture
from cxrlib.figures.pictures import data_uri, film, outline, rectangle
from cxrlib.figures.radiographs import PREDICTED, TRUE, over_film, overlay, placed
from cxrlib.figures.tables import QUALITY_NAMES
from cxrlib.restoration.quality import PSNR_CEILING

CUTS = np.arange(1, 20) / 20  # shares of a map's maximum


def levels(
    clean: np.ndarray, corrupted: Mapping[str, np.ndarray], scores: pd.DataFrame, label: str, start: int = 1
) -> HtmlPicture:
    """Let the strength of a corruption change one radiograph and its scores.

    Args:
        clean: Grey image (H, W), float in [0, 1]; the first position of the slider.
        corrupted: What is said of each level to the image at that level, from weak to strong.
        scores: Columns psnr (dB), ssim and haarpsi, one row a level: against the clean image.
        label: What the level is, for example "Noise factor".
        start: Position at first; 1 is the weakest level, 0 the clean image.

    Returns:
        A slider, the image, and the scores of `quality.score`.

    Raises:
        ValueError: An image is not floating point (H, W) in [0, 1] or has another shape, or the numbers differ.
    """
    if len(scores) != len(corrupted):
        raise ValueError(f"{len(scores)} rows of scores for {len(corrupted)} levels; give one each")
    images = [check_image(clean, (2,))]
    images += [check_pair(clean, image, ("clean", words), dtype=np.float32)[1] for words, image in corrupted.items()]
    (height, width), words = clean.shape, f"An example radiograph, {label.lower()} as the slider says"
    perfect = {"psnr": np.inf, "ssim": 1.0, "haarpsi": 1.0}
    scores = pd.concat([pd.DataFrame([perfect]), scores[list(perfect)]], ignore_index=True)
    parts = {"film": {"href": [data_uri(image) for image in images]}}
    parts |= {score: {"text": [_score(score, value) for value in scores[score]]} for score in perfect}
    names = "".join(
        f'<div><dt>{escape(printed)}</dt><dd data-part="{score}"></dd></div>'
        for score, printed in QUALITY_NAMES.items()
    )
    return moving_picture(
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)}">'
        f'<image data-part="film" width="{width}" height="{height}"></image></svg>',
        f"<p>Against the clean image:</p><dl>{names}</dl>",
        [Control(label, ["none", *corrupted], start)],
        parts,
        f"{label}: a slider changes one radiograph, and its scores follow",
    )


def cut(
    image: np.ndarray,
    maps: Mapping[str, np.ndarray],
    boxes: Sequence[Sequence[float]] = (),
    threshold: float | str = 0.5,
) -> HtmlPicture:
    """Let the cut of an activation map move its box, beside the plain film.

    Args:
        image: Grey image (H, W), float in [0, 1].
        maps: Network to its map (H, W) in [0, 1].
        boxes: The radiologists' boxes (x_min, y_min, x_max, y_max), maxima exclusive; an empty list if there are none.
        threshold: Cut at first, as a share of the map's maximum; for "otsu" one half.

    Returns:
        A list of the networks, a slider of the cut, the film, and the film under the map with what the cut leaves, its
        box (`localisation.map_to_box`) and, where there are boxes, the scores of `localisation.measure`.

    Raises:
        ValueError: An image or map is not floating point (H, W) in [0, 1] or has another shape, or a box is empty.
    """
    image = check_image(image, (2,))
    start = 0.5 if isinstance(threshold, str) else threshold
    cuts = np.union1d(CUTS, [start])
    corners, outlines, measured = [], [], []
    for name, heat in maps.items():
        check_pair(image, heat, ("the image", f"the map of {name}"), dtype=np.float32)
        for share in cuts:
            corners.append(map_to_box(heat, share) or (0, 0, 0, 0))
            outlines.append(outline((heat >= share * heat.max()) & (heat > 0)))
            measured += [measure(heat[None], [np.asarray(boxes)], share).iloc[0]] if len(boxes) else []
    x_min, y_min, x_max, y_max = np.array(corners).T
    box = {"x": x_min, "y": y_min, "width": x_max - x_min, "height": y_max - y_min}
    parts = {
        "map": {"href": [overlay(heat) for heat in maps.values()]},
        "outline": {"d": outlines},
        "box": {side: values.tolist() for side, values in box.items()},
        "area": {"text": [f"{area:.0%}" for area in box["width"] * box["height"] / image.size]},
    }
    told = 'The box covers <b data-part="area"></b> of the image.'
    if len(boxes):
        parts["iou"] = {"text": [f"{found.iou:.2f}" for found in measured]}
        by_map = measured[:: len(cuts)]
        parts["pointing"] = {"text": ["inside" if found.pointing else "outside" for found in by_map]}
        parts["energy"] = {"text": [f"{found.energy:.0%}" for found in by_map]}
        told += (
            ' Its IoU with the box around all radiologists\' boxes is <b data-part="iou"></b>. The cut does not change '
            'that the map\'s brightest pixel lies <b data-part="pointing"></b> their boxes, and that these hold '
            '<b data-part="energy"></b> of its sum.'
        )
    over = (
        over_film(next(iter(maps.values())), 'data-part="map"')
        + '<path data-part="outline" fill="none" vector-effect="non-scaling-stroke" stroke="#fff"></path>'
        + "".join(rectangle(TRUE, placed(box), 4) for box in boxes)
        + rectangle(PREDICTED, 'data-part="box"')
    )
    both = (
        film(image, "plain film", "An example radiograph, plain"),
        film(image, "under the map", "The same radiograph under the map, with the box of the cut", over),
    )
    controls = [
        Control("Network", list(maps), is_list=True),
        Control(
            "Cut, share of the map's maximum", [f"{share:.2f}" for share in cuts], int(np.searchsorted(cuts, start))
        ),
    ]
    return moving_picture(
        f'<div class="films">{"".join(both)}</div>',
        f"<output>{told}</output>",
        controls,
        parts,
        "The cut of an activation map moves its box over one radiograph",
    )


def _score(name: str, value: float) -> str:
    return "∞" if name == "psnr" and value > PSNR_CEILING else f"{value:.1f}" if name == "psnr" else f"{value:.3f}"
