"""torch.nn.Module held against torch's: registration, lookups, conversion, modes and text."""

import copy
import io
import pickle

import paddle
import pytest
from torch_and_oarlock import same_on_both

import oarlock.torch
from oarlock import UnsupportedError


def make(torch):
    """A module with nested modules, a shared parameter, buffers of both kinds and a None."""
    nn = torch.nn

    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 3)
            self.register_buffer("count", torch.tensor(3))
            self.register_buffer("scratch", torch.ones(2), persistent=False)
            self.register_parameter("nothing", None)

        def forward(self, x, scale=1.0):
            return self.fc(x) * scale

        def extra_repr(self):
            return "inner=True"

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()
            self.head = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
            self.tied = nn.Parameter(torch.arange(3.0))
            self.head[0].register_parameter("also", self.tied)
            self.again = self.inner

        def forward(self, x):
            return self.head(self.inner(x) + self.tied)

    return Outer()


@same_on_both
def test_names_and_order(torch):
    m = make(torch)
    return [
        [name for name, _ in m.named_parameters()],
        [name for name, _ in m.named_parameters("p", recurse=False)],
        [name for name, _ in m.named_parameters(remove_duplicate=False)],
        [name for name, _ in m.named_buffers("b")],
        [name for name, _ in m.named_buffers(recurse=False)],
        [name for name, _ in m.named_modules()],
        [name for name, _ in m.named_modules(prefix="m", remove_duplicate=False)],
        [name for name, _ in m.named_children()],
        [type(one).__name__ for one in m.modules()],
        [type(one).__name__ for one in m.modules(remove_duplicate=False)],
        [type(one).__name__ for one in m.children()],
        [tuple(p.shape) for p in m.parameters()],
        [tuple(b.shape) for b in m.buffers()],
        [name for name in dir(m.inner) if name in ("fc", "count", "nothing", "forward")],
    ]


@same_on_both
def test_text(torch):
    nn = torch.nn

    class TwoLines(nn.Module):
        def extra_repr(self):
            return "a\nb"

    m = make(torch)
    m.lines = TwoLines()
    m.empty = nn.Module()
    m.none = None
    return [repr(m), str(m.inner), repr(nn.Module()), repr(TwoLines()), repr(nn.Parameter())]


@same_on_both
def test_setting_and_deleting(torch):
    nn = torch.nn
    m = make(torch)
    seen = []

    def attempt(action):
        try:
            action()
            seen.append("done")
        except Exception as error:
            seen.append(error)

    attempt(lambda: setattr(m, "tied", torch.ones(3)))
    attempt(lambda: setattr(m, "tied", None))
    attempt(lambda: setattr(m, "inner", torch.ones(3)))
    attempt(lambda: setattr(m, "inner", None))
    attempt(lambda: setattr(m, "again", nn.Identity()))
    attempt(lambda: setattr(m.again, "count", torch.zeros(4)))
    attempt(lambda: m.register_buffer("a.b", None))
    attempt(lambda: m.register_buffer("", None))
    attempt(lambda: m.register_buffer(3, None))
    attempt(lambda: m.register_buffer("head", None))
    attempt(lambda: m.register_buffer("new", "text"))
    attempt(lambda: m.register_parameter("a.b", None))
    attempt(lambda: m.register_parameter("", None))
    attempt(lambda: m.register_parameter("head", None))
    attempt(lambda: m.register_parameter("new", 3))
    attempt(lambda: m.register_parameter("new", torch.ones(1)))
    attempt(lambda: m.add_module("a.b", None))
    attempt(lambda: m.add_module("", None))
    attempt(lambda: m.add_module("tied", nn.Identity()))
    attempt(lambda: m.add_module("new", 3))
    attempt(lambda: m.register_module("new", nn.Identity()))
    attempt(lambda: delattr(m, "new"))
    attempt(lambda: delattr(m, "new"))
    attempt(lambda: m.absent)
    attempt(lambda: nn.Module(3))
    attempt(lambda: nn.Module(a=3))
    attempt(lambda: nn.Module()(1))
    m.plain = 3
    m.plain = nn.Parameter(torch.ones(1))
    attempt(lambda: m.__dict__["plain"])
    m.buffer = nn.Buffer(torch.ones(2), persistent=False)
    m.buffer = torch.zeros(2)
    attempt(lambda: setattr(m, "buffer", 3))
    seen += [sorted(m.state_dict()), [name for name, _ in m.named_buffers()]]
    del m.buffer
    return [*seen, [name for name, _ in m.named_buffers()]]


@same_on_both
def test_assigning_before_init(torch):
    nn = torch.nn

    class Early(nn.Module):
        def __init__(self, value):
            self.value = value

    seen = []
    for value in (nn.Parameter(torch.ones(1)), nn.Identity(), 3):
        try:
            seen.append(Early(value).value)
        except Exception as error:
            seen.append(error)
    return seen


@same_on_both
def test_dotted_paths(torch):
    m = make(torch)
    seen = [m.get_submodule(""), m.get_submodule("head.0"), m.get_parameter("head.0.weight")]
    seen.append(m.get_buffer("inner.count"))
    m.set_submodule("head.1", torch.nn.Tanh())
    m.set_submodule("inner.extra", torch.nn.Identity())
    seen.append(repr(m))
    for action in (
        lambda: m.get_submodule("head.9"),
        lambda: m.get_submodule("tied"),
        lambda: m.get_parameter("inner.count"),
        lambda: m.get_parameter("inner.absent"),
        lambda: m.get_buffer("inner.fc.weight"),
        lambda: m.get_buffer("absent"),
        lambda: m.set_submodule("", torch.nn.Identity()),
        lambda: m.set_submodule("inner.count", torch.nn.Identity()),
        lambda: m.set_submodule("inner.absent", torch.nn.Identity(), strict=True),
    ):
        try:
            seen.append(action())
        except Exception as error:
            seen.append(error)
    return seen


