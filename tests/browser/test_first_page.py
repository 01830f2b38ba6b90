"""The first page: light, the finding first, then three doors."""

from playwright.sync_api import expect

FIRST = "book/intro.html"
HEAVIEST = 1_000_000  # bytes, with everything that the browser loads for it


def test_first_page_weighs_a_megabyte_at_most(browser, address):
    context = browser.new_context()  # with nothing in its store yet
    page, answers = context.new_page(), []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(address + FIRST, wait_until="networkidle")
    sizes = {answer.url: len(answer.body()) for answer in answers if answer.ok}
    context.close()
    assert len(sizes) > 5
    assert sum(sizes.values()) < HEAVIEST, sizes


def test_a_slider_and_the_audits_figure_show_before_anything_else(fresh):
    page = fresh(FIRST)
    for picture in (".before-after", ".front-picture > p > img"):
        expect(page.locator(picture).first).to_be_in_viewport(ratio=0.9)
    assert page.locator(".front-picture > p > img").evaluate("image => image.naturalWidth") > 300


def test_four_lines_with_their_origins_then_three_doors_that_lead_on(soups):
    article = soups(FIRST).select_one("article")
    lines = article.select_one("#what-we-found ul").find_all("li", recursive=False)
    assert len(lines) == 4
    assert [len(line.select(".origin")) for line in lines] == [1, 1, 1, 1]
    doors = article.select(".door")
    assert [door.strong.text for door in doors] == ["Read.", "Run.", "Teach."]
    assert all(door.select("a[href]") for door in doors)
