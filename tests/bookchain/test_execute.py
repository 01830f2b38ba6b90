"""A chapter is executed whole or not at all; what a killed run leaves is ended, and what is not its is let live."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest

from bookchain.chapter import WRITES
from bookchain.execute import begin, clear, end, execute, followed

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "cxrlib").mkdir()
    (tmp_path / "_toc.yml").touch()
    (tmp_path / ".snakemake" / "locks").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def start(project):
    started = []

    def run(*words, **variables):
        process = subprocess.Popen([sys.executable, "-c", SLEEP, *words], cwd=project, env=os.environ | variables)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def alive(process):
    return psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE if process.poll() is None else False


def test_orphan_of_the_chain_is_ended_and_the_lock_removed(project, start):
    orphan = start("papermill runs/quick/logs/03.input.ipynb", **{WRITES: "runs/quick"})
    clear(project)
    orphan.wait(timeout=5)
    assert not (project / ".snakemake" / "locks").exists()


def test_workers_of_a_killed_kernel_are_ended_too(project, start):
    worker = start("-m", "joblib.externals.loky.backend.popen_loky_posix", **{WRITES: "runs/quick"})
    clear(project)
    worker.wait(timeout=5)


@pytest.mark.parametrize(
    ("change", "lives"),
    [
        ({}, True),
        ({"host": "another"}, True),  # it cannot be seen from here
        ({"started": 1.0}, False),  # another process has its number
        ({"process": 2**22 + 1}, False),
    ],
)
def test_a_run_is_known_by_host_user_process_and_start(project, start, capsys, change, lives):
    begin(project / "runs/quick")  # this process, which is no Snakemake to look at
    record = project / "runs/quick/running.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    chapter = start("papermill runs/quick/logs/03.input.ipynb", **{WRITES: "runs/quick"})
    clear(project)
    assert alive(chapter) is lives
    assert (project / ".snakemake/locks").exists() is lives
    assert ("is running it" in capsys.readouterr().err) is lives
    end(project / "runs/quick")
    assert not record.exists()


def test_a_notebook_run_by_hand_is_let_live(project, start):
    by_hand = start("papermill notebooks/03-pretext-learning.ipynb out.ipynb")
    clear(project)
    assert alive(by_hand)


def test_a_living_run_keeps_its_chapters_and_its_lock(project, start):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{SLEEP}', 'papermill runs/x'])"
    script = project / "snakemake"
    script.write_text(code)
    run = subprocess.Popen([sys.executable, str(script)], cwd=project, env=os.environ | {WRITES: "runs/x"})
    try:
        watcher = psutil.Process(run.pid)
        for _ in range(100):
            if watcher.children():
                break
            psutil.wait_procs([watcher], timeout=0.05)
        clear(project)
        assert [child.is_running() for child in watcher.children()] == [True]
        assert (project / ".snakemake" / "locks").exists()
    finally:
        for child in watcher.children():
            child.kill()
        run.kill()
        run.wait()


QUEUE = """#!/bin/sh
[ -e {cancelled} ] && exit
echo '11|rule_chapter_wildcards_03-pretext-learning|{root}'
echo '12|a job of my own|{root}'
echo '13|rule_chapter_wildcards_03-pretext-learning|/another/project'
"""


def test_chapters_that_a_killed_run_left_on_slurm_are_cancelled_and_no_other_jobs(project, tmp_path, monkeypatch):
    programs, cancelled = tmp_path / "bin", tmp_path / "cancelled"
    programs.mkdir()
    for name, text in {"squeue": QUEUE, "scancel": '#!/bin/sh\necho "$@" > {cancelled}\n'}.items():
        (programs / name).write_text(text.format(root=project, cancelled=cancelled))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    begin(project / "runs/x")  # by this process, which is alive
    clear(project)
    assert not cancelled.exists()
    end(project / "runs/x")
    clear(project)
    assert cancelled.read_text().split() == ["11"]


NOTEBOOK = """---
kernelspec: {display_name: Python 3, language: python, name: python3}
---

```{code-cell}
:tags: [parameters]
wanted = ""
```

```{code-cell}
import os, pathlib
pathlib.Path(wanted).write_text(os.environ["BOOKCHAIN_WRITES"])
```
"""


def test_chapter_is_executed_with_its_parameters_and_leaves_what_it_was_made_from(project, tmp_path, capfd):
    (project / "notebooks").mkdir()
    (project / "notebooks/01-a.md").write_text(NOTEBOOK)
    run, written = project / "runs/x", tmp_path / "written"
    made_from = json.dumps({"parameters": {"wanted": str(written)}})
    assert execute(run.relative_to(project), "01-a", made_from) == 0
    assert written.read_text() == "runs/x"
    assert sorted(path.name for path in (run / "executed").iterdir()) == ["01-a.ipynb", "01-a.json"]
    assert (run / "executed/01-a.json").read_text() == made_from
    (run / "executed/01-a.ipynb").unlink()
    assert execute(run.relative_to(project), "01-a", json.dumps({"parameters": {"wanted": ""}})) != 0
    assert "IsADirectoryError" in capfd.readouterr().err
    assert not (run / "executed/01-a.ipynb").exists()


def test_log_is_shown_while_it_grows(tmp_path, capsys):
    log = tmp_path / "log"
    log.touch()
    shown = ""
    with followed(log):
        log.write_text("epoch 1")
        while not shown:  # the test's own time limit would tell that nothing comes
            time.sleep(0.05)
            shown = capsys.readouterr().err
        log.write_text("epoch 1, epoch 2")
    assert shown + capsys.readouterr().err == "epoch 1, epoch 2"
