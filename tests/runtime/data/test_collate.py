"""default_collate and default_convert against the real torch."""

from collections import OrderedDict, UserList, namedtuple

import numpy as np
import pytest

Point = namedtuple("Point", ["x", "y"])
SAMPLES = [
    [1, 2, 3],
    [True, False],
    [0.5, 2],
    ["a", "b"],
    [b"a"],
    [np.float32(1.5), np.float32(2)],
    [np.float64(1.5)],
    [np.int16(3)],
    [np.bool_(True)],
    [np.arange(3), np.arange(3) * 2],
    [np.array(2.0)],
    [{"a": 1, "b": [1.0, 2]}, {"a": 2, "b": [3.0, 4]}],
    [OrderedDict(a=1)],
    [(1, 2.0, "a"), (3, 4.0, "b")],
    [[1, 2], [3, 4]],
    [Point(1, np.ones(2)), Point(2, np.zeros(2))],
    [UserList([1, 2]), UserList([3, 4])],
    [range(2), range(2)],
    [[1, 2], [3]],
    [None],
    [object],
    [np.array(["a"])],
    [np.array([None])],
    [np.str_("a")],
]


@pytest.mark.parametrize("batch", SAMPLES, ids=repr)
def test_collate(same, batch):
    same(lambda _, data: data.default_collate(batch))


@pytest.mark.parametrize("batch", SAMPLES, ids=repr)
def test_convert(same, batch):
    def program(_, data):
        converted = data.default_convert(batch)
        return converted if object not in batch and None not in batch else str(converted)

    same(program)


def test_tensors(same):
    def program(torch, data):
        pair = {"x": torch.arange(3), "y": (torch.ones(2), torch.tensor(True))}
        return data.default_collate([pair, pair]), data.default_convert(pair)

    same(program)


def test_functions_of_ones_own(same):
    def program(torch, data):
        from importlib import import_module

        module = import_module(f"{torch.__name__}.utils.data._utils.collate")

        def joined(batch, *, collate_fn_map=None):
            return sum(batch)

        table = {**module.default_collate_fn_map, complex: joined}
        return module.collate([{"a": 1j, "b": 2}, {"a": 3, "b": 4}], collate_fn_map=table)

    same(program)
