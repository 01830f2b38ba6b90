"""Cards beside links: what a term, a source, an equation or a figure is, by pointer and by keyboard."""

import re

import pytest
from playwright.sync_api import expect

AUDIT, FINDINGS = "notebooks/09-auditing-the-paper.html", "book/findings.html"
NOISE, EVALUATION = "notebooks/02-noise-and-blur.html", "notebooks/07-evaluation.html"


@pytest.mark.parametrize(
    ("place", "link", "shown"),
    [
        (AUDIT, "a[href*='glossary.html#term-sensitivity']", "abnormal images"),
        (AUDIT, "a[href*='08-significance.html#equation-eq-9']", "SE"),
        (FINDINGS, "a[href*='#fig-audit-verdict']", "Figure 9"),
        (FINDINGS, "a[href*='bibliography.html#']", "Frontiers"),
    ],
    ids=["term", "equation", "figure", "source"],
)
def test_a_card_says_where_a_link_leads(fresh, place, link, shown):
    page = fresh(place)
    link, card = page.locator(f"article {link}").first, page.locator(".hover-card")
    link.hover()
    expect(card).to_contain_text(shown)
    expect(card.locator(".math:not(:has(mjx-container))")).to_have_count(0)  # equations are set
    expect(link).to_have_attribute("aria-describedby", "hover-card")
    box, width = card.bounding_box(), page.viewport_size["width"]
    assert 0 <= box["x"] <= width - box["width"]
    card.hover()
    page.wait_for_timeout(400)
    expect(card).to_be_visible()  # the pointer may rest on it
    page.mouse.move(5, 5)
    expect(card).to_have_count(0)


@pytest.mark.parametrize(
    ("place", "label", "shown"),
    [
        (NOISE, "fig-blur", ".films image"),
        (EVALUATION, "fig-examples-slider", ".before-after img"),
        (EVALUATION, "fig-threshold", "svg path"),
        (EVALUATION, "fig-scores", "img"),
        (EVALUATION, "tab-areas", "table td"),
    ],
    ids=["films", "two images", "moving picture", "plot", "table"],
)
def test_a_card_shows_the_picture_or_the_table(fresh, place, label, shown):
    page = fresh(place)
    page.locator(f"article a.internal[href$='#{label}']:not(.headerlink)").first.hover()
    card = page.locator(".hover-card")
    expect(card.locator(shown).first).to_be_visible()
    expect(card).to_contain_text(re.compile(r"(Figure|Table) \d+\.\d+"))
    assert card.locator("input, [id]").count() == 0


def test_keyboard_opens_a_card_and_escape_closes_it(fresh):
    page = fresh(AUDIT)
    page.locator("article a[href*='#term-']").first.focus()
    card = page.locator(".hover-card")
    expect(card).to_have_text(re.compile(r"\w+ \w+ \w+"))
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
