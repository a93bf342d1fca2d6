"""torch's type promotion over tensors, 0-dim tensors and Python numbers.

The rules are those of torch's "Tensor Attributes" page: an operand with dimensions outranks a 0-dim tensor, which
outranks a number; a lower rank only counts where its category (bool, integer, floating, complex) is the higher one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.tensor import dtypes

BOOL, UINT8, INT8, INT16 = paddle.bool, paddle.uint8, paddle.int8, paddle.int16
INT32, INT64 = paddle.int32, paddle.int64
FLOAT16, BFLOAT16 = paddle.float16, paddle.bfloat16
FLOAT32, FLOAT64 = paddle.float32, paddle.float64
COMPLEX64, COMPLEX128 = paddle.complex64, paddle.complex128

FLOATING = (FLOAT32, FLOAT64, BFLOAT16, FLOAT16)
INTEGERS = (INT64, INT32, UINT8, INT8, INT16)
COMPLEX = (COMPLEX64, COMPLEX128)
NUMBERS = frozenset({bool, int, float, complex})

_SIGNED = (INT8, INT16, INT32, INT64)
_TO_COMPLEX = {FLOAT64: COMPLEX128}


def category(dtype: Any) -> int:
    """Rank of a dtype's category: bool 0, integer 1, floating 2, complex 3."""
    if dtype in FLOATING:
        return 2
    if dtype in INTEGERS:
        return 1
    if dtype is BOOL:
        return 0
    if dtype in COMPLEX:
        return 3
    return 2


def _join(a: Any, b: Any) -> Any:
    if a is b:
        return a
    low, high = sorted((a, b), key=category)
    if category(low) < category(high):
        if high is COMPLEX64 and low is FLOAT64:
            return COMPLEX128
        return high
    if a in COMPLEX:
        return COMPLEX128
    if a in FLOATING and b in FLOATING:
        if FLOAT64 in (a, b):
            return FLOAT64
        return FLOAT32
    if UINT8 in (a, b):
        other = b if a is UINT8 else a
        return INT16 if other is INT8 else other
    return max(a, b, key=_SIGNED.index)


_DTYPES = (BOOL, *INTEGERS, *FLOATING, *COMPLEX)
_JOINED = {a: {b: _join(a, b) for b in _DTYPES} for a in _DTYPES}


def joined(a: Any, b: Any) -> Any:
    """Smallest Paddle dtype that both dtypes promote to.

    Raises:
        RuntimeError: a float8 dtype and another.
    """
    if a is b:
        return a
    try:
        return _JOINED[a][b]
    except KeyError:
        raise RuntimeError(
            f"Promotion for Float8 Types is not supported, attempted to promote {a} and {b}"
        ) from None


def default_dtype() -> Any:
    """Paddle's dtype of torch's default floating-point dtype."""
    return dtypes.get_default_dtype().paddle


def floating_dtype(dtype: Any) -> Any:
    """The dtype itself, or the default floating-point dtype for bool and integers."""
    return default_dtype() if category(dtype) < 2 else dtype


def complex_dtype(dtype: Any) -> Any:
    """The complex dtype whose parts have this floating-point dtype."""
    return dtype if dtype in COMPLEX else _TO_COMPLEX.get(dtype, COMPLEX64)


def real_dtype(dtype: Any) -> Any:
    """The dtype of the parts of a complex one; any other itself."""
    if dtype is COMPLEX64:
        return FLOAT32
    return FLOAT64 if dtype is COMPLEX128 else dtype


def number_of(value: Any) -> Any:
    """A Python number for a Python or numpy scalar, else None."""
    if type(value) in NUMBERS:
        return value
    if isinstance(value, (bool, int, float, complex)):
        return value
    if isinstance(value, (np.number, np.bool_)):
        return value.item()
    return None


def scalar_of(value: Any) -> Any:
    """A Python number for one given as Python's, as NumPy's, or as a tensor of one element."""
    return value.item() if isinstance(value, (paddle.Tensor, np.generic)) else value


def _number_category(value: Any) -> int:
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return 1
    return 2 if isinstance(value, float) else 3


def _dtype_with_number(dtype: Any, value: Any) -> Any:
    """Dtype of a tensor's dtype with a Python number beside it."""
    rank = _number_category(value)
    own = category(dtype)
    if rank <= own:
        return dtype
    if rank == 1:
        return INT64
    if rank == 2:
        return default_dtype()
    return complex_dtype(dtype if own == 2 else default_dtype())


