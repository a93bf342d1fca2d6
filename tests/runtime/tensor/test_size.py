"""torch.Size held against torch's."""

import copy
import pickle

import pytest
import torch

from oarlock.tensor.size import Size, of

EXPRESSIONS = [
    "S()",
    "S([2, 3])",
    "S(range(3))",
    "S([True])",
    "S([-1])",
    "s[0]",
    "s[-1]",
    "s[1:]",
    "s[::-1]",
    "s[0:0]",
    "s + (1,)",
    "s + s",
    "(1, 2) + s",
    "s * 2",
    "2 * s",
    "s.numel()",
    "S().numel()",
    "S.numel(s)",
    "s == (2, 3)",
    "s == [2, 3]",
    "hash(s) == hash((2, 3))",
    "str(s)",
    "s.count(2)",
    "s.index(3)",
    "(*s, 4)",
    "s < (3,)",
    "'%d by %d' % s",
    "copy.copy(s)",
    "copy.deepcopy(s)",
    "isinstance(s, tuple)",
]
FAULTS = [
    "S(3)",
    "S([2.0])",
    "S([1, 'a'])",
    "S([[1]])",
    "s + [1]",
    "[1] + s",
    "s + (1.5,)",
    "s * 2.0",
    "S([2], 4)",
    "s[2]",
]


def value(expression, kind):
    return eval(expression, {"S": kind, "s": kind([2, 3]), "copy": copy})


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_it_does_what_torchs_does(expression):
    ours, theirs = value(expression, Size), value(expression, torch.Size)
    assert repr(ours) == repr(theirs)
    assert type(ours).__name__ == type(theirs).__name__


@pytest.mark.parametrize("expression", FAULTS)
def test_it_refuses_what_torchs_refuses(expression):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        value(expression, torch.Size)
    with pytest.raises(theirs.type):
        value(expression, Size)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_it_survives_pickling(protocol):
    back = pickle.loads(pickle.dumps(Size([2, 3]), protocol))
    assert type(back) is Size
    assert back == (2, 3)


def test_a_shape_becomes_a_size_unchecked():
    assert repr(of([2, 3])) == "torch.Size([2, 3])"
    assert type(of([])) is Size
