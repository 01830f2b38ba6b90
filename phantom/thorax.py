"""Soft tissue and air of the chest (body, lungs, diaphragm, mediastinum) as path lengths on a canvas."""

from functools import cached_property

import numpy as np

from phantom.anatomy import Anatomy, View
from phantom.canvas import Canvas

SIDES = {"right": -1, "left": 1}
"""Sign of x of the child's sides; the child's right is the image's left."""


def smoothstep(value: np.ndarray) -> np.ndarray:
    """Return a smooth rise from 0 (value 0 or less) to 1 (value 1 or more)."""
    value = np.clip(value, 0, 1)
    return value * value * (3 - 2 * value)


class Thorax:
    """Geometry of one child in one view on a canvas. All maps are float32 (H, W), in cm unless stated otherwise."""

    def __init__(self, anatomy: Anatomy, view: View, canvas: Canvas) -> None:
        """Compute the lengths that depend on breath and rotation."""
        self.anatomy, self.view, self.canvas = anatomy, view, canvas
        self.height = anatomy.lung_height * view.inspiration
        self.front_shift = anatomy.half_depth * float(np.sin(view.rotation))
        self.medial_width = 0.13 * anatomy.half_width
        self.hila = {side: (sign * 0.27 * anatomy.half_width, 0.46 * self.height) for side, sign in SIDES.items()}

    def half_width_at(self, y: np.ndarray) -> np.ndarray:
        """Return the inner half-width of the chest in cm at height y: a bell that widens below the apices."""
        t = np.clip(y / self.height, 0, 1)
        opening = (1 - (1 - t) ** self.anatomy.bell) ** 0.55
        below = np.clip(y / self.height - 1, 0, None)
        return self.anatomy.half_width * (0.36 + 0.64 * opening - 0.06 * below**2)

    @cached_property
    def half_width(self) -> np.ndarray:
        """The inner half-width of the chest at every pixel's height."""
        rows = np.linspace(-20, 40, 1201)
        return np.interp(self.canvas.y, rows, self.half_width_at(rows)).astype(np.float32)

    @cached_property
    def across(self) -> np.ndarray:
        """`|x|` divided by the inner half-width: 0 on the spine and 1 on the chest wall."""
        return np.abs(self.canvas.x) / self.half_width

    def dome_at(self, x: np.ndarray) -> np.ndarray:
        """Return the height y of the diaphragm's edge at x (cm): domes with costophrenic and cardiophrenic angles."""
        right = x < 0
        peak = np.where(right, 0.47, 0.52)
        share = np.abs(x) / self.anatomy.half_width
        lateral = np.clip((share - peak) / (1 - peak), 0, 1.2) ** 2.3 * 0.23
        medial = np.clip((peak - share) / peak, 0, 1) ** 2 * 0.05
        return self.height * (1 + lateral + medial) + np.where(right, 0, self.anatomy.dome_step)

    @cached_property
    def dome(self) -> np.ndarray:
        """The diaphragm's height at every pixel's x."""
        columns = np.linspace(-30, 30, 1201)
        return np.interp(self.canvas.x, columns, self.dome_at(columns)).astype(np.float32)

    @cached_property
    def medial(self) -> np.ndarray:
        """`|x|` of the lungs' medial edge, rounded towards the apices."""
        t = np.clip(self.canvas.y / (0.15 * self.height), 0, 1)
        apex = np.float32(0.36 * self.anatomy.half_width)
        return apex - (apex - np.float32(self.medial_width)) * np.sqrt(t)

    @cached_property
    def lung_mask(self) -> np.ndarray:
        """Mask (H, W) of both lungs above the diaphragm, bool, including the part behind the heart."""
        x = np.abs(self.canvas.x)
        inside = (x > self.medial) & (self.across < 0.985) & (self.canvas.y > 0)
        return inside & (self.canvas.y < self.dome)

    @cached_property
    def half_depth(self) -> np.ndarray:
        """Inner half-depth of the chest at every pixel's height."""
        return self.anatomy.half_depth * (0.25 + 0.75 * self.half_width / self.anatomy.half_width)

    @cached_property
    def lung_hull(self) -> np.ndarray:
        """Path through the lungs if there were no heart: thin at apex and wall, fading below the diaphragm's edge."""
        chord = 2 * self.half_depth * np.sqrt(np.clip(1 - self.across**2, 0, 1)) * np.float32(0.92)
        x = np.abs(self.canvas.x)
        chord *= smoothstep((x - self.medial + 0.9) / 2.8) * smoothstep(self.canvas.y / 1.2 + 0.2)
        # Below the dome's edge the lung lies in front of and behind the dome: the dome's own chord grows as a root.
        below = np.clip(self.canvas.y - self.dome, 0, None)
        return chord * (1 - np.sqrt(np.clip(below / 2.2, 0, 1)))

    @cached_property
    def heart_size(self) -> tuple[float, float]:
        """(width, height) of the heart; a shallow breath lifts and widens it."""
        lifted = 1 + 0.35 * (1 - self.view.inspiration)
        width = 2 * self.anatomy.half_width * self.anatomy.cardiothoracic_ratio * lifted
        return width, 0.62 * self.height + 0.12 * width

    @cached_property
    def heart(self) -> np.ndarray:
        """Path through the heart: a leaning ellipsoid for the ventricles and another for the right atrium."""
        width, tall = self.heart_size
        x, y = self.canvas.x - np.float32(self.front_shift), self.canvas.y
        bottom = self.height + 0.12 * tall
        lean = self.anatomy.heart_lean
        ventricle = self._ellipsoid(x, y, (0.19 * width, bottom - 0.44 * tall), (0.62 * width, 0.40 * width), lean, 6.5)
        atrium = self._ellipsoid(x, y, (-0.07 * width, bottom - 0.40 * tall), (0.27 * width, 0.42 * tall), -0.15, 5.0)
        return np.maximum(ventricle, atrium) + 0.35 * np.minimum(atrium, ventricle)

    @staticmethod
    def _ellipsoid(
        x: np.ndarray, y: np.ndarray, centre: tuple[float, float], axes: tuple[float, float], lean: float, depth: float
    ) -> np.ndarray:
        """Return the chord through an ellipsoid; `lean` turns its long axis towards the child's left foot."""
        cosine, sine = np.float32(np.cos(lean)), np.float32(np.sin(lean))
        along = (x - np.float32(centre[0])) * cosine + (y - np.float32(centre[1])) * sine
        aside = (y - np.float32(centre[1])) * cosine - (x - np.float32(centre[0])) * sine
        squared = 1 - (along / np.float32(axes[0])) ** 2 - (aside / np.float32(axes[1])) ** 2
        # The exponent 3/8 makes the edge a little steeper than an ellipsoid's 1/2, as a heart's is.
        root = np.sqrt(np.sqrt(np.clip(squared, 0, 1)))
        return np.float32(depth) * root * np.sqrt(root)

    @cached_property
    def vessels_and_thymus(self) -> np.ndarray:
        """Path through the upper mediastinum, great vessels and thymus, which sometimes ends in a sail."""
        x, y = self.canvas.x - np.float32(0.6 * self.front_shift), self.canvas.y
        t = y / np.float32(self.height)
        trunk = np.float32(0.15 * self.anatomy.half_width) * (1 + 0.35 * smoothstep(t / 0.5))
        great = 4.2 * np.sqrt(np.clip(1 - (x / trunk) ** 2, 0, 1)) * smoothstep((t + 0.5) / 0.2)
        thymus = np.zeros_like(great)
        for side, extent in zip(SIDES, self.anatomy.thymus, strict=True):
            if extent < 0.25:
                continue
            reach = trunk + np.float32(extent) * smoothstep((t + 0.02) / 0.22)
            sail = side == "right" and self.anatomy.sail
            reach = reach * (1 - smoothstep((t - 0.5) / 0.05 if sail else (t - 0.38) / 0.35))
            beside = x * SIDES[side]
            lobe = 2.3 * np.sqrt(np.clip(1 - beside / np.maximum(reach, 0.1), 0, 1))
            thymus += np.where(beside > 0, lobe, 0)
        return np.where(t < 1.0, great, great * 0.8) + thymus

    @cached_property
    def mediastinum(self) -> np.ndarray:
        """Soft tissue that displaces lung; overlapping organs add up only partly."""
        heart, upper = self.heart, self.vessels_and_thymus
        return np.maximum(heart, upper) + 0.3 * np.minimum(heart, upper)

    @cached_property
    def lung(self) -> np.ndarray:
        """Path through aerated lung without what the mediastinum displaces; some lung stays behind the heart."""
        free = self.lung_hull - self.mediastinum
        least = 0.22 * self.lung_hull
        return np.maximum(free, least)

    @cached_property
    def abdominal_gas(self) -> np.ndarray:
        """Path through the gas in stomach and bowel below the left dome."""
        rng = np.random.default_rng([self.anatomy.seed, 3])
        path, half = self.canvas.zeros(), self.anatomy.half_width
        top = self.height + self.anatomy.dome_step
        for number in range(1 + rng.poisson(2.0)):
            size = self.anatomy.gas * rng.uniform(0.6, 1.0) / (1 + 0.5 * number)
            place = (
                (rng.uniform(0.25, 0.65) * half, top + 0.2 + 0.7 * size)
                if number == 0
                else (rng.uniform(-0.2, 0.8) * half, top + rng.uniform(2.5, 5.5))
            )
            bubble = self._ellipsoid(
                self.canvas.x,
                self.canvas.y,
                place,
                (size * rng.uniform(1, 1.6), size * 0.7),
                rng.normal(0, 0.4),
                1.7 * size,
            )
            path = np.maximum(path, bubble)
        return path

    @cached_property
    def body(self) -> np.ndarray:
        """Path through the whole child (trunk, neck, shoulders, arms, head), with lungs as if they were solid."""
        a, y, x = self.anatomy, self.canvas.y, self.canvas.x
        rows = np.linspace(-14, 40, 1081)
        chest = self.half_width_at(rows) + a.wall
        t = rows / self.height
        # Muscles of shoulder and armpit hide the bell of the ribs: the skin falls almost straight from the armpit.
        neck = 0.34 * a.half_width
        skin = a.half_width * np.interp(t, [-0.05, 0.08, 0.25, 0.6], [0.36, 0.74, 0.94, 0.96]) + 0.8 * a.wall
        outer = np.where(
            t < -0.05, neck + (skin - neck) * np.clip((t + 0.3) / 0.25, 0, 1) ** 2, np.maximum(skin, chest)
        )
        outer = np.interp(y, rows, outer).astype(np.float32)
        depth = np.interp(t, [-0.6, -0.3, 0.0, 0.35, 1.0], np.array([0.5, 0.5, 0.62, 0.95, 1.0]) * a.half_depth + 0.8)
        depth = np.interp(y, rows, depth).astype(np.float32)
        trunk = 2 * depth * np.sqrt(np.clip(1 - (x / outer) ** 2, 0, 1))
        limbs = self.canvas.zeros()
        for points, sign in zip(self.arms.values(), SIDES.values(), strict=True):
            self.canvas.add_tube(limbs, points, np.array([2.2, 2.0, 1.75]))
            root = np.array([[sign * 0.12 * a.half_width, -0.02 * self.height], points[0]])
            shoulder = self.canvas.zeros()
            self.canvas.add_tube(shoulder, root, np.array([3.0, 2.3]))
            limbs = np.maximum(limbs, shoulder)
        head = self._ellipsoid(x, y, (0.5 * self.front_shift, self.chin[1] - 5.3), (5.2, 6.2), 0, 11)
        # A power mean joins the parts without a crease.
        return np.cbrt(trunk**3 + limbs**3 + head**3)

    @cached_property
    def chin(self) -> tuple[float, float]:
        """(x, y) of the chin's lower edge."""
        return self.front_shift, -0.20 * self.height - 0.35 * self.anatomy.age

    @cached_property
    def arms(self) -> dict[str, np.ndarray]:
        """Axis of each upper arm, (3, 2) points from the shoulder to the elbow."""
        axes = {}
        for (side, sign), lift in zip(SIDES.items(), self.view.arms, strict=True):
            raised = max(0.0, float(-np.cos(lift)))
            shoulder = np.array(
                [sign * (1.10 - 0.12 * raised) * self.anatomy.half_width, (0.07 - 0.12 * raised) * self.height]
            )
            direction = np.array([sign * np.sin(lift), np.cos(lift)])
            axes[side] = np.stack([shoulder, shoulder + 4 * direction, shoulder + 12 * direction])
        return axes

    @cached_property
    def airway(self) -> np.ndarray:
        """Path through the air of trachea and main bronchi."""
        path = self.canvas.zeros()
        carina = (0.3 * self.front_shift - 0.15, 0.36 * self.height)
        trachea = np.array([[0.7 * self.front_shift, -0.7 * self.height], [0.5 * self.front_shift - 0.25, 0.1], carina])
        self.canvas.add_tube(path, trachea, 0.42 + 0.02 * self.anatomy.age)
        for x, y in self.hila.values():
            self.canvas.add_tube(path, np.array([carina, (0.8 * x, y - 0.2)]), np.array([0.36, 0.28]), scale=0.8)
        return path
