"""What a reader does on a page: sliders move, solutions and answers unfold."""

import re

import pytest
from playwright.sync_api import expect

# How much of a slider's width its upper image covers, in per cent: where the browser meets it, clipped or not.
COVERED = """slider => {
    const upper = slider.querySelector(":scope > div img"), box = slider.getBoundingClientRect();
    const middle = box.top + box.height / 2;
    const places = Array.from({length: 100}, (_, x) => box.left + (box.width * (x + 0.5)) / 100);
    return places.filter(place => document.elementsFromPoint(place, middle).includes(upper)).length;
}"""
SHARE = "slider => parseFloat(getComputedStyle(slider).getPropertyValue('--share'))"


@pytest.mark.parametrize("size", ["wide", "phone"])
def test_sliders_follow_keys_and_pointer(name, fresh, soups, size):
    if not soups(name).select("div.before-after"):
        pytest.skip("no slider on this page")
    for slider in fresh(name, size).locator("div.before-after").all():
        knob = slider.locator("input[type=range]")
        expect(knob).to_have_accessible_name(re.compile(r"\w+\W+\w+\W+\w+"))
        slider.scroll_into_view_if_needed()
        seen = []
        for key in ("", "Home", "End", "ArrowLeft"):
            if key:
                knob.press(key)
            seen.append((slider.evaluate(SHARE), slider.evaluate(COVERED)))
        box = slider.bounding_box()
        slider.page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
        seen.append((slider.evaluate(SHARE), slider.evaluate(COVERED)))
        shares = [share for share, _ in seen]
        assert shares[:3] == [50, 0, 100]
        assert 90 <= shares[3] < 100
        assert shares[4] == pytest.approx(25, abs=3)
        assert [covered for _, covered in seen] == pytest.approx(shares, abs=2)


def test_there_is_a_slider_for_denoising_and_one_for_deblurring(site, soups):
    pages = [f"notebooks/{path.name}" for path in site.glob("notebooks/*.html")]
    images = [image for page in pages for image in soups(page).select("div.before-after img")]
    texts = " ".join(image.get("alt", "") for image in images).lower()
    assert "nois" in texts
    assert "blur" in texts


def test_every_exercise_is_followed_by_its_solution(chapter, soups):
    found = soups(chapter).select("div.exercise, div.solution")
    kinds = ["exercise" if "exercise" in element["class"] else "solution" for element in found]
    assert kinds, "the chapter has no exercise"
    assert kinds == ["exercise", "solution"] * (len(kinds) // 2)
    assert all("dropdown" in element["class"] for element in found[1::2])


def test_solutions_and_answers_are_folded_until_asked_for(chapter, fresh):
    page = fresh(chapter)
    solutions = page.locator("div.solution.dropdown").all()
    answers = page.locator("details.sd-dropdown").all()
    assert solutions, "the chapter has no solution"
    assert answers, "the chapter has no question with a folded answer"
    for fold, handle, content in [
        *((solution, "button.toggle-button", "section > *") for solution in solutions),
        *((answer, "summary", ".sd-card-body, .sd-summary-content") for answer in answers),
    ]:
        expect(fold.locator(content).first).to_be_hidden()
        fold.locator(handle).first.click()
        expect(fold.locator(content).first).to_be_visible()
        assert fold.locator(content).first.bounding_box()["height"] > 10
