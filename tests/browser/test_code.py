"""Code: folded but for a few cells, whole at 1,280 pixels, and all of it at the touch of a switch."""

from playwright.sync_api import expect

OPEN = "article div.cell_input:not(details *, .solution *)"
CUT = """() => [...document.querySelectorAll("article div.cell_input pre")]
    .filter(code => code.checkVisibility() && code.scrollWidth > code.clientWidth + 1)
    .map(code => `${code.scrollWidth} of ${code.clientWidth}: ${code.innerText.slice(0, 50)}`)"""
COLUMNS = 88


def test_two_to_four_cells_of_code_are_open_and_no_line_is_long(chapter, soups):
    cells = soups(chapter).select(OPEN)
    assert 2 <= len(cells) <= 4
    lines = [line for cell in cells for line in cell.get_text().splitlines()]
    assert [line for line in lines if len(line) > COLUMNS] == []
    assert not any("glue(" in line for line in lines)


def test_no_code_is_cut_on_a_wide_screen(views, unfold):
    page = views["dark"].page
    unfold(page)
    assert page.evaluate(CUT) == []


def test_a_switch_shows_all_code_and_is_remembered(fresh):
    first, second = "notebooks/08-significance.html", "notebooks/09-auditing-the-paper.html"
    page = fresh(first)
    folds, switch = page.locator("details.hide.above-input"), page.get_by_role("button", name="Code: show all of it")
    expect(switch).to_have_attribute("aria-pressed", "false")
    expect(folds.first).not_to_have_attribute("open", "")
    switch.press("Enter")
    assert folds.evaluate_all("folds => folds.length && folds.every(fold => fold.open)")
    page = fresh(second)
    expect(switch).to_have_attribute("aria-pressed", "true")
    expect(folds.first).to_have_attribute("open", "")
    switch.click()
    expect(folds.first).not_to_have_attribute("open", "")
    page = fresh("book/intro.html")
    expect(switch).to_have_attribute("aria-pressed", "false")
