"""The loss of the pretext tasks and their metrics, on any of Keras's backends (paper, section 2.3.1)."""

import numpy as np
from keras import ops

SSIM_WINDOW, SSIM_SIGMA, SSIM_K1, SSIM_K2 = 11, 1.5, 0.01, 0.03  # Wang et al. 2004


def ssim(y_true, y_pred):
    """Return the mean structural similarity of each image with a Gaussian window, data range 1.

    Args:
        y_true: Images, (N, H, W, C) in [0, 1], H and W at least 11.
        y_pred: Same shape.

    Returns:
        Shape (N,), in [-1, 1]; mean over channels and over the pixels whose window is inside the image.

    Source: Wang et al. 2004; paper, Eq. 6.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    height, width, channels = y_pred.shape[1:]
    # Both variances are needed as a sum only.
    maps = ops.stack([y_true, y_pred, y_true * y_true + y_pred * y_pred, y_true * y_pred])  # (4, N, H, W, C)
    flat = ops.reshape(ops.transpose(maps, (0, 1, 4, 2, 3)), (-1, height, width))
    down, across = _band(height), _band(width)
    flat = ops.matmul(ops.cast(down, y_pred.dtype), flat)  # (4 N C, H - 10, W)
    flat = ops.matmul(ops.reshape(flat, (-1, width)), ops.cast(across.T, y_pred.dtype))
    mean_1, mean_2, squares, product = ops.unstack(ops.reshape(flat, (4, -1, channels, len(down), len(across))), 4)
    variances, covariance = squares - mean_1**2 - mean_2**2, product - mean_1 * mean_2
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    similarity = (2 * mean_1 * mean_2 + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_1**2 + mean_2**2 + c1) * (variances + c2))
    return ops.mean(similarity, axis=(1, 2, 3))


def _band(size: int) -> np.ndarray:
    """Return the window as a banded matrix, (size - 10, size); its product filters one side wherever the window fits.

    With matrix products, SSIM and its gradient take a fifth to a half of the time of convolutions with one channel.
    """
    offsets = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    window = np.exp(-(offsets**2) / (2 * SSIM_SIGMA**2))
    rows = np.arange(size - SSIM_WINDOW + 1)[:, None]
    band = np.zeros((len(rows), size))
    band[rows, rows + np.arange(SSIM_WINDOW)] = window / window.sum()
    return band


def ssim_loss(y_true, y_pred):
    """Return 1 - SSIM of each image, the loss of the pretext tasks (paper, section 2.3.1); arguments as `ssim`."""
    return 1 - ssim(y_true, y_pred)


def psnr(y_true, y_pred):
    """Return the PSNR of each image in dB, range 1, at most 100 (paper, Eq. 4); arguments as `ssim`."""
    error = ops.mean(ops.square(ops.cast(y_true, y_pred.dtype) - y_pred), axis=(1, 2, 3))
    return -10 * ops.log10(ops.maximum(error, 1e-10))
