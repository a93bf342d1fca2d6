"""autocast: its switches as torch's, and a policy that is what torch does on the CPU."""

import ast
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import oarlock.torch
from oarlock.amp import autocast as ours
from oarlock.amp import policy, state
from oarlock.ops.linear import linear
from oarlock.ops.loss import mse_loss
from oarlock.tensor import dtypes, plain, wrap

ROOT = Path(__file__).resolve().parents[3]
X = torch.rand(4, 4)
CUBE = torch.rand(1, 2, 4, 4, 4)
IMAGE = torch.rand(1, 2, 4, 4)
LABELS = torch.tensor([0, 1, 2, 3])
SIGNS = torch.tensor([1.0, -1.0, 1.0, -1.0])

# What each function gives for inputs in single precision, or in bfloat16 where that is said.
LOWER = {
    "torch.matmul": lambda: torch.matmul(X, X),
    "torch.mm": lambda: torch.mm(X, X),
    "torch.bmm": lambda: torch.bmm(X[None], X[None]),
    "torch.addmm": lambda: torch.addmm(X, X, X),
    "torch.addbmm": lambda: torch.addbmm(X, X[None], X[None]),
    "torch.baddbmm": lambda: torch.baddbmm(X[None], X[None], X[None]),
    "torch.linalg.vecdot": lambda: torch.linalg.vecdot(X, X),
    "torch.nn.functional.linear": lambda: F.linear(X, X),
    "torch.prelu": lambda: torch.prelu(X, torch.tensor([0.1])),
    "torch.nn.functional.prelu": lambda: F.prelu(X, torch.tensor([0.1])),
    "torch.nn.functional.scaled_dot_product_attention": lambda: F.scaled_dot_product_attention(
        IMAGE, IMAGE, IMAGE
    ),
    "torch.nn.functional.conv1d": lambda: F.conv1d(X[None], torch.rand(2, 4, 3)),
    "torch.nn.functional.conv2d": lambda: F.conv2d(IMAGE, torch.rand(2, 2, 3, 3)),
    "torch.nn.functional.conv3d": lambda: F.conv3d(CUBE, torch.rand(2, 2, 3, 3, 3)),
    "torch.nn.functional.conv_transpose1d": lambda: F.conv_transpose1d(
        X[None], torch.rand(4, 2, 3)
    ),
    "torch.nn.functional.conv_transpose2d": lambda: F.conv_transpose2d(
        IMAGE, torch.rand(2, 2, 3, 3)
    ),
    "torch.nn.functional.conv_transpose3d": lambda: F.conv_transpose3d(
        CUBE, torch.rand(2, 2, 3, 3, 3)
    ),
}
B, BCUBE, BIMAGE = X.bfloat16(), CUBE.bfloat16(), IMAGE.bfloat16()
SINGLE = {
    **{
        f"torch.nn.functional.{name}": lambda name=name: getattr(F, name)(B, B.flip(0))
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div")
    },
    "torch.nn.functional.poisson_nll_loss": lambda: F.poisson_nll_loss(B, B),
    "torch.nn.functional.nll_loss": lambda: F.nll_loss(B, LABELS),
    "torch.nn.functional.cross_entropy": lambda: F.cross_entropy(B, LABELS),
    "torch.nn.functional.multi_margin_loss": lambda: F.multi_margin_loss(B, LABELS),
    "torch.nn.functional.soft_margin_loss": lambda: F.soft_margin_loss(B[0], SIGNS),
    "torch.nn.functional.hinge_embedding_loss": lambda: F.hinge_embedding_loss(B[0], SIGNS),
    "torch.nn.functional.cosine_embedding_loss": lambda: F.cosine_embedding_loss(B, B, SIGNS),
    "torch.nn.functional.margin_ranking_loss": lambda: F.margin_ranking_loss(B[0], B[1], SIGNS),
    "torch.nn.functional.triplet_margin_loss": lambda: F.triplet_margin_loss(B, B, B),
    "torch.nn.functional.multilabel_margin_loss": lambda: F.multilabel_margin_loss(
        B, torch.zeros(4, 4, dtype=torch.long)
    ),
    "torch.nn.functional.binary_cross_entropy": lambda: F.binary_cross_entropy(B, B),
    "torch.nn.functional.binary_cross_entropy_with_logits": lambda: (
        F.binary_cross_entropy_with_logits(B, B)
    ),
    "torch.nn.functional.avg_pool3d": lambda: F.avg_pool3d(BCUBE, 2),
    "torch.nn.functional.max_pool3d": lambda: F.max_pool3d(BCUBE, 2),
    "torch.nn.functional.adaptive_avg_pool3d": lambda: F.adaptive_avg_pool3d(BCUBE, 2),
    "torch.prod": lambda: torch.prod(B),
    "torch.trace": lambda: torch.trace(B),
    "torch.cdist": lambda: torch.cdist(B, B),
    "torch.inverse": lambda: torch.inverse(B + torch.eye(4).bfloat16()),
    "torch.linalg.inv": lambda: torch.linalg.inv(B + torch.eye(4).bfloat16()),
    "torch.linalg.qr": lambda: torch.linalg.qr(B)[0],
    "torch.quantile": lambda: torch.quantile(B, 0.5),
}
AS_THEY_ARE = {
    "torch.add": lambda: torch.add(B, B),
    "torch.exp": lambda: torch.exp(B),
    "torch.softmax": lambda: torch.softmax(B, 1),
    "torch.sum": lambda: torch.sum(B),
    "torch.nn.functional.layer_norm": lambda: F.layer_norm(B, (4,)),
    "torch.nn.functional.gelu": lambda: F.gelu(B),
    "torch.nn.functional.avg_pool2d": lambda: F.avg_pool2d(BIMAGE, 2),
    "torch.nn.functional.max_pool2d": lambda: F.max_pool2d(BIMAGE, 2),
}


