"""The rules by which the classifiers and the trained ensemble step (paper, section 2.3.3)."""

import keras


def optimizer(
    name: str, learning_rate: float, momentum: float = 0.9, gradient_norm: float = 0.0
) -> keras.optimizers.Optimizer:
    """Make a new optimiser; each training needs one of its own.

    Args:
        name: "sgd", as in the paper, or "adam".
        learning_rate: Above zero; the paper's is 1e-3.
        momentum: Of SGD, in [0, 1]; the paper gives none. Adam does not use it.
        gradient_norm: Largest norm of all weights' gradient together in a step, from 0; 0: no limit.

    Raises:
        ValueError: If the name is another, or the momentum or the norm is out of range.
    """
    if gradient_norm < 0:
        raise ValueError(f"gradient_norm {gradient_norm}: below zero; give a positive number, or 0 for no limit")
    limit = {"global_clipnorm": gradient_norm or None}
    if name == "sgd":
        return keras.optimizers.SGD(learning_rate, momentum=momentum, **limit)
    if name == "adam":
        return keras.optimizers.Adam(learning_rate, **limit)
    raise ValueError(f"optimizer {name!r}: not known; choose 'sgd' or 'adam'")
