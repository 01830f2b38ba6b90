"""The rules of a chapter's exercises, and what is left of a chapter when their solutions are taken out.

An exercise is an `{exercise}` with a label; its solution is between `{solution-start}` and `{solution-end}`. Cells
tagged `solution` have its code, and cells tagged `check` try an answer.
"""

import ast
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field

from nbformat.v4 import new_code_cell

from bookchain.dependencies import code_cells, digest
from bookchain.editions.commonmark import fences

STUB = "# Your solution: fill in each `...`, run this cell, then run the check below.\n\n"
START = "\n\nfrom bookchain.editions.checking import start_checks\n\nstart_checks()  # for the checks of the exercises"
COUNT = "# How many exercises have passed?\n%exercises "


class ExerciseError(ValueError):
    """An exercise that the student edition cannot be made from; the message names cell, fault and remedy."""


@dataclass
class Exercise:
    """An exercise's code cells, in order."""

    label: str
    solution: list = field(default_factory=list)
    checks: list = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """What an answer defines: functions, and names with a value."""
        nodes = [node for cell in self.solution for node in ast.parse(cell.source).body]
        found = [node.name if isinstance(node, ast.FunctionDef) else node.targets[0].id
                 for node in nodes if isinstance(node, ast.FunctionDef | ast.Assign)]  # fmt: skip
        return list(dict.fromkeys(found))


def exercises(notebook) -> list[Exercise]:
    """Give a chapter's exercises.

    Raises:
        ExerciseError: If one has no solution or no check, or a solution that cannot be taken out.
    """
    posed, found, current = [], [], None
    for number, cell in enumerate(notebook.cells, 1):
        tags = {"solution", "check"} & set(cell.metadata.get("tags", []))
        shown = f"`{cell.source.splitlines()[0] if cell.source else ''}`"
        if cell.cell_type == "markdown":
            for fence in fences(cell.source):
                if fence.name == "exercise":
                    posed.append(fence.options.get("label", "without :label:"))
                elif fence.name == "solution-start":
                    if current:
                        raise _fault(number, f"a solution starts in that of {current.label}; end that one first")
                    open_ones = [name for name in posed if name not in [exercise.label for exercise in found]]
                    if fence.argument not in open_ones:
                        known = ", ".join(open_ones) or "none"
                        raise _fault(number, f"solution-start {fence.argument}: those without solution: {known}")
                    current = Exercise(fence.argument)
                elif fence.name == "solution-end":
                    if not current:
                        raise _fault(number, "a solution-end without its solution-start; add the start")
                    for tag, cells in (("solution", current.solution), ("check", current.checks)):
                        if not cells:
                            raise _fault(number, f"the solution of {current.label} has no cell tagged {tag}; add one")
                    if current.checks[1:]:
                        raise _fault(number, f"the solution of {current.label} has two cells tagged check; join them")
                    found.append(current)
                    current = None
        elif tags and not current:
            raise _fault(number, f"{shown} is tagged {tags.pop()}, but in no solution; move it into one")
        elif current and len(tags) != 1:
            raise _fault(number, f"{shown} is in the solution of {current.label}; tag it either solution or check")
        elif "solution" in tags:
            stub(cell.source, number)
            current.solution.append(cell)
        elif "check" in tags:
            current.checks.append(cell)
    if current:
        raise _fault(number, f"the solution of {current.label} has no solution-end; add it")
    if without := set(posed) - {exercise.label for exercise in found}:
        raise ExerciseError(f"exercise {without.pop()}: no solution; add one from solution-start to solution-end")
    return found


def _fault(number: int, text: str) -> ExerciseError:
    return ExerciseError(f"cell {number}: {text}")


def strip(notebook):
    """Give a chapter without its solutions: stubs in their place, and no prose about them."""
    stripped, inside = deepcopy(notebook), False
    for exercise in exercises(stripped):
        for cell in exercise.solution:
            cell.source = STUB + stub(cell.source)
    for cell in stripped.cells:
        if cell.cell_type == "markdown":
            cell.source, inside = _outside(cell.source, inside)
    stripped.cells = [cell for cell in stripped.cells if cell.source]
    return stripped