@pytest.mark.parametrize("name", sorted({*LOWER, *SINGLE, *AS_THEY_ARE}))
def test_the_policy_is_torchs(name):
    call = LOWER.get(name) or SINGLE.get(name) or AS_THEY_ARE[name]
    with torch.autocast("cpu"):
        result = call()
    lowers, singles = name in policy.LOWER["cpu"], name in policy.SINGLE["cpu"]
    assert (lowers, singles) == (name in LOWER, name in SINGLE)
    assert result.dtype == (torch.float32 if singles else torch.bfloat16)


# Methods, operators, modules and what is made of products, beside the functions of the tables above.
EXPRESSIONS = [
    *("x @ x", "x @ v", "x.__rmatmul__(x)", "x.half() @ x.half()", "torch.matmul(x, x)"),
    *("x.matmul(x)", "torch.mm(x, x)", "x.mm(x)", "torch.bmm(c, c)", "c.bmm(c)"),
    *("torch.addmm(x, x, x)", "x.addmm(x, x)", "torch.baddbmm(c, c, c)", "torch.addbmm(x, c, c)"),
    *("torch.mv(x, v)", "torch.addmv(v, x, v)", "torch.dot(v, v)", "torch.outer(v, v)"),
    *("torch.inner(x, x)", "torch.tensordot(x, x, 1)", "torch.kron(x, x)"),
    *("torch.einsum('ij,jk->ik', x, x)", "torch.einsum('i,i->i', v, v)"),
    *("torch.linalg.multi_dot([x, x])", "torch.chain_matmul(x, x)", "torch.linalg.matmul(x, x)"),
    *("torch.linalg.vecdot(x, x)", "torch.cdist(b, b)", "torch.prod(b)", "b.prod(0)", "b.trace()"),
    *("b.sum()", "b.norm()", "b.cumsum(0)", "b ** 2", "torch.exp(b)", "b.softmax(0)", "x + b"),
    *("torch.cat([x, b])", "torch.stack([x, b])", "torch.inverse(b + torch.eye(2))"),
    *("nn.Linear(2, 2)(x)", "nn.Conv1d(2, 2, 1)(c)", "nn.Bilinear(2, 2, 2)(x, x)"),
    *("nn.BatchNorm1d(2)(c.bfloat16())", "nn.LayerNorm(2)(x)", "nn.Embedding(2, 2)(k)"),
    *("nn.MultiheadAttention(2, 1)(c, c, c)[0]", "nn.TransformerEncoderLayer(2, 1)(c)"),
    *("F.cross_entropy(b, k)", "F.gelu(b)", "F.mse_loss(b, x)", "F.linear(x, x)"),
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_dtypes_under_autocast_are_torchs(expression):
    found = []
    for library in (torch, oarlock.torch):
        x = library.rand(2, 2)
        names = {"torch": library, "nn": library.nn, "F": library.nn.functional}
        names |= {"x": x, "v": x[0], "c": library.rand(2, 2, 2), "b": x.bfloat16()}
        names["k"] = library.tensor([0, 1])
        with library.autocast("cpu", dtype=library.bfloat16):
            found.append(str(eval(expression, names).dtype))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "runtime/oarlock/ops").glob("*.py")), ids=lambda path: path.stem
)
def test_every_composition_that_autocast_names_asks_it(path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name in policy.CONCERNED:
            decorators = {ast.unparse(each) for each in node.decorator_list}
            asks = decorators & {"composition", "autocasts"} or "autocast.entered" in ast.unparse(
                node
            )
            assert asks, f"{path.name}: {node.name} has neither @autocasts nor @composition"


def test_every_product_is_checked_against_torch():
    assert {name for name in policy.LOWER["cpu"] if "." in name} == set(LOWER)


def values(dtype: Any = "float32", shape: Any = (2, 3), **kwargs: Any) -> Any:
    numbers = np.arange(np.prod(shape)).reshape(shape) / 7
    return paddle.to_tensor(numbers, dtype=dtype, **kwargs)


def test_casts_only_inside_and_only_what_it_should():
    x, double, whole = values(), values("float64"), values("int64")
    assert state.entered == 0
    assert state.cast_for("torch.matmul", x)[0] is x
    with ours.autocast("cpu"):
        assert state.entered
        low, kept, number, text, listed = state.cast_for(
            "torch.matmul", x, double, whole, "s", [x, 1]
        )
        assert low.dtype == listed[0].dtype == paddle.bfloat16
        assert kept is double
        assert number is whole
        assert text == "s"
        assert listed[1] == 1
        assert state.cast_for("torch.add", x)[0] is x
        high = state.cast_for("torch.nn.functional.cross_entropy", low, whole)
        assert high[0].dtype == paddle.float32
        with ours.autocast("cpu", enabled=False):
            assert state.cast_for("torch.matmul", x)[0] is x
        with ours.autocast("cpu", dtype=dtypes.float16):
            assert state.cast_for("torch.matmul", x)[0].dtype == paddle.float16
    assert state.entered == 0
    assert state.cast_for("torch.matmul", x)[0] is x


def test_a_parameter_is_cast_once_and_its_gradient_comes_back():
    w = values(stop_gradient=False)
    with ours.autocast("cpu"):
        one, other = (state.cast_for("torch.matmul", w)[0] for _ in range(2))
        assert one is other
        with ours.autocast("cpu", cache_enabled=False):
            assert state.cast_for("torch.matmul", w)[0] is not one
        with paddle.no_grad():
            assert state.cast_for("torch.matmul", w)[0].stop_gradient
    assert state.thread.copies == {}
    paddle.cast(one, "float32").sum().backward()
    assert w.grad.dtype == paddle.float32
    assert w.grad.numpy().tolist() == np.ones((2, 3)).tolist()


def test_other_threads_are_not_concerned():
    found = []
    x = values()
    with ours.autocast("cpu"):
        thread = threading.Thread(
            target=lambda: found.append(state.cast_for("torch.matmul", x)[0] is x)
        )
        thread.start()
        thread.join()
    assert found == [True]


def switches(module, library, bf16):
    found = [module.is_autocast_enabled("cpu"), str(module.get_autocast_dtype("cpu"))]
    found += [str(module.get_autocast_dtype("cuda")), module.is_autocast_cache_enabled()]
    with library("cpu", cache_enabled=False) as entered:
        found += [type(entered).__name__, module.is_autocast_enabled("cpu")]
        found += [module.is_autocast_cache_enabled()]
        with library("cpu", enabled=False):
            found += [module.is_autocast_enabled("cpu"), module.is_autocast_cache_enabled()]
    module.set_autocast_enabled("cpu", True)
    found.append(module.is_autocast_enabled("cpu"))
    module.set_autocast_enabled("cpu", False)
    found += [module.is_autocast_enabled("cpu"), module.is_autocast_cache_enabled()]

    @library("cpu", dtype=bf16)
    def inside():
        """Said."""
        return module.is_autocast_enabled("cpu")

    return [*found, inside(), inside.__name__, inside.__doc__]


def test_switches():
    assert switches(ours, ours.autocast, dtypes.bfloat16) == switches(
        torch, torch.autocast, torch.bfloat16
    )
    assert state.entered == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda a, d: a(3),
        lambda a, d: a("nowhere"),
        lambda a, d: a("cpu")(5),
    ],
)
def test_the_same_errors(call):
    with pytest.raises((ValueError, RuntimeError, TypeError)) as one:
        call(ours.autocast, dtypes)
    with pytest.raises((ValueError, RuntimeError, TypeError)) as other:
        call(torch.autocast, torch)
    assert (type(one.value), str(one.value)) == (type(other.value), str(other.value))


