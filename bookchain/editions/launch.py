"""Launch buttons for Colab and Binder, and the notebooks that they open: `python -m bookchain.editions.launch FOLDER`.

The book knows no address of its own: a copy finds where it is published, so that a fork's buttons open the fork.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

import jupytext
import nbformat
from nbformat.v4 import new_code_cell

from bookchain import dependencies
from bookchain.chapter import ChapterError, project_root
from bookchain.editions.commonmark import plain_notebook, with_equal_ids
from bookchain.editions.numbers import glued, with_numbers

BRANCH = "launch"  # main, and notebooks that set themselves up in Colab
FOLDER = "/content/book"  # where Colab keeps the book; its own working directory is /content
FOLDED = {"hide-input", "solution"}  # tags of cells whose code the pages fold away
GITHUB = re.compile(r"(?:https://(?:[^@/]+@)?|git@|ssh://git@)github\.com[/:]([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
FIRST_CELL = Path(__file__).parents[1] / "templates" / "colab.txt"


def address(environment: Mapping[str, str], root: Path) -> str | None:
    """Find where on GitHub this copy of the book is published.

    `BOOK_REPOSITORY`, a full address, comes first, then `GITHUB_SERVER_URL` and `GITHUB_REPOSITORY`, which GitHub
    Actions sets, then the git remote `origin`.

    Returns:
        ``https://github.com/OWNER/NAME``, without any password that an address may hold; None for a copy that is not
        on GitHub.

    Raises:
        ValueError: If `BOOK_REPOSITORY` is set and is no address on GitHub.
    """
    if given := environment.get("BOOK_REPOSITORY"):
        if found := _on_github(given):
            return found
        raise ValueError(
            "BOOK_REPOSITORY: no address on GitHub; give https://github.com/OWNER/NAME, or leave it unset for a book "
            "without launch buttons"
        )
    if environment.get("GITHUB_REPOSITORY"):
        return _on_github(f"{environment.get('GITHUB_SERVER_URL')}/{environment['GITHUB_REPOSITORY']}")
    try:
        command = ["git", "-C", str(root), "remote", "get-url", "origin"]
        return _on_github(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
    except (OSError, subprocess.CalledProcessError):  # no git, no repository, no remote
        return None


def _on_github(url: str) -> str | None:
    found = GITHUB.fullmatch(url)
    return f"https://github.com/{found[1]}/{found[2]}" if found else None


def html_settings(address: str | None) -> dict[str, dict]:
    """Give the sections of _config.yml that put launch buttons onto the pages; none without an address.

    The theme appends a page's own path, `notebooks/NN-name.ipynb`, to the branch.
    """
    if address is None:
        return {}
    return {
        "repository": {"url": address, "branch": BRANCH, "path_to_book": ""},
        "launch_buttons": {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
        "html": {"use_repository_button": True, "baseurl": site_address(address)},
    }


def site_address(address: str) -> str:
    """Give where GitHub Pages publishes a repository, with a slash at its end.

    >>> site_address("https://github.com/Jane/book"), site_address("https://github.com/jane/jane.github.io")
    ('https://jane.github.io/book/', 'https://jane.github.io/')
    """
    owner, name = address.lower().rsplit("/", 2)[1], address.rsplit("/", 1)[1]
    host = f"{owner}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def launch_notebook(path: Path, address: str, folder: str = FOLDER, values: Mapping[str, str] | None = None):
    """Give a chapter as the notebook that a launch button opens.

    Args:
        path: The chapter's MyST source.
        address: Where the book is cloned from.
        folder: Where Colab clones it to.
        values: What a run has glued, by name, for the sentences.

    Returns:
        Notebook in plain Markdown, without outputs, with a first cell that sets the book up in Colab.
    """
    notebook = plain_notebook(with_numbers(jupytext.read(path), dict(values or {})))
    template = Template(FIRST_CELL.read_text())
    first = template.substitute(folder=folder, branch=BRANCH, address=address, chapter=path.stem)
    notebook.cells.insert(0, new_code_cell(first.strip()))
    for cell in with_equal_ids(notebook).cells:
        if FOLDED & set(cell.metadata.get("tags", [])):
            cell.metadata.update({"jupyter": {"source_hidden": True}, "cellView": "form"})  # JupyterLab's, Colab's
    # Not paired: JupyterLab with Jupytext would otherwise read the chapter's .md in place of this file.
    notebook.metadata["jupytext"] = {"formats": "ipynb"}
    nbformat.validate(notebook)
    return notebook


def prepare(chapter: str) -> None:
    """Run the chapters that a chapter builds on, where they have not been run, in the quick preset.

    Raises:
        ChapterError: If one of them fails.
    """
    root = project_root()
    needed = [f"runs/quick/{name}" for name in dependencies.declared(root / "notebooks" / f"{chapter}.md").needs]
    if not needed:
        return
    print(f"Running what {chapter} builds on; on a machine without a GPU this takes minutes.", flush=True)
    here = str(Path(sys.executable).parent)  # the rules call python by name
    environment = {**os.environ, "PATH": os.pathsep.join([here, os.environ.get("PATH", "")])}
    subprocess.run([sys.executable, "-m", "bookchain.execute"], cwd=root, check=True)
    command = [sys.executable, "-m", "snakemake", *needed, "--cores", "all", "--quiet", "host"]
    if subprocess.run(command, cwd=root, env=environment, check=False).returncode:
        raise ChapterError(f"A chapter before {chapter} failed: read runs/quick/logs/, then run this cell again.")


def main() -> None:
    """Write the launch notebooks of all chapters to the folder that the command line names."""
    root, folder = project_root(), Path(sys.argv[1])
    try:
        found = address(os.environ, root)
    except ValueError as error:
        sys.exit(str(error))
    if found is None:
        sys.exit("no address on GitHub is known for this copy; set BOOK_REPOSITORY=https://github.com/OWNER/NAME")
    folder.mkdir(parents=True, exist_ok=True)
    for path in dependencies.sources(root):
        values = glued(root / "runs" / "quick" / "executed" / f"{path.stem}.ipynb")
        nbformat.write(launch_notebook(path, found, values=values), folder / f"{path.stem}.ipynb")


if __name__ == "__main__":
    main()
