"""Pictures of one radiograph that move: the right image and scores at each level, the right box and IoU at each cut."""

import json
from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from cxrlib.figures import moving_images
from cxrlib.figures.radiographs import OPACITY

RNG = np.random.default_rng(5)
FILM = RNG.random((24, 20)).astype(np.float32)
DOWN, ACROSS = np.indices(FILM.shape)
HEATS = {
    "near": np.exp(-((DOWN - 8) ** 2 + (ACROSS - 6) ** 2) / 30).astype(np.float32),
    "far": np.exp(-((DOWN - 20) ** 2 + (ACROSS - 17) ** 2) / 8).astype(np.float32),
}
BOXES = [(2, 3, 9, 12), (4, 5, 12, 15)]


def data_of(picture):
    page = BeautifulSoup(picture._repr_html_(), "html.parser")
    return json.loads(page.select_one("script[type='application/json']").string), page


def pixels(address):
    return np.asarray(Image.open(BytesIO(b64decode(address.partition(",")[2]))))


def painted(x_min, y_min, x_max, y_max):
    mask = np.zeros(FILM.shape, bool)
    mask[y_min:y_max, x_min:x_max] = True
    return mask


@pytest.fixture(scope="module")
def levels():
    weak, strong = np.clip(FILM + 0.1, 0, 1), np.clip(FILM + 0.3, 0, 1)
    scores = pd.DataFrame({"psnr": [20.04, 10.46], "ssim": [0.9004, 0.5], "haarpsi": [0.8, 0.3]})
    return data_of(moving_images.levels(FILM, {"0.1": weak, "0.3": strong}, scores, "Grey added", 2)), (weak, strong)


def test_each_level_shows_its_image_and_scores(levels):
    (data, _), corrupted = levels
    assert data["said"] == [["none", "0.1", "0.3"]]
    for address, image in zip(data["parts"]["film"]["href"], (FILM, *corrupted), strict=True):
        np.testing.assert_array_equal(pixels(address), np.rint(image * 255))
    assert data["parts"]["psnr"]["text"] == ["∞", "20.0", "10.5"]
    assert data["parts"]["ssim"]["text"] == ["1.000", "0.900", "0.500"]
    assert data["parts"]["haarpsi"]["text"] == ["1.000", "0.800", "0.300"]


def test_it_starts_at_the_level_asked_for(levels):
    (data, page), _ = levels
    assert page.select_one("dd[data-part=psnr]").get_text() == "10.5"
    assert page.select_one("image")["href"] == data["parts"]["film"]["href"][2]


def test_scores_and_levels_must_be_as_many():
    with pytest.raises(ValueError, match="1 rows of scores for 0 levels"):
        moving_images.levels(FILM, {}, pd.DataFrame({"psnr": [1]}), "Noise")


@pytest.fixture(scope="module")
def cut():
    return data_of(moving_images.cut(FILM, HEATS, BOXES, 0.33))


def test_each_cut_has_its_box_and_iou(cut):
    data, _ = cut
    names, said = data["said"]
    assert names == list(HEATS)
    assert said == sorted({*(f"{step / 20:.2f}" for step in range(1, 20)), "0.33"})
    around = painted(2, 3, 12, 15)
    for frame, (name, share) in enumerate((name, float(share)) for name in names for share in said):
        rows, columns = np.nonzero(HEATS[name] >= share * HEATS[name].max())
        box = {side: data["parts"]["box"][side][frame] for side in ("x", "y", "width", "height")}
        assert (box["x"], box["x"] + box["width"] - 1) == (columns.min(), columns.max())
        assert (box["y"], box["y"] + box["height"] - 1) == (rows.min(), rows.max())
        mine = painted(box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
        assert float(data["parts"]["iou"]["text"][frame]) == pytest.approx(
            (mine & around).sum() / (mine | around).sum(), abs=0.0051
        )
        assert data["parts"]["area"]["text"][frame] == f"{mine.mean():.0%}"


def test_what_does_not_depend_on_the_cut_is_told_once_a_map(cut):
    data, _ = cut
    assert data["parts"]["pointing"]["text"] == ["inside", "outside"]
    inside = np.any([painted(*box) for box in BOXES], axis=0)
    shares = [f"{heat[inside].sum() / heat.sum():.0%}" for heat in HEATS.values()]
    assert data["parts"]["energy"]["text"] == shares


def test_opacity_follows_the_map(cut):
    data, _ = cut
    for address, heat in zip(data["parts"]["map"]["href"], HEATS.values(), strict=True):
        opacity = pixels(address)[..., 3] / 255
        np.testing.assert_allclose(opacity, OPACITY * heat, atol=0.003)


def test_the_outline_follows_the_pixels_that_the_cut_leaves(cut):
    data, _ = cut
    place = data["said"][1].index("0.50")
    corners = np.array([pair.split(",") for pair in data["parts"]["outline"]["d"][place][1:].split("L")], float)
    box = {side: data["parts"]["box"][side][place] for side in ("x", "y", "width", "height")}
    assert corners.min(axis=0) == pytest.approx([box["x"], box["y"]], abs=0.6)
    assert corners.max(axis=0) == pytest.approx([box["x"] + box["width"], box["y"] + box["height"]], abs=0.6)


def test_every_box_has_a_white_edge_and_the_plain_film_stands_beside(cut):
    _, page = cut
    films = page.select("svg")
    assert [len(film.select("rect")) for film in films] == [0, 2 * (1 + len(BOXES))]
    assert [box["stroke"] for box in films[1].select("rect")][::2] == ["#fff"] * (1 + len(BOXES))


def test_without_boxes_no_score_is_shown():
    data, page = data_of(moving_images.cut(FILM, HEATS))
    assert "iou" not in data["parts"]
    assert "IoU" not in page.select_one("output").get_text()


def test_an_empty_map_has_no_box():
    data, _ = data_of(moving_images.cut(FILM, {"flat": np.zeros_like(FILM), **HEATS}, BOXES))
    first = len(data["said"][1])
    assert data["parts"]["box"]["width"][:first] == [0] * first
    assert data["parts"]["iou"]["text"][:first] == ["0.00"] * first


def test_one_map_needs_no_list_to_choose_from():
    data, page = data_of(moving_images.cut(FILM, {"near": HEATS["near"]}, BOXES, "otsu"))
    assert len(data["said"]) == 1
    assert page.select("select") == []