def label(notebook):
    """Write into each cell whose exercise it is: grading finds it by this, also in a notebook much changed."""
    for exercise in exercises(notebook):
        for cell in (*exercise.solution, *exercise.checks):
            cell.metadata.exercise = exercise.label
    return notebook


def with_checks(notebook, numbers: Mapping[str, str]):
    """Let the checks of a labelled notebook say what they found, and its last cell what is open.

    Args:
        notebook: A chapter; its second code cell is its set-up.
        numbers: What each exercise is called, by its label.
    """
    posed = exercises(notebook)
    for exercise in posed:
        for cell in exercise.checks:
            cell.source = f"%%check {numbers[exercise.label]} {' '.join(exercise.names)}\n{cell.source}"
    code_cells(notebook)[1].source += START
    notebook.cells.append(new_code_cell(COUNT + " ".join(numbers[exercise.label] for exercise in posed)))
    return notebook


def answers(exercise: Exercise, notebook) -> tuple[list[str], str]:
    """Give the code of one exercise's answer in a notebook that was handed in, and why there is none."""
    found = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        if cell.cell_type == "code" and cell.metadata.get("exercise") == exercise.label and isinstance(tags, list):
            found += [str(cell.source)] * ("solution" in tags)
    if found == [STUB + stub(cell.source) for cell in exercise.solution]:
        return [], "not solved: the cell is as it was handed out"
    return found, "" if found else "no answer: the cell is gone, or its content was moved to a new cell"


def version(notebook) -> str:
    """Give the version of a chapter's exercises: twelve digits that change with what is asked and how it is tried."""
    posed = exercises(notebook)
    parts = [stub(cell.source) for exercise in posed for cell in exercise.solution]
    parts += [exercise.label for exercise in posed]
    return digest("\0".join(parts + [cell.source for exercise in posed for cell in exercise.checks]))


def _outside(text: str, inside: bool) -> tuple[str, bool]:
    """Give the parts of a text that are outside solutions, and whether the text ends in one."""
    lines, kept, position = text.split("\n"), [], 0
    for fence in fences(text):
        if fence.name == "solution-start":
            kept += lines[position : fence.lines[0]]
            inside = True
        elif fence.name == "solution-end":
            position, inside = fence.lines[1], False
    return "\n".join(kept if inside else kept + lines[position:]).strip("\n"), inside


def stub(source: str, number: int = 0) -> str:
    """Turn a solution's code into what the student starts from.

    Its imports stay, each function with its docstring and each name get `...` for what they were.

    Raises:
        ExerciseError: If the source of this cell holds anything else.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise _fault(number, f"this solution is not Python ({error.msg}, line {error.lineno}); correct it") from error
    text = ""
    for node in statements:
        function = isinstance(node, ast.FunctionDef)
        if isinstance(node, ast.Import | ast.ImportFrom):
            part = ast.get_source_segment(source, node)
        elif function:
            part = _unwritten(source, node)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            part = f"{node.targets[0].id} = ..."
        else:
            line = source.splitlines()[node.lineno - 1]
            raise _fault(number, f"`{line}` in a solution; only imports, functions and `name = ...` may stand there")
        gap = "\n\n\n" if function or text.endswith("    ...") else "\n"
        text += gap * bool(text) + part
    return text


def _unwritten(source: str, node: ast.FunctionDef) -> str:
    """Give a function's first line, or lines, and docstring, with `...` for the rest."""
    first, body = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]), node.body[0]
    lines = source.encode().splitlines()[first - 1 : body.lineno]  # the columns of `ast` count bytes
    lines[-1] = lines[-1][: body.col_offset]
    head = re.sub(r"(\n[ \t]*(#.*)?)+$", "", b"\n".join(lines).decode()).rstrip()
    documentation = [ast.get_source_segment(source, body)] if ast.get_docstring(node) is not None else []
    return "\n    ".join([head, *documentation, "..."])
