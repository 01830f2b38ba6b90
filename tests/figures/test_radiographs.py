"""Figures made of radiographs: what is drawn on which image."""

import numpy as np

from cxrlib.figures import radiographs

RNG = np.random.default_rng(0)
IMAGES = [RNG.random((16, 16)) for _ in range(3)]


def test_image_grids_take_rows_of_images_masks_and_missing_boxes():
    grid = radiographs.image_grid([IMAGES, IMAGES], titles=["a", "b", "c"], labels=["x", "y"])
    assert [axes.get_title() for axes in grid.axes[:3]] == ["a", "b", "c"]
    masks = [image > 0.5 for image in IMAGES]
    crops = radiographs.lungs_and_crops(IMAGES, masks, [(1, 2, 10, 12)] * 3, IMAGES)
    assert len(crops.axes[0].patches) == 1
    figure = radiographs.activation_boxes(
        IMAGES[:1],
        {"A": IMAGES[:1], "B": IMAGES[:1]},
        {"A": [(0, 0, 4, 4)], "B": [None]},
        [[(1, 1, 5, 5)]],
        ["finding"],
    )
    assert [len(axes.patches) for axes in figure.axes[:2]] == [2, 1]
    assert figure.axes[2].get_xlabel() == "map, share of its maximum"


def test_outlines_enclose_their_masks_also_at_the_edge():
    truth = np.zeros((8, 8), bool)
    truth[:4, 2:6] = True  # touches the upper edge
    figure = radiographs.outlines(IMAGES[:2], [truth] * 2, [truth, np.zeros((8, 8), bool)], ["a", "b"])
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    assert (len(first.collections), len(second.collections)) == (2, 1)  # an empty mask has no outline
    corners = first.collections[0].get_paths()[0].vertices
    # In pixels of the 16-pixel image: columns 2 to 6 of 8 are 4 to 12, rows 0 to 4 are 0 to 8.
    assert corners[:, 0].min() == 4 - 0
    assert corners[:, 0].max() == 12
    assert abs(corners[:, 1].max() - 8) < 0.01
    assert corners[:, 1].min() < 1


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
