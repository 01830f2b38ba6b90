"""Where answers run: out of it nothing is seen, written, reached or left behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bookchain.editions import sandbox

isolated = pytest.mark.skipif(bool(sandbox.obstacle()), reason=f"no namespaces here: {sandbox.obstacle()}")


def run(code, tmp_path, places=(), hidden=()):
    """Run Python code in namespaces of its own, and give what it prints."""
    (tmp_path / "mount").mkdir(exist_ok=True)
    command = [sys.executable, "-I", "-c", code]
    command = sandbox.confined(command, dict(places), tmp_path / "scratch", tmp_path / "mount", list(hidden))
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@isolated
def test_only_what_is_given_is_seen_and_nothing_of_it_written(tmp_path):
    shown, secret = tmp_path / "shown", tmp_path / "secret"
    for folder in (shown, secret):
        folder.mkdir()
        (folder / "file").write_text("text")
    place = Path("/given")
    code = f"""
import os, subprocess
from pathlib import Path
print(Path("/given/file").read_text(), os.path.exists({str(secret)!r}), os.path.exists("/home"))
for act in (lambda: Path("/given/file").write_text("new"), lambda: os.chmod("/given/file", 0o777),
            lambda: Path("/usr/new").touch(), lambda: Path("/new").touch(), lambda: Path("/given/new").touch(),
            lambda: Path("/proc/sys/kernel/core_pattern").write_text("|/x")):
    try:
        act()
        print("written")
    except OSError:
        pass
for words in ("mount -o remount,rw,bind /given", "mount -t tmpfs x /tmp", "unshare --user true"):
    print(subprocess.call(words.split(), stderr=subprocess.DEVNULL) != 0)
Path("own").write_text("mine")
"""
    assert run(code, tmp_path, {place: shown}).split() == ["text", "False", "False", "True", "True", "True"]
    assert (shown / "file").read_text() == "text"
    assert sorted(path.name for path in shown.iterdir()) == ["file"]


@isolated
def test_what_is_hidden_is_not_seen_where_python_lies(tmp_path):
    """A book below /usr or beside its own Python: the folder is there, empty."""
    hidden = Path(os.__file__).parent / "json"
    assert run(f"import os; print(os.listdir({str(hidden)!r}))", tmp_path, hidden=[hidden]) == "[]"


@isolated
def test_no_network_and_no_other_process_is_reached(tmp_path):
    code = f"""
import os, socket
print(sorted(name for name in os.listdir("/proc") if name.isdigit()))
print([name for _, name in socket.if_nameindex()])
try:
    os.kill({os.getpid()}, 0)
    print("reached")
except ProcessLookupError:
    print("alone")
"""
    assert run(code, tmp_path).splitlines() == ["['1']", "['lo']", "alone"]


@isolated
def test_its_files_are_limited_together(tmp_path):
    code = """
try:
    for number in range(10):
        open(f"file{number}", "wb").write(b"x" * 50 * 2**20)
    print("all")
except OSError as error:
    print(error.errno)
"""
    assert run(code, tmp_path) == "28"  # no space left


def test_obstacle_is_said_where_there_is_no_unshare(monkeypatch):
    monkeypatch.setattr(sandbox, "NAMESPACES", "no-such-program")
    assert "no-such-program" in sandbox.obstacle.__wrapped__()
    monkeypatch.setattr(sandbox, "NAMESPACES", "sh -c false")
    assert sandbox.obstacle.__wrapped__() == "refused"


def test_environment_holds_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    command = [sys.executable, "-I", "-c", "import os; print(sorted(os.environ))"]
    with sandbox.started(command, {}, tmp_path / "book" / "scratch", tmp_path / "mount", [], False) as process:
        assert set(eval(process.stdout.read())) <= {*sandbox.KEPT, "LC_CTYPE"}


@pytest.mark.parametrize("way", [False, pytest.param(True, marks=isolated)], ids=["copies", "namespaces"])
def test_process_that_hides_is_ended_too(tmp_path, fresh_python, way):
    asleep = 2 * 10**6 + os.getpid()
    code = f"""
import sys
from pathlib import Path
from bookchain.editions import sandbox
sandbox.adopt()
hiding = "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); print(1, flush=True); " \
         "time.sleep({asleep})"
starting = "import subprocess, sys, time; subprocess.call([sys.executable, '-c', sys.argv[1]]); time.sleep({asleep})"
command = [sys.executable, "-I", "-c", starting, hiding]
folder = Path({str(tmp_path)!r})
with sandbox.started(command, {{}}, folder / "book" / "scratch", folder / "mount", [], {way}) as process:
    process.stdout.readline()
"""
    fresh_python(code)
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(asleep) in " ".join(one.info["cmdline"] or [])]


@pytest.mark.parametrize(
    ("bound", "value", "told"),
    [("MEMORY", 100 * 2**20, "GB of memory"), ("PROCESSES", 3, "more than 3 processes")],
)
def test_watch_ends_what_is_too_much_together(fresh_python, bound, value, told):
    code = f"""
import subprocess, sys
from bookchain.editions import sandbox
sandbox.{bound} = {value}
watch = sandbox.Watch()
child = "x = bytearray(30 * 2**20); __import__('time').sleep(60)"
several = [subprocess.Popen([sys.executable, "-I", "-c", child]) for _ in range(5)]
watch.start()
for one in several:
    one.wait()
print(watch.told)
"""
    began = time.monotonic()
    assert told in fresh_python(code).stdout
    assert time.monotonic() - began < 50


def test_limits_hold_and_cannot_be_lifted_by_a_user(fresh_python):
    code = """
import resource
from bookchain.editions.sandbox import FILE, limit
limit()
print(*resource.getrlimit(resource.RLIMIT_FSIZE), resource.getrlimit(resource.RLIMIT_CORE)[1])
try:
    bytearray(9 * 2**30)
except MemoryError:
    print("refused")
"""
    assert fresh_python(code).stdout.split() == [str(sandbox.FILE), str(sandbox.FILE), "0", "refused"]
