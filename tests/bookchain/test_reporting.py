"""The filled-in checklists have every item of theirs once, in order, and an answer for the paper and for the book."""

import re

import pytest
from conftest import ROOT

SECTIONS = re.split(r"(?m)^## ", (ROOT / "book/reporting.md").read_text())[1:]
ANSWER = re.compile(r"(yes|in part|no|not checked|does not apply)\b")
# TRIPOD+AI has 27 items; these have lettered parts.
LETTERS = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc", 23: "ab", 27: "abc"}
ITEMS = {
    "CLAIM": [str(number) for number in range(1, 45)],
    "TRIPOD+AI": [f"{number}{letter}" for number in range(1, 28) for letter in LETTERS.get(number, [""])],
}


def rows(name):
    section = next(section for section in SECTIONS if section.startswith(name))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"(?m)^\| \d.*$", section)]


@pytest.mark.parametrize("name", ITEMS)
def test_every_item_is_there_once_and_in_order(name):
    assert [cells[0].partition(".")[0] for cells in rows(name)] == ITEMS[name]


@pytest.mark.parametrize("name", ITEMS)
def test_every_item_has_two_answers(name):
    for item, *answers in rows(name):
        assert len(answers) == 2, item
        assert all(ANSWER.match(answer) for answer in answers), item
