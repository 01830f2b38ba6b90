"""Find images that occur twice, also where re-encoding or a small change of grey hides it."""

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.neighbors import NearestNeighbors

from cxrlib.data.images import read_image

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


def find_duplicates(frame: pd.DataFrame, max_distance: float = MAX_DISTANCE, workers: int = -1) -> pd.DataFrame:
    """Find pairs of (near-)identical images.

    Args:
        frame: One row an image, with `path`.
        max_distance: Largest root mean square difference of standardised thumbnails.
        workers: Processes that read images; -1 for all cores.

    Returns:
        One row a pair: first, second (paths), distance.
    """
    paths = list(frame.path)
    if len(paths) < 2:
        return match_thumbnails(paths, np.empty(0))
    batches = [paths[start : start + 64] for start in range(0, len(paths), 64)]
    made = Parallel(n_jobs=workers)(delayed(_thumbnails)(batch) for batch in batches)
    return match_thumbnails(paths, np.concatenate(made), max_distance)


def match_thumbnails(paths: Sequence[str], thumbnails: np.ndarray, max_distance: float = MAX_DISTANCE) -> pd.DataFrame:
    """Find pairs of (near-)identical images among thumbnails that are at hand.

    Args:
        paths: Files of the images.
        thumbnails: What `thumbnail` gives for each, shape (N, THUMBNAIL ** 2).
        max_distance: As for `find_duplicates`.

    Returns:
        As `find_duplicates`.
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


def _thumbnails(paths: Sequence[str]) -> np.ndarray:
    return np.stack([thumbnail(read_image(path)) for path in paths])
