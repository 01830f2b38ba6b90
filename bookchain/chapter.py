"""A chapter's own folder in a run, and its way to what the chapters before it left there."""

import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from bookchain.provenance import MARKER, made_by
from cxrlib.files import flush_to_disk, written_whole

WRITES = "BOOKCHAIN_WRITES"  # environment variable: the run folder that chapters write to


class ChapterError(RuntimeError):
    """A fault that the user can correct; the message names the place and the remedy."""

    def _render_traceback_(self):
        """Show one line in Jupyter: the traceback would only hide the remedy (IPython's display hook)."""
        return [str(self)]


class MissingArtefactError(ChapterError):
    """A chapter was run before the chapter whose results it reads."""


class UnwritableRunError(ChapterError):
    """The run folder takes no files: it is read-only, its disk is full, or a file is in its place."""


def _only_errors(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def project_root(start: Path | None = None) -> Path:
    """Return the project's root, found from the root or any folder below it, by default the working directory.

    Raises:
        FileNotFoundError: If no folder above `start` has the book's `_toc.yml` beside `cxrlib`.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "_toc.yml").is_file() and (folder / "cxrlib").is_dir():
            return folder
    raise FileNotFoundError(f"{start}: no _toc.yml and cxrlib/ here or above; start in the project or its notebooks/")


class Chapter:
    """One chapter's place in a run.

    The chain names the run folder that a chapter writes to in the environment variable `BOOKCHAIN_WRITES`. When a
    chapter runs by hand (JupyterLab, papermill, the students' edition) it is not set. The chapter then writes to
    `<run>-own`, beside the book's run, so that no experiment spoils the book.

    Attributes:
        name: The notebook's name, for example `03-pretext-learning`.
        book: The book's run folder.
        run: The run folder that this chapter writes to.
        checkpoints: Folder of an interrupted training; outside `folder`, which is renewed at each execution.
    """

    def __init__(self, name: str, run: str):
        self.name = name
        self.root = project_root()
        self.book = self.path(run)
        self.run = self.path(os.environ.get(WRITES) or f"{self.book}-own")
        self._folder, self._renewed = self.run / name, False
        self.checkpoints = self.run / "checkpoints" / name
        # TensorFlow prints its advice on speed to standard output, that is, onto the page.
        logging.getLogger("tensorflow").addFilter(_only_errors)
        with self._naming(self._folder):  # better said now than after an hour of training
            self._folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self._folder).close()

    @property
    def folder(self) -> Path:
        """The folder that this chapter writes its artefacts to, `<run>/<name>`.

        It is emptied at its first use, just before the first file is written, because files of an earlier execution
        would pass for this one's. It is not emptied sooner, so running only a chapter's set-up loses nothing.
        """
        if not self._renewed:
            # The marker goes first: a kill while the rest is cleared must not leave it over a part of the files.
            with self._naming(self._folder):
                (self._folder / MARKER).unlink(missing_ok=True)
                shutil.rmtree(self._folder)
                self._folder.mkdir()
            self._renewed = True
        return self._folder

    def path(self, given: str) -> Path:
        """Return an absolute path from one that is given relative to the project's root."""
        return (self.root / Path(given).expanduser()).resolve()

    def upstream(self, name: str) -> Path:
        """Return the folder of another, finished chapter: in the run that is written to, or else in the book's run.

        Your own result is used as soon as it exists, and a line says so. The book's later chapters do not use it: their
        artefacts belong to the book's own results.

        Raises:
            MissingArtefactError: If that chapter has not finished, or has lost a file since.
        """
        folder = next(
            (run / name for run in (self.run, self.book) if (run / name / MARKER).is_file()), self.book / name
        )
        try:
            files = json.loads((folder / MARKER).read_text())["files"]
        except (OSError, ValueError) as error:
            raise MissingArtefactError(
                f"{self._shown(folder)}: not there yet, or not finished. "
                f"Run notebooks/{name}.ipynb first (or `make book`, which runs all in order)."
            ) from error
        sizes = files if isinstance(files, dict) else dict.fromkeys(files)  # earlier runs have a list
        for file, size in sizes.items():
            path = folder / file
            found = path.stat().st_size if path.is_file() else None
            if found is None or size not in (None, found):
                fault = "gone" if found is None else f"{found} bytes and no longer {size}"
                raise MissingArtefactError(
                    f"{self._shown(path)}: {fault} since its chapter was finished. "
                    f"Run notebooks/{name}.ipynb again (or delete {self._shown(folder)} and run `make book`)."
                )
        if folder.parent != self.book:
            print(f"{name}: your own results, from {self._shown(folder)}", file=sys.stderr)
        return folder

    def table(self, frame: pd.DataFrame, name: str, digits: int = 6) -> pd.DataFrame:
        """Write a table as CSV with fixed digits, so that equal runs give equal bytes, and return it."""
        with self._written(self.folder / f"{name}.csv") as partial:
            frame.to_csv(partial, index=False, float_format=f"%.{digits}g", lineterminator="\n")
        return frame

    def finish(self) -> None:
        """Mark the chapter as finished and record what made it: the last line of every chapter.

        The marker names the files with their sizes in bytes. It is written when all of them are on the disk.
        """
        files = {}
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            with self._naming(path):
                flush_to_disk(path)
            files[str(path.relative_to(self.folder))] = path.stat().st_size
        with self._written(self.folder / MARKER) as partial:
            marker = {"chapter": self.name, "files": files, "made_by": made_by(self.root)}
            partial.write_text(json.dumps(marker, indent=1))
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def _shown(self, path: Path) -> Path:
        return path.relative_to(self.root) if path.is_relative_to(self.root) else path

    @contextmanager
    def _naming(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnwritableRunError(
                f"{self._shown(path)}: cannot be written ({error.strerror or error}). "
                f"Free its disk, make {self._shown(self.run)} a folder you may write to, or choose another run folder."
            ) from error

    @contextmanager
    def _written(self, path: Path) -> Iterator[Path]:
        with self._naming(path), written_whole(path) as partial:
            yield partial
