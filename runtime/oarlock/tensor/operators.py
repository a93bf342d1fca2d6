"""The Tensor's operators, subscripts and conversions to Python values."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.amp import state as autocast
from oarlock.ops import arithmetic, bitwise, comparison, matmul
from oarlock.tensor.conversion import deepcopy, numpy, reduce
from oarlock.tensor.core import Tensor, plain, wrap
from oarlock.tensor.inplace import before, commit
from oarlock.tensor.size import count
from oarlock.tensor.subscripts import getitem, setitem

_SCALARS = (float, int, bool, complex)
_FLOAT32, _FLOAT64 = paddle.float32, paddle.float64


def _operand(x: Any) -> Any:
    """The other side of an operator on Paddle's side; NotImplemented where torch has none for it."""
    kind = x.__class__
    if kind in _SCALARS:
        return x
    if isinstance(x, paddle.Tensor):
        return plain(x)
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        from oarlock.creation import from_numpy

        return plain(from_numpy(x))
    return x if isinstance(x, Number) else NotImplemented


def _binary(function: Any, kernel: Any = None, by_number: Any = None) -> Any:
    """An operator of a tensor and a tensor or number.

    Args:
        function: the composition that serves all cases.
        kernel: what serves two tensors of one floating-point dtype; where it raises or gives None,
            the composition serves, or finds out what torch says.
        by_number: what serves a tensor of floating-point dtype and a Python number.
    """

    def operator(self: Tensor, other: Any) -> Any:
        if kernel is not None and self._view is None:
            kind, dtype = other.__class__, self._paddle_dtype
            if dtype is _FLOAT32 or dtype is _FLOAT64:
                if kind is Tensor:
                    if other._view is None and other._paddle_dtype is dtype:
                        try:
                            result = kernel(self, other)
                        except ValueError:
                            result = None
                        if result is not None:
                            return wrap(result)
                elif by_number is not None and (kind is float or kind is int):
                    return wrap(by_number(self, other))
        b = _operand(other)
        return NotImplemented if b is NotImplemented else wrap(function(plain(self), b))

    return operator


def _reflected(function: Any) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        a = _operand(other)
        return NotImplemented if a is NotImplemented else wrap(function(a, plain(self)))

    return operator


def _in_place(function: Any) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        b = _operand(other)
        if b is NotImplemented:
            return b
        return commit(self, function(before(self, b), b))

    return operator


def _unary(function: Any) -> Any:
    def operator(self: Tensor) -> Tensor:
        return wrap(function(plain(self)))

    return operator


def _matrix_product(x: Tensor, y: Tensor) -> Any:
    """The product of matrices or of equal batches of them; None for others."""
    first, second = x._paddle_shape, y._paddle_shape
    rank = len(first)
    if autocast.entered or rank < 2 or len(second) != rank:
        return None
    if rank > 2 and first[:-2] != second[:-2]:
        return None
    return _C_ops.matmul(x, y, False, False)


def _divided_by(a: Any, b: paddle.Tensor) -> paddle.Tensor:
    # torch divides a number by a tensor so, and rounds accordingly.
    return arithmetic.mul(arithmetic.reciprocal(b), a)


def _subtracted_from(a: Any, b: paddle.Tensor) -> paddle.Tensor:
    return arithmetic.rsub(b, a)


_BINARY = {
    "add": (arithmetic.add, arithmetic.add),
    "sub": (arithmetic.sub, _subtracted_from),
    "mul": (arithmetic.mul, arithmetic.mul),
    "truediv": (arithmetic.div, _divided_by),
    "floordiv": (arithmetic.floor_divide, arithmetic.floor_divide),
    "mod": (arithmetic.remainder, arithmetic.remainder),
    "pow": (arithmetic.pow, arithmetic.pow),
    "matmul": (matmul.matmul, matmul.matmul),
    "and": (bitwise.bitwise_and, bitwise.bitwise_and),
    "or": (bitwise.bitwise_or, bitwise.bitwise_or),
    "xor": (bitwise.bitwise_xor, bitwise.bitwise_xor),
    "lshift": (bitwise.bitwise_left_shift, bitwise.bitwise_left_shift),
    "rshift": (bitwise.bitwise_right_shift, bitwise.bitwise_right_shift),
}
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
# What torch's operators do on floating-point tensors that need no promotion, by Paddle's kernels.
_KERNELS = {
    "add": (_C_ops.add, lambda x, number: _C_ops.scale(x, 1.0, number, True)),
    "sub": (_C_ops.subtract, lambda x, number: _C_ops.scale(x, 1.0, -number, True)),
    "mul": (_C_ops.multiply, lambda x, number: _C_ops.scale(x, number, arithmetic.NOTHING, True)),
    "truediv": (_C_ops.divide,),
    "matmul": (_matrix_product,),
    "lt": (_C_ops.less_than,),
    "le": (_C_ops.less_equal,),
    "gt": (_C_ops.greater_than,),
    "ge": (_C_ops.greater_equal,),
}


