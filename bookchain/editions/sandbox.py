"""Where students' answers run: processes that see the package and a run, and end with everything that they started.

With user namespaces (Linux) they have a file system of their own without the rest of the disk, no network, and no
other process in sight. Without these, they work on copies and within the same limits, but see what their user sees.
"""

import ctypes
import os
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import psutil

MEMORY = 3 * 2**30  # bytes that all processes of one student may fill; TensorFlow and three networks need one GB
PROCESSES = 40  # of one student at one time
ADDRESSES = 8 * 2**30  # bytes that one process may map; TensorFlow maps 3 GB and fills a quarter of them
FILE = 64 * 2**20  # bytes of one file
DISK = 256 * 2**20  # bytes of all files in a file system of its own
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache", "/etc/alternatives")
KEPT = ("PATH", "LD_LIBRARY_PATH")  # of the lecturer's environment: keys and tokens do not go on
NAMESPACES = "setpriv --pdeathsig KILL unshare --user --map-root-user --mount --net --pid --ipc --uts --fork"
# With a capability, a process in the namespace could mount read-only places again, and write to them.
UNPRIVILEGED = "setpriv --no-new-privs --inh-caps=-all --ambient-caps=-all --bounding-set=-all"


def confined(command: list[str], places: dict[Path, Path], scratch: Path, mount: Path, hidden: list[Path]) -> list[str]:
    """Return the command that runs another one in namespaces of its own.

    Args:
        command: What to run, by absolute path.
        places: What it sees, read-only, beside Python and the system: where it sees it, to where it lies.
        scratch: The folder in which it starts, and may write `DISK` bytes to memory.
        mount: An empty folder.
        hidden: What it must not see, should it lie below Python's folders or the system's.
    """
    visible = {Path(path): Path(path) for path in (*SYSTEM, sys.base_prefix, sys.prefix) if Path(path).exists()}
    masks = {path: None for path in hidden if any(path.is_relative_to(place) for place in visible)}
    quoted, new = shlex.quote, shlex.quote(str(mount))
    script = f"set -e; mount -t tmpfs -o mode=755,size=1m new {new}; cd {new}; mkdir old proc dev tmp\n"
    script += f"mount -t tmpfs -o mode=1777,size={DISK} tmp tmp\n"
    for place, source in sorted((masks | visible | places).items(), key=lambda item: len(item[0].parts)):
        there = quoted(f".{place}")
        if source is None:
            script += f"mkdir -p {there}; mount -t tmpfs -o size=64k hidden {there}\n"
            continue
        make = "mkdir -p" if source.is_dir() else f"mkdir -p {quoted(f'.{place.parent}')}; touch"
        script += f"{make} {there}; mount --rbind {quoted(str(source))} {there}\n"
        # A flag that the outer file system has cannot be taken away in here.
        script += "".join(f"mount -o remount,bind,ro,nosuid,nodev{more} {there} 2>&- ||" for more in ("", ",noexec"))
        script += f"{{ echo {there} cannot be made read-only >&2; exit 1; }}\n"
    script += f"""
    mkdir -p {quoted(f".{scratch}")}; mount -t tmpfs -o size={DISK} scratch {quoted(f".{scratch}")}
    for device in null zero random urandom; do touch dev/$device; mount --bind /dev/$device dev/$device; done
    mkdir dev/shm; mount -t tmpfs -o mode=1777,size=16m shm dev/shm
    mount -t proc proc proc; echo 0 > proc/sys/user/max_user_namespaces; mount -o remount,bind,ro proc
    pivot_root . old; umount -l /old; mount -o remount,ro /; cd {quoted(str(scratch))}
    exec {UNPRIVILEGED} {shlex.join(command)}
    """
    return [*NAMESPACES.split(), "--kill-child", "sh", "-c", script]


@cache
def obstacle() -> str:
    """Return why answers cannot have namespaces of their own on this machine; empty if they can."""
    with TemporaryDirectory() as folder:
        try:
            command = confined(["/bin/sh", "-c", ":"], {}, Path("/scratch"), Path(folder).resolve(), [])
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return (done.stderr.strip() or "refused").splitlines()[0] if done.returncode else ""


@contextmanager
def started(
    command: list[str], places: dict[Path, Path], scratch: Path, mount: Path, hidden: list[Path], isolated: bool
) -> Iterator[subprocess.Popen]:
    """Run a command in namespaces of its own, or else on copies of its places; end it and everything that it started.

    The arguments are those of `confined`. Without namespaces the folder of `scratch` is made again each time.
    """
    if isolated:
        mount.mkdir(exist_ok=True)
        command = confined(command, places, scratch, mount, hidden)
    else:
        shutil.rmtree(scratch.parent, ignore_errors=True)
        scratch.mkdir(parents=True)
        for place, source in places.items():
            if source != place:
                place.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if source.is_dir() else shutil.copy)(source, place)
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment}
    options |= {"cwd": "/" if isolated else scratch, "start_new_session": True}
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        end_children()
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):  # what was not sent any more
                stream.close()
        process.wait()


def adopt() -> None:
    """Become the parent of any process that a child leaves behind, and end when this process's parent ends (Linux)."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
        library.prctl(1, 9)  # PR_SET_PDEATHSIG


def end_children() -> None:
    """End all processes below this one. They are halted first, because a halted process starts no other."""
    found: set[psutil.Process] = set()
    while new := set(psutil.Process().children(recursive=True)) - found:
        found |= new
        for process in new:
            with suppress(psutil.Error):
                process.suspend()
    for process in found:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(list(found), timeout=5)


class Watch(Thread):
    """End all processes below this one when together they use too much memory, or are too many.

    Attributes:
        told: What was too much; empty as long as nothing was.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.told, self.ended = "", Event()

    def run(self) -> None:
        """Check five times a second."""
        while not self.ended.wait(0.2):
            children, filled = psutil.Process().children(recursive=True), 0
            for process in children:
                with suppress(psutil.Error):
                    filled += process.memory_info().rss
            if filled > MEMORY:
                self.told = f"used more than {MEMORY / 2**30:g} GB of memory"
            elif len(children) > PROCESSES:
                self.told = f"started more than {PROCESSES} processes"
            else:
                continue
            end_children()


def limit(*names: str) -> None:
    """Limit this process and all that it starts, for good: all that `resource` can, or what is named."""
    mine = [process for process in psutil.process_iter(["uids", "num_threads"]) if process.info["uids"]]
    threads = sum(process.info["num_threads"] or 0 for process in mine if process.info["uids"].real == os.getuid())
    limits = {"AS": ADDRESSES, "FSIZE": FILE, "NOFILE": 128, "CORE": 0, "CPU": 3600, "NPROC": threads + 256}
    for name in names or limits:
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = limits[name] if hard == resource.RLIM_INFINITY else min(limits[name], hard)
        with suppress(ValueError, OSError):  # macOS knows some of them by name only
            resource.setrlimit(kind, (value, value))
