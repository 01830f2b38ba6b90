"""Tests of readings: what averaging does to noise, and agreement with the chain's own corruption."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from cxrlib.restoration import readings

FILM = np.linspace(0.3, 0.7, 128, dtype=np.float32)[None] * np.ones((160, 1), np.float32)


@pytest.fixture(scope="module")
def grid():
    films = [FILM + np.float32(0.01 * number) for number in range(5)]  # every noise factor once
    return readings.input_scores(films, 32, "denoising", seed=3)


def _score(grid, score="psnr", **wanted):
    return grid.loc[(grid[list(wanted)] == pd.Series(wanted)).all(axis=1), score].item()


def test_every_reading_is_there_once(grid):
    assert len(grid) == 2**5
    assert not grid.duplicated(list(readings.CHOICES)).any()


def test_area_resizing_averages_the_noise_away_and_bilinear_resizing_does_not(grid):
    reading = {"rescaling": "clip", "factor": "std", "channels": 1}
    after = _score(grid, order="after", interpolation="area", **reading)
    assert after == pytest.approx(np.mean(-20 * np.log10([0.02, 0.04, 0.06, 0.08, 0.1])), abs=0.3)
    # Each pixel is the mean of 5 x 4 pixels of the film. Bilinear takes 2 x 2 of them at weights of a quarter
    # where the middle lies between pixels (down 4 -> 1), and one column alone where it lies on one (down 5 -> 1).
    area = _score(grid, order="before", interpolation="area", **reading)
    assert area - after == pytest.approx(10 * np.log10(20), abs=0.4)
    bilinear = _score(grid, order="before", interpolation="bilinear", **reading)
    assert bilinear - after == pytest.approx(10 * np.log10(2), abs=0.4)


def test_a_blur_before_resizing_does_less_harm():
    film = np.random.default_rng(0).random((128, 128)).astype(np.float32)
    grid = readings.input_scores([film] * 4, 32, "deblurring", seed=3)
    assert list(grid) == ["order", "interpolation", "psnr", "ssim", "haarpsi"]
    assert len(grid) == 4
    before, after = (_score(grid, order=order, interpolation="area") for order in ("before", "after"))
    assert before > after + 3


def test_nearest_weighs_a_score_by_its_spread():
    known = pd.DataFrame({"psnr": [20, 30, 40], "ssim": [0.1, 0.5, 0.9], "haarpsi": [0.1, 0.5, 0.9]})
    found = readings.nearest(known, {"psnr": 31, "ssim": 0.89, "haarpsi": 0.89}, count=2)
    assert found.index.tolist() == [2, 1]  # one decibel from the second, but a whole deviation in two scores
    assert found.distance.iloc[0] == pytest.approx(np.sqrt(0.9**2 + 2 * (0.01 / 0.4) ** 2))


def test_nearest_is_the_reading_itself(grid):
    row = grid.iloc[7]
    found = readings.nearest(grid, row[["psnr", "ssim", "haarpsi"]].to_dict(), count=2)
    assert found.index[0] == 7
    assert found.distance.tolist() == sorted(found.distance)
    assert found.distance.iloc[0] == 0


@pytest.mark.parametrize(
    ("reading", "scores"),
    [  # 40 other films of the same set, in the project's notes on the paper
        (("after", "bilinear", "deviation", 1), (25.9, 0.52, 0.72)),
        (("before", "bilinear", "deviation", 1), (29.4, 0.668, 0.812)),
        (("before", "area", "deviation", 1), (39.8, 0.915, 0.960)),
        (("before", "bilinear", "variance", 1), (17.2, 0.19, 0.44)),
        (("before", "area", "variance", 1), (26.6, 0.649, 0.759)),
        (("after", "bilinear", "deviation", 3), (29.2, 0.625, 0.794)),
    ],
)
def test_what_is_recorded_of_full_size_films_agrees_with_the_notes(reading, scores):
    recorded = pd.read_csv(ROOT / "book/reference/readings-fullsize/denoising.csv")
    recorded = recorded[recorded.rescaling == "clip"]
    row = recorded.set_index(["order", "interpolation", "factor", "channels"]).loc[reading]
    for name, value, slack in zip(("PSNR (dB)", "SSIM", "HaarPSI"), scores, (0.7, 0.06, 0.03), strict=True):
        assert row[name] == pytest.approx(value, abs=slack)


@pytest.mark.parametrize(
    ("films", "task", "choices", "message"),
    [
        ([], "denoising", {}, "no film"),
        ([FILM[:20]], "denoising", {}, "128 x 20 pixels: give one above 32"),
        ([FILM], "denoising", {"rescaling": ["stretch"]}, "'stretch' is unknown: choose one of clip, min-max"),
        ([FILM], "inpainting", {}, "no readings of 'inpainting'"),
    ],
)
def test_errors_say_what_to_give(films, task, choices, message):
    with pytest.raises(ValueError, match=message):
        readings.input_scores(films, 32, task, 0, readings.CHOICES | choices)
