"""Every page opens without an error, asks no other host, and its links and images lead somewhere."""

from urllib.parse import unquote, urljoin, urlsplit

import pytest

THEME = "document.documentElement.dataset.theme"
MARKUP = ("```{", ":header-rows:", ":class:", "{glue:")


IDS = """() => {
    const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
    return [...new Set(ids.filter((id, place) => ids.indexOf(id) != place))];
}"""
FILES = "head link[rel=stylesheet], head link[rel=icon], script[src], img[src]"
HEAVIEST = 4_000_000  # bytes of a page, with all its files: a chapter has a dozen pictures, and MathJax


def test_page_opens_without_an_error_or_a_message_in_light_and_dark(views):
    assert [view.page.evaluate(THEME) for view in views.values()] == ["dark", "light"]
    found = [f"{key}: {fault}" for key, view in views.items() for fault in view.faults]
    assert not found, "\n".join(found)


def test_page_needs_no_other_host(views):
    found = [f"{key}: {address}" for key, view in views.items() for address in view.outside]
    assert not found, "\n".join(found)


def test_no_id_occurs_twice(views):
    assert {key: view.page.evaluate(IDS) for key, view in views.items()} == {"dark": [], "phone": []}


def test_page_is_light_and_loads_mathjax_only_for_math(name, site, soups):
    page, place = soups(name), site / name
    links = [tag.get("src") or tag["href"] for tag in page.select(FILES)]
    files = {(place.parent / urlsplit(link).path).resolve() for link in links if not urlsplit(link).scheme}
    weight = place.stat().st_size + sum(file.stat().st_size for file in files)
    assert weight < HEAVIEST, f"{weight:,} bytes"
    assert any("mathjax" in str(file) for file in files) == bool(page.select("article .math"))


def test_page_describes_itself_and_can_be_cited(name, soups):
    page = soups(name)
    assert len(page.select_one("meta[name=description]")["content"]) > 20
    assert page.select_one('meta[property="og:image"]')["content"].endswith("_static/card.png")
    if not name.startswith(("_modules/", "search")):
        assert "@misc{" in page.select_one("details.cite pre").text


def test_no_markup_stands_in_the_text(name, soups):
    """A directive that MyST does not take for one is printed as it is written, without a warning."""
    texts = [text for part in soups(name).select("article") for text in part.strings if not text.find_parent("pre")]
    found = [mark for mark in MARKUP if mark in "".join(texts)]
    assert not found, f"{found} in the text of the page"


def test_footer_names_both_licences(name, soups):
    footer = soups(name).select_one("footer.bd-footer-content").get_text()
    assert "CC BY 4.0" in footer
    assert "MIT" in footer


@pytest.fixture(scope="session")
def targets(site, soups):
    """Function that gives the ids of a page: what a fragment may name."""
    found = {}

    def ids(name):
        if name not in found:
            tags = soups(name).find_all(lambda tag: tag.has_attr("id") or (tag.name == "a" and tag.has_attr("name")))
            found[name] = {tag.get("id") or tag.get("name") for tag in tags}
        return found[name]

    return ids


def test_every_internal_link_leads_to_a_file_and_every_fragment_to_an_id(document, site, soups, targets):
    tags = soups(document).select(":is([href], [src]):not(base)")  # 404.html has a base, which is the root's address
    links = {tag[key] for key in ("href", "src") for tag in tags if tag.has_attr(key)} - {"#"}
    links |= {tag["content"].partition("url=")[2] for tag in soups(document).select("meta[http-equiv=refresh]")}
    broken = []
    for link in sorted(links):
        # As published: in a folder of some server, so that a link from the server's root is broken as well.
        parts = urlsplit(urljoin(f"http://site/folder/{document}", link))
        if parts.netloc != "site":
            continue
        path = unquote(parts.path).removeprefix("/folder/")
        if not (site / path).is_file() or not parts.path.startswith("/folder/"):
            broken.append(f"{link}: no such file")
        elif path.endswith(".html") and parts.fragment and unquote(parts.fragment) not in targets(path):
            broken.append(f"{link}: no such id")
    assert not broken, "\n".join(broken)