def result_dtype(*operands: Any) -> Any:
    """Paddle dtype of an operation over these tensors and numbers.

    Raises:
        TypeError: an operand is neither.
    """
    dims = zeros = number = None
    rank = -1
    for operand in operands:
        if isinstance(operand, paddle.Tensor):
            if operand.ndim:
                dims = operand.dtype if dims is None else joined(dims, operand.dtype)
            else:
                zeros = operand.dtype if zeros is None else joined(zeros, operand.dtype)
        else:
            value = number_of(operand)
            if value is None:
                raise TypeError(f"expected a Tensor or a number, but got {type(operand).__name__}")
            if _number_category(value) > rank:
                rank, number = _number_category(value), value
    if dims is None:
        result = zeros
    elif zeros is None or category(zeros) <= category(dims):
        result = dims
    elif category(zeros) == 3 and category(dims) == 2:
        result = complex_dtype(dims)
    else:
        result = joined(dims, zeros)
    if result is None:
        return (BOOL, INT64, default_dtype(), complex_dtype(default_dtype()))[rank]
    return result if number is None else _dtype_with_number(result, number)


def cast(x: Any, dtype: Any) -> Any:
    """The tensor x in this dtype; x itself where it has it.

    No gradient flows through integers and bools, as Paddle's cast would have it.
    """
    if x.dtype is dtype:
        return x
    return _C_ops.cast(x if category(dtype) > 1 or x.stop_gradient else x.detach(), dtype)


def filled(value: Any, dtype: Any, place: Any) -> Any:
    """A 0-dim tensor holding a number, converted as torch converts one: integers wrap."""
    if dtype in INTEGERS:
        value = int(value)
        if dtype is UINT8:
            value &= 0xFF
        elif dtype is not INT64:
            bits = {INT32: 32, INT16: 16, INT8: 8}[dtype]
            value = (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)
        elif not -(1 << 63) <= value < 1 << 63:
            raise RuntimeError("value cannot be converted to type int64_t without overflow")
    elif dtype is BOOL:
        value = bool(value)
    return _C_ops.full([], value, dtype, place)


def _as_tensor(value: Any, dtype: Any, place: Any) -> Any:
    if isinstance(value, paddle.Tensor):
        return cast(value, dtype)
    return filled(value, dtype, place)


def _promoted_slow(a: Any, b: Any) -> Any:
    a, b = number_or_tensor(a), number_or_tensor(b)
    if isinstance(a, paddle.Tensor):
        place = a.place
    elif isinstance(b, paddle.Tensor):
        place = b.place
    else:
        raise TypeError(f"expected a Tensor, but got {type(a).__name__} and {type(b).__name__}")
    dtype = result_dtype(a, b)
    return _as_tensor(a, dtype, place), _as_tensor(b, dtype, place)


def number_or_tensor(value: Any) -> Any:
    """A tensor itself, a scalar of any kind as a Python number.

    Raises:
        TypeError: neither.
    """
    if isinstance(value, paddle.Tensor):
        return value
    number = number_of(value)
    if number is None:
        raise TypeError(f"expected a Tensor or a number, but got {type(value).__name__}")
    return number


def promoted(a: Any, b: Any) -> tuple[Any, Any]:
    """Both operands, tensors or numbers, as tensors of their common dtype.

    Raises:
        TypeError: an operand is neither.
    """
    if isinstance(a, paddle.Tensor) and isinstance(b, paddle.Tensor) and a.dtype is b.dtype:
        return a, b
    return _promoted_slow(a, b)


def promoted_all(*operands: Any, floating: bool = False) -> list[Any]:
    """Any number of operands as tensors of their common dtype.

    Args:
        *operands: tensors and numbers.
        floating: bool and integers go on to the default floating-point dtype.

    Raises:
        TypeError: an operand is neither a tensor nor a number, or none is a tensor.
    """
    dtype = result_dtype(*operands)
    if floating:
        dtype = floating_dtype(dtype)
    place = next((o.place for o in operands if isinstance(o, paddle.Tensor)), None)
    if place is None:
        raise TypeError(f"expected a Tensor, but got {type(operands[0]).__name__}")
    return [_as_tensor(number_or_tensor(o), dtype, place) for o in operands]


def promoted_floating(*operands: Any) -> list[Any]:
    """As promoted_all, bool and integers going on to the default floating-point dtype."""
    return promoted_all(*operands, floating=True)


def result_type(tensor: Any, other: Any) -> dtypes.dtype:
    """torch.result_type: the torch dtype of an arithmetic operation over two tensors or numbers."""
    from oarlock.tensor.core import plain

    return dtypes.from_paddle[result_dtype(plain(tensor), plain(other))]


def promote_types(type1: Any, type2: Any) -> dtypes.dtype:
    """torch.promote_types: the smallest torch dtype that both promote to."""
    return dtypes.from_paddle[joined(dtypes.paddle_dtype(type1), dtypes.paddle_dtype(type2))]


def can_cast(from_: Any, to: Any) -> bool:
    """torch.can_cast: whether a result of the first dtype may be stored in the second."""
    source, target = dtypes.paddle_dtype(from_), dtypes.paddle_dtype(to)
    return category(source) <= category(target)
