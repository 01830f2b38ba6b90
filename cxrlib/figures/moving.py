"""Pictures that a reader moves: a drawing, its controls, and what each position of the controls changes.

All values are worked out beforehand, so a page needs no kernel and no network. A few lines of script choose which of
them are shown, and compute nothing. Where no script runs, as on paper, the picture shows its start and no controls.
Script and style sheet lie inside the picture, so that it moves in a notebook too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from operator import mul
from xml.etree import ElementTree

from cxrlib.figures.html import FILMS, HtmlPicture

_STYLE = """
.moving { color: var(--pst-color-text-base, inherit); text-align: left; display: flex; flex-wrap: wrap;
  gap: 0.25rem 1.5rem; max-width: 46rem; margin: 0.5rem auto; }
.moving > div { flex: 1 1 15rem; min-width: 0; }
.moving > .moving-picture { flex: 1 1 18rem; }
.moving svg { display: block; width: 100%; height: auto; max-width: 28rem; margin: 0 auto; font: 13px sans-serif; }
.moving:has(.films) > .moving-picture { flex-basis: 100%; }
.moving .films { margin-inline: 0; }
.moving .films > div { max-width: none; }
.moving .moving-picture img { filter: none !important; padding: 0 !important; background: none !important;
  border-radius: 0 !important; margin: 0 !important; }
.moving-control { display: grid; grid-template-columns: 1fr auto; align-items: baseline; gap: 0 0.5rem;
  margin-top: 0.5rem; }
.moving-control label { display: contents; }
.moving-control b { grid-area: 1 / 2; font-variant-numeric: tabular-nums; }
.moving-control :is(input, select) { grid-column: 1 / -1; width: 100%; min-height: 2.75rem; margin: 0; font: inherit;
  touch-action: pan-y; accent-color: #0072b2; }
.moving-control select { color: inherit; background: transparent; border: 1px solid; border-radius: 0.25rem;
  padding: 0 0.5rem; }
.moving-control select option { color: #111; background: #fff; }
.moving button { min-height: 2.25rem; margin: 0.25rem 0; padding: 0 0.75rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid; border-radius: 0.25rem; cursor: pointer; }
.moving :is(input, select, button):focus-visible { outline: 3px solid #0072b2; outline-offset: 2px;
  box-shadow: 0 0 0 2px #fff; }
.moving output { display: block; margin: 0.5rem 0; }
.moving dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.8rem, 1fr)); gap: 0.35rem 0.5rem;
  margin: 0.5rem 0; }
