"""A page that a browser prints keeps its banner and its chapter's number."""

from playwright.sync_api import expect


def test_a_printed_chapter_keeps_banner_and_number(fresh):
    page = fresh("notebooks/08-significance.html")
    page.emulate_media(media="print")
    try:
        expect(page.locator(".bd-header-announcement")).to_be_visible()
        shown = [title.inner_text() for title in page.locator("h1").all() if title.is_visible()]
        assert [title.rstrip("#") for title in shown] == ["8. Significance"]
        expect(page.locator(".bd-sidebar-primary")).to_be_hidden()
    finally:
        page.emulate_media(media="screen")
