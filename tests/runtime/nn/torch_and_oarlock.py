"""Runs one program under the real torch and under Oarlock, and compares what it returns."""

import inspect
import warnings

import numpy as np
import paddle
import torch

import oarlock.torch

# Sums of up to a few hundred float32 products in these programs, each rounded to 6e-8.
TOLERANCE = 2e-5


def same_on_both(program):
    """Make a test of ``program(torch, …)``: both sides give the same results, errors and warnings."""

    def test(**given):
        assert_same(outcome(program, oarlock.torch, given), outcome(program, torch, given))

    test.__name__ = program.__name__
    test.__signature__ = inspect.Signature(list(inspect.signature(program).parameters.values())[1:])
    test.__dict__["pytestmark"] = getattr(program, "pytestmark", [])
    return test


def outcome(program, side, given):
    """What the program returns or raises, and what it warns of."""
    side.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = program(side, **given)
        except Exception as error:
            result = error
    warned = [
        one.category.__name__
        for one in caught
        if one.category in (UserWarning, FutureWarning) and "ccache" not in str(one.message)
    ]
    return facts(result), warned


def facts(value):
    """A result in terms that both sides share."""
    if isinstance(value, (torch.Tensor, paddle.Tensor)):
        values = np.array(value.detach().tolist())
        return str(value.dtype), tuple(value.shape), value.requires_grad, values
    if isinstance(value, Exception):
        return type(value).__name__, str(value)
    if isinstance(value, dict):
        return {key: facts(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [facts(one) for one in value]
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    return repr(value)


def assert_same(found, expected, where="result"):
    """Compare facts: numbers within rounding, all else exactly."""
    if isinstance(expected, np.ndarray | float) and isinstance(found, np.ndarray | float):
        np.testing.assert_allclose(
            found, expected, rtol=TOLERANCE, atol=TOLERANCE, err_msg=where, strict=True
        )
    elif isinstance(expected, dict) and isinstance(found, dict):
        assert list(found) == list(expected), where
        for key in expected:
            assert_same(found[key], expected[key], f"{where}[{key!r}]")
    elif isinstance(expected, list | tuple) and type(found) is type(expected):
        assert len(found) == len(expected), (where, found, expected)
        for n, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{where}[{n}]")
    else:
        assert type(found) is type(expected), (where, found, expected)
        assert found == expected, (where, found, expected)
