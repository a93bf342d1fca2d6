"""Discrete Fourier transforms, in one dim or several, to be differentiated any number of times."""

# ruff: noqa: D417 - what torch's parameters of the same names say is not repeated
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import paddle
from paddle import _C_ops as _stubbed
from paddle.autograd import PyLayer

from oarlock.ops.axes import normal_dim, one_or_more
from oarlock.ops.composition import autocasts
from oarlock.ops.elementwise import floated
from oarlock.ops.promotion import COMPLEX, complex_dtype
from oarlock.ops.rearranging import roll

# Paddle's stub of its kernels has other signatures than they have.
_C_ops: Any = _stubbed

# Paddle names a scale by its direction: what is "backward" one way is "forward" the other way.
_OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


@autocasts
def fft_fft(
    input: paddle.Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
) -> paddle.Tensor:
    """Return the transform along ``dim``, complex, of ``n`` elements: ``input`` is cut or filled up with zeros.

    Args:
        input: real or complex.
        norm: 'backward', which None stands for, for no scale, 'ortho' for 1/sqrt(n), 'forward' for 1/n.

    Raises:
        RuntimeError: ``n`` below 1, another ``norm``, a half type.
        IndexError: there is no such dim.
    """
    return _complex(*_along(_ready("fft", input), n, dim), norm, True)


@autocasts
def fft_ifft(
    input: paddle.Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
) -> paddle.Tensor:
    """Return the inverse transform along ``dim``; parameters and errors are those of fft_fft."""
    return _complex(*_along(_ready("ifft", input), n, dim), norm, False)


@autocasts
def fft_rfft(
    input: paddle.Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
) -> paddle.Tensor:
    """Return the first ``n // 2 + 1`` elements of the transform of real ``input``.

    Raises:
        RuntimeError: ``input`` is complex; and as fft_fft.
    """
    x = _real_input("rfft", "expects a real input tensor, but got", input)
    return _onesided(*_along(x, n, dim), norm, True)


@autocasts
def fft_irfft(
    input: paddle.Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
) -> paddle.Tensor:
    """Return the ``n`` real elements, 2 (m - 1) by default, whose transform begins with the m of ``input``."""
    return _to_real(_ready("irfft", input), n, dim, norm, False)


@autocasts
def fft_hfft(
    input: paddle.Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
) -> paddle.Tensor:
    """Return the real transform of a Hermitian signal of ``n`` elements, given by its first half."""
    return _to_real(_conjugated(_ready("hfft", input)), n, dim, norm, True)


@autocasts
def fft_ihfft(
    input: paddle.Tensor, n: int | None = None, dim: int = -1, norm: str | None = None
) -> paddle.Tensor:
    """Return the first half of the Hermitian inverse transform of real ``input``.

    Raises:
        RuntimeError: ``input`` is complex; and as fft_fft.
    """
    x = _real_input("ihfft", "expects a real input tensor, but got", input)
    return _conjugated(_onesided(*_along(x, n, dim), _other_way(norm), True))


@autocasts
def fft_fftn(
    input: paddle.Tensor, s: Any = None, dim: Any = None, norm: str | None = None
) -> paddle.Tensor:
    """Return the transform over several dims.

    Args:
        s: the sizes along these dims, -1 for the tensor's; without ``dim`` they are of the last ones.
        dim: all where it is None.

    Raises:
        RuntimeError: a size below 1, a dim twice, ``s`` and ``dim`` of different lengths, another ``norm``.
        IndexError: there is no such dim.
    """
    x = _ready("fftn", input)
    sizes, dims = _sizes_and_dims(x, s, dim)
    return _complex(_resized(x, sizes, dims), dims, norm, True)


@autocasts
def fft_ifftn(
    input: paddle.Tensor, s: Any = None, dim: Any = None, norm: str | None = None
) -> paddle.Tensor:
    """Return the inverse transform over several dims; parameters and errors are those of fft_fftn."""
    x = _ready("ifftn", input)
    sizes, dims = _sizes_and_dims(x, s, dim)
    return _complex(_resized(x, sizes, dims), dims, norm, False)


@autocasts
def fft_rfftn(
    input: paddle.Tensor, s: Any = None, dim: Any = None, norm: str | None = None
) -> paddle.Tensor:
    """Return the transform of real ``input`` over several dims, the last of them its first half.

    Raises:
        RuntimeError: ``input`` is complex, there is no dim; and as fft_fftn.
    """
    x = _real_input("rfftn", "expects a real-valued input tensor, but got", input)
    sizes, dims = _at_least_one("rfftn", x, s, dim)
    return _onesided(_resized(x, sizes, dims), dims, norm, True)


