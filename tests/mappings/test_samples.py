"""The records that prove the schema: their tables, their shims, and where it runs today, their results."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import paddle
import pytest
import torch

import oarlock
from oarlock_generator.derive import Context, Derivation, Route, Row, derive
from oarlock_generator.emit.shim import render_module
from oarlock_generator.load import load_file
from oarlock_generator.project import Project

SAMPLES = Path("tests/mappings/samples")
FLASH = "mappings/flash_attn/flash_attn_func.yaml"
NAMES = {
    "DataLoader": SAMPLES / "torch/utils/data/DataLoader.yaml",
    "LSTM": SAMPLES / "torch/nn/LSTM.yaml",
    "SGD": SAMPLES / "torch/optim/SGD.yaml",
    "flash_attn_func": Path(FLASH),
    "float32": SAMPLES / "torch/float32.yaml",
    "interpolate": SAMPLES / "torch/nn/functional/interpolate.yaml",
    "max": SAMPLES / "torch/max.yaml",
    "scatter_": SAMPLES / "torch/Tensor/scatter_.yaml",
}
# Fallbacks that the samples name and nobody wrote yet.
UNWRITTEN = {"interpolate": "oarlock.ops.interpolate", "sgd": "oarlock.ops.sgd"}


@pytest.fixture(scope="module")
def samples(checkout: Project, context: Context) -> dict[str, Derivation]:
    """The eight records, derived as if their fallbacks were written."""
    runtime = replace(context.runtime, rewrites={**context.runtime.rewrites, **UNWRITTEN})
    wider = replace(context, runtime=runtime)
    root = checkout.root
    return {name: derive(load_file(root / path, root), wider) for name, path in NAMES.items()}


@pytest.fixture(scope="module")
def shim(samples: dict[str, Derivation], context: Context) -> Callable[[str], ModuleType]:
    """The generated module of a sample, run; its unwritten fallbacks are left out of reach."""

    def run(name: str) -> ModuleType:
        module = ModuleType(f"generated_{name}")
        lines = render_module(samples[name], context).splitlines()
        kept = [line for line in lines if not line.startswith("from oarlock.ops.")]
        exec(compile("\n".join(kept), module.__name__, "exec"), module.__dict__)
        return module

    return run


def table(route: Route) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    return {
        row.name: (row.treatment.key if row.treatment else None, tuple(p.name for p in row.paddle))
        for row in route.rows
    }


def row_of(route: Route, name: str) -> Row:
    return next(row for row in route.rows if row.name == name)


def shape(signature: inspect.Signature) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults."""
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


def locked(context: Context, api: str) -> list[list[tuple[str, Any, Any]]]:
    """The locked overloads in the same form, read as Python."""
    entry = context.entry(api)
    assert entry
    shapes = []
    for signature in entry.overloads:
        plain = [replace(p, annotation=None) for p in signature.parameters]
        text = str(replace(signature, parameters=tuple(plain), returns=None))
        shapes.append(shape(inspect.signature(eval(f"lambda {text[1:-1]}: None"))))
    return shapes


@pytest.mark.parametrize("name", NAMES)
def test_it_derives_without_a_problem(samples: dict[str, Derivation], name: str) -> None:
    assert samples[name].problems == ()


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("DataLoader", "输入参数用法不一致"),
        ("LSTM", "输入参数用法不一致"),
        ("SGD", "torch 参数更多"),
        ("flash_attn_func", "torch 参数更多"),
        ("float32", "无参数"),
        ("interpolate", "输入参数用法不一致"),
        ("max", "torch 参数更多"),
        ("scatter_", "输入参数用法不一致"),
    ],
)
def test_categories(samples: dict[str, Derivation], name: str, category: str) -> None:
    assert samples[name].category.zh == category


