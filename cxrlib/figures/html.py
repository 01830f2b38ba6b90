"""HTML as the output of a cell, and the style sheet of films; with no library, so that it runs in a browser too."""

from collections.abc import Iterable

# Films are at least 14rem wide, 224 pixels, and go into the next line where the page has no room for that.
FILMS = """
.films { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(14rem, 100%), 1fr)); gap: 0.75rem 0.4rem;
  margin: 0.25rem -0.5rem 0.75rem; text-align: left; color: var(--pst-color-text-base, inherit); }
.films > div { max-width: 22rem; }
.films svg { display: block; width: 100%; height: auto; background: #000; }
.films p, p:is(.films-of, .films-note, .films-scale) { margin: 0 0 0.15rem !important; font-size: 0.9em;
  line-height: 1.3; text-align: left; color: var(--pst-color-text-base, inherit); }
p.films-of { font-weight: 600; }
@media print {
  .films { grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); }
  .films > div { max-width: 12rem; }
}
"""
"""Style sheet of a grid of films."""


class HtmlPicture:
    """What a notebook shows as HTML, and elsewhere as its description."""

    def __init__(self, html: str, description: str):
        self._html, self._description = html, description

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return f"<picture: {self._description}>"


def one_below_the_other(pictures: Iterable[HtmlPicture]) -> HtmlPicture:
    """Put several into one, since a figure of the book is one output of its cell."""
    pictures = list(pictures)
    return HtmlPicture(
        "".join(picture._html for picture in pictures), "; ".join(picture._description for picture in pictures)
    )
