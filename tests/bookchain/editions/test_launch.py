"""Launch buttons: the address is found, never made up; links lead to the notebooks; the first cell sets up Colab."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nbformat
import pytest
import yaml
from conftest import ROOT
from nbformat.v4 import new_markdown_cell, new_notebook

from bookchain.chapter import ChapterError
from bookchain.editions import launch

ADDRESS = "https://github.com/somebody/their-book"
CHAPTER = "03-pretext-learning"


@pytest.mark.parametrize(
    "given",
    [
        ADDRESS,
        f"{ADDRESS}.git",
        f"{ADDRESS}/",
        "git@github.com:somebody/their-book.git",
        "ssh://git@github.com/somebody/their-book",
        "https://x-access-token:secret@github.com/somebody/their-book.git",
    ],
)
def test_every_form_of_an_address_becomes_the_one_that_a_reader_can_open(given, tmp_path):
    assert launch.address({"BOOK_REPOSITORY": given}, tmp_path) == ADDRESS


def test_address_comes_from_the_variable_then_from_actions_then_from_git(tmp_path):
    actions = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/fork"}
    assert launch.address({**actions, "BOOK_REPOSITORY": ADDRESS}, tmp_path) == ADDRESS
    assert launch.address(actions, tmp_path) == "https://github.com/a/fork"
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    assert launch.address({}, tmp_path) is None
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", "git@github.com:somebody/their-book"], check=True)
    assert launch.address({}, tmp_path) == ADDRESS


def test_no_address_is_made_up(tmp_path):
    company = {"GITHUB_SERVER_URL": "https://github.example.org", "GITHUB_REPOSITORY": "a/fork"}
    assert launch.address(company, tmp_path) is None
    assert launch.html_settings(None) == {}
    with pytest.raises(ValueError, match="BOOK_REPOSITORY.*https://github.com/OWNER/NAME"):
        launch.address({"BOOK_REPOSITORY": "their-book"}, tmp_path)


def test_buttons_open_the_page_s_own_notebook_on_the_launch_branch(tmp_path):
    (tmp_path / "notebooks").mkdir()
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    page = new_notebook(cells=[new_markdown_cell("# Chapter")], metadata=kernel)
    nbformat.write(page, tmp_path / "notebooks/03-a.ipynb")
    (tmp_path / "index.md").write_text("# Book\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters: [{file: notebooks/03-a}]\n")
    # With the book's own theme options: where these replaced the buttons' instead of joining them, no page had any.
    own = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]
    options = {"html_theme_options": own["config"]["html_theme_options"]}
    options["templates_path"] = [str(ROOT / path) for path in own["config"]["templates_path"]]
    sphinx = {"recursive_update": own.get("recursive_update", False), "config": options}
    config = {"title": "Book", "execute": {"execute_notebooks": "off"}, "sphinx": sphinx}
    config |= launch.html_settings(ADDRESS)
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(config))
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(tmp_path), "-W"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    links = re.findall(r'href="([^"]+)"', (tmp_path / "_build/html/notebooks/03-a.html").read_text())
    place = "launch/notebooks/03-a.ipynb"
    assert f"https://colab.research.google.com/github/somebody/their-book/blob/{place}" in links
    binder = "https://mybinder.org/v2/gh/somebody/their-book/launch?urlpath=lab/tree/notebooks/03-a.ipynb"
    assert binder in links
    assert ADDRESS in links


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A copy of the book with a launch branch, and what would be run in place of git's own commands."""
    source = tmp_path / "published"
    for path in ("_toc.yml", "cxrlib/__init__.py", f"notebooks/{CHAPTER}.md"):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text((ROOT / path).read_text())
    git = ["git", "-C", source, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=launch"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "book"], check=True)
    commands, run = [], subprocess.run

    def recorded(command, **options):
        if command[0] == "git":
            return run(command, **options)
        commands.append((command, options))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", recorded)
    monkeypatch.chdir(tmp_path)
    return SimpleNamespace(source=source, folder=tmp_path / "clone", commands=commands)


def first_cell(published):
    path = ROOT / "notebooks" / f"{CHAPTER}.md"
    return launch.launch_notebook(path, str(published.source), str(published.folder)).cells[0].source


def test_first_cell_fetches_installs_and_runs_what_the_chapter_builds_on(published, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    for _ in range(2):  # a reader runs a cell twice
        exec(first_cell(published), {})
    assert (published.folder / "_toc.yml").is_file()
    assert Path.cwd() == published.folder
    (pip, _), (clear, _), (run, options) = published.commands[:3]
    assert pip[1:] == ["-m", "pip", "install", "--quiet", f"{published.folder}[book]"]
    assert clear[1:] == ["-m", "bookchain.execute"]
    assert run[2] == "snakemake"
    assert [word for word in run if word.startswith("runs/")] == [
        "runs/quick/01-preprocessing",
        "runs/quick/02-noise-and-blur",
    ]
    assert options["cwd"] == published.folder
    assert options["env"]["PATH"].startswith(str(Path(sys.executable).parent))


def test_first_cell_does_nothing_outside_colab(published):
    exec(first_cell(published), {})
    assert not published.folder.exists()
    assert published.commands == []


def test_chapter_that_builds_on_nothing_runs_nothing(published, monkeypatch):
    monkeypatch.chdir(ROOT)
    launch.prepare("01-preprocessing")  # no target at all would make Snakemake run the whole book
    assert published.commands == []


def test_snakemake_understands_what_it_is_asked(monkeypatch):
    run, done = subprocess.run, []

    def rehearsed(command, **options):
        if "snakemake" in command:
            done.append(run([*command, "--dry-run", "--forceall"], capture_output=True, text=True, **options))
        return done[-1] if done else SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", rehearsed)
    launch.prepare("02-noise-and-blur")
    assert "01-preprocessing" in done[0].stdout
    assert "02-noise-and-blur" not in done[0].stdout


def test_failure_of_an_earlier_chapter_says_where_to_read(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda command, **_: SimpleNamespace(returncode="snakemake" in command))
    with pytest.raises(ChapterError, match="runs/quick/logs/, then run this cell again"):
        launch.prepare(CHAPTER)


def test_launch_notebooks_are_plain_folded_unpaired_and_the_same_each_time():
    path = ROOT / "notebooks" / f"{CHAPTER}.md"
    notebook = launch.launch_notebook(path, ADDRESS)
    assert nbformat.writes(notebook) == nbformat.writes(launch.launch_notebook(path, ADDRESS))
    assert notebook.metadata.jupytext.formats == "ipynb"
    assert not any("{cite" in cell.source for cell in notebook.cells)
    folded = [cell for cell in notebook.cells if "hide-input" in cell.metadata.get("tags", [])]
    assert folded
    assert all(cell.metadata.jupyter.source_hidden for cell in folded)
    compile(notebook.cells[0].source, "first cell", "exec")


def test_launch_notebook_has_the_numbers_of_a_run_that_is_there():
    path = ROOT / "notebooks" / "02-noise-and-blur.md"
    named, numbered = (
        "\n".join(cell.source for cell in launch.launch_notebook(path, ADDRESS, values=values).cells)
        for values in ({}, {"denoising_input_psnr": "20.26"})
    )
    assert "`denoising_input_psnr`" in named
    assert "`denoising_input_psnr`" not in numbered
    assert "**20.3** dB" in numbered


def test_command_writes_every_chapter_or_says_what_to_set(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "BOOK_"))}
    command = [sys.executable, "-m", "bookchain.editions.launch", str(tmp_path)]
    run = subprocess.run(
        command, cwd=ROOT, env={**environment, "BOOK_REPOSITORY": ADDRESS}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert [p.stem for p in sorted(tmp_path.iterdir())] == [p.stem for p in sorted(ROOT.glob("notebooks/[0-9]*.md"))]
    wrong = {**environment, "BOOK_REPOSITORY": "nowhere"}
    run = subprocess.run(command, cwd=ROOT, env=wrong, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "give https://github.com/OWNER/NAME" in run.stderr
