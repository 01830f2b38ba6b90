"""Tests of the pool: the order of the files, how far it reads ahead, errors in their turn, the bar."""

import contextlib
import os

import pytest
from PIL import Image

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
    good, broken = tmp_path / "good.png", tmp_path / "broken.png"
    Image.new("L", (4, 3)).save(good)
    broken.write_bytes(b"no image")
    results = map_files(read_image, [str(good), str(broken), *[str(good)] * 40], workers)
    assert next(results).shape == (3, 4)
    with pytest.raises(ImageError) as raised:
        next(results)
    fault = "not a readable JPEG, PNG, TIFF or DICOM file, by its first bytes"
    assert raised.value.issue == (str(broken), "error", fault, "fetch it again")
    assert str(raised.value) == f"{broken}: {fault}; fetch it again"


def test_a_bar_counts_the_files(capsys):
    list(map_files(len, ["a"] * 5, 1, "counting"))
    assert "counting:   0%|          | 0/5" in capsys.readouterr().err
    list(map_files(len, ["a"] * 5, 1))
    assert capsys.readouterr().err == ""
