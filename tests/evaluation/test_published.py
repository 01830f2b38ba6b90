"""Tests of published: the printed tables agree with each other, and decoding finds what was encoded."""

import numpy as np
import pytest
from decoded import TABLE_3

from cxrlib.evaluation import published, scores
from cxrlib.evaluation.scores import COUNTS


def _printed(tp, fn, fp, tn):
    return {score: f"{value:.4f}" for score, value in scores.from_counts(tp, fn, fp, tn).items()}


def _matrices(frame):
    return [tuple(row) for row in frame[list(COUNTS)].to_numpy().tolist()]


def test_table_1_adds_up():
    frame = published.as_frame(published.TABLE_1)
    assert (frame[["train", "validation", "test"]].sum(axis=1) == frame["images"]).all()
    assert sum(published.VINDR_CLASSES.values()) == frame.loc["VinDr-PCXR", "images"]


def test_the_table_decodes_to_one_test_set_with_one_misprint():
    frame = published.decode_table()
    assert frame["model"].tolist() == list(TABLE_3)
    assert _matrices(frame) == list(TABLE_3.values())
    assert (frame["positives"] == 575).all()
    assert (frame["negatives"] == 1174).all()
    assert frame.set_index("model")["misprints"].to_dict() == {model: [] for model in TABLE_3} | {
        "Baseline": ["balanced_accuracy"]
    }


@pytest.mark.parametrize("model", TABLE_3)
def test_decoded_counts_give_back_every_printed_cell(model):
    given = scores.from_counts(*TABLE_3[model])
    wrong = [name for name in given if abs(given[name] - float(published.TABLE_3[model][name])) > 5.0001e-5]
    assert wrong == (["balanced_accuracy"] if model == "Baseline" else [])


def test_a_row_alone_may_decode_to_several_matrices_and_all_of_them_fit():
    frame = published.decode_counts(published.TABLE_3["Den-P"])
    assert TABLE_3["Den-P"] in _matrices(frame)
    assert len(frame) > 1
    for counts, misprints in zip(_matrices(frame), frame["misprints"], strict=True):
        given = scores.from_counts(*counts)
        printed = published.TABLE_3["Den-P"]
        assert [name for name in given if abs(given[name] - float(printed[name])) > 5.0001e-5] == misprints


@pytest.mark.parametrize("spoiled", scores.SCORES)
def test_any_single_misprint_is_found_and_named(spoiled):
    row = _printed(41, 50, 23, 173)
    row[spoiled] = f"{float(row[spoiled]) + 0.02:.4f}"
    frame = published.decode_counts(row, max_images=400)
    found = dict(zip(_matrices(frame), frame["misprints"], strict=True))
    assert found[(41, 50, 23, 173)] == [spoiled]


def test_two_misprints_are_not_excused():
    row = _printed(41, 50, 23, 173) | {"kappa": "0.9000", "mcc": "0.9000"}
    assert published.decode_counts(row, max_images=400).empty


def test_the_search_stops_at_the_largest_test_set():
    row = _printed(41, 50, 23, 173)
    assert (41, 50, 23, 173) in _matrices(published.decode_counts(row, max_images=287))
    frame = published.decode_counts(row, max_images=286)
    assert (41, 50, 23, 173) not in _matrices(frame)


def test_random_matrices_survive_printing_and_decoding():
    generator = np.random.default_rng(11)
    extreme = [(9, 0, 0, 13), (0, 9, 0, 13), (9, 0, 13, 0)]
    for counts in [*extreme, *map(tuple, generator.integers(1, 60, size=(10, 4)).tolist())]:
        frame = published.decode_counts(_printed(*counts), max_images=240)
        assert [] in frame["misprints"].tolist()
        assert counts in _matrices(frame)


def test_models_of_different_test_sets_do_not_decode_together():
    table = {"a": _printed(41, 50, 23, 173), "b": _printed(30, 60, 20, 170)}
    assert published.decode_table(table, max_images=287).empty


@pytest.mark.parametrize("cell", [None, "n/a"])
def test_a_row_without_a_number_is_named(cell):
    row = dict(published.TABLE_3["SA"])
    if cell is None:
        del row["kappa"]
    else:
        row["kappa"] = cell
    with pytest.raises(ValueError, match="printed number for each of .*kappa"):
        published.decode_counts(row)