@pytest.mark.parametrize("name", NAMES)
def test_the_shim_is_clean_python(
    samples: dict[str, Derivation], context: Context, checkout: Project, name: str
) -> None:
    code = render_module(samples[name], context)
    ast.parse(code)
    file = str(checkout.root / "runtime" / "oarlock" / f"{name}.py")
    ruff = [sys.executable, "-m", "ruff"]
    formatted = subprocess.run(
        [*ruff, "format", "--stdin-filename", file, "-"],
        input=code, text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert formatted.stdout == code
    # Names, and what a docstring has to repeat, are PyTorch's: input, max, Tensor_max.
    checked = subprocess.run(
        [*ruff, "check", "--extend-ignore=A,D,N", "--stdin-filename", file, "-"],
        input=code, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("name", "real"),
    [
        ("LSTM", None),
        ("SGD", torch.optim.SGD),
        ("DataLoader", torch.utils.data.DataLoader),
        ("interpolate", torch.nn.functional.interpolate),
    ],
)
def test_the_signature_is_torch_s(
    shim: Callable[[str], ModuleType], context: Context, name: str, real: Any
) -> None:
    ours = shape(inspect.signature(getattr(shim(name), name)))
    api = next(a for a in ("torch.nn", "torch.optim", "torch.utils.data", "torch.nn.functional")
               if context.entry(f"{a}.{name}"))  # fmt: skip
    assert [ours] == locked(context, f"{api}.{name}")
    if real:
        assert ours == shape(inspect.signature(real))


def test_flash_attn_func_has_flash_attn_s_signature(shim: Callable[[str], ModuleType]) -> None:
    assert str(inspect.signature(shim("flash_attn_func").flash_attn_func)) == (
        "(q, k, v, dropout_p=0.0, softmax_scale=None, causal=False, window_size=(-1, -1), "
        "softcap=0.0, alibi_slopes=None, deterministic=False, return_attn_probs=False)"
    )


def test_max_has_three_overloads_two_of_them_beyond_paddle_max(
    samples: dict[str, Derivation], shim: Callable[[str], ModuleType], context: Context
) -> None:
    routes = samples["max"].routes
    assert [route.paddle.name for route in routes if route.paddle] == [
        "paddle.max",
        "paddle.compat.max",
        "paddle.maximum",
    ]
    assert [route.category.key for route in routes] == ["torch_more", "same", "renamed"]
    assert table(routes[0]) == {
        "input": ("rename", ("x",)),
        "out": ("standard", ()),
        "axis": (None, ("axis",)),
        "keepdim": (None, ("keepdim",)),
    }
    assert table(routes[2])["other"] == ("rename", ("y",))
    module = shim("max")
    ours = [shape(inspect.signature(getattr(module, f"_max_{i}"))) for i in range(3)]
    assert sorted(map(str, ours)) == sorted(map(str, locked(context, "torch.max")))
    methods = [shape(inspect.signature(getattr(module, f"_Tensor_max_{i}")))[1:] for i in range(3)]
    assert sorted(map(str, methods)) == sorted(map(str, locked(context, "torch.Tensor.max")))


def test_max_gives_torch_s_results(shim: Callable[[str], ModuleType]) -> None:
    module = shim("max")
    data = np.random.default_rng(7).permutation(24).reshape(2, 3, 4).astype("float32")
    a, b = paddle.to_tensor(data), torch.tensor(data)

    assert module.max(a).item() == torch.max(b).item()
    assert module.max(a).shape == list(torch.max(b).shape)
    assert module.Tensor_max(a).item() == b.max().item()

    for keepdim in (False, True):
        ours, theirs = module.max(a, 1, keepdim), torch.max(b, 1, keepdim)
        np.testing.assert_array_equal(ours.values.numpy(), theirs.values.numpy())
        np.testing.assert_array_equal(ours.indices.numpy(), theirs.indices.numpy())
        assert type(ours).__name__ == type(theirs).__name__.rpartition(".")[2]
    ours = module.Tensor_max(a, dim=-1)
    np.testing.assert_array_equal(ours[1].numpy(), b.max(dim=-1)[1].numpy())

    np.testing.assert_array_equal(module.max(a, a.flip(0)).numpy(), torch.max(b, b.flip(0)).numpy())
    out = paddle.zeros([])
    assert module.max(a, out=out) is out
    assert out.item() == data.max()


def test_max_refuses_what_no_overload_takes(shim: Callable[[str], ModuleType]) -> None:
    with pytest.raises(oarlock.ArgumentTypeError, match=r"torch\.max") as caught:
        shim("max").max(paddle.zeros([2]), "dim")
    assert isinstance(caught.value, TypeError)


def test_scatter_puts_src_and_value_onto_one_paddle_parameter(
    samples: dict[str, Derivation],
) -> None:
    by_src, by_value = samples["scatter_"].routes
    assert table(by_src)["src"] == table(by_value)["value"] == ("rename", ("values",))
    assert table(by_src)["reduce"] == ("map", ("reduce",))
    assert by_src.claims == {"torch.Tensor.scatter_": (0, 1)}
    assert by_value.claims == {"torch.Tensor.scatter_": (2, 3)}
    assert row_of(by_src, "broadcast").set == "False"
    assert samples["scatter_"].primary.in_place


def test_scatter_works_in_place(shim: Callable[[str], ModuleType]) -> None:
    scatter_ = shim("scatter_").Tensor_scatter_
    index = [[0, 1, 2, 0]]
    for given, reduce in (([[1.0, 2.0, 3.0, 4.0]], None), (2.5, None), (2.5, "multiply")):
        ours, theirs = paddle.ones([3, 4]), torch.ones(3, 4)
        source = given if isinstance(given, float) else paddle.to_tensor(given)
        words = {} if reduce is None else {"reduce": reduce}
        result = scatter_(ours, 0, paddle.to_tensor(index), source, **words)
        assert result is ours
        expected = given if isinstance(given, float) else torch.tensor(given)
        theirs.scatter_(0, torch.tensor(index), expected, **words)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_scatter_knows_torch_s_words_only(shim: Callable[[str], ModuleType]) -> None:
    scatter_ = shim("scatter_").Tensor_scatter_
    x, index = paddle.ones([2, 2]), paddle.zeros([1, 2], "int64")
    with pytest.raises(oarlock.ArgumentError, match="one of None, 'add', 'multiply'"):
        scatter_(x, 0, index, paddle.ones([1, 2]), reduce="amax")


def test_interpolate_needs_the_fallback_for_one_value(
    samples: dict[str, Derivation], context: Context
) -> None:
    (route,) = samples["interpolate"].routes
    mode = row_of(route, "mode")
    assert table(route)["mode"] == ("fallback", ("mode",))
    assert '`"nearest-exact"`' in mode.served.en
    assert route.neutral == {"mode": 'mode != "nearest-exact"'}
    code = render_module(samples["interpolate"], context)
    assert 'native = mode != "nearest-exact"' in code


def test_lstm_renames_converts_and_maps_together(
    samples: dict[str, Derivation], shim: Callable[[str], ModuleType], context: Context
) -> None:
    (route,) = samples["LSTM"].routes
    assert table(route)["bias"] == ("map", ("bias_ih_attr", "bias_hh_attr"))
    assert table(route)["batch_first"] == ("convert", ("time_major",))
    assert table(route)["bidirectional"] == ("map", ("direction",))
    assert samples["LSTM"].record.state["weight_ih_l{layer}"] == "weight_ih_l{layer}"
    lstm: Any = shim("LSTM").LSTM
    assert paddle.nn.LSTM in lstm.__mro__
    x = paddle.randn([5, 3, 4])
    output, (hidden, _) = lstm(4, 6, bidirectional=True)(x)
    assert output.shape == [5, 3, 12]
    assert hidden.shape == [2, 3, 6]
    output, _ = lstm(4, 6, batch_first=True)(x)
    assert output.shape == [5, 3, 6]
    # Only looked at: Paddle 3.3.1 ends the process when an LSTM without biases runs on a CPU.
    code = render_module(samples["LSTM"], context)
    assert "bias_hh_attr=None if bias else False" in code
    with pytest.raises(oarlock.UnsupportedError, match="dtype"):
        lstm(4, 6, dtype="float64")


def test_sgd_takes_one_of_two_classes(
    samples: dict[str, Derivation], shim: Callable[[str], ModuleType]
) -> None:
    plain, momentum = samples["SGD"].routes
    assert plain.when
    assert plain.when.source == "momentum == 0"
    assert momentum.when is None
    assert table(plain)["momentum"] == ("fixed", ())
    assert table(plain)["nesterov"] == ("fallback", ())
    assert table(momentum)["nesterov"] == ("rename", ("use_nesterov",))
    assert plain.neutral.keys() == {"dampening", "nesterov", "maximize"}
    assert momentum.neutral.keys() == {"dampening", "maximize"}
    sgd = shim("SGD").SGD
    layer = paddle.nn.Linear(2, 2)
    assert type(sgd(layer.parameters())) is paddle.optimizer.SGD
    moving = sgd(layer.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    assert type(moving) is paddle.optimizer.Momentum
    with pytest.raises(oarlock.UnsupportedError, match="differentiable"):
        sgd(layer.parameters(), differentiable=True)


def test_data_loader_is_fine_at_its_defaults_and_refuses_the_rest(
    samples: dict[str, Derivation], shim: Callable[[str], ModuleType]
) -> None:
    (route,) = samples["DataLoader"].routes
    assert [row.name for row in route.refusals] == [
        "sampler",
        "multiprocessing_context",
        "generator",
        "pin_memory_device",
        "in_order",
    ]
    assert row_of(route, "pin_memory").treatment
    loader = shim("DataLoader").DataLoader
    data = [(np.float32(i), np.int64(i % 2)) for i in range(10)]
    ours = [[field.numpy() for field in batch] for batch in loader(data, batch_size=4)]
    theirs = [[field.numpy() for field in batch] for batch in
              torch.utils.data.DataLoader(data, batch_size=4)]  # pyright: ignore  # fmt: skip
    assert len(ours) == len(theirs) == 3
    for our, their in zip(ours, theirs, strict=True):
        for a, b in zip(our, their, strict=True):
            np.testing.assert_array_equal(a, b)
    for refused in ({"sampler": [0]}, {"in_order": False}, {"pin_memory_device": "cuda"}):
        with pytest.raises(oarlock.UnsupportedError, match=next(iter(refused))):
            loader(data, **refused)


def test_float32_is_paddle_s(
    samples: dict[str, Derivation], shim: Callable[[str], ModuleType]
) -> None:
    (route,) = samples["float32"].routes
    assert route.rows == ()
    assert shim("float32").float32 is paddle.float32


def test_flash_attn_func_has_the_fourteen_rows(samples: dict[str, Derivation]) -> None:
    (route,) = samples["flash_attn_func"].routes
    assert len(route.parameters) == 11
    assert [row.name for row in route.rows[11:]] == ["fixed_seed_offset", "rng_name", "training"]
    assert route.spec.returns == "first"
    assert route.category.key == "torch_more"
