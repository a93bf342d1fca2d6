"""Random programs of views, in-place writes, subscripts and reductions, on torch and on Oarlock."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oarlock.torch
from oarlock.errors import UnsupportedError

# A program works on a growing list of tensors; a step names those it uses by their place.
place = st.integers(0, 30)
dim = st.integers(-3, 3)
small = st.integers(-2, 3)
size = st.sampled_from([(-1,), (6,), (2, 3), (3, 2), (1, 6), (6, 1), (2, 1, 3), (4,), (2, 2), (0,)])
edge = st.none() | st.integers(-4, 4)
item = st.one_of(
    st.integers(-3, 3),
    st.builds(slice, edge, edge, st.none() | st.integers(1, 2)),
    st.none(),
    st.just(Ellipsis),
)
basic = st.one_of(
    item, st.lists(item, max_size=3).map(tuple).filter(lambda t: t.count(Ellipsis) < 2)
)
number = st.sampled_from([0.0, 0.5, -1.5, 2.0, 3])
indices = st.lists(st.integers(-2, 1), min_size=1, max_size=3)

step = st.one_of(
    st.tuples(st.just("view"), place, size),
    st.tuples(st.just("reshape"), place, size),
    st.tuples(st.just("transpose"), place, dim, dim),
    st.tuples(st.just("unsqueeze"), place, dim),
    st.tuples(st.just("squeeze"), place, dim),
    st.tuples(st.just("flatten"), place),
    st.tuples(st.just("narrow"), place, dim, small, st.integers(0, 2)),
    st.tuples(st.just("select"), place, dim, small),
    st.tuples(st.just("chunk"), place, st.integers(1, 3), dim),
    st.tuples(st.just("unbind"), place, dim),
    st.tuples(st.just("expand"), place, size),
    st.tuples(st.just("diagonal"), place),
    st.tuples(st.just("unfold"), place, dim, st.integers(1, 2), st.integers(1, 2)),
    st.tuples(st.just("detach"), place),
    st.tuples(st.just("clone"), place),
    st.tuples(st.just("getitem"), place, basic),
    st.tuples(st.just("setitem"), place, basic, number | place.map(str)),
    st.tuples(st.just("take_rows"), place, indices),
    st.tuples(st.just("set_rows"), place, indices, number),
    st.tuples(st.just("mask"), place, number),
    st.tuples(st.just("set_mask"), place, number),
    st.tuples(st.sampled_from(["add_", "mul_", "copy_", "sub_"]), place, place),
    st.tuples(st.sampled_from(["add_", "mul_", "fill_"]), place, number.map(float)),
    st.tuples(st.sampled_from(["zero_", "exp_", "relu_", "neg_", "sigmoid_"]), place),
    st.tuples(st.sampled_from(["add", "mul", "sub", "maximum"]), place, place),
    st.tuples(st.sampled_from(["exp", "tanh", "relu"]), place),
    st.tuples(st.sampled_from(["sum", "mean", "amax", "cumsum"]), place, dim),
    st.tuples(st.just("no_grad_mul"), place, number),
    st.tuples(st.just("iadd"), place, place),
    st.tuples(st.just("data_mul"), place, number),
)


# What torch refuses in a backward pass, or on use, and Oarlock serves with the present values.
_LENIENT = (
    "modified by an inplace operation",
    "another view of its base has been modified inplace",
)


class Machine:
    """Runs programs on one framework, which is torch or looks like it."""

    def __init__(self, framework: Any, seed: int):
        self.torch = framework
        draw = np.random.default_rng(seed)
        values = [draw.standard_normal(shape).astype("float32") for shape in ((2, 3), (6,), (3, 2))]
        self.leaves = [
            framework.tensor(v.tolist(), requires_grad=n < 2) for n, v in enumerate(values)
        ]
        self.tensors = [leaf * 1 for leaf in self.leaves] + list(self.leaves)

    def at(self, place: int) -> Any:
        return self.tensors[place % len(self.tensors)]

    def run(self, step: tuple[Any, ...]) -> list[Any]:
        """Carry out one step and return what it made."""
        name, first, *rest = step
        t, torch = self.at(first), self.torch
        match name:
            case "getitem":
                return [t[rest[0]]]
            case "setitem":
                value = rest[1]
                t[rest[0]] = self.at(int(value)) if isinstance(value, str) else value
                return []
            case "take_rows":
                return [t[torch.tensor(rest[0])]]
            case "set_rows":
                t[torch.tensor(sorted({i % 2 for i in rest[0]}))] = rest[1]
                return []
            case "mask":
                return [t[t > rest[0]]]
            case "set_mask":
                t[t > rest[0]] = 1.25
                return []
            case "no_grad_mul":
                with torch.no_grad():
                    t.mul_(rest[0])
                return []
            case "data_mul":
                t.data.mul_(rest[0])
                return []
            case "iadd":
                t += self.at(rest[0])
                return [t]
            case "diagonal":
                return [t.diagonal()]
            case "cumsum" | "amax" | "sum" | "mean":
                return [getattr(t, name)(rest[0])]
            case "add_" | "mul_" | "sub_" | "copy_" if isinstance(rest[0], int):
                getattr(t, name)(self.at(rest[0]))
                return []
            case "add" | "mul" | "sub" | "maximum":
                return [getattr(torch, name)(t, self.at(rest[0]))]
            case "chunk" | "unbind":
                return list(getattr(t, name)(*rest))
            case _:
                made = getattr(t, name)(*rest)
                return [] if name.endswith("_") else [made]

    def gradients(self) -> list[Any]:
        """Gradients of all tensors' weighted sum with respect to the leaves."""
        total = 0.0
        for n, t in enumerate(self.tensors):
            if t.requires_grad and t.numel():
                total = total + (t * (0.1 * n + 0.3)).sum()
        wanted = [leaf for leaf in self.leaves if leaf.requires_grad]
        found = self.torch.autograd.grad(total, wanted, allow_unused=True)
        return [None if g is None else g.detach().numpy().copy() for g in found]


