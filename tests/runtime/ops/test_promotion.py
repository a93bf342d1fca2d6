"""Type promotion against torch: every pair of dtypes, dims, and Python numbers."""

from __future__ import annotations

import itertools

import numpy as np
import paddle
import pytest
import torch
from against_torch import same, to_paddle

from oarlock.ops import arithmetic
from oarlock.ops.promotion import can_cast, promote_types, promoted, result_type
from oarlock.tensor import dtypes

NAMES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
NUMBERS = (True, 3, -2, 0.5, 2.5 + 1j)


def _name(dtype: object) -> str:
    return str(dtype).removeprefix("torch.")


@pytest.mark.parametrize(("a", "b"), itertools.product(NAMES, NAMES))
def test_pairs_of_dtypes(a: str, b: str) -> None:
    theirs, ours = (getattr(torch, a), getattr(torch, b)), (getattr(dtypes, a), getattr(dtypes, b))
    assert can_cast(*ours) == torch.can_cast(*theirs)
    if {a, b} <= {"float16", "complex64"} and a != b:
        assert promote_types(*ours) is dtypes.complex64
    else:
        assert _name(promote_types(*ours)) == _name(torch.promote_types(*theirs))
    for shapes in itertools.product(([], [2]), repeat=2):
        x = torch.ones(shapes[0], dtype=theirs[0])
        y = torch.ones(shapes[1], dtype=theirs[1])
        expected = _name(torch.result_type(x, y))
        if expected != "complex32":
            assert _name(result_type(to_paddle(x), to_paddle(y))) == expected
            left, right = promoted(to_paddle(x), to_paddle(y))
            assert left.dtype is right.dtype
            assert _name(dtypes.from_paddle[left.dtype]) == expected


@pytest.mark.parametrize(("name", "number"), itertools.product(NAMES, NUMBERS))
def test_numbers(name: str, number: complex) -> None:
    for shape in ([], [2]):
        x = torch.ones(shape, dtype=getattr(torch, name))
        expected = _name(torch.result_type(x, number))
        if expected != "complex32":
            assert _name(result_type(to_paddle(x), number)) == expected


def test_the_default_dtype_counts() -> None:
    torch.set_default_dtype(torch.float64)
    dtypes.set_default_dtype(dtypes.float64)
    try:
        x = torch.tensor([1, 2, 3])
        same(torch.add, arithmetic.add, (x, 0.5))
        same(torch.true_divide, arithmetic.true_divide, (x, x))
        assert result_type(to_paddle(x), 1j) is dtypes.complex128
    finally:
        torch.set_default_dtype(torch.float32)
        dtypes.set_default_dtype(dtypes.float32)


def test_operands_of_one_dtype_are_not_copied() -> None:
    a, b = paddle.ones([2]), paddle.ones([2])
    left, right = promoted(a, b)
    assert left is a
    assert right is b


def test_numpy_scalars_are_numbers() -> None:
    x = torch.tensor([1.5, 2.5])
    assert arithmetic.mul(to_paddle(x), np.float64(2)).dtype is paddle.float32
    assert arithmetic.add(to_paddle(x), np.int64(2)).tolist() == [3.5, 4.5]


def test_what_is_no_operand_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        promoted(paddle.ones([2]), "3")
    with pytest.raises(TypeError):
        promoted(1, 2)
