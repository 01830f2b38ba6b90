"""The effect of each finding on the chest: the tissue that it adds to the lungs, and the boxes around it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from phantom.anatomy import Anatomy
from phantom.findings import PERIBRONCHOVASCULAR
from phantom.physics import blur
from phantom.thorax import SIDES, Thorax, smoothstep
from phantom.vessels import draw_vessels

Box = tuple[int, int, int, int]


def enlarge_heart(anatomy: Anatomy, severity: float) -> Anatomy:
    """Return the child with cardiomegaly; the mildest cases are within the healthy range of toddlers."""
    return replace(anatomy, cardiothoracic_ratio=max(anatomy.cardiothoracic_ratio, 0.50) + 0.02 + 0.16 * severity)


def heart_box(thorax: Thorax) -> Box | None:
    """Return the box around the heart's shadow in pixels."""
    return _box(thorax.heart, (thorax.canvas.y < thorax.dome + 1.0))


def paint(thorax: Thorax, finding: str, severity: float, rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
    """Return the tissue that a finding adds to the lungs, and the boxes around it.

    Args:
        thorax: Geometry of the child in this view.
        finding: A key of `PAINTERS`.
        severity: 0 (barely visible) to 1.
        rng: Generator of the finding's position and shape.

    Returns:
        Added tissue in cm, float32 (H, W), and boxes (x_min, y_min, x_max, y_max) in pixels, max exclusive, one for
        each separate part inside the frame.
    """
    parts = PAINTERS[finding](thorax, severity, rng)
    boxes = [box for box in (_box(part, thorax.lung_hull > 0.3) for part in parts) if box is not None]
    return np.sum(parts, axis=0, dtype=np.float32), boxes


def _box(path: np.ndarray, where: np.ndarray, share: float = 0.3) -> Box | None:
    """Return the box around the pixels of `where` in which `path` exceeds a share of its maximum, or None."""
    path = np.where(where, path, 0)
    peak = path.max()
    if peak <= 0:
        return None
    mask = path > share * peak
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if min(np.ptp(columns), np.ptp(rows)) < 3:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _air(thorax: Thorax) -> np.ndarray:
    """Return the air in the lungs that tissue can replace, in cm."""
    return thorax.lung * np.float32(1 - thorax.anatomy.lung_density)


def _place(thorax: Thorax, rng: np.random.Generator, side: str, low: float = 0.2, high: float = 0.92) -> np.ndarray:
    """Return a random point (x, y) in cm inside a lung; `low` and `high` bound its height as shares of the lung's."""
    y = rng.uniform(low, high) * thorax.height
    return np.array([SIDES[side] * rng.uniform(0.28, 0.78) * thorax.half_width_at(np.array(y)), y])


def _side(rng: np.random.Generator) -> str:
    return str(rng.choice(list(SIDES), p=[0.58, 0.42]))


def _same_side(thorax: Thorax, side: str) -> np.ndarray:
    return smoothstep(thorax.canvas.x * SIDES[side] / 0.6)


def _patch(
    thorax: Thorax, centre: np.ndarray, radii: tuple[float, float], rng: np.random.Generator, ragged: float
) -> np.ndarray:
    """Return an ill-defined patch, 0 to 1: an ellipse with an edge frayed by a texture."""
    x, y = thorax.canvas.x - np.float32(centre[0]), thorax.canvas.y - np.float32(centre[1])
    distance = np.sqrt((x / np.float32(radii[0])) ** 2 + (y / np.float32(radii[1])) ** 2)
    frayed = distance + np.float32(ragged) * thorax.canvas.texture(rng, 1.8, 4, 0.6)
    return smoothstep((1.35 - frayed) / 0.75)


def _consolidation(thorax: Thorax, severity: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Filled alveoli in a patch or up to a fissure; dense patches still have air in their bronchi."""
    parts = []
    for _ in range(1 + int(rng.random() < 0.2)):
        side = _side(rng)
        centre = _place(thorax, rng, side)
        size = (1.2 + 2.6 * severity) * rng.uniform(0.8, 1.25)
        patch = _patch(thorax, centre, (size * rng.uniform(0.8, 1.2), size * rng.uniform(0.8, 1.2)), rng, 0.16)
        patch *= _same_side(thorax, side)
        if side == "right" and rng.random() < 0.45:
            # The minor fissure stops the filling with a straight edge.
            fissure = (thorax.canvas.y - 0.52 * thorax.height - 0.06 * np.abs(thorax.canvas.x)) / 0.25
            patch *= smoothstep(fissure if centre[1] > 0.52 * thorax.height else -fissure)
        if severity > 0.4:
            bronchi = draw_vessels(thorax, rng)
            patch *= 1 - 0.4 * smoothstep(bronchi / 0.6)
        parts.append(patch * np.float32(0.16 + 0.74 * severity) * _air(thorax))
    return parts


def _infiltration(thorax: Thorax, severity: float, rng: np.random.Generator) -> list[np.ndarray]:
    """A faint, ragged patch."""
    side = _side(rng)
    size = rng.uniform(1.2, 2.6)
    patch = _patch(thorax, _place(thorax, rng, side), (size, size * rng.uniform(0.8, 1.3)), rng, 0.4)
    return [patch * np.float32(0.12 + 0.48 * severity) * _same_side(thorax, side) * _air(thorax)]


def _other_opacity(thorax: Thorax, severity: float, rng: np.random.Generator) -> list[np.ndarray]:
    """A round opacity, like the round pneumonia of children."""
    side = _side(rng)
    size = rng.uniform(0.7, 1.6)
    patch = _patch(thorax, _place(thorax, rng, side), (size, size), rng, 0.08)
    return [patch * np.float32(0.14 + 0.56 * severity) * _same_side(thorax, side) * _air(thorax)]


def _perihilar(thorax: Thorax, side: str, reach: float) -> np.ndarray:
    x, y = thorax.hila[side]
    squared = (thorax.canvas.x - np.float32(1.35 * x)) ** 2 + ((thorax.canvas.y - np.float32(y + 0.6)) / 1.25) ** 2
    return np.exp(-squared / np.float32(reach**2)) * _same_side(thorax, side)


def _peribronchovascular(thorax: Thorax, severity: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Swollen, blurred sheaths of the vessels and bronchi around the hila, with some haze between them."""
    sheaths = np.minimum(draw_vessels(thorax, rng, 1.5 + 0.8 * severity, fuzz=0.08), 0.8)
    haze = np.clip(0.5 + 0.5 * thorax.canvas.texture(rng, 1.2, 4, 0.7), 0, 2)
    sides = list(SIDES) if rng.random() < 0.8 else [_side(rng)]
    inside = np.clip(thorax.lung / 1.5, 0, 1)
    strength = np.float32(0.4 + 1.8 * severity)
    return [
        strength * (sheaths + np.float32(0.5) * haze) * _perihilar(thorax, side, 2.6 + 1.6 * severity) * inside
        for side in sides
    ]


def _bronchial_thickening(thorax: Thorax, severity: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Rings and tramlines: bronchial walls seen from the end and from the side."""
    parts = []
    for side, sign in SIDES.items():
        path = thorax.canvas.zeros()
        x, y = thorax.hila[side]
        for _ in range(rng.integers(10, 22)):
            angle = rng.uniform(-1.2, 1.4)
            distance = rng.uniform(0.4, 3.6)
            start = np.array([x + sign * distance * np.cos(angle), y + 0.4 + distance * np.sin(angle)])
            length = 0.02 if rng.random() < 0.4 else rng.uniform(0.4, 1.1)
            angle += rng.normal(0, 0.25)
            end = start + length * np.array([sign * np.cos(angle), np.sin(angle)])
            wall = rng.uniform(0.4, 1.2)
            thorax.canvas.add_tube(path, np.stack([start, end]), rng.uniform(0.14, 0.24), hollow=0.55, scale=wall)
        path = blur(path, 0.05 / thorax.canvas.pixel)
        parts.append(path * np.float32(1.0 + 4.0 * severity) * np.clip(thorax.lung / 2, 0, 1))
    return parts


def _reticulonodular(thorax: Thorax, severity: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Nodules of millimetres and a net of thickened septa over both lungs."""
    count = int(60 + 160 * severity)
    y = rng.uniform(0.1, 1.05, count) * thorax.height
    places = np.stack([rng.choice([-1, 1], count) * rng.uniform(0.2, 0.92, count) * thorax.half_width_at(y), y], axis=1)
    radius = rng.uniform(0.10, 0.20, count)
    nodules = thorax.canvas.splat(places, 4 / 3 * np.pi * radius**3, 0.1)
    net = np.exp(-((thorax.canvas.texture(rng, 0.8, 2, 0.6) / np.float32(0.22)) ** 2))
    inside = np.clip(thorax.lung / 1.5, 0, 1) * (thorax.lung_hull > 0.3)
    path = (1.5 * nodules + np.float32(0.4) * net) * np.float32(0.8 + 3.4 * severity) * inside
    return [path * _same_side(thorax, side) for side in SIDES]


def _atelectasis(thorax: Thorax, severity: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Collapsed lung: a wedge that points to the hilum, or a thin plate above the diaphragm."""
    side = _side(rng)
    x, y = thorax.hila[side]
    if rng.random() < 0.5:
        angle = float(rng.choice([rng.uniform(-1.2, -0.7), rng.uniform(0.5, 1.2)]))
        across = (thorax.canvas.x - np.float32(x)) * SIDES[side]
        along = across * np.cos(angle) + (thorax.canvas.y - y) * np.sin(angle)
        aside = np.abs((thorax.canvas.y - y) * np.cos(angle) - across * np.sin(angle))
        width = 0.25 + np.float32(0.16 + 0.26 * severity) * along
        wedge = smoothstep((width - aside) / 0.25) * smoothstep(along / 0.6)
        return [wedge * np.float32(0.2 + 0.75 * severity) * _same_side(thorax, side) * _air(thorax)]
    path = thorax.canvas.zeros()
    middle = _place(thorax, rng, side, 0.6, 0.88)
    half = rng.uniform(1.2, 2.6) * np.array([1, rng.uniform(-0.4, 0.4)])
    bow = np.array([0, rng.uniform(-0.3, 0.1)])
    thickness = 0.14 + 0.36 * severity
    thorax.canvas.add_tube(
        path, np.stack([middle - half, middle + bow, middle + half]), [0.06, thickness, 0.06], scale=4
    )
    return [np.minimum(path * np.float32(0.5 + severity), _air(thorax) * 0.9)]


def _pleural_effusion(thorax: Thorax, severity: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Fluid that fills the costophrenic angle and climbs the chest wall as a meniscus."""
    side = _side(rng)
    angle = 1.2 * thorax.height
    depth = (0.12 + 0.75 * severity**1.2) * thorax.height
    level = angle - np.float32(depth) * (0.45 + 0.55 * np.clip(thorax.across, 0, 1) ** 4)
    fluid = smoothstep((thorax.canvas.y - level) / np.float32(0.5 + 0.3 * depth))
    return [fluid * np.float32(0.95) * _same_side(thorax, side) * _air(thorax)]


PAINTERS: dict[str, Callable[[Thorax, float, np.random.Generator], list[np.ndarray]]] = {
    "Consolidation": _consolidation,
    "Infiltration": _infiltration,
    "Other opacity": _other_opacity,
    PERIBRONCHOVASCULAR: _peribronchovascular,
    "Bronchial thickening": _bronchial_thickening,
    "Reticulonodular opacity": _reticulonodular,
    "Atelectasis": _atelectasis,
    "Pleural effusion": _pleural_effusion,
}
"""Findings that add tissue to the lungs; "Cardiomegaly" instead changes the child (`enlarge_heart`)."""

FINDINGS = (*PAINTERS, "Cardiomegaly")
"""All findings that can be drawn, spelled as in VinDr-PCXR."""
