"""Figures made of radiographs: what is drawn on which image."""

from base64 import b64decode
from io import BytesIO

import numpy as np
from bs4 import BeautifulSoup
from PIL import Image

from cxrlib.figures import radiographs

RNG = np.random.default_rng(0)
IMAGES = [RNG.random((16, 16)) for _ in range(3)]


def films_of(picture):
    return BeautifulSoup(picture._repr_html_(), "html.parser").select(".films > div")


def pixels(image):
    return np.asarray(Image.open(BytesIO(b64decode(image["href"].partition(",")[2]))))


def test_an_image_grid_shows_each_image_with_its_title():
    grid = radiographs.image_grid([IMAGES, IMAGES[::-1]], titles=["a", "b", "c"], labels=["x\ny", "z"])
    shown = films_of(grid)
    assert [film.p.get_text() for film in shown] == ["a", "b", "c"] * 2
    for film, image in zip(shown, IMAGES + IMAGES[::-1], strict=True):
        np.testing.assert_array_equal(pixels(film.image), np.rint(image * 255))
    page = BeautifulSoup(grid._repr_html_(), "html.parser")
    assert [label.get_text() for label in page.select("p.films-of")] == ["x, y", "z"]
    assert shown[1].svg["aria-label"] == "An example radiograph, x, y, b"
    assert page.select_one("p.films-note").get_text() == "Examples"


def test_titles_may_be_of_each_image_or_missing():
    both = [IMAGES[:2], IMAGES[1:]]
    assert [film.p.get_text() for film in films_of(radiographs.image_grid(both, ["a", "b", "c", "d"]))] == list("abcd")
    assert [film.p for film in films_of(radiographs.image_grid(both))] == [None] * 4


def test_a_large_film_is_made_smaller_and_keeps_its_shape():
    (film,) = films_of(radiographs.image_grid([[np.linspace(0, 1, 1200 * 600).reshape(1200, 600)]]))
    assert pixels(film.image).shape == (512, 256)
    assert film.svg["viewbox"] == "0 0 600 1200"


def test_maps_lie_over_the_film_with_their_boxes_and_the_plain_film_stands_first():
    shown = films_of(
        radiographs.activation_boxes(
            IMAGES[:1],
            {"A": IMAGES[1:2], "B\nr = 1": IMAGES[2:]},
            {"A": [(0, 0, 4, 4)], "B\nr = 1": [None]},
            [[(1, 1, 5.5, 5)]],
            ["finding"],
        )
    )
    assert [film.p.get_text() for film in shown] == ["plain film", "A", "B, r = 1"]
    assert [len(film.select("image")) for film in shown] == [1, 2, 2]
    boxes = [[(box["stroke"], box["x"], box["width"]) for box in film.select("rect")] for film in shown]
    true, found = ("1", "4.5"), ("0", "4")
    dashed = [("#fff", *true), (radiographs.TRUE, *true)]
    assert boxes == [[], [*dashed, ("#fff", *found), (radiographs.PREDICTED, *found)], dashed]
    over = pixels(shown[1].select("image")[1])
    np.testing.assert_allclose(over[..., 3] / 255, radiographs.OPACITY * IMAGES[1], atol=0.003)


def test_lungs_and_crops_frame_the_crop():
    masks = [image > 0.5 for image in IMAGES]
    crops = radiographs.lungs_and_crops(IMAGES, masks, [(1, 2, 10, 12)] * 3, IMAGES)
    assert len(crops.axes[0].patches) == 1


def test_outlines_enclose_their_masks_also_at_the_edge():
    truth = np.zeros((8, 8), bool)
    truth[:4, 2:6] = True  # touches the upper edge
    first, second = films_of(radiographs.outlines(IMAGES[:2], [truth] * 2, [truth, np.zeros((8, 8), bool)], ["a", "b"]))
    assert [film.p.get_text() for film in (first, second)] == ["a", "b"]
    drawn = [[path["stroke"] for path in film.select("path") if path["d"]] for film in (first, second)]
    true, found = ["#fff", radiographs.TRUE], ["#fff", radiographs.PREDICTED]
    assert drawn == [[*true, *found], true]  # an empty mask has no outline
    assert [path.has_attr("stroke-dasharray") for path in first.select("path")] == [False, True, False, False]
    corners = np.array([pair.split(",") for pair in first.path["d"][1:].split("L")], float)
    # Columns 2 to 6 and rows 0 to 4 of 8; the film has 16 pixels.
    np.testing.assert_allclose([corners.min(axis=0), corners.max(axis=0)], [[2, 0], [6, 4]], atol=0.5)
    assert first.path["transform"] == "scale(2 2)"


def test_feature_maps_show_the_map_that_varies_most_on_one_scale_with_its_sharpened_self():
    fine, coarse = RNG.random((8, 8, 3)), RNG.random((4, 4, 2))
    fine[..., 2] *= 5
    coarse[..., 0] *= 5
    figure = radiographs.feature_maps(IMAGES[0], [fine, coarse], [fine * -2, coarse * 3])
    radiograph, *shown = [axes.images[0] for axes in figure.axes]
    np.testing.assert_array_equal(radiograph.get_array(), IMAGES[0])
    expected = [fine[..., 2], coarse[..., 0], fine[..., 2] * -2, coarse[..., 0] * 3]
    for image, values, largest in zip(shown, expected, [2 * fine.max(), 3 * coarse.max()] * 2, strict=True):
        np.testing.assert_array_equal(image.get_array(), values)
        np.testing.assert_allclose(image.get_clim(), (-largest, largest))
    assert [axes.get_title() for axes in figure.axes[:3]] == ["input", "skip 1\n8 px", "skip 2\n4 px"]
    assert [figure.axes[1].get_ylabel(), figure.axes[3].get_ylabel()] == ["before", "sharpened"]
