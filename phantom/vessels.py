"""Lung vessels that branch from the hila and make the lung markings."""

import numpy as np

from phantom.thorax import SIDES, Thorax

GENERATIONS = 6


def grow_tree(
    rng: np.random.Generator, hilum: tuple[float, float], sign: int, reach: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a random branching tree of tapering tubes that starts at a hilum.

    Every branch divides into two, whose radii follow Murray's law (r^3 is kept) apart from a slight taper. Angles and
    lengths are random.

    Args:
        rng: Generator of the tree.
        hilum: (x, y) in cm.
        sign: -1 for the right lung, 1 for the left.
        reach: Distance in cm from the hilum to the lung's edge.

    Returns:
        points (N, 2) in cm, radius (N,) in cm, length (N,) in cm that each point represents.
    """
    # Angles from the horizontal: upper-lobe, middle and lower-lobe trunks; the lower ones are larger.
    angle = np.array([-1.35, -0.85, -0.35, 0.15, 0.55, 0.9, 1.25]) + rng.normal(0, 0.12, 7)
    radius = np.array([0.17, 0.18, 0.17, 0.19, 0.23, 0.25, 0.23]) * np.exp(rng.normal(0, 0.12, 7))
    start = np.tile(np.asarray(hilum, float), (7, 1)) + rng.normal(0, 0.25, (7, 2))
    points, radii, lengths = [], [], []
    for generation in range(GENERATIONS):
        steps = 10 - generation
        share = ((np.arange(steps) + 0.5) / steps)[None, :]
        length = reach * 0.27 * 0.86**generation * np.exp(rng.normal(0, 0.22, len(angle)))
        bend = rng.normal(0, 0.16, len(angle))
        local = angle[:, None] + bend[:, None] * (share - 0.5)
        path = np.cumsum(np.stack([sign * np.cos(local), np.sin(local)], -1) * (length / steps)[:, None, None], axis=1)
        points.append((start[:, None] + path).reshape(-1, 2))
        radii.append((radius[:, None] * (1 - 0.18 * share)).reshape(-1))
        lengths.append(np.repeat(length / steps, steps))
        split = rng.uniform(0.3, 0.7, len(angle))
        spread = rng.uniform(0.25, 0.65, len(angle))
        end = start + path[:, -1]
        start = np.concatenate([end, end])
        angle = np.concatenate([angle - spread * (1 - split), angle + spread * split])
        radius = np.concatenate([radius * split ** (1 / 3), radius * (1 - split) ** (1 / 3)]) * 0.93
    return np.concatenate(points), np.concatenate(radii), np.concatenate(lengths)


def draw_vessels(thorax: Thorax, rng: np.random.Generator, calibre: float = 1.0, fuzz: float = 0.0) -> np.ndarray:
    """Return the path through the blood vessels of both lungs, float32 (H, W) in cm.

    Args:
        thorax: Geometry of the child in this view.
        rng: Generator of the trees.
        calibre: Factor on all radii.
        fuzz: Extra blur in cm, for vessels whose walls are swollen.
    """
    total = thorax.canvas.zeros()
    reach = 0.62 * thorax.anatomy.half_width
    trees = [grow_tree(rng, thorax.hila[side], sign, reach) for side, sign in SIDES.items()]
    points, radius, length = (np.concatenate(parts) for parts in zip(*trees, strict=True))
    radius = radius * calibre
    volume = np.pi * radius**2 * length
    for low, high in ((0.13, np.inf), (0.07, 0.13), (0, 0.07)):
        chosen = (radius >= low) & (radius < high)
        if chosen.any():
            sigma = float(np.hypot(0.55 * radius[chosen].mean(), fuzz))
            total += thorax.canvas.splat(points[chosen], volume[chosen], sigma)
    return total