@autocasts
def fft_irfftn(
    input: paddle.Tensor, s: Any = None, dim: Any = None, norm: str | None = None
) -> paddle.Tensor:
    """Return the real tensor whose rfftn is ``input``; ``s`` has the sizes of the result."""
    x = _ready("irfftn", input)
    sizes, dims = _at_least_one("irfftn", x, s, dim)
    x, size = _half_resized(x, s, sizes, dims)
    return _real(_as_complex(x), dims, size, norm, False)


def fft_hfftn(
    input: paddle.Tensor, s: Any = None, dim: Any = None, norm: str | None = None
) -> paddle.Tensor:
    """Return the real transform over several dims of a signal that is Hermitian along the last of them."""
    x = _ready("hfftn", input)
    sizes, dims = _at_least_one("hfftn", x, s, dim)
    x, size = _half_resized(x, s, sizes, dims)
    x = _complex(_as_complex(x), dims[:-1], norm, True)
    return _real(_conjugated(x), dims[-1:], size, norm, True)


def fft_ihfftn(
    input: paddle.Tensor, s: Any = None, dim: Any = None, norm: str | None = None
) -> paddle.Tensor:
    """Return the inverse of hfftn of real ``input``, along the last dim its first half.

    Raises:
        RuntimeError: ``input`` is complex, there is no dim; and as fft_fftn.
    """
    _norm(norm)
    x = _real_input("ihfftn", None, input)
    sizes, dims = _at_least_one("ihfftn", x, s, dim)
    x = _onesided(_resized(x, sizes, dims), dims[-1:], _other_way(norm), True)
    return _complex(_conjugated(x), dims[:-1], norm, False)


@autocasts
def fft_fft2(
    input: paddle.Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
) -> paddle.Tensor:
    """Return the transform over the last two dims, or others: fft_fftn."""
    return fft_fftn(input, s, dim, norm)


@autocasts
def fft_ifft2(
    input: paddle.Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
) -> paddle.Tensor:
    """Return the inverse transform over the last two dims, or others: fft_ifftn."""
    return fft_ifftn(input, s, dim, norm)


@autocasts
def fft_rfft2(
    input: paddle.Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
) -> paddle.Tensor:
    """Return the transform of real ``input`` over the last two dims, or others: fft_rfftn."""
    return fft_rfftn(input, s, dim, norm)


@autocasts
def fft_irfft2(
    input: paddle.Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
) -> paddle.Tensor:
    """Return the inverse of fft_rfft2: fft_irfftn."""
    return fft_irfftn(input, s, dim, norm)


def fft_hfft2(
    input: paddle.Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
) -> paddle.Tensor:
    """Return the real transform over the last two dims, or others: fft_hfftn."""
    return fft_hfftn(input, s, dim, norm)


def fft_ihfft2(
    input: paddle.Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None
) -> paddle.Tensor:
    """Return the inverse of fft_hfft2: fft_ihfftn."""
    return fft_ihfftn(input, s, dim, norm)


