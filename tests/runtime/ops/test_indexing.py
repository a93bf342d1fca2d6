"""Indexing, read and written, against torch: by hand what is special, at random what combines."""

from __future__ import annotations

import random
import warnings
from typing import Any

import numpy as np
import paddle
import pytest
import torch
from against_torch import same, to_paddle

from oarlock.ops.indexing import basic_index, getitem, parse, setitem

DTYPES = (
    torch.float32,
    torch.float64,
    torch.int64,
    torch.bool,
    torch.float16,
    torch.bfloat16,
    torch.uint8,
    torch.complex64,
)


def _torch_set(x: torch.Tensor, index: Any, value: Any) -> torch.Tensor:
    copy = x.clone()
    copy[index] = value
    return copy


def _set(x: paddle.Tensor, index: Any, value: Any) -> paddle.Tensor:
    copy = x.clone()
    setitem(copy, index, value)
    return copy


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


T = torch.tensor
INDICES: list[Any] = [
    0,
    -1,
    5,
    (0, 0, 0, 0),
    slice(None),
    slice(None, None, 2),
    slice(None, None, -1),
    slice(5, 1),
    None,
    Ellipsis,
    (Ellipsis, 0),
    (0, Ellipsis, None),
    (),
    True,
    False,
    T(True),
    T(1),
    T(9),
    T(1.0),
    [0, 1],
    [[0, 1], [1, 2]],
    [slice(0, 1), 1],
    [],
    [0.5],
    [True, False],
    1.0,
    np.int64(1),
    np.array(1),
    np.array([0, 1]),
    np.array([True, False]),
    np.bool_(True),
    range(2),
    T([0.5]),
    T([], dtype=torch.int64),
    T([1, 0], dtype=torch.uint8),
    T([1], dtype=torch.int32),
    T([1], dtype=torch.int8),
    T([7]),
    T([-3]),
    T([True, False, True]),
    T([[True, False, True], [False, False, True]]),
    (T([0, 1]), T([0, 1, 2])),
    (0, slice(None), T([1])),
    (T([0, 1]), slice(None), T([1, 2])),
    (T([0, 1]), None, T([1, 2])),
    (T([0, 1]), True, T([1, 2])),
    (T([0, 1]), 0, T([1, 2])),
    ((0, 1), (1, 2)),
    (T([True, False]), 0),
    (slice(None), T([[0, 2], [1, 1]])),
    (slice(None), slice(0, 2), T([3, -1, 0])),
    (None, slice(None), None, T(-1), T([False, True, True, False])),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_getitem(index: Any) -> None:
    x = torch.arange(24.0).reshape(2, 3, 4).requires_grad_()
    same(lambda x, i: x[i], getitem, (x, index), grad=True)


@pytest.mark.parametrize(
    "index", [0, None, Ellipsis, True, False, (), slice(None), (0,), T(True)], ids=str
)
def test_getitem_of_a_0_dim_tensor(index: Any) -> None:
    same(lambda x, i: x[i], getitem, (T(3.0), index))


# torch writes no number by a uint8 mask, though it reads and writes tensors by one.
@pytest.mark.parametrize(
    "index", [i for i in INDICES if getattr(i, "dtype", None) is not torch.uint8], ids=str
)
@pytest.mark.parametrize("value", [7, T(2.5)], ids=str)
def test_setitem(index: Any, value: Any) -> None:
    x = torch.arange(24.0).reshape(2, 3, 4).requires_grad_()
    same(_torch_set, _set, (x, index, value), grad=True)


VALUES: list[Any] = [
    1.7,
    1j,
    True,
    None,
    "a",
    [1, 2],
    np.ones(6),
    float("nan"),
    T(1.7),
    T([1.5]),
    torch.ones(2),
    torch.ones(1, 1, 6),
    torch.ones(2, 6),
]


@pytest.mark.parametrize("index", [0, slice(0, 2), T([0]), T([0, 2]), T([True] * 6), ()], ids=str)
@pytest.mark.parametrize("value", VALUES, ids=str)
def test_values_of_setitem(index: Any, value: Any) -> None:
    for dtype in (torch.int64, torch.float32, torch.uint8):
        same(_torch_set, _set, (torch.arange(6).to(dtype), index, value))


def _index(shape: list[int], draw: random.Random) -> Any:
    items: list[Any] = []
    dim, ellipsis = 0, False
    common = [draw.choice([1, 2, 3]) for _ in range(draw.randint(0, 2))]
    while dim < len(shape):
        kind, size = draw.random(), shape[dim]
        if kind < 0.35 or not size:
            ends = [draw.choice([None, draw.randint(-size - 1, size + 1)]) for _ in range(2)]
            items.append(slice(ends[0], ends[1], draw.choice([None, 1, 2, 3])))
            dim += 1
        elif kind < 0.45:
            items.append(draw.choice([draw.randrange(-size, size), T(draw.randrange(-size, size))]))
            dim += 1
        elif kind < 0.52:
            items.append(draw.choice([None, True, False]))
        elif kind < 0.58 and not ellipsis:
            items.append(Ellipsis)
            ellipsis, dim = True, dim + draw.randint(0, len(shape) - dim)
        elif kind < 0.8:
            own = [1 if draw.random() < 0.2 else n for n in common]
            count = int(np.prod(own))
            places = [draw.randrange(-size, size) for _ in range(count)]
            items.append(T(places, dtype=draw.choice([torch.int64, torch.int32])).reshape(own))
            dim += 1
        elif kind < 0.9:
            taken = draw.randint(1, len(shape) - dim)
            mask = [draw.random() < 0.5 for _ in range(int(np.prod(shape[dim : dim + taken])))]
            items.append(T(mask, dtype=torch.bool).reshape(shape[dim : dim + taken]))
            dim += taken
        else:
            break
    return items[0] if len(items) == 1 and draw.random() < 0.6 else tuple(items)


@pytest.mark.parametrize("seed", range(300))
def test_random_indices(seed: int) -> None:
    draw = random.Random(seed)
    shape = [draw.choice([0, 1, 2, 3, 4, 4, 3]) for _ in range(draw.randint(1, 4))]
    dtype = draw.choice(DTYPES)
    x = torch.randint(0, 100, shape).to(dtype)
    x.requires_grad_(dtype.is_floating_point or dtype.is_complex)
    index = _index(shape, draw)
    same(lambda x, i: x[i], getitem, (x, index), grad=True)
    try:
        part = list(x[index].shape)
    except IndexError:
        return
    own = [1 if draw.random() < 0.2 else size for size in part][draw.randint(0, len(part)) :]
    value = torch.randint(0, 100, own).to(dtype)
    value.requires_grad_(x.requires_grad)
    same(_torch_set, _set, (x, index, value), grad=True)
    same(_torch_set, _set, (x, index, 3.5), grad=True)


def test_setitem_writes_through_a_view_of_plain_storage() -> None:
    whole = paddle.zeros([4, 5])
    setitem(whole[1:3], to_paddle(T([0, 1])), 7)
    setitem(whole[:, 2], to_paddle(T([True, False, False, True])), 3.0)
    assert whole[1:3].tolist() == [[7, 7, 7, 7, 7]] * 2
    assert whole[:, 2].tolist() == [3, 7, 7, 3]


def test_steps_of_a_basic_index() -> None:
    assert basic_index((1, None, slice(1, None, 2), Ellipsis), [3, 4, 5]) == [
        1,
        None,
        (1, 2, 2),
        (0, 5, 1),
    ]
    assert basic_index(-1, [3, 4]) == [2, (0, 4, 1)]
    assert basic_index([0, 1], [3, 4]) is None


def test_steps_and_advanced_indices() -> None:
    x = paddle.zeros([3, 4, 5])
    mask = paddle.ones([4, 5], "bool")
    steps, advanced = parse((0, mask), x)
    assert steps == [0, (0, 4, 1), (0, 5, 1)]
    assert [(dim, index.dtype) for dim, index in advanced] == [(0, paddle.bool)]
