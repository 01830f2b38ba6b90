"""Who does not see the page, or not all colours, gets its content too: axe-core, and words for every image."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

# What WCAG 2.2 asks at levels A and AA; what depends on colours alone is asked in both themes.
LEVELS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
# What depends on the room that there is; the rest is the same page's on a wide screen.
SIZES = {
    "type": "rule",
    "values": ["target-size", "scrollable-region-focusable", "button-name", "link-name", "label", "summary-name"],
}
# `preload` would fetch the style sheets again, from wrong addresses; what passes need not be told node by node.
COMMON = {"preload": False, "resultTypes": ["violations"]}
# Not ours to mend, on the bibliography's page: docutils gives its entries the role doc-biblioentry, which ARIA has
# deprecated, and puts anchors beside them into its list.
PASSED_OVER = {"aria-deprecated-role", "aria-required-children"}
# One token of each class stands for all in the page's code: axe measures each on its ground, which takes minutes. It
# passes over tokens of one letter.
THIN = """() => {
    const seen = new Set();
    for (const token of document.querySelectorAll("div.highlight pre span[class]")) {
        const kind = token.closest("[class*=highlight-]")?.className + token.className;
        if (token.textContent.trim().length > 1 && !seen.has(kind)) seen.add(kind);
        else token.replaceWith(...token.childNodes);
    }
}"""


def violations(page, options):
    page.evaluate(THIN)
    found = Axe().run(page, options=COMMON | options).response["violations"]
    return [
        f"{violation['id']}: {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for violation in found
        if violation["id"] not in PASSED_OVER
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(("theme", "options"), [("light", LEVELS), ("dark", COLOURS)], ids=["light", "dark"])
def test_axe_finds_no_violation_on_a_wide_screen(views, unfold, theme, options):
    page = views["dark"].page
    unfold(page)
    page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    found = violations(page, options)
    assert not found, "\n".join(found)


def test_axe_finds_no_violation_on_a_phone(views, unfold):
    unfold(views["phone"].page)
    found = violations(views["phone"].page, {"runOnly": SIZES})
    assert not found, "\n".join(found)


def test_every_image_has_an_alternative_text_of_words(name, soups):
    """At least three words, and no file name."""
    texts = [image.get("alt", "") for image in soups(name).select("article img")]
    names = re.compile(r"\w\.(png|jpe?g|svg|gif|webp)\b|_images/")
    poor = [text for text in texts if len(re.findall(r"[^\W\d_]{2,}", text)) < 3 or names.search(text)]
    assert not poor, f"{len(poor)} images without words: {poor}"
