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
from oarlock_generator.emit.shim import render_module, render_shim
from oarlock_generator.load import load_file
from oarlock_generator.project import Project
from oarlock_generator.runtime_names import Object

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
# Served by objects of Oarlock's own: there is a table, and no module is generated.
OWN = ("DataLoader", "LSTM", "SGD")
# What the samples name, and what stands for it: nothing here depends on how it is written.
UNWRITTEN = {"resampled": "oarlock.ops.resampling"}
OBJECTS = {
    f"oarlock.{module}.{name}": Object(f"oarlock.{module}", name, "class", None)
    for module, name in (
        ("nn.recurrent", "LSTM"),
        ("optim.sgd", "SGD"),
        ("data.loader", "DataLoader"),
    )
}


@pytest.fixture(scope="module")
def samples(checkout: Project, context: Context) -> dict[str, Derivation]:
    """The eight records, derived as if their fallbacks were written."""
    runtime = replace(
        context.runtime,
        rewrites={**context.runtime.rewrites, **UNWRITTEN},
        objects=OBJECTS,
    )
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


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OWN])
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


def test_the_signature_is_torch_s(shim: Callable[[str], ModuleType], context: Context) -> None:
    ours = shape(inspect.signature(shim("interpolate").interpolate))
    assert [ours] == locked(context, "torch.nn.functional.interpolate")
    assert ours == shape(inspect.signature(torch.nn.functional.interpolate))


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


def test_lstm_renames_converts_and_maps_together(samples: dict[str, Derivation]) -> None:
    (route,) = samples["LSTM"].routes
    assert table(route)["bias"] == ("map", ("bias_ih_attr", "bias_hh_attr"))
    assert table(route)["batch_first"] == ("convert", ("time_major",))
    assert table(route)["bidirectional"] == ("map", ("direction",))
    assert samples["LSTM"].record.state["weight_ih_l{layer}"] == "weight_ih_l{layer}"
    assert "Paddle's `direction`, whose values" in row_of(route, "bidirectional").served.en
    assert table(route)["proj_size"] == ("same", ("proj_size",))
    assert table(route)["device"] == ("own", ())
    assert table(route)["weight_ih_attr"] == (None, ("weight_ih_attr",))


def test_sgd_is_compared_with_two_classes(samples: dict[str, Derivation]) -> None:
    plain, momentum = samples["SGD"].routes
    assert plain.when
    assert plain.when.source == "momentum == 0"
    assert momentum.when is None
    assert table(plain)["momentum"] == ("fixed", ())
    assert table(plain)["nesterov"] == ("own", ())
    assert table(momentum)["nesterov"] == ("rename", ("use_nesterov",))
    assert {row.name for row in momentum.rows if row.torch is None} == {
        "grad_clip",
        "rescale_grad",
        "use_multi_tensor",
        "multi_precision",
    }


def test_data_loader_refuses_what_it_cannot_do(samples: dict[str, Derivation]) -> None:
    (route,) = samples["DataLoader"].routes
    assert [row.name for row in route.refusals] == [
        "sampler",
        "multiprocessing_context",
        "pin_memory_device",
        "in_order",
    ]
    assert table(route)["generator"] == table(route)["pin_memory"] == ("own", ())
    prefetch = row_of(route, "prefetch_factor").treatment
    assert prefetch
    assert prefetch.key == "drop"


def test_what_is_oarlock_s_own_generates_nothing_but_its_name(
    samples: dict[str, Derivation], context: Context
) -> None:
    outputs = render_shim([samples[name] for name in OWN], context)
    assert not [path for path in outputs if "_generated/torch" in path.as_posix()]
    namespace = outputs[Path("runtime/oarlock/torch/nn/__init__.py")]
    assert '"LSTM": "oarlock.nn.recurrent:LSTM"' in namespace
    assert "from oarlock.nn.recurrent import LSTM as LSTM" in namespace


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
