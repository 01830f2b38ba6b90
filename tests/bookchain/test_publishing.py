"""What publishes the book: the workflow calls what there is and may do no more than it must; licence and citation."""

import os
import re
import subprocess
import tomllib

import yaml
from conftest import ROOT
from pybtex.database import parse_file

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())
JOBS = WORKFLOW["jobs"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())


def steps(job=None):
    return [step for name, found in JOBS.items() if job in (None, name) for step in found["steps"]]


def actions(job, name):
    return [step for step in steps(job) if step.get("uses", "").startswith(f"actions/{name}@")]


def make_targets():
    return set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))


def test_every_make_target_that_the_workflow_calls_exists():
    lines = [line for step in steps() for line in step.get("run", "").splitlines() if line.startswith("make ")]
    called = [word for line in lines for word in line.split()[1:] if "=" not in word]
    tests = ["test", "test-chain", "test-backends", "test-browser", "test-slurm", "test-lite"]
    assert called[:9] == ["lint", "lite", *tests, "rehearse"]
    in_ci = re.findall(r"(?m)^(?:make|beside) ([a-z -]+)", (ROOT / ".ci/run").read_text())
    not_yet = {"test-slurm", "test-lite"}
    assert {word for targets in in_ci for word in targets.split()} == set(called[:9]) - not_yet
    assert set(called) <= make_targets()
    checks = [(ROOT / ".ci/run").read_text().splitlines(), [step.get("run") for step in steps("check")]]
    assert all(".venv/bin/python -m pip check" in lines for lines in checks)


def test_workflow_runs_on_pushes_and_pull_requests_but_not_on_what_it_pushes_itself():
    triggers = WORKFLOW[True]  # YAML reads `on` as true
    assert triggers == {"push": {"branches-ignore": ["launch"]}, "pull_request": None}


def test_each_job_may_do_only_what_it_must():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    granted = {name: job.get("permissions") for name, job in JOBS.items()}
    assert granted == {
        "check": None,
        "pages": {"pages": "write", "id-token": "write"},
        "launch": {"contents": "write"},
    }
    for name in ("pages", "launch"):
        assert JOBS[name]["needs"] == "check"
        assert JOBS[name]["if"] == "github.ref == 'refs/heads/main'"
        assert not any("make" in step.get("run", "") for step in steps(name)), "no code of the book with these rights"
    (checkout,) = actions("check", "checkout")
    assert checkout["with"]["persist-credentials"] is False


def test_actions_are_the_official_ones_at_a_major_version():
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", name) for name in used)


def test_what_one_job_hands_over_the_other_takes():
    (given,), (taken,) = actions("check", "upload-artifact"), actions("launch", "download-artifact")
    assert given["with"]["name"] == taken["with"]["name"]
    assert given["with"]["path"] in (ROOT / "Makefile").read_text()
    (pages,) = actions("check", "upload-pages-artifact")
    assert pages["with"]["path"] == "runs/quick/site/_build/html"


def test_launch_branch_is_one_commit_without_workflows(tmp_path):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "init", "--quiet", "--bare", "origin"], cwd=tmp_path, check=True)
    subprocess.run(["git", "clone", "--quiet", "origin", "copy"], cwd=tmp_path, check=True, capture_output=True)
    copy = tmp_path / "copy"
    for path in (".github/workflows/book.yml", "notebooks/01-a.ipynb", "notebooks/01-a.md"):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text("main")
    subprocess.run([*git, "add", "."], cwd=copy, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "main"], cwd=copy, check=True)
    (copy / "notebooks/01-a.ipynb").write_text("launch")
    (push,) = [step["run"] for step in steps("launch") if "run" in step]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GITHUB_SHA": "1"}
    command = ["bash", "-euo", "pipefail", "-c", push]
    subprocess.run(command, cwd=copy, check=True, env=environment, capture_output=True)

    def read(*arguments):
        command = ["git", "-C", str(tmp_path / "origin"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    assert read("ls-tree", "-r", "--name-only", "launch") == ["notebooks/01-a.ipynb", "notebooks/01-a.md"]
    assert read("show", "launch:notebooks/01-a.ipynb") == ["launch"]
    assert read("rev-list", "--count", "launch") == ["1"]


def test_binder_installs_the_book_itself():
    assert not (ROOT / "binder").exists(), "Binder would read that folder and pass over environment.yml"
    assert not (ROOT / ".binder").exists()
    *_, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert pip == {"pip": ["-r requirements.lock"]}  # with hashes in it, pip takes no folder beside it
    assert os.access(ROOT / "postBuild", os.X_OK)
    install = "python -m pip install --no-deps --no-build-isolation -e ."
    assert install in (ROOT / "postBuild").read_text().splitlines()


def test_citation_names_the_book_and_the_paper_as_the_bibliography_does():
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["title"] in (ROOT / "book/intro.md").read_text().replace("# ", "", 1)
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert CITATION["authors"] == [{"name": config["author"]}]
    assert CITATION["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    entry = parse_file(ROOT / "book/references.bib").entries["rajaraman2024"]
    (paper,) = CITATION["references"]
    assert paper["doi"] == entry.fields["doi"]
    assert (paper["volume"], paper["year"]) == (int(entry.fields["volume"]), int(entry.fields["year"]))
    names = [(" ".join(person.last_names), " ".join(person.first_names)) for person in entry.persons["author"]]
    assert [(author["family-names"], author["given-names"]) for author in paper["authors"]] == names


def test_files_and_targets_that_contributing_names_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = re.findall(r"`([\w./-]+(?:/|\.(?:md|py|yml|toml|css|bib|lock)))`", text)
    paths = [path for path in paths if "NN" not in path]
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists(), path
    assert {name for line in re.findall(r"`make ([a-z -]+)`", text) for name in line.split()} <= make_targets()
