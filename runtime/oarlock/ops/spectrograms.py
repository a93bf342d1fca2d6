"""Short-time Fourier transforms: of overlapping frames of a signal, and back."""

# ruff: noqa: D417 - what torch's parameters of the same names say is not repeated
from __future__ import annotations

import warnings
from typing import Any

import paddle
from paddle import _C_ops as _stubbed
from paddle.autograd import PyLayer

from oarlock.errors import UnsupportedError
from oarlock.ops.arithmetic import mul
from oarlock.ops.composition import autocasts
from oarlock.ops.fourier import fft_ifft, restored, transformed
from oarlock.ops.padding import pad
from oarlock.ops.promotion import COMPLEX, FLOATING

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

# Below this the sum of the squared windows counts as zero, and the signal cannot be restored.
_LEAST = 1e-11


@autocasts
def stft(
    input: paddle.Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: paddle.Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> paddle.Tensor:
    """Return the transforms of overlapping frames, (B?, frequencies, frames).

    Args:
        input: a signal, or a batch of them: (B?, T), real or complex.
        hop_length: from one frame to the next, ``n_fft // 4`` by default.
        win_length: of ``window``, ``n_fft`` by default; shorter ones lie in the middle of a frame.
        window: ones where it is None.
        center: the signal is padded by ``n_fft // 2`` on both sides, in ``pad_mode``.
        normalized: scaled by 1/sqrt(n_fft).
        onesided: the first ``n_fft // 2 + 1`` frequencies; the default where nothing is complex.
        return_complex: False gives real and imaginary parts in a last dim of 2, with a warning.

    Raises:
        RuntimeError: lengths that do not fit each other, no ``return_complex`` with real input.
        UnsupportedError: ``align_to_window`` is true.
    """
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    if align_to_window:
        raise UnsupportedError(
            api="torch.stft",
            parameter="align_to_window",
            given="True",
            reason="frames that begin with a window shorter than n_fft are not available",
            advice="pad the window to n_fft, or leave align_to_window out",
        )
    rank = input.ndim
    if center:
        half = n_fft // 2
        shape = [1] * (3 - rank) + list(input.shape)
        padded = pad(_C_ops.reshape(input, shape), [half, half], pad_mode)
        input = _C_ops.reshape(padded, padded.shape[-rank:] if rank else [])
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    is_complex = input.dtype in COMPLEX or (window is not None and window.dtype in COMPLEX)
    if return_complex is None:
        if not is_complex:
            raise RuntimeError(
                "stft requires the return_complex parameter be given for real inputs"
            )
        return_complex = True
    elif not return_complex:
        warnings.warn("stft with return_complex=False is deprecated.", UserWarning, stacklevel=2)
    _check_signal(input, n_fft, hop_length, win_length, window)
    x = input if rank == 2 else _C_ops.unsqueeze(input, [0])
    x = _frames(x, n_fft, hop_length)
    weights = _centred(window, win_length, n_fft, input)
    if weights is not None:
        x = mul(x, _C_ops.unsqueeze(weights, [1]))
    if onesided is None:
        onesided = not is_complex
    elif onesided and is_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    x = transformed(x, [1], "ortho" if normalized else "backward", True, onesided)
    x = x if rank == 2 else _C_ops.squeeze(x, [0])
    return x if return_complex else _C_ops.as_real(x)


def istft(
    input: paddle.Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: paddle.Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> paddle.Tensor:
    """Return the signal (B?, T) whose stft comes nearest to ``input``.

    The frames are added up, and divided by the sum of the squared windows: Griffin and Lim, "Signal
    estimation from modified short-time Fourier transform" (1984).

    Args:
        input: (B?, frequencies, frames), complex.
        onesided: whether it has ``n_fft // 2 + 1`` frequencies; seen from its shape where None.
        length: of the signal; a longer one than the frames give is filled up with zeros.

    Raises:
        RuntimeError: real input, lengths that do not fit each other, windows that leave gaps.
    """
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    if input.dtype not in COMPLEX:
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if 0 in input.shape:
        raise RuntimeError("istft input tensor cannot be empty.")
    rank = input.ndim
    if rank not in (2, 3):
        raise RuntimeError(f"istft expected a tensor with 2 or 3 dimensions, but got {rank}")
    frequencies, frames = input.shape[-2:]
    if onesided is None:
        onesided = frequencies != n_fft
    expected = n_fft // 2 + 1 if onesided else n_fft
    if frequencies != expected:
        raise RuntimeError(
            f"istft expected the frequency dimension of the input tensor to match {expected}, but got {frequencies}"
        )
    if not 0 < hop_length <= win_length:
        raise RuntimeError("istft expected 0 < hop_length <= win_length")
    if not 0 < win_length <= n_fft:
        raise RuntimeError("istft expected 0 < win_length <= n_fft")
    if window is not None and list(window.shape) != [win_length]:
        raise RuntimeError("istft: window has to be 1D and length of `win_length`")
    if return_complex and onesided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not return_complex and window is not None and window.dtype in COMPLEX:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    norm = "ortho" if normalized else "backward"
    x = input if rank == 3 else _C_ops.unsqueeze(input, [0])
    x = fft_ifft(x, None, 1, norm) if return_complex else restored(x, 1, n_fft, norm)
    weights = _centred(window, win_length, n_fft, x)
    if weights is None:
        real = _C_ops.real(x) if return_complex else x
        weights = _C_ops.full([n_fft], 1.0, real.dtype, x.place)
    x = _overlapped(mul(x, _C_ops.unsqueeze(weights, [1])), hop_length)
    squares = _C_ops.expand(_C_ops.unsqueeze(weights * weights, [0, 2]), [1, n_fft, frames])
    envelope = _overlapped(squares, hop_length)
    whole = x.shape[1]
    start = n_fft // 2 if center else 0
    end = whole - start if length is None else start + length
    x, envelope = (each[:, start : min(end, whole)] for each in (x, envelope))
    if 0 in envelope.shape or float(_C_ops.abs(envelope.detach()).min()) < _LEAST:
        raise RuntimeError("istft: window overlap add min: 1")
    x = x / envelope
    if end > whole:
        warnings.warn(
            "The length of signal is shorter than the length parameter.", UserWarning, stacklevel=2
        )
        rest = _C_ops.full([x.shape[0], end - whole], 0.0, x.dtype, x.place)
        x = _C_ops.concat([x, rest], 1)
    return x if rank == 3 else _C_ops.squeeze(x, [0])


class _Frames(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, size: int, hop: int) -> paddle.Tensor:
        ctx.length, ctx.hop = x.shape[-1], hop
        return _C_ops.frame(x, size, hop, -1)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        (grad,) = args
        added = _overlapped(grad, ctx.hop)
        unused = ctx.length - added.shape[-1]
        if not unused:
            return added
        rest = _C_ops.full([added.shape[0], unused], 0.0, added.dtype, added.place)
        return _C_ops.concat([added, rest], 1)


class _Overlapped(PyLayer):
    @staticmethod
    def forward(ctx: Any, x: paddle.Tensor, hop: int) -> paddle.Tensor:
        ctx.size, ctx.hop = x.shape[-2], hop
        return _C_ops.overlap_add(x, hop, -1)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        return _frames(args[0], ctx.size, ctx.hop)


def _frames(x: paddle.Tensor, size: int, hop: int) -> Any:
    """The frames (B, size, count) of signals (B, T)."""
    return _Frames.apply(x, size, hop)


def _overlapped(x: paddle.Tensor, hop: int) -> Any:
    """The sums (B, T) of frames (B, size, count) that lie ``hop`` apart."""
    return _Overlapped.apply(x, hop)


def _centred(window: Any, win_length: int, n_fft: int, x: paddle.Tensor) -> Any:
    """The window in the middle of a frame, zeros around it; None where there is nothing to weigh."""
    if win_length == n_fft:
        return window
    if window is None:
        dtype = _C_ops.real(x).dtype if x.dtype in COMPLEX else x.dtype
        window = _C_ops.full([win_length], 1.0, dtype, x.place)
    left = (n_fft - win_length) // 2
    right = n_fft - win_length - left
    before = _C_ops.full([left], 0.0, window.dtype, window.place)
    after = _C_ops.full([right], 0.0, window.dtype, window.place)
    return _C_ops.concat([before, window, after], 0)


def _check_signal(
    x: paddle.Tensor, n_fft: int, hop: int, win_length: int, window: paddle.Tensor | None
) -> None:
    if x.dtype not in COMPLEX and x.dtype not in FLOATING:
        raise RuntimeError("stft expected a tensor of floating point or complex values")
    if x.ndim not in (1, 2):
        raise RuntimeError("stft expected a 1D or 2D tensor")
    length = x.shape[-1]
    if not 0 < n_fft <= length:
        raise RuntimeError(f"stft expected 0 < n_fft < {length}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"stft expected hop_length > 0, but got hop_length={hop}")
    if not 0 < win_length <= n_fft:
        raise RuntimeError(
            f"stft expected 0 < win_length <= n_fft, but got win_length={win_length}"
        )
    if window is not None and list(window.shape) != [win_length]:
        raise RuntimeError(
            "stft expected a 1D window tensor of size equal to "
            f"win_length={win_length}, but got window with size {list(window.shape)}"
        )
