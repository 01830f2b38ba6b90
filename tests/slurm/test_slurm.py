"""Chapters as jobs of a real Slurm on this machine; a job is killed, and what submits the jobs: `make test-slurm`."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import ROOT, copied, environment_of

from bookchain.dependencies import declared

CLUSTER = Path(__file__).with_name("cluster.sh")
FIRST, LAST, TRAINED = "01-preprocessing", "09-auditing-the-paper", "03-pretext-learning"
SEEDS = [TRAINED, f"seed-2/{TRAINED}", f"seed-3/{TRAINED}"]
JOBS = {FIRST, "02-noise-and-blur", LAST, *SEEDS}
PRESET = """
extends: tiny
tasks: [denoising, deblurring]
03-pretext-learning:
  restoration_epochs: 4  # enough to be killed amid
"""
PLUGINS = Path(find_spec("snakemake_executor_plugin_slurm").origin).parents[1]
# With what these need: all of JOBS, and no more.
UNTIL = " ".join(str(Path("runs/slurm", job).parent / "executed" / f"{Path(job).name}.ipynb") for job in (*SEEDS, LAST))
EXECUTION = f"--workflow-profile profiles/slurm --slurm-init-seconds-before-status-checks 1 --until {UNTIL}"

pytestmark = pytest.mark.skipif(
    not shutil.which("slurmd") and (os.geteuid() != 0 or not shutil.which("apt-get")),
    reason="no Slurm is here, and none can be installed without root and apt",
)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A running Slurm of one node, which ends jobs that take more memory than they asked for."""
    folder = tmp_path_factory.mktemp("slurm")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)  # Munge's own user goes through them
    subprocess.run([CLUSTER, "start", folder], check=True)
    yield folder
    subprocess.run(["scancel", "--user=root", "--quiet"], check=False)
    subprocess.run([CLUSTER, "stop", folder], check=True)


@pytest.fixture(scope="module")
def project(slurm, tmp_path_factory):
    """A copy of the project with a preset of its own; its environment is this one."""
    folder = tmp_path_factory.mktemp("project")
    copy = copied(folder).rename(folder / "plain")  # the plugin takes no apostrophe in a path
    (copy / "tests/slurm.yml").write_text(PRESET)
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


def jobs():
    """Give what Slurm knows of each job that was submitted, in order; `name` is one of JOBS, from its comment."""
    said = subprocess.run(["scontrol", "show", "jobs", "--oneliner"], capture_output=True, text=True, check=True).stdout
    found = [dict(re.findall(r"(\w+)=([^\s,]*)", line.replace("TRES=", "TRES "))) for line in said.splitlines()]
    names = (
        job.get("Comment", "").removeprefix("rule_chapter_wildcards_runs_slurm_").replace("_", "/") for job in found
    )
    return [job | {"name": name} for job, name in zip(found, names, strict=True) if "JobId" in job]


def running(name):
    return [job["JobId"] for job in jobs() if job["name"] == name and job["JobState"] == "RUNNING"]


def wait_for(condition, seconds, process, log):
    """Wait until a condition holds, and give what it gave; what is waited for does not come once `make` has ended."""
    for _ in range(10 * seconds):
        if found := condition():
            return found
        assert process.poll() is None, log.read_text()[-6000:]
        time.sleep(0.1)
    raise TimeoutError(f"not within {seconds} seconds")


def make_book(project, log):
    """Start `make book PROFILE=slurm` in a process group of its own."""
    environment = environment_of(project) | {"PYTHONPATH": ""}
    words = ["make", "--old-file=.venv/installed", "book"]
    words += ["PROFILE=slurm", "PRESET=tests/slurm.yml", "SEEDS=3", f"EXECUTION={EXECUTION}"]
    words += [
        f"CLUSTER={os.path.relpath(PLUGINS, project)}",
        f"--old-file={os.path.relpath(PLUGINS, project)}/installed",
    ]
    with log.open("w") as file:
        return subprocess.Popen(
            words, cwd=project, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )


