"""What a killed run leaves is ended and unlocked; what belongs to somebody else is let live."""

import os
import subprocess
import sys

import psutil
import pytest

from bookchain import execute

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
    orphan = start("papermill runs/quick/logs/03.input.ipynb", CXRLIB_PROGRESS="log")
    assert execute.main() == 0
    orphan.wait(timeout=5)
    assert not (project / ".snakemake" / "locks").exists()


def test_a_notebook_run_by_hand_is_let_live(start):
    by_hand = start("papermill notebooks/03-pretext-learning.ipynb out.ipynb")
    execute.main()
    assert alive(by_hand)


def test_a_living_run_keeps_its_chapters_and_its_lock(project, start):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{SLEEP}', 'papermill runs/x'])"
    script = project / "snakemake"
    script.write_text(code)
    run = subprocess.Popen([sys.executable, str(script)], cwd=project, env=os.environ | {"CXRLIB_PROGRESS": "log"})
    try:
        watcher = psutil.Process(run.pid)
        for _ in range(100):
            if watcher.children():
                break
            psutil.wait_procs([watcher], timeout=0.05)
        execute.main()
        assert [child.is_running() for child in watcher.children()] == [True]
        assert (project / ".snakemake" / "locks").exists()
    finally:
        for child in watcher.children():
            child.kill()
        run.kill()
        run.wait()