def values(machine: Machine) -> list[tuple[Any, ...]]:
    return [
        (t.detach().numpy().copy(), tuple(t.shape), str(t.dtype), t.requires_grad)
        for t in machine.tensors
    ]


def outcome(machine: Machine, each: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """The step's result, or what it raised."""
    try:
        return machine.run(each), None
    except Exception as error:
        return None, error


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(st.lists(step, min_size=1, max_size=8), st.integers(0, 3))
def test_program(steps: list[tuple[Any, ...]], seed: int) -> None:
    theirs, ours = Machine(torch, seed), Machine(oarlock.torch, seed)
    for n, each in enumerate(steps):
        made, error = outcome(theirs, each)
        if error is not None and any(words in str(error) for words in _LENIENT):
            return
        answer, raised = outcome(ours, each)
        if error is not None:
            assert isinstance(raised, (type(error), UnsupportedError)), (each, error, raised)
            return
        if isinstance(raised, UnsupportedError):
            return
        if raised is not None:
            raise raised
        theirs.tensors += made
        ours.tensors += answer
        for place, (a, b) in enumerate(zip(values(theirs), values(ours), strict=True)):
            np.testing.assert_allclose(b[0], a[0], rtol=1e-5, atol=1e-6, err_msg=f"{each} {place}")
            assert b[1:] == a[1:], (n, each, place)
    try:
        expected = theirs.gradients()
    except RuntimeError as error:
        if not any(words in str(error) for words in _LENIENT):
            with pytest.raises(RuntimeError):
                ours.gradients()
        return
    try:
        found = ours.gradients()
    except UnsupportedError:
        return
    for a, b in zip(expected, found, strict=True):
        if a is None or b is None:
            assert (0 if a is None else a.any()) == (0 if b is None else b.any())
        else:
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
