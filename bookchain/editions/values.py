"""Values on their way from an answer to its check: text that can only become plain values, whatever is in it.

A pickle may run code where it is read, and an object may say of itself that it equals everything. So numbers, text,
lists, tuples, sets, dictionaries, arrays and pandas' tables pass, and become exactly that; nothing else does.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, KeysView, Mapping, Set, ValuesView
from types import GeneratorType
from typing import Any

import numpy as np
import pandas as pd

KINDS = "biufcUSmM"  # of numbers, text and dates; no objects
LAZY = GeneratorType | Iterator | KeysView | ValuesView | range


class NoValueError(ValueError):
    """What an answer gave back is no value that a check can be given; the message says so."""


def encoded(value: Any) -> str:
    """Write a value as text.

    Raises:
        NoValueError: If it is or holds something else than plain values; the message names the type.
    """
    try:
        return json.dumps(_encode(value))
    except RecursionError as error:
        raise NoValueError("a value that is nested too deeply, or holds itself") from error


def decoded(text: str | bytes) -> Any:
    """Read what `encoded` wrote; text from anyone becomes a plain value, or is refused.

    Raises:
        NoValueError: If it is not such a text, or holds an empty array: `np.allclose` finds that close to anything.
    """
    try:
        return _decode(json.loads(text))
    except NoValueError:
        raise
    except Exception as error:  # of json, numpy or pandas, on a text made to confuse them
        raise NoValueError("something that is no value") from error


def _encode(value: Any) -> Any:
    if value is ...:
        raise NoValueError("`...`, which an exercise begins with")
    if isinstance(value, np.generic) and value.dtype.kind in KINDS:
        return ["scalar", *_bytes(np.asarray(value))]
    for kind in (bool, int, float, str):
        if value is None or isinstance(value, kind):
            return value if value is None else kind(value)
    if isinstance(value, complex):
        return ["complex", value.real, value.imag]
    if isinstance(value, bytes):
        return ["bytes", b64encode(value).decode()]
    if isinstance(value, tuple):
        return ["tuple", [_encode(item) for item in value]]
    if isinstance(value, list | Set | LAZY):
        return ["set" if isinstance(value, set | frozenset) else "list", [_encode(item) for item in value]]
    if isinstance(value, Mapping):
        return ["dict", [[_encode(key), _encode(item)] for key, item in value.items()]]
    if isinstance(value, pd.DataFrame):
        columns = [_encode(value.iloc[:, number].to_numpy()) for number in range(value.shape[1])]
        return ["frame", columns, _encode(value.columns), _encode(value.index)]
    if isinstance(value, pd.Series):
        return ["series", _encode(value.to_numpy()), _encode(value.index), _encode(value.name)]
    if isinstance(value, pd.Index):
        return ["index", [_encode(item) for item in value], _encode(list(value.names))]
    if hasattr(value, "__array__"):  # tensors as well
        array = np.asarray(value)
        if array.dtype.kind == "O":
            return ["objects", array.shape, [_encode(item) for item in array.ravel().tolist()]]
        if array.dtype.kind in KINDS:
            return ["array", *_bytes(array)]
    raise NoValueError(f"a value of type {type(value).__name__}; a check takes numbers, text, lists, arrays and tables")


def _bytes(array: np.ndarray) -> list:
    return [array.dtype.str, array.shape, b64encode(array.tobytes()).decode()]


def _decode(coded: Any) -> Any:
    if coded is None or isinstance(coded, bool | int | float | str):
        return coded
    kind, *rest = coded
    if kind in ("scalar", "array"):
        return _array(*rest)[()] if kind == "scalar" else _array(*rest)
    if kind == "complex":
        return complex(*rest)
    if kind == "bytes":
        return b64decode(rest[0])
    if kind in ("tuple", "list", "set"):
        return {"tuple": tuple, "list": list, "set": set}[kind](map(_decode, rest[0]))
    if kind == "dict":
        return {_decode(key): _decode(item) for key, item in rest[0]}
    if kind == "objects":
        array = np.empty(len(rest[1]), object)
        array[:] = [_decode(item) for item in rest[1]]
        return _filled(array).reshape(rest[0])
    if kind == "series":
        values, index, name = map(_decode, rest)
        return pd.Series(values, index=index, name=name)
    if kind == "index":
        items, names = map(_decode, (["list", rest[0]], rest[1]))
        return pd.Index(items, name=names[0]) if len(names) == 1 else pd.MultiIndex.from_tuples(items, names=names)
    if kind == "frame":
        columns, index = [_decode(column) for column in rest[0]], _decode(rest[2])
        frame = pd.DataFrame(dict(enumerate(columns)), index=index)
        return _filled(frame.set_axis(_decode(rest[1]), axis=1))
    raise NoValueError("something that is no value")


def _array(dtype: str, shape: list[int], data: str) -> np.ndarray:
    dtype = np.dtype(dtype)
    if dtype.kind not in KINDS:
        raise NoValueError("something that is no value")
    stored = np.uint8 if dtype.kind == "b" else dtype
    array = np.frombuffer(b64decode(data), stored).reshape(shape)
    return _filled(array != 0 if dtype.kind == "b" else array.copy())


def _filled(array: Any) -> Any:
    if not array.size:
        raise NoValueError("an empty array")
    return array
