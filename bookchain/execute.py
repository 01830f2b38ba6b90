"""Execute one chapter for the book, as Snakemake's rule asks, and clear what a killed run leaves.

`python -m bookchain.execute runs/quick 03-pretext-learning FINGERPRINTS` executes a chapter; without arguments the
module ends the orphans of this project only, and unlocks only if no run of it is alive. A run says of itself by
`begin`, in its folder, who it is: another user's or host's processes cannot be looked into.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import jupytext
import nbformat
import psutil
import yaml

from bookchain import seeds
from bookchain.chapter import WRITES, project_root
from bookchain.surroundings import surroundings
from cxrlib.files import move_into_place, written_whole

RUNNING = "running.json"  # in a run folder: the run that is writing to it


def execute(run: Path, name: str, made_from: str) -> int:
    """Execute a chapter through papermill; its notebook is in `executed/` when it is whole, and not before.

    The log is shown as it grows: it holds the progress of training. What TensorFlow says at its start goes to a file
    of its own, and comes out only with the cell and traceback of a chapter that fails.

    Args:
        run: The run folder, relative to the project's root, which is the working directory.
        name: The chapter's name.
        made_from: What `Plan.made_from` gives: it is kept beside the notebook, and holds the parameters and
            surroundings.

    Returns:
        Papermill's exit status.
    """
    for folder in ("logs", "executed"):
        (run / folder).mkdir(parents=True, exist_ok=True)
    log, source, notebook, errors = (
        run / "logs" / f"{name}.{kind}" for kind in ("log", "input.ipynb", "ipynb", "stderr")
    )
    done = run / "executed" / name
    made = json.loads(made_from)
    seeds.link_shared(run, made.get("shared", ()))
    nbformat.write(jupytext.read(Path("notebooks", f"{name}.md")), source)
    command = [sys.executable, "-m", "papermill", source, notebook, "--kernel", "python3", "--no-progress-bar"]
    command += ["--log-level", "ERROR", "--parameters_yaml", yaml.safe_dump(made["parameters"])]
    environment = surroundings(Path.cwd(), run / "home", os.environ, **made.get("surroundings", {}))
    environment |= {WRITES: str(run), "CXRLIB_PROGRESS": str(log.resolve())}
    log.write_text("")
    with followed(log), errors.open("w") as file:
        status = subprocess.run(command, env=environment, stderr=file, check=False).returncode
    if status:
        print(errors.read_text(), file=sys.stderr)
        return status
    with written_whole(done.with_suffix(".json")) as partial:
        partial.write_text(made_from)
    move_into_place(notebook, done.with_suffix(".ipynb"))
    source.unlink()
    return 0


@contextmanager
def followed(log: Path) -> Iterator[None]:
    """Copy to standard error what is written to a file while the block runs."""
    ended = Event()

    def follow() -> None:
        with log.open(errors="replace") as file:
            while not ended.is_set():
                ended.wait(0.2)
                sys.stderr.write(file.read())
                sys.stderr.flush()

    thread = Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def begin(run: Path) -> None:
    """Write into a run folder which process is running it: host, user, process, and when it started."""
    run.mkdir(parents=True, exist_ok=True)
    me = psutil.Process()
    record = {"host": platform.node(), "user": me.username(), "process": me.pid, "started": me.create_time()}
    (run / RUNNING).write_text(json.dumps(record))


def end(run: Path) -> None:
    """Take away what `begin` wrote."""
    (run / RUNNING).unlink(missing_ok=True)


def alive(root: Path) -> str:
    """Say which run of a project is alive, or may be, as far as this machine can see; empty if none is."""
    for record in sorted(root.glob(f"runs/*/{RUNNING}")):
        try:
            told = json.loads(record.read_text())
            who = f"process {told['process']} of {told['user']} on {told['host']}"
            if told["host"] != platform.node():
                return f"{who} is running it; if that has ended, delete {record}"
            if abs(psutil.Process(told["process"]).create_time() - told["started"]) < 5:  # clocks are set now and then
                return f"{who} is running it"
        except (ValueError, KeyError, TypeError, psutil.Error):  # cut off, or such a process has ended
            continue
    return ""


def cancel(root: Path, wait: float = 60) -> None:
    """Cancel the chapters that a killed run left in Slurm's queue: those of the next run would write beside them.

    What they have done is not lost: the next run's go on from their checkpoints.

    Args:
        root: The project's root, from which the jobs were submitted.
        wait: Seconds for the jobs to end in.
    """
    if not shutil.which("squeue"):
        return
    for second in range(int(wait)):
        command = ["squeue", "--me", "--noheader", "--format=%i|%k|%Z"]  # number, comment, working directory
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        jobs = [line.split("|", 2) for line in said.splitlines()]
        left = [job for job, comment, place in jobs if comment.startswith("rule_chapter") and place == str(root)]
        if not left:
            return
        if second == 0:
            print(f"cancelling what a killed run left in Slurm's queue: {', '.join(left)}", file=sys.stderr)
            subprocess.run(["scancel", *left], check=False)
        time.sleep(1)
    print(f"{root}: still in Slurm's queue after {wait:.0f} seconds: {', '.join(left)}", file=sys.stderr)


def clear(root: Path) -> None:
    """End what a killed run left in a project, and unlock it, if no living Snakemake watches over it."""
    if told := alive(root):
        print(f"{root}: {told}; nothing is cleared", file=sys.stderr)
        return
    cancel(root)
    here = [
        process for process in psutil.process_iter(["cmdline", "cwd", "environ"]) if process.info["cwd"] == str(root)
    ]
    runs = [process for process in here if _is_snakemake(process)]
    others = [process for process in here if process not in runs and process.pid != os.getpid()]
    left = [process for process in others if _is_part_of_a_chapter(process)]
    for run in runs:
        with suppress(psutil.Error):  # it has ended since
            left = [process for process in left if process not in run.children(recursive=True)]
    for process in left:
        print(f"ending what a killed run left: {process.pid} {_command(process)[:80]}", file=sys.stderr)
        process.kill()
    psutil.wait_procs(left, timeout=5)
    if not runs:
        shutil.rmtree(root / ".snakemake" / "locks", ignore_errors=True)


def _command(process: psutil.Process) -> str:
    return " ".join(process.info["cmdline"] or [])


def _is_snakemake(process: psutil.Process) -> bool:
    """Tell Snakemake itself from a shell or editor that names it."""
    return any(Path(word).name == "snakemake" for word in (process.info["cmdline"] or [])[:3])


def _is_part_of_a_chapter(process: psutil.Process) -> bool:
    """Tell what a rule starts from a notebook run by hand.

    Papermill is given `WRITES`, and hands it to its kernel, and that to the processes that read images.
    """
    return "bookchain.execute runs/" in _command(process) or WRITES in (process.info["environ"] or {})


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(execute(Path(sys.argv[1]), *sys.argv[2:]))
    clear(project_root())