def test_a_dtype_that_is_none_warns_and_disables():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        one = ours.autocast("cpu", dtype=dtypes.float64)
        other = torch.autocast("cpu", dtype=torch.float64)
    assert str(caught[0].message) == str(caught[1].message)
    assert one._enabled == other._enabled is False


def test_the_deprecated_names_warn():
    with pytest.warns(FutureWarning, match=r"torch\.cpu\.amp\.autocast"):
        assert ours.cpu_autocast().device == "cpu"


def test_custom_forward_and_backward():
    class Context:
        pass

    seen = []

    @ours.custom_fwd(device_type="cpu", cast_inputs=dtypes.float32)
    def forward(ctx, x):
        seen.append((ours.is_autocast_enabled("cpu"), x.dtype))

    @ours.custom_fwd(device_type="cpu")
    def plainly(ctx, x):
        seen.append((ours.is_autocast_enabled("cpu"), x.dtype))

    @ours.custom_bwd(device_type="cpu")
    def backward(ctx):
        seen.append(ours.is_autocast_enabled("cpu"))

    x = wrap(values("bfloat16"))
    one, other = Context(), Context()
    with ours.autocast("cpu"):
        forward(one, x)
        plainly(other, x)
    backward(one)
    backward(other)
    assert seen == [(False, dtypes.float32), (True, dtypes.bfloat16), False, True]


def test_compositions_ask():
    x, w = (wrap(values(shape=shape)) for shape in ([2, 3], [4, 3]))
    with ours.autocast("cpu"):
        low = linear(plain(x), plain(w))
        high = mse_loss(low, low)
    assert low.dtype == paddle.bfloat16
    assert high.dtype == paddle.float32
    theirs = [torch.tensor(t.numpy()) for t in (x, w)]
    with torch.autocast("cpu"):
        expected = F.linear(*theirs)
    assert low.astype("float32").numpy().tolist() == expected.float().tolist()
    assert linear(plain(x), plain(w)).dtype == paddle.float32
