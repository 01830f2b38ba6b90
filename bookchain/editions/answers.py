"""The process that runs a student's answers: it defines them, and returns the results of their functions.

It knows no solution and judges nothing: `bookchain.editions.verdicts` tries the checks, elsewhere, on the values that
come from here. Whatever an answer does to this process, it can only give other values.
"""

import builtins
import io
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHOWN = 4000  # characters of what an exercise prints
REPLY = 64 * 2**20  # bytes of one reply
LENGTH = 8  # bytes that give the length of a reply


class Printed(io.TextIOBase):
    """A stream that keeps the beginning of what is printed."""

    def __init__(self):
        self.text = ""

    def write(self, text: str) -> int:
        """Keep as much of a text as there is room for."""
        self.text += text[: SHOWN - len(self.text)]
        return len(text)

    def taken(self) -> str:
        """Return the text kept so far, and start again."""
        text, self.text = self.text, ""
        return text


def main() -> None:
    """Serve requests from standard input on standard output: pickled (action, arguments) for a length and a text."""
    root, fonts = map(Path, sys.argv[1:])
    scratch = Path.cwd()
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    prepare(root, scratch, fonts)
    serve = served()
    os.dup2(nothing, 2)  # from here on it would be the student's
    while True:
        try:
            action, *arguments = pickle.load(requests)
        except EOFError:
            return
        text = serve(action, *arguments).encode(errors="replace")
        replies.write(len(text).to_bytes(LENGTH, "big") + text)
        replies.flush()


def prepare(root: Path, scratch: Path, fonts: Path) -> None:
    """Set limits and a chapter's surroundings, before anything large is imported."""
    from bookchain.chapter import WRITES
    from bookchain.editions.sandbox import adopt, limit
    from bookchain.surroundings import surroundings

    adopt()
    limit()
    os.environ |= surroundings(root, scratch / ".home", os.environ, threads=1)
    os.environ |= {WRITES: str(scratch / "run"), "MALLOC_ARENA_MAX": "2", "CUDA_VISIBLE_DEVICES": "-1", "USER": "you"}
    if fonts.is_dir():  # Matplotlib's list of the fonts takes seconds to make
        shutil.copytree(fonts, os.environ["MPLCONFIGDIR"], dirs_exist_ok=True)


def served() -> Callable[..., str]:
    """Return the function that carries out a request in a notebook's shell, and gives the reply's text."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    from bookchain.editions.values import NoValueError, encoded

    class Shell(InteractiveShell):
        """A notebook's shell without its window: magics, `!` and `display` do what they do there."""

        def enable_gui(self, gui: str | None = None) -> None:
            """Open no window."""

        def system(self, command: str) -> None:
            """Run a shell's command; what it prints goes nowhere."""
            self.user_ns["_exit_code"] = subprocess.call(command, shell=True)

    shell = Shell(config=Config(HistoryManager={"enabled": False}))
    shell.colors = "NoColor"
    builtins.get_ipython = lambda: shell
    sys.stdout = sys.stderr = printed = Printed()

    def value_of(action: str, name: str, arguments: tuple = (), keywords: dict | None = None) -> Any:
        if name not in shell.user_ns:
            raise NameError(f"name '{name}' is not defined")
        value = shell.user_ns[name]
        return value(*arguments, **(keywords or {})) if action == "call" else value

    def serve(action: str, *arguments: Any) -> str:
        try:
            if action == "printed":
                return encoded([True, printed.taken()])
            if action == "run":
                result = shell.run_cell(*arguments, store_history=False)
                if error := result.error_before_exec or result.error_in_exec:
                    return encoded([False, described(error)])
                return encoded([True, None])
            with shell.builtin_trap, shell.display_trap:
                return encoded([True, value_of(action, *arguments)])
        except NoValueError as error:
            return encoded([False, f"gave back {error}"])
        except BaseException as error:
            return encoded([False, described(error)])

    return serve


def described(error: BaseException) -> str:
    """Return an exception's type and text, even if the exception fails to give its text."""
    try:
        return f"{type(error).__name__}: {error}"[:SHOWN]
    except BaseException:
        return "an exception that cannot be shown"
