"""Pictures that are HTML: films in a grid that fits the page, each at a size at which it can be looked at."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from cxrlib.figures.html import FILMS, HtmlPicture

LARGEST = 512  # pixels; a larger image is made smaller before it is shown


def films(rows: Sequence[Sequence[str]], labels: Sequence[str], description: str, scale: str = "") -> HtmlPicture:
    """Lay films out in rows, each in a grid that fits the page.

    Args:
        rows: Rows of what `film` gives.
        labels: Label of each row, or an empty list.
        description: What all of them show.
        scale: HTML below them that explains their colours.
    """
    written = ['<p class="films-note">Examples</p>']
    for number, row in enumerate(rows):
        label = f'<p class="films-of">{escape(labels[number])}</p>' if len(labels) else ""
        written.append(f'{label}<div class="films">{"".join(row)}</div>')
    return HtmlPicture(f"<div><style>{FILMS}</style>{''.join(written)}{scale}</div>", description)


def film(image: np.ndarray, title: str, description: str, over: str = "") -> str:
    """Write one radiograph as HTML, with its title above it.

    Args:
        image: Grey image (H, W), float in [0, 1].
        title: Its title, shown above it.
        description: What it shows, for those who do not see it.
        over: SVG that is drawn over it, in pixels of the image.
    """
    height, width = image.shape
    return (
        f'<div>{f"<p>{escape(title)}</p>" if title else ""}<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(description)}"><image href="{data_uri(image)}" width="{width}" height="{height}"></image>'
        f"{over}</svg></div>"
    )


def rectangle(colour: str, place: str, dash: int = 0) -> str:
    """Write the outline of a box as SVG, with a white edge, so that it shows on any ground.

    Args:
        colour: Of the line.
        place: Attributes of the rectangle: x, y, width and height, or the name of a part that moves.
        dash: Length of its dashes in pixels of the page; 0 for a solid line.
    """
    line = 'fill="none" vector-effect="non-scaling-stroke"'
    dashed = f' stroke-dasharray="{dash} {dash}"' if dash else ""
    return (
        f'<rect {place} {line} stroke="#fff" stroke-width="4"></rect>'
        f'<rect {place} {line} stroke="{colour}" stroke-width="2"{dashed}></rect>'
    )


def data_uri(image: np.ndarray) -> str:
    """Write an image as a PNG inside an address, for a picture that needs no file beside it.

    Args:
        image: Grey (H, W) or colour and opacity (H, W, 4), float in [0, 1]; it is rounded to 8 bits, and made smaller
            where it has more than 512 pixels a side.
    """
    if (share := LARGEST / max(image.shape[:2])) < 1:
        image = cv2.resize(np.asarray(image), None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    file = BytesIO()
    Image.fromarray(np.rint(image * 255).astype(np.uint8)).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
