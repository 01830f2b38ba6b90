"""The three ensembles of Den-P and Deb-P: simple and weighted averaging, and attention-fuzzy (paper, section 2.3.3)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers
from scipy.optimize import minimize
from sklearn.metrics import log_loss

from cxrlib.arrays import check_array

READINGS = ("features", "logits")


def _check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    remedy = "give the probability of abnormal, (models, images)"
    return check_array(np.asarray(probabilities, dtype=float), "probabilities", (2,), 0, 1, remedy)


def simple_average(probabilities: np.ndarray) -> np.ndarray:
    """Return the average of the models' probabilities (paper, Eq. 1).

    Args:
        probabilities: Probability of abnormal, shape (models, images).

    Returns:
        Shape (images,).

    Raises:
        ValueError: If the shape differs, or a value is outside [0, 1].

    >>> simple_average([[0.1, 0.9], [0.3, 0.5]]).tolist()
    [0.2, 0.7]
    """
    return _check_probabilities(probabilities).mean(axis=0)


def slsqp_weights(probabilities: np.ndarray, y_true: np.ndarray, starts: int = 20, seed: int = 0) -> np.ndarray:
    """Return the weights of the average with the lowest log loss, by sequential least squares (paper, Eq. 2).

    The problem is convex, so every start must find the same loss; the best result is returned.

    Args:
        probabilities: Probability of abnormal on validation images, never test images, shape (models, images).
        y_true: Labels, 0 or 1, shape (images,), both present.
        starts: Number of starts: equal weights first, then random points of the simplex.
        seed: Seed of the starts.

    Returns:
        Weights in [0, 1] that sum to 1, shape (models,).

    Raises:
        ValueError: If shapes or values do not fit, one class is missing, or no start converges.

    >>> slsqp_weights([[0.1, 0.9, 0.2, 0.6], [0.4, 0.3, 0.6, 0.5]], [0, 1, 0, 1]).round(3).tolist()
    [1.0, 0.0]
    """
    probabilities, y_true = _check_probabilities(probabilities), np.asarray(y_true)
    if y_true.shape != probabilities.shape[1:] or set(np.unique(y_true)) != {0, 1}:
        raise ValueError(f"labels of shape {y_true.shape}; give 0 and 1, both present, one per image")
    models = len(probabilities)

    def loss(weights):
        # scikit-learn refuses an average that rounds to just above 1.
        return log_loss(y_true, np.clip(weights @ probabilities, 0, 1))

    rng = np.random.default_rng(seed)
    origins = np.vstack([np.full(models, 1 / models), rng.dirichlet(np.ones(models), starts - 1)])
    results = [
        minimize(
            loss,
            origin,
            method="SLSQP",
            bounds=[(0, 1)] * models,
            constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
            options={"ftol": 1e-12, "maxiter": 500},
        )
        for origin in origins
    ]
    converged = [result for result in results if result.success]
    if not converged:
        raise ValueError(f"SLSQP found no weights ({results[0].message}); look at the probabilities")
    weights = min(converged, key=lambda result: result.fun).x.clip(0, 1)
    return weights / weights.sum()


def fuzzy_softmax(logits, initial: float = 1.0, positive: bool = True):
    """Multiply logits by one trainable scalar, the fuzziness, before softmax (paper, section 2.3.3).

    The layers are Keras's own, so a saved model loads without this package: a dense layer named `fuzziness` with one
    weight, applied to each logit by itself, and a softmax named `fuzzy_softmax`.

    Args:
        logits: Tensor of shape (N, classes).
        initial: Initial fuzziness; the paper gives none, 1 leaves plain softmax.
        positive: Keep the fuzziness at 0 or above; a negative fuzziness would exchange the classes.

    Returns:
        Probabilities, shape (N, classes).

    >>> probability = fuzzy_softmax(np.array([[0.0, 1.0]]), initial=2.0)
    >>> [round(float(value), 3) for value in probability[0]]
    [0.119, 0.881]
    """
    scale = layers.Dense(
        1,
        use_bias=False,
        kernel_initializer=keras.initializers.Constant(initial),
        kernel_constraint=keras.constraints.NonNeg() if positive else None,
        name="fuzziness",
    )
    scaled = scale(layers.Reshape((logits.shape[-1], 1))(logits))  # (N, classes, 1)
    return layers.Softmax(name="fuzzy_softmax")(layers.Flatten()(scaled))


def attention_fuzzy(
    encoders: Sequence[keras.Model],
    reading: str = "features",
    attention: str = "sigmoid",
    initial_fuzziness: float = 1.0,
    positive: bool = True,
    heads: Sequence[Sequence[np.ndarray]] | None = None,
    seed: int | None = None,
) -> keras.Model:
    """Build the attention-fuzzy ensemble over frozen encoders.

    Args:
        encoders: Models from (N, H, W, C) to feature maps, equal input shapes; frozen copies of them are used.
        reading: What the attention weighs. "features", as the text says: a dense layer gives each concatenated
            pooled feature its weight. "logits", as Eq. 3 is written: a dense softmax gives each model a weight for its
            own logits.
        attention: Activation of the attention layer in the "features" reading: "sigmoid" or "softmax" (then times the
            number of features, so that the logits do not vanish). The paper does not say.
        initial_fuzziness: Initial value of the fuzziness.
        positive: Keep the fuzziness at 0 or above.
        heads: Initial kernel and bias of each model's logits in the "logits" reading, from its own classifier.
        seed: Seed of the new layers.

    Returns:
        Model from (N, H, W, C) to (N, 2). Layer `pooled_features` gives the concatenated features, so that training
        can compute them once; the one weight of layer `fuzziness` is the fuzziness.

    Raises:
        ValueError: If there are fewer than two encoders, input shapes differ, or an argument is unknown.
    """
    if len(encoders) < 2 or len({tuple(encoder.input_shape) for encoder in encoders}) != 1:
        raise ValueError(f"{len(encoders)} encoders; give at least two with the same input shape")
    if reading not in READINGS or attention not in ("sigmoid", "softmax"):
        raise ValueError(f"reading {reading!r}, attention {attention!r}; choose {READINGS} and sigmoid or softmax")
    seeds = np.random.default_rng(seed).integers(2**31, size=len(encoders) + 2).tolist()
    start = [keras.initializers.GlorotUniform(seed=int(value)) for value in seeds]
    inputs = keras.Input(encoders[0].input_shape[1:])
    pooled = []
    for index, encoder in enumerate(encoders, start=1):
        frozen = keras.models.clone_model(encoder)
        frozen.set_weights(encoder.get_weights())
        frozen.trainable = False
        frozen.name = f"encoder{index}"
        pooled.append(layers.GlobalAveragePooling2D(name=f"pool{index}")(frozen(inputs, training=False)))
    features = layers.Concatenate(name="pooled_features")(pooled)  # (N, sum of C)
    if reading == "features":
        width = features.shape[-1]
        weights = layers.Dense(width, activation=attention, kernel_initializer=start[0], name="attention")(features)
        if attention == "softmax":
            weights = layers.Rescaling(float(width), name="attention_scale")(weights)
        weighted = layers.Multiply(name="weighted_features")([features, weights])
        logits = layers.Dense(2, kernel_initializer=start[1], name="logits")(weighted)  # (N, 2)
    else:
        weights = layers.Dense(len(encoders), activation="softmax", kernel_initializer=start[0], name="attention")
        weights = layers.Reshape((1, len(encoders)))(weights(features))
        per_model, begin = [], 0
        for index, part in enumerate(pooled, start=1):
            end = begin + part.shape[-1]
            dense = layers.Dense(2, kernel_initializer=start[index + 1], name=f"logits{index}")
            per_model.append(layers.Reshape((1, 2))(dense(features[:, begin:end])))
            if heads is not None:
                dense.set_weights(heads[index - 1])
            begin = end
        stacked = layers.Concatenate(axis=1, name="model_logits")(per_model)  # (N, models, 2)
        logits = layers.Flatten(name="logits")(layers.Dot(axes=(2, 1), name="attend")([weights, stacked]))
    outputs = fuzzy_softmax(logits, initial_fuzziness, positive)
    return keras.Model(inputs, outputs, name="attention_fuzzy")


def dense_head(features: int, seed: int | None = None) -> keras.Model:
    """Build the control of the attention-fuzzy ensemble: one dense softmax layer on the same features.

    It is logistic regression, trained like a network. The paper trained no such control.

    Args:
        features: Number of pooled features, of all encoders together.
        seed: Seed of the initial weights.

    Returns:
        Model from (N, features) to (N, 2), probabilities of normal and abnormal, with 2 (features + 1) weights.
    """
    start = keras.initializers.GlorotUniform(seed=seed)
    outputs = layers.Dense(2, activation="softmax", kernel_initializer=start, name="probability")
    return keras.Sequential([keras.Input((features,)), outputs], name="dense_head")
