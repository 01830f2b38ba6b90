"""The search that every page offers finds a word of the book."""

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("size", ["wide", "phone"])
def test_search_finds_pages_that_hold_the_word(fresh, size):
    page = fresh("book/intro.html", size)
    page.locator(".search-button__button:visible").first.click()
    page.locator(".search-button__search-container input[name=q]").fill("deblurring")
    page.keyboard.press("Enter")
    results = page.locator("#search-results ul.search li a")
    expect(results.first).to_be_visible()
    results.first.click()
    expect(page.locator("article")).to_contain_text("deblurring", ignore_case=True)


def test_search_says_so_where_nothing_holds_the_word(fresh):
    page = fresh("search.html?q=zyzzyva")
    expect(page.locator("#search-results")).to_contain_text("did not match any documents")
    expect(page.locator("#search-results ul.search li")).to_have_count(0)