def _scalar(self: Tensor) -> Any:
    """The value of a tensor's one element, as a Python number."""
    p = plain(self)
    if count(p) != 1:
        raise RuntimeError(f"a Tensor with {count(p)} elements cannot be converted to Scalar")
    return p.item()


def _bool(self: Tensor) -> bool:
    size = count(plain(self))
    if size == 0:
        raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
    if size > 1:
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
    return bool(_scalar(self))


def _index(self: Tensor) -> int:
    value = _scalar(self) if count(plain(self)) == 1 else None
    if not isinstance(value, int):
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(value)


def _len(self: Tensor) -> int:
    shape = plain(self).shape
    if not shape:
        raise TypeError("len() of a 0-d tensor")
    return shape[0]


def _iter(self: Tensor) -> Any:
    if not plain(self).shape:
        raise TypeError("iteration over a 0-d tensor")
    from oarlock.tensor.views import unbind

    return iter(unbind(self, 0))


def _contains(self: Tensor, element: Any) -> bool:
    if isinstance(element, paddle.Tensor | Number):
        return bool(comparison.eq(plain(self), plain(element)).any())
    raise RuntimeError(
        f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
    )


def _format(self: Tensor, spec: str) -> str:
    if not plain(self).shape and type(self) is Tensor:
        return format(_scalar(self), spec)
    return object.__format__(self, spec)


def _array(self: Tensor, dtype: Any = None, copy: Any = None) -> np.ndarray:
    array = numpy(self)
    if dtype is not None and array.dtype != np.dtype(dtype):
        return array.astype(dtype)
    return array.copy() if copy else array


def _array_wrap(self: Tensor, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
    from oarlock.creation import from_numpy

    return from_numpy(np.asarray(array))


def _array_ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """A numpy function of tensors computes on their arrays and gives a tensor, as torch's do."""
    arrays = [_array(x) if isinstance(x, Tensor) else x for x in inputs]
    result = getattr(ufunc, method)(*arrays, **kwargs)
    if isinstance(result, tuple):
        return tuple(_array_wrap(self, each) for each in result)
    return _array_wrap(self, result)


def _reversed(self: Tensor) -> Tensor:
    p = plain(self)
    return wrap(paddle.flip(p, [0]) if p.ndim else p)


def _dlpack(self: Tensor, **options: Any) -> Any:
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    return plain(self).detach().__dlpack__(**options)


def install() -> None:
    """Put the operators on the class."""
    table: dict[str, Any] = {
        "neg": _unary(arithmetic.neg),
        "abs": _unary(arithmetic.abs),
        "invert": _unary(bitwise.bitwise_not),
        "pos": lambda self: self,
        "getitem": getitem,
        "setitem": setitem,
        "bool": _bool,
        "int": lambda self: int(_scalar(self)),
        "float": lambda self: float(_scalar(self)),
        "complex": lambda self: complex(_scalar(self)),
        "index": _index,
        "len": _len,
        "iter": _iter,
        "contains": _contains,
        "format": _format,
        "array": _array,
        "array_wrap": _array_wrap,
        "array_ufunc": _array_ufunc,
        "reversed": _reversed,
        "deepcopy": deepcopy,
        "reduce_ex": reduce,
        "dlpack": _dlpack,
        "dlpack_device": lambda self: plain(self).__dlpack_device__(),
    }
    for name, (function, reflected) in _BINARY.items():
        table[name] = _binary(function, *_KERNELS.get(name, ()))
        table[f"r{name}"] = _reflected(reflected)
        table[f"i{name}"] = _in_place(function)
    for name in _COMPARISONS:
        table[name] = _binary(getattr(comparison, name), *_KERNELS.get(name, ()))
    for name, method in table.items():
        setattr(Tensor, f"__{name}__", method)
