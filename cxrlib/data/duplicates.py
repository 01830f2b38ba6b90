"""Find images that occur twice, also where re-encoding or a small change of grey hides it."""

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors

THUMBNAIL = 32  # pixels a side: fine enough to tell two films of one child apart, coarse enough to forgive JPEG
# Root mean square difference of standardised thumbnails, in standard deviations. JPEG at quality 60, a gamma of 1.1 or
# halving the size moves a film by less than 0.05; the closest two different films of the Kermany set are 0.22 apart.
MAX_DISTANCE = 0.08
FLAT = 1e-4  # a deviation that rounding makes in [0, 1]


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Shrink an image and standardise it, so that brightness and contrast do not matter.

    Args:
        image: Shape (H, W).

    Returns:
        Shape (THUMBNAIL ** 2,), zero mean, unit deviation (zeros for a flat image).
    """
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).ravel()
    deviation = small.std()
    return (small - small.mean()) / deviation if deviation > FLAT else np.zeros_like(small)


def find_duplicates(paths: Sequence[str], thumbnails: np.ndarray, max_distance: float = MAX_DISTANCE) -> pd.DataFrame:
    """Return the pairs of (near-)identical images.

    Args:
        paths: Files of the images.
        thumbnails: What `thumbnail` gives for each, shape (N, THUMBNAIL ** 2).
        max_distance: Largest root mean square difference of two thumbnails, in standard deviations.

    Returns:
        One row a pair: first, second (paths), distance.

    >>> film = np.random.default_rng(0).random((40, 50))
    >>> thumbnails = np.stack([thumbnail(image) for image in (film, film.T, 0.5 * film)])
    >>> find_duplicates(["a.png", "b.png", "c.png"], thumbnails)[["first", "second"]].to_numpy().tolist()
    [['a.png', 'c.png']]
    """
    columns = ["first", "second", "distance"]
    if len(paths) < 2:
        return pd.DataFrame(columns=columns)
    radius = max_distance * THUMBNAIL  # the Euclidean length of a root mean square over THUMBNAIL ** 2 pixels
    graph = NearestNeighbors(radius=radius).fit(thumbnails).radius_neighbors_graph(mode="distance").tocoo()
    pairs = [
        (paths[i], paths[j], distance / THUMBNAIL)
        for i, j, distance in zip(graph.row, graph.col, graph.data, strict=True)
        if i < j
    ]
    return pd.DataFrame(pairs, columns=columns).sort_values(["first", "second"], ignore_index=True)
