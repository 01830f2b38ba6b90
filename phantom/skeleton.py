"""Bones of the chest as path lengths of cortical bone."""

import numpy as np

from phantom.thorax import SIDES, Thorax, smoothstep


def draw_skeleton(thorax: Thorax, rng: np.random.Generator) -> np.ndarray:
    """Return the path through bone, float32 (H, W), in cm of cortical bone.

    Args:
        thorax: Geometry of the child in this view.
        rng: Generator of the child's own small irregularities.
    """
    bone = _ribs(thorax, rng) + _spine(thorax)
    _shoulder_girdle(thorax, bone)
    _jaw(thorax, bone)
    return bone


def _tube_chord(distance: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Return the cortical path through a rib-like tube: a shell plus a small share of spongy bone."""
    squared = radius**2
    outer = np.sqrt(np.clip(squared - distance**2, 0, None))
    inner = np.sqrt(np.clip(0.6 * squared - distance**2, 0, None))
    return 2 * outer - 1.7 * inner


def _ribs(thorax: Thorax, rng: np.random.Generator) -> np.ndarray:
    """Return the ribs as tubes on the chest wall: an ellipse seen from the front, with back and front halves added.

    A point of a rib at angle theta (0 at the spine, pi/2 at the side) is at x = w sin(theta) and falls towards the
    front. So a pixel sees the back half at asin(|x| / w) and the front half at pi - asin(|x| / w).
    """
    anatomy, canvas = thorax.anatomy, thorax.canvas
    spacing = np.float32(anatomy.rib_spacing * (0.94 + 0.06 * thorax.view.inspiration))
    drop = np.float32(anatomy.rib_drop * (0.8 + 0.2 * thorax.view.inspiration))
    count = 14
    size = rng.normal(1, 0.06, (2, count + 2)).astype(np.float32)
    # The bony front half ends in cartilage at this share of the half-width, the lower ribs farther out.
    reach = np.clip(0.62 + 0.015 * np.arange(count + 2) + rng.normal(0, 0.03, count + 2), 0.5, 0.95).astype(np.float32)
    wander = (rng.normal(0, 0.05, (2, count + 2)) * spacing).astype(np.float32)
    width = thorax.half_width + np.float32(0.12)
    total = canvas.zeros()
    side = (canvas.x > 0).astype(np.intp)
    for front in (False, True):
        shift = np.float32(thorax.front_shift * (0.5 if front else -0.15))
        u = np.minimum(np.abs(canvas.x - shift) / width, 1)
        squared = u * u
        cosine = np.sqrt(1 - squared)
        steep = 1 / (width * np.maximum(cosine, 0.06))
        # Near the side the rib turns down; the term in u^6 and its derivative.
        fall = drop * ((1 + cosine if front else 1 - cosine) / 2 + np.float32(0.35) * squared**2 * squared)
        slope = drop * u * (0.5 + np.float32(2.1) * squared**2 * cosine) * steep
        if not front:
            # The back half first rises beside the spine (a share of sin 2 theta), then sweeps down.
            fall -= np.float32(0.64) * spacing * u * cosine
            slope -= np.float32(0.64) * spacing * (1 - 2 * squared) * steep
        phase = (canvas.y - fall + np.float32(0.55) * spacing) / spacing
        index = np.clip(np.rint(phase), 0, count).astype(np.intp)
        exists = (index > 0) & (np.abs(phase - index) < 0.5)
        distance = ((phase - index) * spacing + wander[side, index]) / np.sqrt(1 + slope * slope)
        radius = anatomy.rib_radius * size[side, index] * np.float32(1.25 if front else 1.0)
        depth_slope = thorax.half_depth / width * u / np.maximum(cosine, 0.05)
        oblique = np.minimum(np.sqrt(1 + depth_slope**2), 3.2)
        rib = _tube_chord(distance, radius) * oblique * exists
        if front:
            rib *= np.float32(0.75) * smoothstep((u - reach[index]) / 0.08)
        else:
            rib *= smoothstep((np.abs(canvas.x) - 0.8) / 0.5) * np.float32(1.1)
        total += rib * smoothstep((1.0 - thorax.across) / 0.03 + 1)
    return total


def _spine(thorax: Thorax) -> np.ndarray:
    """Return the vertebrae: bodies with dense end plates, discs, pedicles, spinous and transverse processes."""
    anatomy, canvas = thorax.anatomy, thorax.canvas
    spacing = np.float32(anatomy.rib_spacing)
    x = canvas.x + np.float32(0.15 * thorax.front_shift)
    phase = canvas.y / spacing + np.float32(0.3)
    level = phase - np.rint(phase)
    half = np.float32(0.088 * anatomy.half_width + 0.25) * (1 + 0.012 * canvas.y) * (1 - 0.12 * (1 - 4 * level**2))
    body = smoothstep((half - np.abs(x)) / 0.18) * smoothstep((0.43 - np.abs(level)) / 0.08)
    plate = np.exp(-(((np.abs(level) - 0.36) / 0.05) ** 2))
    side = np.exp(-(((np.abs(x) - half + 0.12) / 0.1) ** 2))
    bone = body * (np.float32(0.30) + 0.16 * plate + 0.14 * side)
    pedicle = ((np.abs(x) - 0.62 * half) / 0.2) ** 2 + ((level + 0.1) * spacing / 0.27) ** 2
    bone += 0.34 * np.exp(-(pedicle**2))
    spinous = ((x + 0.35 * thorax.front_shift * 0.3) / 0.16) ** 2 + ((level - 0.22) * spacing / 0.3) ** 2
    bone += 0.28 * np.exp(-(spinous**2))
    transverse = ((np.abs(x) - half - 0.45) / 0.55) ** 2 + ((level + 0.05) * spacing / 0.22) ** 2
    return bone + 0.16 * np.exp(-transverse)


def _shoulder_girdle(thorax: Thorax, bone: np.ndarray) -> None:
    """Add clavicles, scapulae and humeri, which move with the arms."""
    anatomy, canvas, height = thorax.anatomy, thorax.canvas, thorax.height
    width = anatomy.half_width
    for (side, sign), lift in zip(SIDES.items(), thorax.view.arms, strict=True):
        raised = max(0.0, float(-np.cos(lift)))
        shoulder, arm = thorax.arms[side][0], thorax.arms[side]
        inner = np.array([sign * 0.13 * width + 0.8 * thorax.front_shift, 0.10 * height])
        outer = shoulder + np.array([-sign * 0.7, -1.0 - 0.6 * raised])
        t = np.linspace(0, 1, 9)[:, None]
        clavicle = inner + (outer - inner) * t
        clavicle[:, 1] += 0.30 * np.sin(2 * np.pi * t[:, 0]) - 0.45 * np.sin(np.pi * t[:, 0])
        thickness = 0.25 + 0.09 * np.abs(2 * t[:, 0] - 1) ** 2
        canvas.add_tube(bone, clavicle, thickness, hollow=0.6, scale=1.3)
        glenoid = shoulder + np.array([-sign * 1.15, 0.35])
        angle = np.array([sign * (0.80 + 0.22 * raised) * width, (0.52 - 0.08 * raised) * height])
        spine_end = np.array([sign * 0.62 * width, 0.14 * height])
        canvas.add_tube(bone, np.array([glenoid, 0.5 * (glenoid + angle) + [sign * 0.25, 0], angle]), 0.2, scale=0.9)
        canvas.add_tube(bone, np.array([angle, spine_end]), 0.12, scale=0.8)
        canvas.add_tube(bone, np.array([spine_end, outer + [sign * 0.4, 0.3]]), np.array([0.14, 0.3]), scale=0.8)
        canvas.add_tube(bone, np.array([glenoid + [0, -0.5], glenoid + [0, 0.5]]), 0.3, scale=0.6)
        along = (arm[1] - arm[0]) / np.linalg.norm(arm[1] - arm[0])
        # The growth plate parts the humeral head from its shaft.
        canvas.add_tube(bone, np.array([shoulder - 0.25 * along, shoulder + 0.2 * along]), 0.72, hollow=0.8, scale=0.5)
        shaft = np.array([shoulder + 1.25 * along, shoulder + 3.0 * along, arm[2]])
        canvas.add_tube(bone, shaft, np.array([0.78, 0.52, 0.5]), hollow=0.68, scale=0.9)


def _jaw(thorax: Thorax, bone: np.ndarray) -> None:
    """Add the lower jaw and the skull above it, at the top of films that include the neck."""
    x, y = thorax.chin
    turn = np.linspace(-1.2, 1.2, 11)
    arch = np.stack([x + 4.4 * np.sin(turn) / np.sin(1.2), y - 0.5 - 4.0 * (1 - np.cos(turn)) / (1 - np.cos(1.2))], 1)
    thorax.canvas.add_tube(bone, arch, 0.62, hollow=0.75, scale=0.9)
    thorax.canvas.add_tube(bone, arch - [0, 1.3], 0.7, scale=0.35)
