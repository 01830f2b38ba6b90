"""Quizzes by mouse, finger and key, for those who hear the page, and on paper."""

import re

import pytest
from playwright.sync_api import expect

SHOWN = "feedback => feedback.checkVisibility({contentVisibilityAuto: true}) && feedback.offsetHeight > 10"


@pytest.fixture
def answers(chapter, fresh):
    """The answers of a chapter's quizzes: of each quiz a wrong and the right one, closed."""
    page = fresh(chapter)
    quizzes = page.locator("div.quiz").all()
    assert len(quizzes) >= 2, "a chapter has two quizzes or more"
    kinds = [(kind, quiz.locator(f"details.{kind}").first) for quiz in quizzes for kind in ("wrong", "right")]
    for _, answer in kinds:
        expect(answer.locator(".quiz-feedback")).to_be_hidden()
    return kinds


def assert_told(kind, answer):
    expect(answer.locator(".quiz-feedback")).to_be_visible()
    expect(answer.locator(".quiz-feedback")).to_have_text(re.compile(r"^\s*(Right|No)\. \w.{20}", re.DOTALL))
    expect(answer.locator("strong").first).to_have_text("Right." if kind == "right" else "No.")


def test_mouse_opens_and_closes_an_answer(answers):
    for kind, answer in answers:
        answer.locator("summary").click()
        assert_told(kind, answer)
        answer.locator("summary").click()
        expect(answer.locator(".quiz-feedback")).to_be_hidden()


def test_keys_reach_each_answer_in_turn_and_open_it(answers):
    page = answers[0][1].page
    expected = page.locator("details.quiz-answer").count()
    page.locator("details.quiz-answer > summary").first.focus()
    opened = 0
    for _ in range(10 * expected):  # links and formulas of the feedback are reached too
        if page.evaluate("document.activeElement.matches('details.quiz-answer:not([open]) > summary')"):
            page.keyboard.press("Space" if opened % 2 else "Enter")
            opened += 1
        if opened == expected:
            break
        page.keyboard.press("Tab")
    assert opened == page.locator("details.quiz-answer[open]").count() == expected
    for kind, answer in answers:
        assert_told(kind, answer)


def test_answer_is_heard_as_something_to_open(answers):
    quiz = answers[0][1].locator("xpath=..")
    expect(quiz).to_have_role("group")
    expect(quiz).to_have_accessible_name(re.compile(r"\w.*[?.]$"))


def test_paper_shows_every_answer_and_which_is_right(answers):
    page = answers[0][1].page
    page.emulate_media(media="print")
    try:
        for kind, answer in answers:
            assert answer.locator(".quiz-feedback").evaluate(SHOWN), "closed on paper"
            mark = answer.locator("summary").evaluate("summary => getComputedStyle(summary, '::before').content")
            assert ("✓" in mark) == (kind == "right")
    finally:
        page.emulate_media(media="screen")


def test_finger_opens_an_answer(chapter, browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(address + chapter)
    answer = page.locator("details.quiz-answer").first
    assert answer.locator("summary").bounding_box()["height"] >= 24
    answer.locator("summary").tap()
    expect(answer.locator(".quiz-feedback")).to_be_visible()
    context.close()
