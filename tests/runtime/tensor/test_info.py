"""torch.finfo, torch.iinfo, layouts and memory formats held against torch's."""

import copy
import pickle

import pytest
import torch

from oarlock.tensor import dtypes, layouts
from oarlock.tensor.info import finfo, iinfo

FLOATS = [
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    *("float8_e4m3fn", "float8_e5m2"),
]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
CONSTANTS = [
    *("strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged"),
    *("contiguous_format", "preserve_format", "channels_last", "channels_last_3d"),
]


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [(finfo, torch.finfo, name) for name in FLOATS]
    + [(iinfo, torch.iinfo, name) for name in INTEGERS],
)
def test_limits(ours, theirs, name):
    mine, reference = ours(getattr(dtypes, name)), theirs(getattr(torch, name))
    for attribute in (a for a in dir(reference) if not a.startswith("_")):
        assert getattr(mine, attribute) == getattr(reference, attribute), attribute
        assert type(getattr(mine, attribute)) is type(getattr(reference, attribute)), attribute
    assert repr(mine) == repr(reference)
    assert str(mine) == str(reference)


def test_the_default_dtype_is_told_about():
    assert repr(finfo()) == repr(torch.finfo())
    assert finfo() == finfo(dtypes.complex64)
    assert finfo() != finfo(dtypes.float64)


@pytest.mark.parametrize(
    "call",
    [
        "finfo(t.int32)",
        "finfo(t.bool)",
        "finfo('float32')",
        "finfo(dtype=t.float32)",
        "iinfo()",
        "iinfo(t.float32)",
        "iinfo(t.complex64)",
        "iinfo(t.bool)",
        "hash(finfo(t.float32))",
        "setattr(finfo(t.float32), 'max', 1)",
        "copy.copy(finfo(t.float32))",
        "finfo(t.float32) < finfo(t.float64)",
    ],
)
def test_it_refuses_what_torch_refuses(call):
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        eval(call, {"t": torch, "finfo": torch.finfo, "iinfo": torch.iinfo, "copy": copy})
    with pytest.raises(theirs.type):
        eval(call, {"t": dtypes, "finfo": finfo, "iinfo": iinfo, "copy": copy})


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants(name):
    ours, theirs = getattr(layouts, name), getattr(torch, name)
    assert repr(ours) == repr(theirs)
    assert type(ours).__name__ == type(theirs).__name__
    assert copy.deepcopy(ours) is ours
    assert pickle.loads(pickle.dumps(ours)) is ours
    with pytest.raises(TypeError):
        type(ours)()
