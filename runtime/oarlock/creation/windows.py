"""Window functions: torch.hann_window, hamming_window, blackman_window and bartlett_window."""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

from typing import Any

import oarlock.torch as torch
from oarlock.tensor.layouts import strided


def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """sin²(π n / N): Hann's window.

    Args:
        window_length: how many numbers.
        periodic: one period of a periodic function, N = ``window_length``; where False the window is
            symmetric, N = ``window_length`` - 1.
        dtype: a floating-point dtype; where None, the default one.
        layout, device, pin_memory, requires_grad: as for `torch.zeros`.

    Raises:
        RuntimeError: the length is negative, or the dtype is no floating-point one.
    """
    return _cosines("hann", window_length, periodic, (0.5, 0.5), dtype, device, requires_grad)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """Alpha - beta cos(2π n / N): Hamming's window.

    Args:
        alpha, beta: the two weights.
        periodic, dtype, device, requires_grad: as for `hann_window`.

    Raises:
        RuntimeError: the length is negative, or the dtype is no floating-point one.
    """
    return _cosines("hamming", window_length, periodic, (alpha, beta), dtype, device, requires_grad)


def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """0.42 - 0.5 cos(2π n / N) + 0.08 cos(4π n / N): Blackman's window.

    Args:
        periodic, dtype, device, requires_grad: as for `hann_window`.

    Raises:
        RuntimeError: the length is negative, or the dtype is no floating-point one.
    """
    weights = (0.42, 0.5, 0.08)
    return _cosines("blackman", window_length, periodic, weights, dtype, device, requires_grad)


def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """1 - |2n / N - 1|: Bartlett's window, a triangle.

    Args:
        periodic, dtype, device, requires_grad: as for `hann_window`.

    Raises:
        RuntimeError: the length is negative, or the dtype is no floating-point one.
    """
    dtype = _checked("bartlett", window_length, dtype)
    steps = _steps(window_length, periodic, dtype, device)
    if steps is None:
        return torch.ones(window_length, dtype=dtype, device=device, requires_grad=requires_grad)
    n, size = steps
    window = 1 - (n * (2.0 / size) - 1).abs()
    return _finished(window, window_length, dtype, requires_grad)


def _cosines(
    name: str, length: int, periodic: bool, weights: Any, dtype: Any, device: Any, grad: bool
) -> Any:
    dtype = _checked(name, length, dtype)
    steps = _steps(length, periodic, dtype, device)
    if steps is None:
        return torch.ones(length, dtype=dtype, device=device, requires_grad=grad)
    n, size = steps
    angle = n * (2 * torch.pi / size)
    window = weights[0] - weights[1] * angle.cos()
    if len(weights) > 2:
        window = window + weights[2] * (angle * 2).cos()
    return _finished(window, length, dtype, grad)


def _checked(name: str, length: int, dtype: Any) -> Any:
    if dtype is None:
        dtype = torch.get_default_dtype()
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name}_window expects floating point dtypes, got: {dtype}")
    if length < 0:
        raise RuntimeError(
            f"{name}_window requires non-negative window_length, got window_length={length}"
        )
    return dtype


def _steps(length: int, periodic: bool, dtype: Any, device: Any) -> Any:
    """0 to the end in at least float32, and N; None for windows of up to one number."""
    if length < 2:
        return None
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    return torch.arange(length, dtype=wide, device=device), length if periodic else length - 1


def _finished(window: Any, length: int, dtype: Any, requires_grad: bool) -> Any:
    return window.to(dtype).requires_grad_(requires_grad)
