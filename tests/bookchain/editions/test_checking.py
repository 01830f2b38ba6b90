"""The checks in a notebook: a word for what has passed, a sentence for what is open, a traceback for errors alone."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from bookchain.editions.checking import start_checks

CHECK = "%%check 2.1 double\nassert double(1) == 2, 'one doubled is two'\nleft = double(2)"


@pytest.fixture
def say(capsys):
    """Function that runs cells in one notebook, and gives what the last one said."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor")
    start_checks()

    def run(*cells):
        for cell in cells:
            capsys.readouterr()
            assert shell.run_cell(cell, store_history=False).success
        return capsys.readouterr().out

    run.names = shell.user_ns
    yield run
    InteractiveShell.clear_instance()


def test_right_answer_passes_and_the_check_leaves_its_names(say):
    assert say("def double(x):\n    return 2 * x", CHECK) == "2.1 passed\n"
    assert say.names["left"] == 4
    assert say.names["double"].__closure__ is None, "the answer is its own again"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("pass", "2.1 open: `double` is not there yet. Run the cell with your solution first."),
        (
            "def double(x):\n    ...",
            "2.1 open: `double` gives nothing back yet. Replace the `...`, and return the result.",
        ),
        ("double = ...", "2.1 open: `double` has no value yet. Replace the `...` in your solution."),
        ("def double(x):\n    return x", "2.1 not yet: one doubled is two"),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(say, answer, said):
    assert say(answer, CHECK).strip() == said
    assert "left" not in say.names


def test_check_without_a_message_shows_its_line(say):
    said = say("answer = 41", "%%check 2.2 answer\nassert answer == 42")
    assert said.strip() == "2.2 not yet, for this does not hold: assert answer == 42"


def test_function_that_is_written_is_not_blamed_for_one_that_is_not(say):
    said = say(
        "def one():\n    return 1\n\ndef two():\n    ...",
        "%%check 2.3 one two\nassert one() == 1\nassert two() + one() == 3",
    )
    assert said.startswith("2.3 open: `two` gives nothing back yet.")


def test_error_of_an_answer_is_shown_where_it_is_and_stops_nothing(say):
    said = say("def double(x):\n    return x / 0", CHECK)
    assert "return x / 0" in said
    assert "checking.py" not in said
    assert said.rstrip().endswith("led to a ZeroDivisionError, shown here.")


def test_count_follows_the_checks_and_outlives_the_set_up(say):
    assert say("%exercises 2.1 2.2").startswith("0 of 2 exercises passed.\nOpen: 2.1, 2.2.")
    say("def double(x):\n    return 2 * x", CHECK)
    start_checks()
    assert say("%exercises 2.1 2.2").startswith("1 of 2 exercises passed.\nOpen: 2.2.")
    say("def double(x):\n    return x", CHECK)
    assert say("%exercises 2.1").startswith("0 of 1")
    assert say("def double(x):\n    return 2 * x", CHECK, "%exercises 2.1") == "1 of 1 exercises passed.\n"
