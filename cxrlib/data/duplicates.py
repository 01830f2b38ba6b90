"""Find images that occur twice, even if re-encoding or a small change of grey hides it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components
from sklearn.neighbors import NearestNeighbors

from cxrlib.data.issues import Issue

THUMBNAIL = 32  # pixels a side: fine enough to distinguish two films of one child, coarse enough to ignore JPEG
# Root mean square difference of standardised thumbnails, in standard deviations. JPEG at quality 60, a gamma of 1.1 or
# halving the size moves a film by less than 0.05; the closest two different films of the Kermany set are 0.22 apart.
MAX_DISTANCE = 0.08
SMALL_GROUP = 3  # images; all pairs of a group up to this size are listed
FLAT = 1e-4  # a deviation in [0, 1] that rounding alone can cause


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return a small, standardised copy of an image, so that brightness and contrast do not matter.

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

    In a group of more than `SMALL_GROUP` images, list only as many pairs as connect the group: a thousand equal images
    have half a million pairs.

    Args:
        paths: Files of the images.
        thumbnails: The `thumbnail` of each image, shape (N, THUMBNAIL ** 2).
        max_distance: Largest root mean square difference of two thumbnails, in standard deviations.

    Returns:
        One row per pair: first, second (paths), distance.

    >>> film = np.random.default_rng(0).random((40, 50))
    >>> thumbnails = np.stack([thumbnail(image) for image in (film, film.T, 0.5 * film)])
    >>> find_duplicates(["a.png", "b.png", "c.png"], thumbnails)[["first", "second"]].to_numpy().tolist()
    [['a.png', 'c.png']]
    """
    columns = ["first", "second", "distance"]
    if len(paths) < 2:
        return pd.DataFrame(columns=columns)
    radius = max_distance * THUMBNAIL  # the Euclidean length of a root mean square over THUMBNAIL ** 2 pixels
    kinds, first, kind = np.unique(thumbnails, axis=0, return_index=True, return_inverse=True)
    copies = np.bincount(kind)[kind] > SMALL_GROUP  # many equal images are compared with others through their first
    compared = np.flatnonzero(~copies | (first[kind] == np.arange(len(kind))))
    graph = NearestNeighbors(radius=radius).fit(thumbnails[compared]).radius_neighbors_graph(mode="distance").tocoo()
    edges = {(compared[i], compared[j]): d for i, j, d in zip(graph.row, graph.col, graph.data, strict=True) if i < j}
    edges |= {(first[kind[i]], i): 0.0 for i in np.flatnonzero(copies) if i != first[kind[i]]}
    edges = _thinned(edges, len(paths))
    pairs = [(paths[i], paths[j], distance / THUMBNAIL) for (i, j), distance in edges.items()]
    return pd.DataFrame(pairs, columns=columns).sort_values(["first", "second"], ignore_index=True)


def judge_duplicates(root: Path, frame: pd.DataFrame, duplicates: pd.DataFrame) -> Iterable[Issue]:
    """Describe each pair by both images, and by both patients if they differ; describe a large group by its size.

    Args:
        root: Folder of the data set; paths in the texts are relative to it.
        frame: One row per image, with path, patient, label, sha256.
        duplicates: Pairs of images, as `find_duplicates` returns them.

    Yields:
        Issues: warnings to look at, and notes that patients share an image.
    """
    known = frame.set_index("path").assign(group=groups_of(frame.path, duplicates))
    size = known.group.map(known.group.value_counts())
    for _, group in known[size > SMALL_GROUP].groupby("group", sort=False):
        alike = "identical" if group.sha256.nunique() == 1 else "nearly identical"
        labels = ", with both labels" if group.label.nunique() > 1 else ""
        fault = f"{len(group)} images of {group.patient.nunique()} patients are {alike}{labels}, such as this one"
        yield Issue(group.index[0], "warning", fault, "look at some; split_by_patient treats their patients as one")
    for pair in duplicates[(size[duplicates["first"]] <= SMALL_GROUP).to_numpy()].itertuples():
        first, second = known.loc[pair.first], known.loc[pair.second]
        same = first.sha256 == second.sha256
        likeness = "identical to" if same else f"nearly identical (distance {pair.distance:.3f}) to"
        label = "" if first.label == second.label else ", which has the other label"
        remedy = "look at both; they must not be in two splits (split_by_patient prevents it)"
        yield Issue(pair.first, "warning", f"{likeness} {Path(pair.second).relative_to(root)}{label}", remedy)
        if first.patient != second.patient:
            fault = f"patients {first.patient} and {second.patient} share this image"
            yield Issue(pair.first, "note", fault, "split_by_patient treats them as one")


def groups_of(paths: Sequence[str], duplicates: pd.DataFrame) -> np.ndarray:
    """Return the number of each image's group; a group is connected by pairs, directly or through other images.

    Args:
        paths: Files of the images.
        duplicates: Pairs of images, as `find_duplicates` returns them.

    Returns:
        Integers, shape (N,).
    """
    place = pd.Series(np.arange(len(paths)), index=list(paths))
    ends = place[duplicates["first"]].to_numpy(), place[duplicates["second"]].to_numpy()
    graph = coo_array((np.ones(len(duplicates)), ends), shape=(len(paths), len(paths)))
    return connected_components(graph, directed=False)[1]


def _thinned(edges: dict[tuple[int, int], float], count: int) -> dict[tuple[int, int], float]:
    """Drop pairs that a large group does not need to stay connected."""
    ends = np.array(list(edges), dtype=int).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), ends.T), shape=(count, count)).tocsr()
    group = connected_components(graph, directed=False)[1]
    large = np.bincount(group)[group] > SMALL_GROUP
    kept = {tuple(pair) for pair in ends[~large[ends[:, 0]]]} if len(ends) else set()
    for start in {number: image for image, number in reversed(list(enumerate(group))) if large[image]}.values():
        order, before = breadth_first_order(graph, start, directed=False)
        kept |= {(min(i, before[i]), max(i, before[i])) for i in order[1:]}
    return {pair: distance for pair, distance in edges.items() if pair in kept}
