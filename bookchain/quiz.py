"""Sphinx extension: the directive `quiz`, a question whose answers each open to what is right or wrong about them.

An answer is a `<details>` element: it works by mouse, finger and key, without a script, and a screen reader
announces it as something to open. Its content is a list of answers, the right one ticked, each with its feedback::

    ```{quiz}
    Which score do you ask for first?

    - [ ] That of the best method so far.

      It was measured on other images.
    - [x] That of the input.

      The difference is what the method did.
    ```
"""

import re
from typing import NamedTuple

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

ANSWER = re.compile(r"^- \[([ xX])\] ", re.M)
VERDICTS = {True: "Right.", False: "No."}


class Answer(NamedTuple):
    """One answer of a question: whether it is right, its text, and what is said to those who choose it."""

    right: bool
    text: str
    feedback: str


def read(content: str) -> tuple[str, list[Answer]]:
    r"""Give the question and the answers of a quiz, in Markdown.

    Raises:
        ValueError: If it has no question, less than two answers, not exactly one that is right, or an answer without
            feedback.

    >>> read("Why?\n\n- [x] So.\n\n  Indeed.\n- [ ] Otherwise.\n\n  Think again.")[1][0]
    Answer(right=True, text='So.', feedback='Indeed.')
    """
    question, *parts = ANSWER.split(content)
    answers = []
    for mark, body in zip(parts[::2], parts[1::2], strict=True):
        text, _, feedback = re.sub(r"^  ", "", body, flags=re.M).partition("\n\n")
        answers.append(Answer(mark != " ", " ".join(text.split()), feedback.strip("\n")))
        if not answers[-1].feedback:
            raise ValueError(f"quiz: the answer {answers[-1].text!r} has no feedback; add it after an empty line")
    if not question.strip() or len(answers) < 2 or sum(answer.right for answer in answers) != 1:
        shown = " ".join(question.split())[:60]
        raise ValueError(f"quiz {shown!r}: give a question, two answers or more, and tick one of them: - [x]")
    return " ".join(question.split()), answers


class quiz(nodes.General, nodes.Element):  # noqa: N801  (docutils names nodes so)
    """A question with its answers; `labelled_by` is the identifier of the question."""


class quiz_answer(nodes.General, nodes.Element):  # noqa: N801
    """An answer that opens to its feedback."""


class quiz_choice(nodes.General, nodes.TextElement):  # noqa: N801
    """The text of an answer: what is clicked."""


class Quiz(Directive):
    """The directive of the module's docstring."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Give the question's node."""
        try:
            question, answers = read("\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from error
        environment = self.state.document.settings.env
        name = nodes.make_id(f"quiz-{environment.docname}-{environment.new_serialno('quiz')}")
        asked = nodes.paragraph("", "", *self._inline(question), ids=[name], classes=["quiz-question"])
        made = quiz("", asked, labelled_by=name)
        for answer in answers:
            feedback = nodes.container("", *self._parsed(answer.feedback), classes=["quiz-feedback"])
            verdict = nodes.strong("", VERDICTS[answer.right])
            feedback[0].insert(0, [verdict, nodes.Text(" ")])
            kind = "right" if answer.right else "wrong"
            made += quiz_answer("", quiz_choice("", "", *self._inline(answer.text)), feedback, kind=kind)
        return [made]

    def _parsed(self, text: str) -> list[nodes.Node]:
        holder = nodes.Element()
        self.state.nested_parse(StringList(text.split("\n"), self.state.document.current_source), 0, holder)
        return holder.children

    def _inline(self, text: str) -> list[nodes.Node]:
        return self._parsed(text)[0].children


def _visit_quiz(translator, node: quiz) -> None:
    translator.body.append(f'<div class="quiz" role="group" aria-labelledby="{node["labelled_by"]}">\n')


def _visit_answer(translator, node: quiz_answer) -> None:
    translator.body.append(f'<details class="quiz-answer {node["kind"]}">')


def setup(app) -> dict:
    """Register with Sphinx."""

    def closing(tag: str):
        return lambda translator, node: translator.body.append(f"</{tag}>\n")

    def visit_choice(translator, node: quiz_choice) -> None:
        translator.body.append("<summary>")

    app.add_node(quiz, html=(_visit_quiz, closing("div")))
    app.add_node(quiz_answer, html=(_visit_answer, closing("details")))
    app.add_node(quiz_choice, html=(visit_choice, closing("summary")))
    app.add_directive("quiz", Quiz)
    app.add_css_file("quiz.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
