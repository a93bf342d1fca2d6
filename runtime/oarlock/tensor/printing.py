"""How a Tensor prints, and the options for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import paddle

from oarlock.tensor import devices, dtypes
from oarlock.tensor.grad_nodes import torch_name


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print; what is None stays, except ``sci_mode``.

    Args:
        precision: digits after the point (4).
        threshold: more elements than this are summarised (1000).
        edgeitems: elements shown at each end of a summarised dimension (3).
        linewidth: characters of a line (80).
        profile: "default", "short" or "full", under the others; an unknown one changes nothing.
        sci_mode: True or False for scientific notation always or never, None for where it is
            shorter to read.
    """
    values = dict(_PROFILES.get(profile or "", {}))
    own = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    values |= {name: value for name, value in own.items() if value is not None}
    for name, value in values.items():
        setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments of ``set_printoptions``."""
    return asdict(_options)


@contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Set options for the duration of a block; the arguments are those of ``set_printoptions``."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_str(tensor: Any, *, tensor_contents: str | None = None) -> str:
    """Return ``repr(tensor)``, as torch prints it.

    Args:
        tensor: a Tensor.
        tensor_contents: what to print in place of the elements.
    """
    from oarlock.tensor.core import Tensor, plain

    kind = type(tensor)
    # Tensor, Parameter and Buffer are one word in torch's output; a user's subclass has its name.
    own = kind is Tensor or kind.__module__.partition(".")[0] == "oarlock"
    prefix = "tensor(" if own else f"{kind.__name__}("
    value = plain(tensor)
    text = prefix + (_contents(value, len(prefix)) if tensor_contents is None else tensor_contents)
    text = _with_suffixes(text, _suffixes(value), len(prefix))
    if not own and any(base.__name__ == "Parameter" for base in kind.__mro__[1:]):
        return f"Parameter({text})"
    return text


def _suffixes(value: paddle.Tensor) -> list[str]:
    dtype, device = dtypes.from_paddle[value.dtype], devices.from_place(value.place)
    usual = dtypes.get_default_dtype()
    # A default of half precision keeps complex64 as the complex default.
    usual_complex = dtypes.complex128 if usual is dtypes.float64 else dtypes.complex64
    empty = 0 in value.shape
    suffixes = [f"device='{device}'"] if device.type != "cpu" else []
    if (empty and value.ndim != 1) or (not empty and not _options.edgeitems):
        suffixes.append(f"size={tuple(value.shape)}")
    # Elements tell an int64 and a bool; where there are none, the dtype must be said.
    told = (usual,) if empty else (usual, usual_complex, dtypes.int64, dtypes.bool)
    if dtype not in told:
        suffixes.append(f"dtype={dtype}")
    if not value.stop_gradient:
        node = value.grad_fn
        name = torch_name(node.name(), value.ndim) if node is not None else None
        suffixes.append(f"grad_fn=<{name}>" if name else "requires_grad=True")
    return suffixes


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    parts = [text]
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > _options.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            length = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            length += len(suffix) + 2
    return "".join([*parts, ")"])


def _contents(value: paddle.Tensor, indent: int) -> str:
    shape = tuple(value.shape)
    if 0 in shape:
        return "[]"
    summarised = math.prod(shape) > _options.threshold
    if summarised and not _options.edgeitems:
        return "[...]"
    return _text(_numpy(value.detach(), summarised), shape, indent, summarised)


def _numpy(value: paddle.Tensor, summarised: bool) -> np.ndarray:
    """The elements that are shown, as an array that prints as torch's Python numbers do."""
    if summarised:
        edge = _options.edgeitems
        for axis, length in enumerate(value.shape):
            if length > 2 * edge:
                ends = ((0, edge), (length - edge, length))
                value = paddle.concat(
                    [paddle.slice(value, [axis], [low], [high]) for low, high in ends], axis
                )
    if value.dtype in _WIDENED:
        value = value.astype(paddle.float32)
    return value.numpy()


# NumPy has no such dtypes.
_WIDENED = (paddle.bfloat16, paddle.float8_e4m3fn, paddle.float8_e5m2)


def _text(shown: np.ndarray, shape: tuple[int, ...], indent: int, summarised: bool) -> str:
    """The elements in brackets.

    Args:
        shown: the elements, summarised dimensions cut to their two ends.
        shape: the shape before that.
        indent: the column of the first bracket.
        summarised: whether dimensions were cut.
    """
    if shown.dtype.kind == "c":
        real, imaginary = _Column(np.real(shown)), _Column(np.imag(shown))

        def formatted(number: Any) -> str:
            part = (imaginary.format(number.imag) + "j").lstrip()
            return real.format(number.real) + ("" if part[0] in "+-" else "+") + part

        width = real.width + imaginary.width + 3
    else:
        column = _Column(shown)
        formatted, width = column.format, column.width + 2
    if not shape:
        return formatted(shown.item())
    edge = _options.edgeitems

    def cut(axis: int) -> bool:
        return summarised and shape[axis] > 2 * edge

    def vector(numbers: np.ndarray, column: int) -> str:
        items = [formatted(number) for number in numbers.tolist()]
        if cut(len(shape) - 1):
            items.insert(edge, " ...")
        each = max(1, (_options.linewidth - column) // width)
        lines = [", ".join(items[i : i + each]) for i in range(0, len(items), each)]
        return "[" + (",\n" + " " * (column + 1)).join(lines) + "]"

    def nested(part: np.ndarray, axis: int, column: int) -> str:
        if part.ndim == 1:
            return vector(part, column)
        items = [nested(row, axis + 1, column + 1) for row in part]
        if cut(axis):
            items.insert(edge, "...")
        separator = "," + "\n" * (part.ndim - 1) + " " * (column + 1)
        return "[" + separator.join(items) + "]"

    return nested(shown, 0, indent)


class _Column:
    """One format for all numbers of a tensor: integral, fixed, or scientific, and its width."""

    def __init__(self, numbers: np.ndarray):
        self.floating = numbers.dtype.kind == "f"
        self.integral, self.scientific, self.width = True, False, 1
        if not self.floating:
            # True is shorter than False, so that both are looked at.
            self.width = max((len(str(n)) for n in np.unique(numbers).tolist()), default=1)
            return
        finite = numbers[np.isfinite(numbers) & (numbers != 0)].astype(np.float64)
        if not finite.size:
            return
        sizes = np.abs(finite)
        least, most = float(sizes.min()), float(sizes.max())
        self.integral = bool((finite == np.ceil(finite)).all())
        self.scientific = (
            most / least > 1000.0 or most > 1e8 or least < 1e-4
            if _options.sci_mode is None
            else bool(_options.sci_mode)
        )
        # An integral number is followed by a point.
        point = self.integral and not self.scientific
        self.width = max(len(self._digits(n)) for n in finite.tolist()) + point

    def _digits(self, number: float) -> str:
        if self.scientific:
            return f"{number:.{_options.precision}e}"
        return f"{number:.0f}" if self.integral else f"{number:.{_options.precision}f}"

    def format(self, number: Any) -> str:
        if not self.floating:
            return str(number).rjust(self.width)
        point = self.integral and not self.scientific and math.isfinite(number)
        return (self._digits(number) + "." * point).rjust(self.width)
