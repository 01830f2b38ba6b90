"""Pictures that are HTML: films in a grid that fits the page, each at a size at which it can be looked at."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO

import cv2
import numpy as np
from PIL import Image
from skimage.measure import approximate_polygon, find_contours

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
    return _edged("rect", colour, place, dash)


def traced(mask: np.ndarray, shape: tuple[int, int], colour: str, dash: int = 0) -> str:
    """Write the outline of a mask as SVG, with a white edge.

    Args:
        mask: Bool mask (h, w) of any size, stretched over the film.
        shape: Height and width of the film in pixels.
        colour: Of the line.
        dash: Length of its dashes in pixels of the page; 0 for a solid line.
    """
    down, across = (film / count for film, count in zip(shape, mask.shape, strict=True))
    return _edged("path", colour, f'd="{outline(mask)}" transform="scale({across:.6g} {down:.6g})"', dash)


def outline(mask: np.ndarray) -> str:
    """Write the outline of a mask (H, W) as the data of a path of SVG, along the edges of its pixels."""
    found = (approximate_polygon(line, 0.5) - 0.5 for line in find_contours(np.pad(mask, 1).astype(float), 0.5))
    return "".join("M" + "L".join(f"{x:g},{y:g}" for y, x in line.round(1)) for line in found)


def _edged(shape: str, colour: str, place: str, dash: int) -> str:
    line = 'fill="none" vector-effect="non-scaling-stroke"'
    dashed = f' stroke-dasharray="{dash} {dash}"' if dash else ""
    return (
        f'<{shape} {place} {line} stroke="#fff" stroke-width="4"></{shape}>'
        f'<{shape} {place} {line} stroke="{colour}" stroke-width="2"{dashed}></{shape}>'
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
