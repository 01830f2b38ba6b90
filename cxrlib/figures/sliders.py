"""A picture of two images with a divider that the reader moves: plain HTML, no library, no file beside the page.

Its style is in `style` attributes, so it shows both halves even where style sheets and scripts are removed, as
JupyterLab does with a notebook that it does not trust. The style sheet and one line of script on the
range input let the divider move.
"""

from collections.abc import Sequence
from html import escape

import numpy as np

from cxrlib.arrays import check_pair
from cxrlib.figures.html import HtmlPicture
from cxrlib.figures.pictures import data_uri

WIDTH_IN_PIXELS = 420  # at most; a phone shows less

# The thumb is as high as the picture and wide enough for a finger: some phones move a slider by its thumb alone. The
# input reaches half a thumb beyond both edges, so that the thumb's middle meets the divider everywhere.
_STYLE = """
.before-after { touch-action: pan-y; overflow: clip !important; print-color-adjust: exact; }
.before-after img { filter: none !important; padding: 0 !important; background: none !important;
  border-radius: 0 !important; margin: 0 !important; image-rendering: auto; }
.before-after > div { width: 100% !important; clip-path: inset(0 calc(100% - var(--share)) 0 0); }
.before-after > div > img { width: 100% !important; }
.before-after > input { left: -22px !important; width: calc(100% + 44px) !important; margin: 0; padding: 0;
  appearance: none; -webkit-appearance: none; cursor: ew-resize; touch-action: pan-y; }
.before-after > input::-webkit-slider-runnable-track { height: 100%; }
.before-after > input::-webkit-slider-thumb { appearance: none; -webkit-appearance: none; width: 44px; height: 100%; }
.before-after > input::-moz-range-thumb { width: 44px; height: 100%; border: 0; }
.before-after > i { position: absolute; inset: 0; pointer-events: none; }
.before-after > i::before { content: ""; position: absolute; top: 0; bottom: 0; left: calc(var(--share) - 1px);
  width: 2px; background: #fff; box-shadow: 0 0 2px #000; }
.before-after > i::after { content: "\\2194"; position: absolute; top: 50%; left: var(--share); width: 32px;
  margin: -16px; font: 20px/32px sans-serif; text-align: center; color: #111; background: #fff; border-radius: 50%;
  box-shadow: 0 0 3px #000; }
.before-after > input:focus-visible + i { box-shadow: inset 0 0 0 3px #0072b2, inset 0 0 0 5px #fff; }
.before-after > input:focus-visible + i::after { background: #0072b2; color: #fff; }
"""
_LABEL = (
    "position:absolute;top:6px;{side}:6px;max-width:150px;padding:2px 6px;border-radius:4px;background:#111;color:#fff;"
    "font:600 13px/1.35 sans-serif;text-align:{side};white-space:pre-line"
)


def before_after(
    before: np.ndarray,
    after: np.ndarray,
    labels: Sequence[str] = ("before", "after"),
    description: str = "the same radiograph before and after",
) -> HtmlPicture:
    """Lay two images over each other, with a divider that mouse, finger and arrow keys move.

    Args:
        before: Grey image (H, W), float in [0, 1], left of the divider.
        after: Image of the same shape, right of the divider.
        labels: Texts of the upper corners; a line break starts another line, for a score.
        description: What the images show, for those who do not see them.

    Returns:
        An object that a notebook shows. Each image is a PNG inside the HTML, rounded to 8 bits; the browser enlarges
        it smoothly to 420 pixels, or to the width of the page where that is less.

    Raises:
        ValueError: An image is not floating point (H, W) in [0, 1], the shapes differ, there are not two labels, or a
            text is empty.
    """
    images = check_pair(before, after, ("before", "after"), dtype=np.float32)
    if isinstance(labels, str) or len(labels) != 2:
        raise ValueError(f"labels {labels!r}; give two, one for each image")
    if not all(text.strip() for text in (*labels, description)):
        raise ValueError("a label or the description is empty; say what each image is and what both show")
    first, second = (
        {"source": data_uri(image), "label": escape(label), "alt": escape(f"{description}: {' '.join(label.split())}")}
        for image, label in zip(images, labels, strict=True)
    )
    name = escape(f"{description}: move the divider")
    html = (
        f'<div class="before-after" style="--share:50%;position:relative;width:100%;max-width:{WIDTH_IN_PIXELS}px;'
        f'overflow:hidden;margin:0.5rem auto"><style>{_STYLE}</style>'
        f'<img src="{second["source"]}" alt="{second["alt"]}" style="display:block;width:100%;height:auto">'
        f'<span style="{_LABEL.format(side="right")}">{second["label"]}</span>'
        '<div style="position:absolute;top:0;left:0;width:50%;height:100%;overflow:hidden">'
        f'<img src="{first["source"]}" alt="{first["alt"]}" '
        'style="display:block;width:200%;max-width:none;height:100%">'
        f'<span style="{_LABEL.format(side="left")}">{first["label"]}</span></div>'
        f'<input type="range" min="0" max="100" step="0.5" value="50" autocomplete="off" aria-label="{name}" '
        "oninput=\"this.parentNode.style.setProperty('--share', this.value + '%')\" "
        'style="position:absolute;top:0;left:0;width:100%;height:100%;opacity:0"><i aria-hidden="true"></i></div>'
    )
    return HtmlPicture(html, f"{description}: {' | '.join(' '.join(label.split()) for label in labels)}")
