"""Tests of the pool: the order of the files, how far it reads ahead, errors in their turn, the bar."""

import contextlib
import os
import time

import pytest

from cxrlib.data import parallel
from cxrlib.data.images import read_image
from cxrlib.data.issues import ImageError
from cxrlib.data.parallel import map_files


@pytest.mark.parametrize(("count", "together"), [(3, 1), (60, 1), (50, 16)])  # few are read here, many by processes
def test_results_come_in_the_order_of_the_files(count, together):
    paths = [f"{'folder/' * (number % 3)}{number}" for number in range(count)]
    assert list(map_files(os.path.basename, paths, 2, together=together)) == [str(number) for number in range(count)]


@pytest.mark.parametrize(("workers", "elsewhere"), [(1, False), (2, True)])
def test_work_is_done_in_other_processes(workers, elsewhere):
    owners = set(map_files(eval, ["__import__('os').getpid()"] * 40, workers))
    assert (os.getpid() not in owners) == elsewhere


@pytest.mark.parametrize("together", [1, 4])
def test_the_pool_stays_a_few_files_ahead(monkeypatch, together):
    submitted = []

    class Pool(contextlib.AbstractContextManager):
        def __exit__(self, *details):
            pass

        def submit(self, function, *arguments):
            submitted.extend(arguments[1])
            return type("Done", (), {"result": lambda self: function(*arguments)})()

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", lambda max_workers: Pool())
    results = map_files(str.upper, [f"a{number}" for number in range(50)], 3, together=together)
    assert next(results) == "A0"
    assert len(submitted) == 6 * together
    assert list(results) == [f"A{number}" for number in range(1, 50)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_comes_in_its_turn_with_its_issue(tmp_path, workers):
    (tmp_path / "broken.png").write_bytes(b"no image")
    results = map_files(_sleep_or_read, ["0.01", str(tmp_path / "broken.png"), *["0"] * 40], workers)
    assert next(results) == "0.01"
    with pytest.raises(ImageError, match="broken.png: not a readable .*; fetch it again") as raised:
        next(results)
    assert raised.value.issue.file == str(tmp_path / "broken.png")
    assert raised.value.issue.remedy == "fetch it again"


def _sleep_or_read(path):
    if path.endswith(".png"):
        return read_image(path)
    time.sleep(float(path))
    return path


def test_a_bar_counts_the_files(capsys):
    list(map_files(len, ["a"] * 5, 1, "counting"))
    assert "counting:   0%|          | 0/5" in capsys.readouterr().err
    list(map_files(len, ["a"] * 5, 1))
    assert capsys.readouterr().err == ""