@same_on_both
def test_modes_and_gradients(torch):
    m = make(torch)
    seen = [m.training, m.eval() is m, [one.training for one in m.modules()], m.train().training]
    m(torch.ones(1, 2)).sum().backward()
    seen.append({name: p.grad for name, p in m.named_parameters()})
    m.zero_grad(set_to_none=False)
    seen.append([p.grad for p in m.parameters()])
    m.zero_grad()
    seen.append([p.grad for p in m.parameters()])
    m.requires_grad_(False)
    seen.append([p.requires_grad for p in m.parameters()])
    order = []
    m.apply(lambda one: order.append(type(one).__name__))
    return [*seen, order]


@same_on_both
def test_train_wants_a_bool(torch):
    return torch.nn.Identity().train(1)


@pytest.mark.parametrize("name", ["double", "float", "half", "bfloat16", "cpu"])
@same_on_both
def test_conversion(torch, name):
    m = make(torch)
    first = m.tied
    result = getattr(m, name)()
    return [result is m, m.tied is first, m.head[0].also is first, *m.state_dict().values()]


@same_on_both
def test_to(torch):
    m = make(torch)
    m(torch.ones(1, 2)).sum().backward()
    weight = m.head[0].weight
    seen = [m.to(torch.float64) is m, m.head[0].weight is weight, weight.dtype, weight.grad.dtype]
    seen += [m.inner.count.dtype, m.inner.scratch.dtype]
    m.to("cpu", torch.float32)
    seen.append(weight.dtype)
    m.to(torch.ones(1, dtype=torch.float64))
    seen.append(weight.dtype)
    m.to(device="cpu", dtype=torch.float32)
    seen.append(weight.dtype)
    seen.append(m(torch.ones(1, 2)))
    for action in (lambda: m.to(torch.int64), lambda: m.type(torch.float64).tied):
        try:
            seen.append(action())
        except Exception as error:
            seen.append(error)
    return seen


@same_on_both
def test_an_optimizer_sees_the_converted_parameter(torch):
    m = torch.nn.Linear(2, 1)
    kept = list(m.parameters())
    m.double()
    m(torch.ones(3, 2, dtype=torch.float64)).sum().backward()
    return [p.grad for p in kept]


@same_on_both
def test_deepcopy(torch):
    m = make(torch)
    m.register_forward_hook(lambda *args: None)
    other = copy.deepcopy(m)
    with torch.no_grad():
        other.tied.add_(1)
    return [
        other.tied,
        m.tied,
        other.head[0].also is other.tied,
        other.again is other.inner,
        len(other._forward_hooks),
        type(other.tied).__name__,
        repr(other),
    ]


def test_pickle():
    nn = oarlock.torch.nn
    m = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LSTM(3, 2))
    stream = io.BytesIO(pickle.dumps(m))
    other = pickle.load(stream)
    assert repr(other) == repr(m)
    assert list(other.state_dict()) == list(m.state_dict())
    for name, value in m.state_dict().items():
        assert (other.state_dict()[name] == value).all()
    assert isinstance(other[0].weight, nn.Parameter)


def test_parameters_are_tensors_and_paddles():
    nn = oarlock.torch.nn
    weight = nn.Linear(2, 2).weight
    assert isinstance(weight, oarlock.torch.Tensor)
    assert isinstance(weight, paddle.Tensor)
    assert not isinstance(oarlock.torch.ones(2), nn.Parameter)


@same_on_both
def test_parameters(torch):
    nn = torch.nn
    data = torch.ones(2)
    p = nn.Parameter(data)
    data[0] = 5
    other = copy.deepcopy(p)
    q = nn.Parameter(p, requires_grad=False)
    seen = [p, q, other, p.is_leaf, type(p + 1).__name__, nn.Parameter().shape, repr(p), str(p)]
    seen.append(isinstance(p * 2, nn.Parameter))
    b = nn.Buffer(torch.ones(2))
    seen += [b, isinstance(b, nn.Buffer), isinstance(data, nn.Buffer), b.persistent]
    try:
        nn.Parameter(torch.tensor([1, 2]))
    except Exception as error:
        seen.append(error)
    return seen


@same_on_both
def test_parameters_of_a_tensor_subclass(torch):
    class Mine(torch.Tensor):
        pass

    p = torch.nn.Parameter(Mine([1.0, 2.0]))
    m = torch.nn.Module()
    m.p = p
    return [type(p).__name__, isinstance(p, torch.nn.Parameter), list(m.state_dict())]


@pytest.mark.parametrize(
    "action",
    [
        lambda m: m.compile(),
        lambda m: m.register_backward_hook(print),
        pytest.param(
            lambda m: m.cuda(),
            marks=pytest.mark.skipif(
                paddle.device.is_compiled_with_cuda(), reason="there is a GPU"
            ),
        ),
    ],
)
def test_refusals_say_why(action):
    with pytest.raises((UnsupportedError, RuntimeError, AssertionError)) as caught:
        action(oarlock.torch.nn.Linear(1, 1))
    assert str(caught.value)
