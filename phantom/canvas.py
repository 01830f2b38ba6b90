"""The film as a grid in centimetres, on which tubes, textures and thin vessels are drawn as path lengths."""

import cv2
import numpy as np

TEXTURE_FIELD = 48.0
"""Side in cm of the square, centred on the child, in which textures are defined."""


class Canvas:
    """Pixel grid of a film in the child's own coordinates.

    Coordinates are centimetres: x to the image's right (the child's left), y downwards, the origin on the spine at the
    height of the lung apices. A curved spine bends the x axis along y, and everything drawn follows it.

    Attributes:
        x: float32 (H, W), x of every pixel centre in cm.
        y: float32 (H, W), y of every pixel centre in cm.
        pixel: Side of a pixel in cm.
        shape: (H, W).
    """

    def __init__(
        self, shape: tuple[int, int], pixel: float, origin: tuple[float, float], tilt: float, bend: float
    ) -> None:
        """Set up the grid.

        Args:
            shape: (H, W) in pixels.
            pixel: Side of a pixel in cm.
            origin: (column, row) in pixels of the child's origin.
            tilt: In-plane rotation of the child in radians, clockwise on the image.
            bend: Sideways bend of the spine in cm at its apex.
        """
        self.shape, self.pixel, self.origin, self.bend = shape, pixel, origin, bend
        self.cosine, self.sine = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        across = ((np.arange(shape[1], dtype=np.float32) - origin[0]) * pixel)[None, :].astype(np.float32)
        down = ((np.arange(shape[0], dtype=np.float32) - origin[1]) * pixel)[:, None].astype(np.float32)
        self.y = self.cosine * down - self.sine * across
        self.x = self.cosine * across + self.sine * down - self._bend(self.y)

    def _bend(self, y: np.ndarray) -> np.ndarray:
        return np.float32(self.bend) * np.sin(y * np.float32(0.22))

    def zeros(self) -> np.ndarray:
        """Return an empty float32 map (H, W)."""
        return np.zeros(self.shape, np.float32)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Convert points (N, 2) from (x, y) in cm to (column, row) in pixels."""
        points = np.asarray(points, np.float64)
        x, y = points[:, 0] + self._bend(points[:, 1]), points[:, 1]
        across, down = self.cosine * x - self.sine * y, self.sine * x + self.cosine * y
        return np.stack([across / self.pixel + self.origin[0], down / self.pixel + self.origin[1]], axis=1)

    def add_tube(
        self, target: np.ndarray, points: np.ndarray, radius: float | np.ndarray, hollow: float = 0.0, scale: float = 1
    ) -> None:
        """Add to `target` the path length in cm through a round tube along a polyline.

        Args:
            target: float32 (H, W), changed in place.
            points: (N, 2), (x, y) in cm.
            radius: Outer radius in cm, one value or one per point.
            hollow: Inner radius as a share of the outer one (0: solid).
            scale: Factor on the path length, for example the share of cortical bone.
        """
        points = self.to_pixels(points)
        radii = np.broadcast_to(np.asarray(radius, np.float64), len(points)) / self.pixel
        low = np.floor(points.min(0) - radii.max() - 1).astype(int).clip(0)
        high = np.minimum(np.ceil(points.max(0) + radii.max() + 2).astype(int), self.shape[::-1])
        if (high <= low).any():
            return
        columns = np.arange(low[0], high[0], dtype=np.float32)[None, :]
        rows = np.arange(low[1], high[1], dtype=np.float32)[:, None]
        outer = np.zeros((len(rows), columns.size), np.float32)
        inner = np.zeros_like(outer) if hollow else None
        for start, end, r0, r1 in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
            direction = end - start
            length = max(float(direction @ direction), 1e-6)
            along = ((columns - start[0]) * direction[0] + (rows - start[1]) * direction[1]) / length
            along = np.clip(along, 0, 1).astype(np.float32)
            distance = (columns - start[0] - along * direction[0]) ** 2 + (rows - start[1] - along * direction[1]) ** 2
            squared = (r0 + (r1 - r0) * along) ** 2
            np.maximum(outer, squared - distance, out=outer)
            if inner is not None:
                np.maximum(inner, hollow**2 * squared - distance, out=inner)
        path = np.sqrt(outer) if inner is None else np.sqrt(outer) - np.sqrt(inner)
        target[low[1] : high[1], low[0] : high[0]] += np.float32(2 * self.pixel * scale) * path

    def splat(self, points: np.ndarray, volumes: np.ndarray, sigma: float) -> np.ndarray:
        """Return the path length (H, W) in cm of many small volumes, each spread as a Gaussian.

        Args:
            points: (N, 2), (x, y) in cm.
            volumes: (N,), in cm^3.
            sigma: Standard deviation of the Gaussian in cm.
        """
        places = self.to_pixels(points)
        whole = np.floor(places).astype(np.int64)
        share = places - whole
        height, width = self.shape
        index, weights = [], []
        for right in (0, 1):
            for below in (0, 1):
                column, row = whole[:, 0] + right, whole[:, 1] + below
                weight = (share[:, 0] if right else 1 - share[:, 0]) * (share[:, 1] if below else 1 - share[:, 1])
                inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
                index.append(row[inside] * width + column[inside])
                weights.append((weight * volumes)[inside])
        total = np.bincount(np.concatenate(index), np.concatenate(weights), height * width)
        path = (total / self.pixel**2).astype(np.float32).reshape(height, width)
        return cv2.GaussianBlur(path, (0, 0), max(sigma / self.pixel, 0.35))

    def texture(self, rng: np.random.Generator, coarsest: float, octaves: int, roughness: float = 0.5) -> np.ndarray:
        """Return a fractal random field (H, W), float32, mean about 0 and deviation about 1, fixed to the child.

        Args:
            rng: Generator of the field.
            coarsest: Size in cm of its largest features; each octave halves it.
            octaves: How many sizes are summed.
            roughness: Amplitude of an octave relative to the one before it.
        """
        total, power = self.zeros(), 0.0
        for octave in range(octaves):
            spacing = coarsest / 2**octave
            count = int(TEXTURE_FIELD / spacing) + 4
            grid = rng.standard_normal((count, count), dtype=np.float32)
            scale, middle = np.float32(1 / spacing), np.float32(count / 2)
            layer = cv2.remap(
                grid, self.x * scale + middle, self.y * scale + middle, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
            )
            amplitude = roughness**octave
            total += np.float32(amplitude) * layer
            power += amplitude**2 * 0.55
        return total / np.float32(np.sqrt(power))
