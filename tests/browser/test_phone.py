"""On a phone of 390 pixels nothing reaches beyond the screen, and long code is folded."""

from playwright.sync_api import expect

LONGEST = 12  # lines of code that a phone shows unasked
# What reaches beyond the screen and lies in no box that scrolls by itself; and outputs and equations that scroll: a
# reader who does not know that there is more takes what is seen for all.
BEYOND = """() => {
    const width = document.documentElement.clientWidth, beyond = [];
    const scrolls = box => /auto|scroll/.test(getComputedStyle(box).overflowX);
    const say = (element, fault) => beyond.push(
        `${element.localName}.${element.className}: ${fault}: ${element.textContent.trim().slice(0, 50)}`);
    if (document.documentElement.scrollWidth > width)
        beyond.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
    const kinds = "table, figure, img, pre, svg, mjx-container, p, li, dd, .before-after";
    const selector = `article :is(${kinds}):not(.before-after *)`;
    for (const element of document.querySelectorAll(selector)) {
        const right = Math.round(element.getBoundingClientRect().right);
        if (right <= width + 1 || !element.checkVisibility()) continue;
        let box = element.parentElement;
        while (box.localName != "article" && !scrolls(box)) box = box.parentElement;
        if (box.localName == "article" || box.getBoundingClientRect().right > width + 1)
            say(element, `reaches to ${right}`);
    }
    const whole = "article :is(.cell_output table, table.results, div.math mjx-container)";
    for (const table of document.querySelectorAll(whole))
        for (let box = table; box.localName != "article"; box = box.parentElement)
            if (scrolls(box) && box.scrollWidth > box.clientWidth + 1)
                say(table, `${box.scrollWidth} pixels in a box of ${box.clientWidth}`);
    return beyond;
}"""
# Words below nine pixels, and heads of tables with a word in two lines.
HARD_TO_READ = """() => {
    const page = document.querySelector("article") ?? document.body, found = [];
    const words = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
    for (let word; (word = words.nextNode());) {
        const element = word.parentElement, text = word.data.trim();
        if (!text || element.closest("svg, mjx-container, style, script") || !element.checkVisibility()) continue;
        const style = getComputedStyle(element);
        if (parseFloat(style.fontSize) < 9) found.push(`${style.fontSize}: ${text.slice(0, 50)}`);
        if (!element.closest("thead th") || /[\\s-]/.test(text)) continue;
        const range = document.createRange(), start = style.writingMode == "horizontal-tb" ? "top" : "left";
        range.selectNodeContents(word);
        if (new Set([...range.getClientRects()].map(box => Math.round(box[start]))).size > 1)
            found.push(`a head in two lines: ${text}`);
    }
    return found;
}"""
# Cells of code that no other fold hides: their number of lines.
CELLS = "article div.cell_input:not(.solution *, details:not(.folded-code) *)"


def test_nothing_reaches_beyond_a_phones_screen(views, unfold):
    page = views["phone"].page
    found = page.evaluate(BEYOND)
    unfold(page)
    found += page.evaluate(BEYOND)
    assert not found, "\n".join(dict.fromkeys(found))


def test_no_word_is_too_small_to_read_or_broken_in_a_head(views, unfold):
    page = views["phone"].page
    unfold(page)
    found = page.evaluate(HARD_TO_READ)
    assert not found, "\n".join(dict.fromkeys(found))


def long_cells(page):
    cells = page.locator(CELLS).all()
    return [cell.locator("pre") for cell in cells if len(cell.text_content().strip().splitlines()) > LONGEST]


def test_long_code_is_folded_on_a_phone_until_asked_for(chapter, fresh):
    page = fresh(chapter, "phone")
    folds = page.locator("details.folded-code:not(.solution *)").all()
    cells = long_cells(page)
    assert len(folds) == len(cells), f"{len(cells)} cells have more than {LONGEST} lines, {len(folds)} are folded"
    for code in cells:
        expect(code).to_be_hidden()
    for fold in folds:
        fold.locator("summary").click()
    for code in cells:
        expect(code).to_be_visible()


def test_long_code_is_plainly_visible_on_a_wide_screen(views):
    page = views["dark"].page
    expect(page.locator("details.folded-code")).to_have_count(0)
    for code in long_cells(page):
        expect(code).to_be_visible()
