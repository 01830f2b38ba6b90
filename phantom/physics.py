"""X-ray image formation: from path lengths in centimetres to a displayed grey image.

The chain is that of a computed-radiography system: Beer-Lambert attenuation in two energy bins, scatter, detector
blur, quantum noise, logarithm, dynamic-range compression and a characteristic curve that shows bone bright.
"""

import cv2
import numpy as np

MASS_ATTENUATION = {
    "soft": {40: 0.2688, 60: 0.2048},
    "bone": {40: 0.6655, 60: 0.3148},
}
"""Mass attenuation coefficients in cm^2/g at 40 and 60 keV, soft tissue and cortical bone of ICRU-44.

Source: NIST Standard Reference Database 126 (Hubbell and Seltzer, 2004), Table 4. The two energies bracket the mean
energy of the filtered 60 to 70 kVp beam that is used for small children.
"""

DENSITY = {"soft": 1.060, "bone": 1.920}
"""Densities in g/cm^3 of the same materials (NIST Standard Reference Database 126, Table 2)."""

SPECTRUM = {40: 0.55, 60: 0.45}
"""Share of the detected signal that each energy bin carries in the open beam."""


def transmit(soft: np.ndarray, bone: np.ndarray, spectrum: dict[int, float] | None = None) -> np.ndarray:
    """Return the transmitted share of a beam: the Beer-Lambert law, summed over energy bins.

    Air in the lungs and around the child counts as empty (less than 0.3 % per 10 cm).

    Args:
        soft: Path length through soft tissue in cm, any shape, 0 or more.
        bone: Path length through cortical bone in cm, same shape.
        spectrum: Energy in keV, a key of `MASS_ATTENUATION`, to its share of the signal. Default: `SPECTRUM`.

    Returns:
        float32 array in (0, 1], same shape: sum over E of share(E) * exp(-mu_soft(E) soft - mu_bone(E) bone).

    Raises:
        ValueError: An energy is not tabulated, or a path length is negative.
    """
    spectrum = SPECTRUM if spectrum is None else spectrum
    unknown = sorted(set(spectrum) - set(MASS_ATTENUATION["soft"]))
    if unknown:
        raise ValueError(f"no attenuation is tabulated at {unknown} keV; use {sorted(MASS_ATTENUATION['soft'])}")
    soft, bone = np.asarray(soft, np.float32), np.asarray(bone, np.float32)
    if soft.min() < 0 or bone.min() < 0:
        raise ValueError("a path length is negative; clip path lengths at 0 cm")
    transmitted = np.zeros(np.broadcast_shapes(soft.shape, bone.shape), np.float32)
    for energy, share in spectrum.items():
        mu_soft = MASS_ATTENUATION["soft"][energy] * DENSITY["soft"]
        mu_bone = MASS_ATTENUATION["bone"][energy] * DENSITY["bone"]
        transmitted += np.float32(share) * np.exp(-np.float32(mu_soft) * soft - np.float32(mu_bone) * bone)
    return transmitted


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return an image (H, W) after a Gaussian blur of `sigma` pixels; wide kernels are applied at reduced size."""
    if sigma < 0.2:
        return image
    step = max(1, int(sigma // 3))
    if step == 1:
        return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    height, width = image.shape
    small_size = (max(2, width // step), max(2, height // step))
    small = cv2.resize(image, small_size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def detect(
    transmitted: np.ndarray,
    rng: np.random.Generator,
    pixel: float,
    quanta: float = 2e6,
    scatter_ratio: float = 0.6,
    scatter_width: float = 3.0,
    unsharpness: float = 0.03,
) -> np.ndarray:
    """Return the signal that a detector measures behind the child.

    Scatter is a share of the local primary beam, spread over centimetres. Quantum noise is Poisson noise in its normal
    limit (tens of quanta per pixel and more), so two images from the same generator differ only where their anatomy
    differs. It is added after the detector blur.

    Args:
        transmitted: float32 (H, W), transmitted share of the beam.
        rng: Generator of the quantum noise.
        pixel: Side of a pixel in cm.
        quanta: Detected quanta per cm^2 in the open beam.
        scatter_ratio: Scattered over primary signal (0: a perfect grid).
        scatter_width: Standard deviation of the scatter kernel in cm.
        unsharpness: Standard deviation of focal spot, motion and detector blur in cm.

    Returns:
        float32 (H, W), positive; 1 in the open beam, apart from scatter and noise.
    """
    scattered = blur(transmitted, scatter_width / pixel)
    signal = blur(transmitted + np.float32(scatter_ratio) * scattered, unsharpness / pixel) / (1 + scatter_ratio)
    open_field = np.float32(quanta * pixel**2)
    counts = np.maximum(signal, 1e-5) * open_field
    counts = counts + np.sqrt(counts) * rng.standard_normal(counts.shape, dtype=np.float32)
    return np.maximum(counts, np.float32(0.5)) / open_field


def display(
    signal: np.ndarray,
    pixel: float,
    body: np.ndarray,
    compression: float = 0.5,
    gamma: float = 1.0,
    window: tuple[float, float] = (1.0, 99.5),
) -> np.ndarray:
    """Turn a detector signal into the displayed image: bone bright, open beam black.

    Args:
        signal: float32 (H, W), detector signal relative to the open beam, positive.
        pixel: Side of a pixel in cm.
        body: bool (H, W), where the child is in the collimated field; it sets the window, as in automatic exposure
            recognition.
        compression: Share of the low-frequency (3 cm) log signal to subtract, 0 to 1; this evens out lung and
            mediastinum, as computed-radiography processing does.
        gamma: Exponent of the characteristic curve.
        window: Percentiles of the log signal in `body` that become (nearly) black and white.

    Returns:
        float32 (H, W) in [0, 1].
    """
    density = -np.log(signal)
    density = density - np.float32(compression) * blur(density, 3.0 / pixel)
    low, high = np.percentile(density[body][::7] if body.any() else density, window)
    scaled = (density - np.float32(low)) / np.float32(max(high - low, 0.1)) * np.float32(0.82) + np.float32(0.12)
    # Toe and shoulder of a characteristic curve: soft limits instead of hard clipping.
    toe = np.float32(0.06)
    scaled = toe * np.log1p(np.exp(np.clip(scaled, -2, 3) / toe))
    scaled = 1 - toe * np.log1p(np.exp((1 - scaled) / toe))
    return np.clip(scaled, 0, 1) ** np.float32(gamma)
