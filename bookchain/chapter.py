"""A chapter's own folder in a run, and its way to what the chapters before it left there."""

import json
import logging
import shutil
from pathlib import Path

import pandas as pd

MARKER = "complete.json"  # written last, so that a folder without it is never taken for finished


class MissingArtefactError(RuntimeError):
    """A chapter was run before the chapter whose results it reads."""

    def _render_traceback_(self):
        """Show one line in Jupyter: the traceback would only hide the remedy (IPython's display hook)."""
        return [str(self)]


def _only_errors(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def project_root(start: Path | None = None) -> Path:
    """Find the project from its root or from any folder below it.

    Args:
        start: Folder to start from; the working directory by default.

    Raises:
        FileNotFoundError: If no folder above `start` holds the book's `_toc.yml` beside `cxrlib`.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "_toc.yml").is_file() and (folder / "cxrlib").is_dir():
            return folder
    raise FileNotFoundError(f"{start}: no _toc.yml and cxrlib/ here or above; start in the project or its notebooks/")


class Chapter:
    """One chapter's place in a run.

    Attributes:
        name: The notebook's name, for example `03-pretext-learning`.
        folder: Where this chapter writes its artefacts, `<run>/<name>`.
        checkpoints: Where an interrupted training is kept; outside `folder`, which is renewed at each execution.
    """

    def __init__(self, name: str, run: str):
        self.name = name
        self.root = project_root()
        self.run = self.path(run)
        self.folder = self.run / name
        self.checkpoints = self.run / "checkpoints" / name
        # TensorFlow prints its advice on speed to standard output, that is, onto the page.
        logging.getLogger("tensorflow").addFilter(_only_errors)
        # What an earlier execution left would pass for this one's, also if this one fails half-way.
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def path(self, given: str) -> Path:
        """Resolve a path that a reader gave, relative to the project's root."""
        return (self.root / Path(given).expanduser()).resolve()

    def upstream(self, name: str) -> Path:
        """Give the folder that another chapter has finished.

        Raises:
            MissingArtefactError: If that chapter has not been run to its end in this run folder.
        """
        folder = self.run / name
        if not (folder / MARKER).is_file():
            raise MissingArtefactError(
                f"{folder.relative_to(self.root) if folder.is_relative_to(self.root) else folder}: not there yet, "
                f"or not finished. Run notebooks/{name}.ipynb first (or `make book`, which runs all in order)."
            )
        return folder

    def table(self, frame: pd.DataFrame, name: str, digits: int = 6) -> pd.DataFrame:
        """Write a table as CSV with fixed digits, so that equal runs give equal bytes, and give it back."""
        frame.to_csv(self.folder / f"{name}.csv", index=False, float_format=f"%.{digits}g", lineterminator="\n")
        return frame

    def finish(self) -> None:
        """Mark the chapter as finished: the last line of every chapter."""
        files = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        (self.folder / MARKER).write_text(json.dumps({"chapter": self.name, "files": files}, indent=1))
        shutil.rmtree(self.checkpoints, ignore_errors=True)
