"""Creation functions against real torch: values, dtypes, shapes, requires_grad and the kinds of errors."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import oarlock.torch
from oarlock import creation
from oarlock.creation import data, filled, legacy, matrices, ranges
from oarlock.errors import UnsupportedError
from oarlock.tensor import dtypes
from oarlock.tensor.core import plain
from oarlock.tensor.layouts import channels_last
from oarlock.tensor.size import Size

OURS = SimpleNamespace(Size=Size, Tensor=legacy.legacy_tensor)
for module in (data, filled, legacy, matrices, ranges):
    for name, value in vars(module).items():
        if callable(value) and getattr(value, "__module__", None) == module.__name__:
            setattr(OURS, name, value)
for name in (
    *("bool", "uint8", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
):
    setattr(OURS, name, getattr(dtypes, name))


def outcome(side, source):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = eval(source, {"t": side, "np": np})
        except Exception as error:
            return error
    dtype = repr(made.dtype)
    p = made.detach() if side is torch else plain(made).detach()
    values = (p.float() if side is torch else p.astype("float32")) if "bfloat16" in dtype else p
    return dtype, tuple(p.shape), made.requires_grad, values.numpy()


def compare(source, *, values=True):
    theirs, ours = outcome(torch, source), outcome(OURS, source)
    if isinstance(theirs, Exception):
        # Oarlock's errors derive from the builtin ones that torch raises.
        assert isinstance(ours, type(theirs)), ours
        return
    assert not isinstance(ours, Exception), ours
    assert ours[:3] == theirs[:3]
    if values:
        np.testing.assert_array_equal(ours[3], theirs[3])


CASES = [
    "t.zeros()",
    "t.zeros(())",
    "t.zeros(2.0)",
    "t.zeros(2,3)",
    "t.zeros((2,3))",
    "t.zeros([2,3],dtype=t.int64)",
    "t.zeros(size=(2,))",
    "t.zeros(t.tensor(2),3)",
    "t.zeros(np.int64(2))",
    "t.zeros(-1)",
    "t.zeros((2,),size=(3,))",
    "t.zeros('a')",
    "t.zeros(True)",
    "t.zeros(t.Size([2,1]))",
    "t.ones(2,3,requires_grad=True)",
    "t.ones(2,dtype=t.int32,requires_grad=True)",
    "t.ones(2,dtype=t.bfloat16)",
    "t.ones(2,dtype=t.complex64)",
    "t.ones(2,foo=3)",
    "t.full((2,),3)",
    "t.full((2,),True)",
    "t.full((2,),1j)",
    "t.full((2,),2.5)",
    "t.full((2,),t.tensor(2.5))",
    "t.full((2,),t.tensor([2.5]))",
    "t.full(2,3.)",
    "t.full((2,),3.7,dtype=t.int32)",
    "t.full((2,),300,dtype=t.uint8)",
    "t.full((2,),-1,dtype=t.uint8)",
    "t.full((2,),float('inf'))",
    "t.full((2,),2**62+1)",
    "t.full((2,),float('nan'),dtype=t.int64)",
    "t.full((2,),1+0j,dtype=t.float32)",
    "t.full([],5.0)",
    "t.full(size=(1,2),fill_value=3)",
    "t.full((2,),np.float64(3.5))",
    "t.zeros_like(t.ones(2,3))",
    "t.ones_like(t.ones(2,3,dtype=t.int64))",
    "t.ones_like(t.ones(2),dtype=t.float64,requires_grad=True)",
    "t.full_like(t.ones(2),7)",
    "t.full_like(t.ones(2,dtype=t.int64),7.9)",
    "t.zeros_like([1,2])",
    "t.tensor([[1,2],[3]])",
    "t.tensor([1,2.5])",
    "t.tensor([True,2])",
    "t.tensor([True,False])",
    "t.tensor([t.tensor(1),t.tensor(2.5)])",
    "t.tensor([t.tensor([1]),t.tensor([2.5])])",
    "t.tensor([t.tensor([1,2]),t.tensor([2.5,3])])",
    "t.tensor([t.tensor(1),2.5])",
    "t.tensor([np.array([1,2]),np.array([2,3])])",
    "t.tensor(np.float64(2))",
    "t.tensor(np.float32(2))",
    "t.tensor([np.float64(2)])",
    "t.tensor([np.float64(2),1.0])",
    "t.tensor([np.float32(2),np.float32(3)])",
    "t.tensor([np.float32(2),1])",
    "t.tensor([np.int32(2)])",
    "t.tensor([np.int32(2),2])",
    "t.tensor([np.uint8(2),np.int8(3)])",
    "t.tensor([np.bool_(True)])",
    "t.tensor(np.int32(2))",
    "t.tensor([])",
    "t.tensor([[],[]])",
    "t.tensor('a')",
    "t.tensor(None)",
    "t.tensor([None])",
    "t.tensor(['a'])",
    "t.tensor(2**63)",
    "t.tensor([2**63])",
    "t.tensor(2**63-1)",
    "t.tensor([2**53+1])",
    "t.tensor(300,dtype=t.uint8)",
    "t.tensor([300],dtype=t.uint8)",
    "t.tensor(-1,dtype=t.uint8)",
    "t.tensor(2.7,dtype=t.int32)",
    "t.tensor([2.7,-3.9],dtype=t.int64)",
    "t.tensor(1+2j)",
    "t.tensor([1+2j,1])",
    "t.tensor(1+2j,dtype=t.float32)",
    "t.tensor(float('nan'),dtype=t.int32)",
    "t.tensor(np.array(['a']))",
    "t.tensor(np.array([1,2],dtype=object))",
    "t.tensor({})",
    "t.tensor(range(3))",
    "t.tensor((1,2))",
    "t.tensor({1,2})",
    "t.tensor(x for x in [1])",
    "t.tensor([1,2],requires_grad=True)",
    "t.tensor([1.,2],requires_grad=True,dtype=t.float64)",
    "t.tensor([1.,2],device='cpu')",
    "t.tensor([0.1,1e5,65519.9,65520.,3e-8],dtype=t.float16)",
    "t.tensor([0.1,1e5,3.3e38],dtype=t.bfloat16)",
    "t.tensor([0.1,2],dtype=t.bool)",
    "t.tensor([1,0],dtype=t.bool)",
    "t.tensor(np.arange(6).reshape(2,3)[:,::2])",
    "t.tensor(np.arange(6)[::-1])",
    "t.tensor(np.arange(6,dtype='>i4'))",
    "t.tensor(np.arange(6.),dtype=t.float32)",
    "t.tensor(np.ones((2,0)))",
    "t.tensor(np.array(5.0))",
    "t.tensor(True)",
    "t.tensor(5)",
    "t.tensor(5.5)",
    "t.tensor([[[1,2],[3,4]],[[5,6],[7,8]]])",
    "t.tensor([1,[2]])",
    "t.tensor([[1],2])",
    "t.tensor([1e40])",
    "t.tensor(t.ones(2,requires_grad=True))",
    "t.as_tensor([1,2.])",
    "t.as_tensor(np.arange(3.),dtype=t.float32)",
    "t.as_tensor(t.ones(2,dtype=t.int64),dtype=t.float32)",
    "t.asarray([1,2])",
    "t.asarray(np.arange(3))",
    "t.asarray(t.ones(2,requires_grad=True))",
    "t.asarray([1.,2.],requires_grad=True)",
    "t.asarray([1,2],copy=False)",
    "t.asarray(np.arange(3),dtype=t.float32,copy=False)",
    "t.from_numpy(np.arange(3))",
    "t.from_numpy([1])",
    "t.from_numpy(np.arange(6.).reshape(2,3).T)",
    "t.from_numpy(np.arange(6)[::-1])",
    "t.frombuffer(bytearray(b'abcdefgh'),dtype=t.int32)",
    "t.frombuffer(bytearray(b'abcdefgh'),dtype=t.uint8,count=3,offset=2)",
    "t.scalar_tensor(3)",
    "t.scalar_tensor(3,dtype=t.int64)",
    "t.arange(5)",
    "t.arange(5,dtype=t.float16)",
    "t.arange(1,2,-1)",
    "t.arange(0,10,0)",
    "t.arange(t.tensor(3))",
    "t.arange(2.5)",
    "t.arange(end=3)",
    "t.arange(start=1,end=7,step=2)",
    "t.arange(1,7,step=2)",
    "t.arange(1,end=7)",
    "t.arange(True)",
    "t.arange(0,5,2.)",
    "t.arange(2**62,2**62+3)",
    "t.arange(0,1,0.1)",
    "t.arange(0,100,0.3)",
    "t.arange(1.5,77.7,0.123)",
    "t.arange(-3,5,0.01)",
    "t.arange(0,1000,0.7)",
    "t.arange(0,100,0.3,dtype=t.float64)",
    "t.arange(-3,50,0.0123,dtype=t.float64)",
    "t.arange(0,100,0.3,dtype=t.float16)",
    "t.arange(0,100,0.3,dtype=t.bfloat16)",
    "t.arange(300,dtype=t.bfloat16)",
    "t.arange(0,10,0.9,dtype=t.int64)",
    "t.arange(0.5,9.7,2,dtype=t.int32)",
    "t.arange(10,0,-3)",
    "t.arange(10,0,-0.7)",
    "t.arange(0)",
    "t.arange(5,5)",
    "t.arange(3,requires_grad=True)",
    "t.arange(3.,requires_grad=True)",
    "t.arange(200,dtype=t.uint8)",
    "t.arange()",
    "t.arange(0,float('inf'))",
    "t.range(0,5)",
    "t.range(0,5,0.7)",
    "t.linspace(0,1,5)",
    "t.linspace(0,1,1)",
    "t.linspace(0,1,0)",
    "t.linspace(0,1,-1)",
    "t.linspace(-3.3,7.1,1000)",
    "t.linspace(-3.3,7.1,1000,dtype=t.float64)",
    "t.linspace(-3.3,7.1,100,dtype=t.float16)",
    "t.linspace(-3.3,7.1,100,dtype=t.bfloat16)",
    "t.linspace(0,10,5,dtype=t.int64)",
    "t.linspace(0,10,7,dtype=t.int32)",
    "t.linspace(t.tensor(0.),t.tensor(2.),3)",
    "t.logspace(0,2,3)",
    "t.logspace(0,3,4,base=2)",
    "t.logspace(-2,2,5,dtype=t.float64)",
    "t.eye(3)",
    "t.eye(2,3,dtype=t.int64)",
    "t.eye(-1)",
    "t.eye(0)",
    "t.eye(3,dtype=t.bool)",
    "t.tril_indices(3,4)",
    "t.tril_indices(3,4,-1,dtype=t.int32)",
    "t.triu_indices(4,3,1)",
    "t.triu_indices(-1,3)",
    "t.cartesian_prod(t.tensor([1,2]),t.tensor([3,4,5]))",
    "t.cartesian_prod(t.tensor([1,2]))",
    "t.cartesian_prod(t.tensor([[1,2]]))",
    "t.complex(t.ones(2),t.zeros(2))",
    "t.complex(t.ones(2),t.zeros(2,dtype=t.float64))",
    "t.polar(t.ones(2),t.zeros(2))",
    "t.empty_strided((2,3),(1,))",
    "t.Tensor()",
    "t.Tensor([2,3])",
    "t.Tensor((2,3))",
    "t.Tensor(t.ones(2))",
    "t.Tensor(t.ones(2,dtype=t.int64))",
    "t.Tensor(np.ones(2))",
    "t.Tensor(2.5)",
    "t.Tensor([True])",
    "t.LongTensor([1.5,2])",
    "t.FloatTensor(np.ones(2))",
    "t.Tensor(t.tensor(3))",
    "t.Tensor(None)",
    "t.Tensor('a')",
    "t.LongTensor(np.array([1,2]))",
    "t.BoolTensor([0,2])",
    "t.HalfTensor([1,2])",
    "t.Tensor([[1,2],[3,4.5]])",
    "t.Tensor([t.tensor(1.),2])",
    "t.zeros(2,out=t.ones(2))",
    "t.zeros(2,out=t.ones(2,dtype=t.int64))",
    "t.arange(3,out=t.zeros(3))",
    "t.full((2,),2.5,out=t.ones(2))",
]

UNSET = [
    "t.empty(2,3)",
    "t.empty((2,0),dtype=t.bool)",
    "t.empty_strided((2,3),(1,2))",
    "t.Tensor(2,3)",
    "t.Tensor(t.Size([2,3]))",
    "t.LongTensor(3)",
    "t.Tensor(2,device='cpu')",
]


@pytest.mark.parametrize("source", CASES)
def test_values(source):
    compare(source)


@pytest.mark.parametrize("source", UNSET)
def test_unset_elements(source):
    compare(source, values=False)


def test_from_numpy_shares_memory_both_ways():
    for array in (
        np.zeros(6),
        np.zeros((3, 4), np.float32).T,
        np.zeros((4, 6), np.int64)[1:3, ::2],
    ):
        made = plain(creation.from_numpy(array))
        array[...] = 3
        assert (made.numpy() == 3).all()
        made.fill_(5)
        assert (array == 5).all()


def test_as_tensor_shares_what_need_not_change():
    array = np.zeros(3, np.float32)
    made = creation.as_tensor(array)
    array[1] = 7
    assert plain(made).numpy()[1] == 7
    assert creation.as_tensor(made) is made
    changed = creation.as_tensor(array, dtype=dtypes.float64)
    array[1] = 8
    assert plain(changed).numpy()[1] == 7


def test_tensor_copies():
    array = np.zeros(3, np.float32)
    made = creation.tensor(array)
    array[1] = 7
    assert not plain(made).numpy().any()


def test_read_only_arrays_are_shared_with_a_warning():
    array = np.arange(3.0)
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="not writable"):
        made = creation.from_numpy(array)
    assert plain(made).numpy().tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
def test_numpy_dtypes_that_paddle_has_not_are_refused(dtype):
    for function in (creation.tensor, creation.from_numpy, creation.as_tensor):
        with pytest.raises(UnsupportedError, match=dtype):
            function(np.zeros(3, dtype))
    with pytest.raises(UnsupportedError):
        creation.tensor([np.dtype(dtype).type(3)])


def test_frombuffer_reads_bfloat16_and_shares():
    buffer = bytearray(torch.tensor([1.5, -2.0], dtype=torch.bfloat16).view(torch.uint8).numpy())
    made = creation.frombuffer(buffer, dtype=dtypes.bfloat16)
    assert plain(made).astype("float32").numpy().tolist() == [1.5, -2.0]
    buffer[1] = 0xBF
    assert plain(made).astype("float32").numpy()[0] == -1.5


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "empty_like"])
def test_like_keeps_the_order_of_strides(name):
    x = torch.zeros(2, 3, 4).permute(2, 0, 1)
    like = plain(creation.zeros(2, 3, 4)).transpose([2, 0, 1])
    made = getattr(creation, name)(like)
    assert tuple(plain(made).strides) == getattr(torch, name)(x).stride()


def test_memory_formats():
    made = creation.empty(2, 3, 4, 5, memory_format=channels_last)
    assert tuple(plain(made).strides) == (
        torch.empty(2, 3, 4, 5, memory_format=torch.channels_last).stride()
    )
    with pytest.raises(RuntimeError, match="required rank 4"):
        creation.empty(2, 3, memory_format=channels_last)


def test_empty_strided_has_the_strides():
    assert plain(creation.empty_strided((2, 3), (1, 2))).strides == [1, 2]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("new_zeros", (2, 3)),
        ("new_ones", ((2, 3),)),
        ("new_full", ((2,), 3.7)),
        ("new_tensor", ([1, 2.5],)),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "int32", "bfloat16"])
def test_new_takes_dtype_from_self(name, arguments, dtype):
    theirs = getattr(torch.ones(1, dtype=getattr(torch, dtype)), name)(*arguments)
    ours = getattr(creation, name)(creation.ones(1, dtype=getattr(dtypes, dtype)), *arguments)
    assert repr(ours.dtype) == repr(theirs.dtype)
    assert plain(ours).astype("float64").numpy().tolist() == theirs.double().tolist()
    other = getattr(creation, name)(
        creation.ones(1), *arguments, dtype=dtypes.float64, requires_grad=True
    )
    assert other.dtype is dtypes.float64
    assert other.requires_grad


def test_legacy_constructors_tell_their_tensors():
    assert isinstance(creation.ones(1), legacy.FloatTensor)
    assert not isinstance(creation.ones(1), legacy.LongTensor)
    assert type(legacy.LongTensor([1])) is type(creation.ones(1))


def test_default_dtype():
    dtypes.set_default_dtype(dtypes.float64)
    try:
        for made in (
            creation.zeros(2),
            creation.tensor([1.5]),
            creation.arange(0, 1, 0.5),
            creation.full((2,), 1.5),
            creation.linspace(0, 1, 3),
        ):
            assert made.dtype is dtypes.float64
        assert creation.tensor([1j]).dtype is dtypes.complex128
    finally:
        dtypes.set_default_dtype(dtypes.float32)


def test_sparse_layouts_are_refused():
    from oarlock.tensor.layouts import sparse_coo

    with pytest.raises(UnsupportedError, match="layout"):
        creation.zeros(2, layout=sparse_coo)


def test_gradients_pass_through_complex_and_polar():
    for name in ("complex", "polar"):
        a, b = creation.tensor([1.0, 2.0], requires_grad=True), creation.tensor([0.5, -0.25])
        made = getattr(creation, name)(a, b)
        plain(made).real().sum().backward()
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        getattr(torch, name)(x, torch.tensor([0.5, -0.25])).real.sum().backward()
        assert x.grad is not None
        np.testing.assert_allclose(plain(a).grad.numpy(), x.grad.numpy(), rtol=1e-6)


def test_new_takes_dtype_from_the_tensor() -> None:
    for t in (torch, oarlock.torch):
        like = t.ones(2, dtype=t.int64)
        assert like.new([1, 2]).tolist() == [1, 2]
        assert like.new(2, 3).dtype is t.int64
        assert tuple(like.new(t.Size([4])).shape) == (4,)
        assert like.new().numel() == 0
        with pytest.raises(TypeError):
            like.new(t.ones(2))