@pytest.fixture(scope="module")
def finished(project, tmp_path_factory):
    """The project once its chapters are there, though what submits them was killed, and then a job amid its training.

    Given with it: the output of both calls of make, and the epoch in which the job was killed.
    """
    logs = [tmp_path_factory.mktemp("logs") / f"{number}.log" for number in (1, 2)]
    first = make_book(project, logs[0])
    wait_for(lambda: running(FIRST) and running(LAST), 180, first, logs[0])
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert running(FIRST), "a job outlives what submitted it"

    second = make_book(project, logs[1])
    state = project / f"runs/slurm/seed-2/checkpoints/{TRAINED}/restoration-denoising/state.json"
    wait_for(state.exists, 600, second, logs[1])
    subprocess.run(["scancel", *running(SEEDS[1])], check=True)
    epoch = json.loads(state.read_text())["epoch"]
    assert second.wait(timeout=600) == 0, logs[1].read_text()[-6000:]
    return project, [log.read_text() for log in logs], epoch


def test_every_chapter_came_to_its_end_once_and_none_is_made_again(finished):
    project, _, _ = finished
    completed = sorted(job["name"] for job in jobs() if job["JobState"] == "COMPLETED")
    assert completed == sorted(JOBS)
    for name in JOBS:
        assert json.loads((project / "runs/slurm" / name / "complete.json").read_text())["chapter"] == Path(name).name
    command = ["snakemake", *EXECUTION.split(), "--dry-run"]
    environment = environment_of(project) | {"PROFILE": "slurm", "PRESET": "tests/slurm.yml", "SEEDS": "3"}
    environment["PYTHONPATH"] = f"{project}:{PLUGINS}"
    said = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True)
    assert re.search(r"^total +0$", said.stdout + said.stderr, re.M)


@pytest.mark.parametrize("together", [(FIRST, LAST), (SEEDS[0], SEEDS[2])])
def test_independent_chapters_and_seeds_run_beside_one_another(finished, together):
    one, other = ([job for job in jobs() if job["name"] == name][-1] for name in together)
    assert one["StartTime"] < other["EndTime"]
    assert other["StartTime"] < one["EndTime"]


def test_jobs_of_a_killed_submitter_are_cancelled_before_it_starts_again(finished):
    _, said, _ = finished
    cancelled = [job for job in jobs() if job["JobState"] == "CANCELLED"]
    assert sorted(job["name"] for job in cancelled) == [FIRST, LAST, SEEDS[1]]
    assert "cancelling what a killed run left in Slurm's queue" not in said[0]
    assert "cancelling what a killed run left in Slurm's queue" in said[1]


def test_a_killed_job_goes_on_in_its_training(finished):
    project, _, epoch = finished
    states = [job["JobState"] for job in jobs() if job["name"] == SEEDS[1]]
    assert states == ["CANCELLED", "COMPLETED"]
    log = (project / f"runs/slurm/seed-2/logs/{TRAINED}.log").read_text()
    shown = [int(number) for number in re.findall(r"restoration-denoising epoch (\d+)/4", log)]
    assert min(shown, default=5) > epoch >= 1


def test_chapters_are_granted_what_their_heads_ask_for_and_twice_that_when_tried_again(finished):
    project, _, _ = finished
    tries = {name: [job for job in jobs() if job["name"] == name] for name in JOBS}
    for name, submitted in tries.items():
        folder, chapter = project / "runs/slurm" / Path(name).parent, Path(name).name
        asked = declared(ROOT / "notebooks" / f"{chapter}.md")
        assert submitted[0]["mem"] == f"{asked.memory_gb}G"
        assert {job["cpu"] for job in submitted} == {str(asked.threads)}
        hours, minutes, _ = submitted[0]["TimeLimit"].split(":")
        assert 60 * int(hours) + int(minutes) == asked.minutes
        record = json.loads((folder / "executed" / f"{chapter}.json").read_text())
        assert record["surroundings"]["threads"] == asked.threads
    again = declared(ROOT / "notebooks" / f"{TRAINED}.md")
    assert tries[SEEDS[1]][1]["mem"] == f"{2 * again.memory_gb}G"


def test_this_slurm_ends_what_takes_more_memory_than_it_asked_for(slurm):
    """Else the chapters' limits would be no limits."""
    taken = f"{sys.executable} -c 'import time; taken = bytes(range(256)) * 2_400_000; time.sleep(4)'"
    for granted in (200, 2000):
        command = ["sbatch", f"--mem={granted}", "--output=/dev/null", f"--comment={granted}", f"--wrap={taken}"]
        subprocess.run(command, cwd=slurm, capture_output=True, check=True)
    for _ in range(300):
        states = {job["name"]: job["JobState"] for job in jobs() if job["name"] in ("200", "2000")}
        if not {"PENDING", "RUNNING", "COMPLETING"} & set(states.values()):
            break
        time.sleep(0.1)
    assert states == {"200": "FAILED", "2000": "COMPLETED"}
