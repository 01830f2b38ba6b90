"""The tables of a graded class, and a page of feedback for each student, written again after each notebook."""

import html
import re
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import pandas as pd

from bookchain.dependencies import digest
from cxrlib.files import written_whole

TEMPLATE = Path(__file__).parents[1] / "templates" / "feedback.html"
COLUMNS = ["student", "chapter", "exercise", "points", "message", "seconds", "file", "edition"]
MESSAGE = 300  # characters


@dataclass
class Student:
    """A folder that a student handed in: its name, a notebook per chapter, and why each other file does not count."""

    name: str
    notebooks: dict[str, Path] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    folder: Path = Path()

    def file(self, chapter: str) -> str:
        """Return the name of the file that counts for a chapter, as the student knows it; empty if none does."""
        path = self.notebooks.get(chapter)
        return plain(str(path.relative_to(self.folder))) if path else ""


def plain(text: str, length: int = MESSAGE) -> str:
    """Return text on one line that fits into any file, and that no spreadsheet reads as a formula."""
    line = " ".join(re.sub(r"[^\S ]|[\x00-\x1f\x7f\ud800-\udfff]", " ", text).split(" ")).strip()
    line = line if len(line) <= length else f"{line[: length - 3]}..."
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


class Marks:
    """The results of a class so far.

    Args:
        folder: Where the tables and the pages go.
        students: All of the class, with what they handed in.
        exercises: The labels of a chapter's exercises, for each chapter that is graded.
        editions: The version of the exercises, for each chapter.
        place: Where the answers ran.
    """

    def __init__(
        self,
        folder: Path,
        students: list[Student],
        exercises: dict[str, list[str]],
        editions: dict[str, str],
        place: str,
    ):
        self.folder, self.students, self.editions, self.place = folder, students, editions, place
        self.rows: dict[tuple[int, str], dict] = {}
        for number, student in enumerate(students):
            for chapter, labels in exercises.items():
                handed_in = chapter in student.notebooks
                row = {"student": plain(student.name), "chapter": chapter, "points": None if handed_in else 0}
                row |= {"message": "not graded yet" if handed_in else "not handed in", "edition": editions[chapter]}
                row["file"] = student.file(chapter)
                self.rows |= {(number, name): row | {"exercise": name} for name in labels}
        names = [re.sub(r"[^\w.-]+", "-", plain(student.name, 80)).strip(".-") or "student" for student in students]
        self.pages = [f"{name}-{names[:n].count(name) + 1}" if names.count(name) > 1 else name
                      for n, name in enumerate(names)]  # fmt: skip
        (folder / "feedback").mkdir(parents=True, exist_ok=True)
        self.write(*range(len(students)))

    def add(self, number: int, chapter: str, results: list[dict], fault: str) -> None:
        """Add the results of a student's notebook; for an exercise without a result, the fault says why."""
        found = {result["exercise"]: result for result in results}
        for (whose, name), row in self.rows.items():
            if whose != number or row["chapter"] != chapter:
                continue
            row["message"] = f"not graded, look at it yourself: {plain(fault)}"
            if result := found.get(name):
                row |= {"points": int(result["passed"]), "message": plain(result["message"])}
                row |= {"seconds": result["seconds"], "printed": result["printed"]}
                if result["edition"] and result["edition"] != self.editions[chapter]:
                    of = plain(result["edition"], 20)
                    row["message"] = f"{row['message']} (from another edition, {of})".strip()
        self.write(number)

    def table(self) -> pd.DataFrame:
        """Return one row per exercise and student, in the order of `COLUMNS`."""
        return pd.DataFrame(self.rows.values(), columns=COLUMNS).astype({"points": "Int64"})

    def sums(self) -> pd.DataFrame:
        """Return one row per student: points for each exercise, their sum, the edition, and where the answers ran."""
        labels = list(dict.fromkeys(name for _, name in self.rows))
        lines = [[self.rows[number, name]["points"] for name in labels] for number in range(len(self.students))]
        frame = pd.DataFrame(lines, columns=labels, dtype="Int64")
        frame.insert(0, "student", [plain(student.name) for student in self.students])
        edition = digest("".join(self.editions.values()))
        return frame.assign(sum=frame[labels].sum(axis=1), edition=edition, answers_ran=self.place)

    def write(self, *numbers: int) -> None:
        """Write both tables, and the pages of some students."""
        for name, frame in (("grades.csv", self.sums()), ("exercises.csv", self.table())):
            with written_whole(self.folder / name) as partial:
                frame.to_csv(partial, index=False)
        for number in numbers:
            with written_whole(self.folder / "feedback" / f"{self.pages[number]}.html") as partial:
                partial.write_text(self.page(number), encoding="utf-8", errors="replace")

    def page(self, number: int) -> str:
        """Return a student's page of feedback; nothing that the student wrote is treated as HTML."""
        student, tables = self.students[number], ""
        mine = {name: row for (whose, name), row in self.rows.items() if whose == number}
        for chapter, edition in self.editions.items():
            tables += f"<h2>{chapter}</h2>\n<p>{html.escape(student.file(chapter))}</p>\n"
            tables += "<table>\n<tr><th>exercise</th><th>points</th><th>what the check says</th></tr>\n"
            for name, row in mine.items():
                if row["chapter"] == chapter:
                    printed = row.get("printed", "")
                    shown = f"<pre>{html.escape(printed)}</pre>" if printed.strip() else ""
                    points = "" if row["points"] is None else row["points"]
                    message = html.escape(row["message"]) or "passed"
                    tables += f"<tr><td>{name}</td><td>{points}</td><td>{message}{shown}</td></tr>\n"
            tables += f"</table>\n<p>Edition {edition} of the exercises.</p>\n"
        passed_over = "".join(f"<li>{html.escape(plain(text))}</li>\n" for text in student.passed_over)
        return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
            student=html.escape(plain(student.name)),
            points=sum(row["points"] or 0 for row in mine.values()),
            possible=len(mine),
            tables=tables,
            passed_over=f"<h2>Files that do not count</h2>\n<ul>\n{passed_over}</ul>" if passed_over else "",
        )
