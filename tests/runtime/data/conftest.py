"""Runs one program on torch.utils.data of the real torch and of Oarlock, and compares."""

import random
import warnings
from collections import UserList

import numpy as np
import pytest
import torch

import oarlock.torch


def facts(value):
    """A result in terms that both sides share: values exactly, with dtypes and types of containers."""
    if hasattr(value, "requires_grad"):
        return "tensor", str(value.dtype), tuple(value.shape), value.tolist()
    if isinstance(value, np.ndarray):
        return "array", str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return type(value).__name__, {key: facts(one) for key, one in value.items()}
    if isinstance(value, list | tuple | UserList):
        return type(value).__name__, [facts(one) for one in value]
    return type(value).__name__, value


def outcome(side, program):
    side.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = facts(program(side, side.utils.data))
        except Exception as error:
            # A worker's traceback names the files of either side.
            result = type(error).__name__, str(error).partition("\nOriginal")[0]
        drawn = side.rand(1).item()
    warned = [
        str(one.message)
        for one in caught
        if issubclass(one.category, UserWarning | FutureWarning)
        and not any(word in str(one.message) for word in ("ccache", "will create"))
    ]
    return result, warned, drawn


@pytest.fixture
def same():
    """Run ``program(torch, torch.utils.data)`` on both sides and return what both give.

    The result or error, the warnings, and the default generator's next number must be the same.
    """

    def compare(program):
        ours = outcome(oarlock.torch, program)
        assert ours == outcome(torch, program)
        return ours

    return compare


@pytest.fixture
def raises(same):
    """The same, for a program that raises an error of the given type."""

    def compare(kind, program):
        (name, _), *_ = same(program)
        assert name == kind.__name__

    return compare
