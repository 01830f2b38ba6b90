"""Tests of files: whole or not there, after an error, a kill and a loss of power."""

import pytest

from cxrlib.files import flush_to_disk, move_into_place, written_whole


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, disk):
    target = tmp_path / "a.csv"
    target.write_text("old")
    with written_whole(target) as partial:
        partial.write_text("new" * 5000)
        assert target.read_text() == "old"
    assert target.read_text() == "new" * 5000
    assert disk.at_renaming(target)[target.stat().st_ino] == b"new" * 5000
    assert list(tmp_path.iterdir()) == [target]


def test_a_finished_file_is_moved_once_it_is_on_the_disk(tmp_path, disk):
    (tmp_path / "partial").write_bytes(b"whole")
    move_into_place(tmp_path / "partial", tmp_path / "a.npy")
    assert disk.at_renaming(tmp_path / "a.npy")[(tmp_path / "a.npy").stat().st_ino] == b"whole"


def test_an_error_leaves_what_was_there(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("old")

    def fail(partial):
        partial.write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), written_whole(target) as partial:
        fail(partial)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), written_whole(tmp_path / "a.csv"):
        pass
    with pytest.raises(FileNotFoundError):
        flush_to_disk(tmp_path / "a.csv")


def test_a_folder_that_cannot_be_flushed_stops_nobody(tmp_path, monkeypatch):
    """Some network file systems answer so."""
    opened = []

    def refuse(*arguments):
        opened.append(arguments)
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("os.open", refuse)
    (tmp_path / "partial").write_bytes(b"whole")
    move_into_place(tmp_path / "partial", tmp_path / "a.npy")
    assert (tmp_path / "a.npy").read_bytes() == b"whole"
    assert opened