def fft_fftshift(input: paddle.Tensor, dim: Any = None) -> paddle.Tensor:
    """Return ``input`` with the zero frequency moved to the middle of each dim given, or of all."""
    return _rolled(input, dim, lambda size: size // 2)


def fft_ifftshift(input: paddle.Tensor, dim: Any = None) -> paddle.Tensor:
    """Return ``input`` with the zero frequency moved back to the front."""
    return _rolled(input, dim, lambda size: (size + 1) // 2)


def transformed(
    x: paddle.Tensor, dims: list[int], norm: str, forward: bool, onesided: bool
) -> paddle.Tensor:
    """Return the transform over ``dims``, of real ``x`` its first half along the last one if ``onesided``."""
    if onesided:
        return _onesided(x, dims, norm, forward)
    return _complex(x, dims, norm, forward)


def restored(x: paddle.Tensor, dim: int, size: int, norm: str) -> paddle.Tensor:
    """Return the real signal of ``size`` elements whose onesided transform along ``dim`` is ``x``."""
    return _real(_cut(x, dim, size // 2 + 1), [dim], size, norm, False)


class _ComplexToComplex(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, x: paddle.Tensor, dims: list[int], norm: str, forward: bool
    ) -> paddle.Tensor:
        ctx.call = dims, _OPPOSITE[norm], not forward
        return _C_ops.fft_c2c(x, dims, norm, forward)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        return _c2c(args[0], *ctx.call)


class _RealToComplex(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, x: paddle.Tensor, dims: list[int], norm: str, forward: bool, onesided: bool
    ) -> paddle.Tensor:
        ctx.call = dims, _OPPOSITE[norm], not forward
        ctx.size = x.shape[dims[-1]]
        return _C_ops.fft_r2c(x, dims, norm, forward, onesided)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        dims, norm, forward = ctx.call
        return _C_ops.real(_c2c(_cut(args[0], dims[-1], ctx.size), dims, norm, forward))


class _ComplexToReal(PyLayer):
    @staticmethod
    def forward(
        ctx: Any, x: paddle.Tensor, dims: list[int], norm: str, forward: bool, size: int
    ) -> paddle.Tensor:
        ctx.call = dims, _OPPOSITE[norm], not forward
        return _C_ops.fft_c2r(x, dims, norm, forward, size)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        dims, norm, forward = ctx.call
        (grad,) = args
        half = _r2c(grad, dims, norm, forward, True)
        last, kept = dims[-1], half.shape[dims[-1]]
        # All but the first, and the middle of an even size, stand for two elements each.
        twice = grad.shape[last] - kept
        weights = [1.0] + [2.0] * twice + [1.0] * (kept - 1 - twice)
        shape = [kept if dim == last else 1 for dim in range(half.ndim)]
        scale = paddle.to_tensor(weights, dtype=grad.dtype, place=grad.place)
        return half * _C_ops.reshape(scale, shape).cast(half.dtype)


def _recorded(x: paddle.Tensor) -> bool:
    return not x.stop_gradient and paddle.is_grad_enabled()


def _c2c(x: paddle.Tensor, dims: list[int], norm: str, forward: bool) -> Any:
    call = _ComplexToComplex.apply if _recorded(x) else _C_ops.fft_c2c
    return call(x, dims, norm, forward)


def _r2c(x: paddle.Tensor, dims: list[int], norm: str, forward: bool, onesided: bool) -> Any:
    call = _RealToComplex.apply if _recorded(x) else _C_ops.fft_r2c
    return call(x, dims, norm, forward, onesided)


def _c2r(x: paddle.Tensor, dims: list[int], norm: str, forward: bool, size: int) -> Any:
    call = _ComplexToReal.apply if _recorded(x) else _C_ops.fft_c2r
    return call(x, dims, norm, forward, size)


def _complex(x: paddle.Tensor, dims: list[int], norm: str | None, forward: bool) -> paddle.Tensor:
    scale = _norm(norm)
    if not dims:
        return _as_complex(x)
    _refuse_empty(x)
    if x.dtype in COMPLEX:
        return _c2c(x, sorted(dims), scale, forward)
    return _r2c(x, sorted(dims), scale, forward, False)


def _onesided(x: paddle.Tensor, dims: list[int], norm: str | None, forward: bool) -> paddle.Tensor:
    scale = _norm(norm)
    _refuse_empty(x)
    return _r2c(x, [*sorted(dims[:-1]), dims[-1]], scale, forward, True)


def _real(
    x: paddle.Tensor, dims: list[int], size: int, norm: str | None, forward: bool
) -> paddle.Tensor:
    scale = _norm(norm)
    _refuse_empty(x)
    if not forward:
        return _c2r(x, [*sorted(dims[:-1]), dims[-1]], scale, False, size)
    # The transform of a Hermitian signal is the inverse one of its conjugate, scaled the other way.
    return _c2r(x, dims, _OPPOSITE[scale], False, size)


def _to_real(
    x: paddle.Tensor, n: int | None, dim: int, norm: str | None, forward: bool
) -> paddle.Tensor:
    dim = _dim(x, dim)
    size = 2 * (x.shape[dim] - 1) if n is None else n
    _check_sizes([size])
    return _real(_as_complex(_cut(x, dim, size // 2 + 1)), [dim], size, norm, forward)


def _along(x: paddle.Tensor, n: int | None, dim: int) -> tuple[paddle.Tensor, list[int]]:
    dim = _dim(x, dim)
    size = x.shape[dim] if n is None else n
    _check_sizes([size])
    return _cut(x, dim, size), [dim]


def _dim(x: paddle.Tensor, dim: int) -> int:
    if not x.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return normal_dim(dim, x.ndim)


def _sizes_and_dims(x: paddle.Tensor, s: Any, dim: Any) -> tuple[list[int], list[int]]:
    shape = x.shape
    given = None if s is None else one_or_more(s)
    if dim is not None:
        dims = [_dim(x, each) for each in one_or_more(dim)]
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique")
        if given is not None and len(given) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif given is not None:
        if len(given) > x.ndim:
            raise RuntimeError(
                f"Got shape with {len(given)} values but input tensor only has {x.ndim} dimensions."
            )
        dims = list(range(x.ndim - len(given), x.ndim))
    else:
        dims = list(range(x.ndim))
    if given is None:
        return [shape[each] for each in dims], dims
    return [
        shape[each] if size == -1 else size for size, each in zip(given, dims, strict=True)
    ], dims


def _at_least_one(name: str, x: paddle.Tensor, s: Any, dim: Any) -> tuple[list[int], list[int]]:
    sizes, dims = _sizes_and_dims(x, s, dim)
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    return sizes, dims


def _half_resized(
    x: paddle.Tensor, s: Any, sizes: list[int], dims: list[int]
) -> tuple[paddle.Tensor, int]:
    """Resize a tensor given by its half along the last dim, and return the whole size of that one."""
    size = sizes[-1]
    if s is None or one_or_more(s)[-1] == -1:
        size = 2 * (x.shape[dims[-1]] - 1)
    _check_sizes([size])
    return _resized(x, [*sizes[:-1], size // 2 + 1], dims), size


def _resized(x: paddle.Tensor, sizes: Sequence[int], dims: Sequence[int]) -> paddle.Tensor:
    _check_sizes(sizes)
    for size, dim in zip(sizes, dims, strict=True):
        x = _cut(x, dim, size)
    return x


def _check_sizes(sizes: Sequence[int]) -> None:
    for size in sizes:
        if size < 1:
            raise RuntimeError(f"Invalid number of data points ({size}) specified")


def _cut(x: paddle.Tensor, dim: int, size: int) -> paddle.Tensor:
    """Return the first ``size`` elements along ``dim``, zeros after the last one there is."""
    have = x.shape[dim]
    if have == size:
        return x
    if have > size:
        return _C_ops.slice(x, [dim], [0], [size], [1], [])
    shape = [size - have if each == dim else length for each, length in enumerate(x.shape)]
    return _C_ops.concat([x, _C_ops.full(shape, 0.0, x.dtype, x.place)], dim)


def _refuse_empty(x: paddle.Tensor) -> None:
    if 0 in x.shape:
        raise RuntimeError("FFT of a tensor without elements is not possible")


def _ready(name: str, x: Any) -> paddle.Tensor:
    """The tensor in a dtype that can be transformed."""
    if not isinstance(x, paddle.Tensor):
        raise TypeError(
            f"fft_{name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}"
        )
    if x.dtype is paddle.float16 or x.dtype is paddle.bfloat16:
        kind = "Half" if x.dtype is paddle.float16 else "BFloat16"
        raise RuntimeError(f"Unsupported dtype {kind}")
    return floated(x)


def _real_input(name: str, refusal: str | None, x: Any) -> paddle.Tensor:
    x = _ready(name, x)
    if x.dtype in COMPLEX:
        kind = "ComplexFloat" if x.dtype is paddle.complex64 else "ComplexDouble"
        if refusal is None:
            raise RuntimeError(f"Only supports floating-point dtypes, but found: {kind}")
        raise RuntimeError(f"{name} {refusal} {kind}")
    return x


def _as_complex(x: paddle.Tensor) -> paddle.Tensor:
    return x if x.dtype in COMPLEX else _C_ops.cast(x, complex_dtype(x.dtype))


def _conjugated(x: paddle.Tensor) -> paddle.Tensor:
    return _C_ops.conj(x) if x.dtype in COMPLEX else x


def _norm(norm: str | None) -> str:
    if norm is None:
        return "backward"
    if norm not in _OPPOSITE:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    return norm


def _other_way(norm: str | None) -> str:
    return _OPPOSITE[_norm(norm)]


def _rolled(input: paddle.Tensor, dim: Any, shift: Callable[[int], int]) -> paddle.Tensor:
    if not input.ndim:
        raise RuntimeError("`shifts` required")
    dims = range(input.ndim) if dim is None else one_or_more(dim)
    normal = [normal_dim(each, input.ndim) for each in dims]
    return roll(input, [shift(input.shape[each]) for each in normal], normal)