.moving :is(dl > div, dt, dd) { margin: 0; padding: 0; }
.moving dt { white-space: nowrap; font-weight: 400; font-size: 0.85em; }
.moving :is(dd, td) { font-variant-numeric: tabular-nums; font-weight: 600; }
.moving table { width: 100%; margin: 0.25rem 0; }
@media print { .moving-controls { display: none; } }
"""
# A list of values has one for each frame, or for each position of the first controls alone.
_SCRIPT = """
for (const picture of document.querySelectorAll(".moving:not([data-moves])")) {
  picture.dataset.moves = "";
  const { said, parts } = JSON.parse(picture.querySelector("script[type='application/json']").textContent);
  const controls = [...picture.querySelectorAll("[data-start]")];
  const show = () => {
    let frame = 0, frames = 1;
    controls.forEach((control, number) => {
      const words = said[number][control.value];
      frame = frame * said[number].length + Number(control.value);
      frames *= said[number].length;
      if (control.type !== "range") return;
      control.setAttribute("aria-valuetext", words);
      control.closest(".moving-control").querySelector("b").textContent = words;
    });
    for (const [part, changes] of Object.entries(parts)) {
      for (const element of picture.querySelectorAll(`[data-part="${part}"]`)) {
        for (const [attribute, values] of Object.entries(changes)) {
          const value = values[Math.floor((frame * values.length) / frames)];
          if (attribute === "text") element.textContent = value;
          else element.setAttribute(attribute, value);
        }
      }
    }
  };
  const start = () => {
    for (const control of controls) control.value = control.dataset.start;
    show();
  };
  for (const control of controls) control.addEventListener("input", show);
  picture.querySelector("button").addEventListener("click", start);
  picture.querySelector(".moving-controls").hidden = false;
  start();
}
"""


@dataclass(frozen=True)
class Control:
    """A slider, or a list to choose from.

    Attributes:
        label: Its name, beside it.
        positions: What is said of each position. A control with one alone is not shown.
        start: Position at first.
        is_list: True for a list to choose from, whose positions have no order.
    """

    label: str
    positions: Sequence[str]
    start: int = 0
    is_list: bool = False

    def __post_init__(self):
        """Refuse a start that is not one of the positions."""
        if not 0 <= self.start < len(self.positions):
            raise ValueError(
                f"control {self.label!r} has {len(self.positions)} positions and starts at {self.start}; "
                "give positions, and the number of one of them, from 0"
            )


def moving_picture(
    drawing: str,
    told: str,
    controls: Sequence[Control],
    parts: Mapping[str, Mapping[str, Sequence[str | float]]],
    description: str,
) -> HtmlPicture:
    """Make a picture whose parts follow its controls.

    Args:
        drawing: HTML of the picture, well-formed as XML. What moves in it has an attribute `data-part` with its name.
        told: HTML of the numbers below the controls, with the same attributes.
        controls: Controls, one of them with two positions or more. A frame is one position of each; the last control's
            changes fastest.
        parts: Name of each part to what changes of it: an attribute, or "text" for its words, with the value in each
            frame. What follows the first controls alone may have one value for each of their positions, and what stays
            may have a single one.
        description: What the picture shows, in words, for those who do not see it.

    Returns:
        An object that a notebook shows. It holds the start as plain HTML.

    Raises:
        ValueError: The HTML is not well-formed, a part is not in it or is not moved, or has another number of values,
            or no control can be moved.
    """
    controls = [control for control in controls if len(control.positions) > 1]
    if not controls:
        raise ValueError(f"the picture {description!r} has no control with two positions; nothing would move")
    counts = [1, *accumulate((len(control.positions) for control in controls), mul)]
    place = 0
    for control in controls:
        place = place * len(control.positions) + control.start
    shown = []
    for text in (drawing, told):
        try:
            shown.append(ElementTree.fromstring(f"<div>{text}</div>"))
        except ElementTree.ParseError as error:
            raise ValueError(f"the picture {description!r} is not well-formed: {error}") from None
    elements = [element for root in shown for element in root.iter() if "data-part" in element.attrib]
    if different := {element.get("data-part") for element in elements} ^ set(parts):
        raise ValueError(f"{', '.join(sorted(different))}: name each part in the drawing and among the parts")
    for element in elements:
        for attribute, values in parts[element.get("data-part")].items():
            if len(values) not in counts:
                raise ValueError(
                    f"part {element.get('data-part')} has {len(values)} values of {attribute}; "
                    f"give {' or '.join(map(str, counts))}"
                )
            value = str(values[place * len(values) // counts[-1]])
            if attribute == "text":
                element.text = value
            else:
                element.set(attribute, value)
    shown[0].set("class", "moving-picture")
    first, second = (ElementTree.tostring(root, "unicode", method="html") for root in shown)
    data = {"said": [list(control.positions) for control in controls], "parts": parts}
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=list).replace("<", "\\u003c")
    html = (
        f'<div class="moving" role="group" aria-label="{escape(description)}"><style>{FILMS}{_STYLE}</style>{first}'
        f'<div><div class="moving-controls" hidden>{"".join(map(_control, controls))}'
        f'<button type="button">Back to the start</button></div>{second}</div>'
        f'<script type="application/json">{written}</script><script>{_SCRIPT}</script></div>'
    )
    return HtmlPicture(html, description)


def _control(control: Control) -> str:
    label, start = escape(control.label), f'data-start="{control.start}" autocomplete="off"'
    if control.is_list:
        options = "".join(
            f'<option value="{place}"{" selected" * (place == control.start)}>{escape(words)}</option>'
            for place, words in enumerate(control.positions)
        )
        return (
            f'<div class="moving-control"><label><span>{label}</span><select {start}>{options}</select></label></div>'
        )
    words = escape(control.positions[control.start])
    return (
        f'<div class="moving-control"><label><span>{label}</span><input type="range" min="0" '
        f'max="{len(control.positions) - 1}" step="1" value="{control.start}" aria-valuetext="{words}" {start}></label>'
        f'<b aria-hidden="true">{words}</b></div>'
    )
