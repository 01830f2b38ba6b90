"""What a student's notebook says about its exercises: the magics `check` and `exercises`.

`%%check 2.1 factor_for` heads the check of exercise 2.1, which asks for `factor_for`. It says that the exercise has
passed, or in a sentence what is missing, where Python would show a traceback. `%exercises 2.1 2.2` counts what is open.
"""

import functools
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from IPython import get_ipython
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class


def is_nothing(value: object) -> bool:
    """Say whether a value is what an exercise begins with: `...`, or what a function without `return` gives back."""
    return value is None or value is ...


@contextmanager
def watched(namespace: dict, names: list[str]) -> Iterator[list[str]]:
    """Note in the list that is given which of these functions give nothing back, in the order of their calls."""
    empty: list[str] = []

    def watch(name: str, function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*arguments, **keywords):
            value = function(*arguments, **keywords)
            if is_nothing(value) and name not in empty:
                empty.append(name)
            return value

        return call

    own = {name: namespace[name] for name in names if callable(namespace[name])}
    namespace |= {name: watch(name, function) for name, function in own.items()}
    try:
        yield empty
    finally:
        namespace |= own


def without_these_frames(trace: TracebackType | None) -> TracebackType | None:
    """Leave out of a traceback the frames of this module: a student has not written them."""
    if trace is None:
        return None
    rest = without_these_frames(trace.tb_next)
    ours = trace.tb_frame.f_code.co_filename == __file__
    return rest if ours else TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


@magics_class
class Checks(Magics):
    """The two magics, and which exercises have passed since the notebook was started."""

    def __init__(self, shell):
        super().__init__(shell)
        self.passed: set[str] = set()

    @cell_magic
    def check(self, line: str, cell: str) -> None:
        """Run the check of an exercise; the line has its number, then the names that its answer defines."""
        number, *names = line.split()
        self.passed.discard(number)
        namespace = self.shell.user_ns
        if missing := [name for name in names if name not in namespace]:
            print(f"{number} open: `{missing[0]}` is not there yet. Run the cell with your solution first.")
        elif empty := [name for name in names if is_nothing(namespace[name])]:
            print(f"{number} open: `{empty[0]}` has no value yet. Replace the `...` in your solution.")
        elif (fault := self._fault(cell, names)) is None:
            self.passed.add(number)
            print(f"{number} passed")
        else:
            print(f"{number} {fault}")

    def _fault(self, cell: str, names: list[str]) -> str | None:
        place = self.shell.compile.cache(cell)  # so that a traceback can show its lines
        with watched(self.shell.user_ns, names) as empty:
            try:
                exec(compile(cell, place, "exec"), self.shell.user_ns)
            except Exception as error:
                if empty:
                    return f"open: `{empty[0]}` gives nothing back yet. Replace the `...`, and return the result."
                if isinstance(error, AssertionError):
                    return f"not yet: {error}" if str(error) else f"not yet, for this does not hold: {_line(error)}"
                shown = without_these_frames(error.__traceback__)
                self.shell.showtraceback((type(error), error.with_traceback(shown), shown), tb_offset=0)
                return f"not yet: your solution, or what it gave back, led to a {type(error).__name__}, shown here."
        return None

    @line_magic
    def exercises(self, line: str) -> None:
        """Count which of the exercises on the line have passed."""
        asked = line.split()
        waiting = [number for number in asked if number not in self.passed]
        print(f"{len(asked) - len(waiting)} of {len(asked)} exercises passed.")
        if waiting:
            print(f"Open: {', '.join(waiting)}. What has passed counts until you restart the notebook.")


def _line(error: AssertionError) -> str:
    return traceback.extract_tb(error.__traceback__)[-1].line or "an assertion"


def start_checks() -> None:
    """Bring the magics into the notebook that this is called from; what has passed stays passed."""
    shell = get_ipython()
    if shell and "check" not in shell.magics_manager.magics["cell"]:
        shell.register_magics(Checks)
