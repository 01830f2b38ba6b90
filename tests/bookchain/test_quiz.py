"""Quizzes: one right answer, feedback for each, and pages that need no script for them."""

import subprocess
import sys

import pytest
from bs4 import BeautifulSoup
from conftest import SOURCES

from bookchain.dependencies import read_notebook
from bookchain.editions.commonmark import fences
from bookchain.quiz import read

CONFIG = """
project, extensions = "probe", ["myst_nb", "bookchain.quiz"]
nb_execution_mode, myst_enable_extensions = "off", ["dollarmath"]
"""
CONTENT = """Is `a` less
than $b$?

- [ ] Never, *by far*.

  See {ref}`there <other>`.

  - Not at all.
- [x] As far as
  one knows.

  Indeed."""
PAGE = f"(other)=\n# Probe\n\n```{{quiz}}\n{CONTENT}\n```\n\n```{{quiz}}\n{CONTENT}\n```\n"


def test_question_answers_and_feedback_are_read():
    question, answers = read(CONTENT)
    assert question == "Is `a` less than $b$?"
    assert [answer.right for answer in answers] == [False, True]
    assert [answer.text for answer in answers] == ["Never, *by far*.", "As far as one knows."]
    assert [answer.feedback for answer in answers] == ["See {ref}`there <other>`.\n\n- Not at all.", "Indeed."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT.replace("[ ]", "[x]"), "tick one"),
        (CONTENT.replace("[ ]", "[X]"), "tick one"),
        (CONTENT.replace("[x]", "[ ]"), "tick one"),
        (CONTENT[: CONTENT.index("- [x]")], "two answers or more"),
        (CONTENT[CONTENT.index("- [ ]") :], "give a question"),
        (CONTENT.replace("\n\n  Indeed.", ""), "'As far as one knows.' has no feedback; add it"),
    ],
)
def test_quiz_that_cannot_be_answered_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        read(content)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sphinx")
    (folder / "conf.py").write_text(CONFIG)
    (folder / "index.md").write_text(PAGE)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", str(folder), str(folder / "html")]
    subprocess.run(command, check=True)
    return BeautifulSoup((folder / "html/index.html").read_text(), "html.parser")


def test_each_answer_opens_to_its_verdict_and_feedback(page):
    wrong, right = page.select_one(".quiz").select("details")
    assert wrong.summary.get_text() == "Never, by far."
    assert [part.get_text(" ", strip=True) for part in wrong.select(".quiz-feedback > *")] == [
        "No. See there .",
        "Not at all.",
    ]
    assert wrong.select_one("a.reference.internal")
    assert right.summary.get_text() == "As far as one knows."
    assert right.select_one(".quiz-feedback").get_text(strip=True) == "Right.Indeed."
    assert not page.select("details[open]")


def test_answers_are_a_group_that_is_named_by_its_question(page):
    groups = page.select(".quiz[role=group]")
    named = [page.find(id=group["aria-labelledby"]) for group in groups]
    assert len({name["id"] for name in named}) == len(groups) == 2
    assert all(name.parent is group for name, group in zip(named, groups, strict=True))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_right_answers_of_a_chapter_are_in_no_fixed_place(source):
    text = "\n\n".join(cell.source for cell in read_notebook(source).cells if cell.cell_type == "markdown")
    quizzes = [read(fence.content)[1] for fence in fences(text) if fence.name == "quiz"]
    places = [[answer.right for answer in answers].index(True) for answers in quizzes]
    assert len(set(places)) > 1, "the right answer is always in the same place"
