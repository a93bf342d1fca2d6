"""Examples are untrusted: what a call may say, how inputs are drawn, and where faults are shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from oarlock_generator.examples import (
    CallError,
    Scope,
    check_examples,
    draw,
    parse_call,
    rounded,
)
from oarlock_generator.load import Source, load_text
from oarlock_generator.model import Example
from oarlock_generator.problems import RecordError

APIS = ("torch.add", "torch.Tensor.add_", "torch.Tensor.T", "torch.save")


def example(call: str, **more: Any) -> Example:
    inputs = {"x": {"normal": [2, 3]}, "z": {"normal": [2, 3]}}
    title = {"zh": "加", "en": "add"}
    return Example.model_validate({"title": title, "inputs": inputs, "call": call, **more})


def record(examples: str) -> Source:
    text = f"apis: {{torch.add: {{}}}}\npaddle: paddle.add\nexamples:\n{examples}"
    return Source(Path("mappings/torch/add.yaml"), text, load_text(text, Path("add.yaml")))


HOSTILE = {
    "import": '__import__("os").system("id")',
    "import statement": "import os\nresult = os",
    "builtin": 'open("x")',
    "eval": "eval(x)",
    "class of a literal": "().__class__",
    "class of an input": "x.__class__",
    "call of a dunder": "x.__reduce__()",
    "globals": "torch.add.__globals__",
    "private attribute of a result": "torch.add(x, z)._data",
    "memory of a result": "torch.add(x, z).data_ptr()",
    "globals of a member": "torch.add(x, z).sum.__globals__",
    "call of an input": "x(z)",
    "call of a result": "torch.add(x, z)(x)",
    "subscript of an api": "torch.add['x']",
    "another api": 'torch.load("x")',
    "a method that is no api": "x.numpy()",
    "an api that writes files": 'torch.save(x, "x")',
    "a path": 'torch.add(x, z, mode="../conftest")',
    "code in a text": 'torch.add(x, z, mode="print(1)")',
    "lambda": "torch.add(x, lambda: 1)",
    "comprehension": "torch.add(x, [i for i in z])",
    "generator": "torch.add(*(i for i in z))",
    "number to the power of itself": "torch.add(x, (9 ** 9) ** 9)",
    "repeated text": "torch.add(x, 'a' * 1000000)",
    "generator starred": "torch.add(*(i for i in x))",
    "manager of no api": "with open('x'):\n    a = torch.add(x, z)\nresult = torch.add(x, a)",
    "manager with a name": "with torch.add(x, z) as a:\n    result = torch.add(x, a)",
    "place of a class": "torch.add['x'] = z\nresult = torch.add(x, z)",
    "data assigned": "a = torch.add(x, z)\na.data = z\nresult = torch.add(x, a)",
    "input unpacked into": "x, z = z, x\nresult = torch.add(x, z)",
    "double star": "torch.add(**x)",
    "f-string": 'torch.add(x, f"{z}")',
    "walrus": "torch.add(w := x, z)",
    "power": "torch.add(x, 9 ** 9 ** 9)",
    "repetition": "torch.add(x, [0] * 1000000000)",
    "huge integer": "torch.add(x, 100000000000)",
    "huge text": f'torch.add(x, "{"a" * 300}")',
    "bytes": 'torch.add(x, b"a")',
    "many words": f"torch.add(x, {[0] * 500})",
    "many lines": "\n".join([f"a{i} = x" for i in range(20)] + ["result = torch.add(x, z)"]),
    "parentheses": "(" * 1000 + "x" + ")" * 1000,
    "minus": f"torch.add(x, {'-' * 3000}1)",
    "input overwritten": "x = z\nresult = torch.add(x, z)",
    "package overwritten": "torch = x\nresult = torch.add(x, z)",
    "attribute assigned": "x.data = z\nresult = torch.add(x, z)",
    "two targets": "a = b = x\nresult = torch.add(a, b)",
    "nested unpacking": "a, (b, c) = x\nresult = torch.add(a, b)",
    "function": "def f(): pass\nresult = torch.add(x, z)",
    "loop": "while True: pass\nresult = torch.add(x, z)",
    "no result": "a = torch.add(x, z)",
    "syntax": "torch.add(x,",
    "argument twice": "torch.add(x, other=z, other=x)",
    "condition": "torch.add(x, z if True else x)",
    "await": "await x",
}


@pytest.mark.parametrize("call", HOSTILE.values(), ids=HOSTILE)
def test_a_call_outside_the_grammar_is_refused(call: str) -> None:
    with pytest.raises(CallError):
        parse_call(example(call), APIS)


@pytest.mark.parametrize("call", HOSTILE.values(), ids=HOSTILE)
def test_a_refusal_is_shown_at_its_line(call: str) -> None:
    lines = "\n".join(f"      {line}" for line in call.splitlines())
    source = record(
        "  - title: {zh: 加, en: add}\n"
        "    inputs: {x: {normal: [2]}, z: {normal: [2]}}\n"
        f"    call: |\n{lines}\n"
    )
    shown = [str(problem) for problem in check_examples(source)]
    assert any(p.startswith("mappings/torch/add.yaml:6: examples[0].call: ") for p in shown), shown


@pytest.mark.parametrize(
    "api",
    [
        "torch.load",
        "torch.save",
        "torch.compile",
        "torch.from_file",
        "torch.seed",
        "torch.set_default_dtype",
        "torch.set_num_threads",
        "torch.import_ir_module",
        "torch.use_deterministic_algorithms",
        "torch.PyTorchFileReader",
        "torch.PyTorchFileWriter",
        "torch.UntypedStorage.from_file",
        "torch.autograd.profiler.load_nvprof",
        "torch.cuda.memory.CUDAPluggableAllocator",
        "torch.export.export",
        "torch.fx.symbolic_trace",
        "torch.hub.load",
        "torch.jit.script",
        "torch.nn.parallel.DistributedDataParallel",
        "torch.ops.load_library",
        "torch.serialization.load",
        "torch.utils.cpp_extension.load",
        "torch.Tensor.data_ptr",
        "torch.Tensor.set_",
        "torch.Tensor.share_memory_",
        "torch.Tensor.untyped_storage",
        "torch.Tensor.__reduce_ex__",
        "os.system",
    ],
)
def test_no_example_calls_beyond_tensors(api: str) -> None:
    owner, _, name = api.rpartition(".")
    call = f"x.{name}(z)" if owner == "torch.Tensor" else f"{api}(x, z)"
    fields = f"title: {{zh: 加, en: add}}, inputs: {{{X}, z: {{normal: [2]}}}}, call: '{call}'"
    text = f"apis: {{{api}: {{}}}}\npaddle: paddle.add\nexamples:\n  - {{{fields}}}\n"
    of = Source(Path("mappings/a.yaml"), text, load_text(text, Path("mappings/a.yaml")))
    (problem,) = check_examples(of)
    place = "mappings/a.yaml:4: examples[0].call: "
    assert str(problem).startswith(f"{place}examples cannot call {api}: ")


@pytest.mark.parametrize(
    "api",
    [
        "torch.add",
        "torch.softmax",
        "torch.nn.Linear",
        "torch.nn.functional.gelu",
        "torch.nn.init.normal_",
        "torch.optim.SGD",
        "torch.linalg.solve",
        "torch.fft.rfft",
        "torch.special.erf",
        "torch.signal.windows.hann",
        "torch.distributions.Normal",
        "torch.utils.data.TensorDataset",
        "torch.Tensor.index_put_",
        "torch.Tensor.__add__",
        "flash_attn.flash_attn_func",
        "flash_attn.bert_padding.pad_input",
    ],
)
def test_examples_call_functions_methods_and_layers(api: str) -> None:
    owner, _, name = api.rpartition(".")
    call = f"x.{name}(z)" if owner == "torch.Tensor" else f"{api}(x, z)"
    assert parse_call(example(call), [api]).apis == {api}


@pytest.mark.parametrize(
    ("call", "near"),
    [
        ("torch.ad(x, y)", "did you mean torch.add?"),
        ("torch.add(x, zy)", "did you mean z?"),
        ("x.ad_(z)", "did you mean add_?"),
        ("torch.add(x, z, dtype=torch.float23)", "did you mean torch.float32?"),
    ],
)
def test_the_nearest_spelling_is_suggested(call: str, near: str) -> None:
    with pytest.raises(CallError, match=near.replace("?", r"\?")):
        parse_call(example(call), APIS)


@pytest.mark.parametrize(
    ("call", "written", "calls"),
    [
        ("torch.add(x, 2.5)", lambda x, z: x + 2.5, 1),
        ("torch.add(x, -1, *[], alpha=2)", lambda x, z: x - 2, 1),
        ("torch.add(*(x, z))", lambda x, z: x + z, 1),
        ("x.add_(z)", lambda x, z: x + z, 1),
        ("x.add_(z)\nresult = torch.add(x, z)", lambda x, z: x + z + z, 2),
        ("a = x[1:, ..., -1]\nresult = torch.add(a, 1)", lambda x, z: x[1:, -1] + 1, 1),
        ("a = x.T\nb = z.T\nresult = torch.add(a, b)", lambda x, z: (x + z).T, 1),
    ],
)
def test_what_the_grammar_has_does_what_python_does(
    call: str, written: Callable[..., torch.Tensor], calls: int
) -> None:
    x, z = torch.randn(2, 3), torch.randn(2, 3)
    result, made = run(call, x.clone(), z.clone())
    assert torch.equal(result, written(x, z))
    assert len(made) == calls


KNOWN = (
    "torch.nn.Linear",
    "torch.optim.SGD",
    "torch.no_grad",
    "torch.Tensor.sum",
    "torch.Tensor.abs",
    "torch.pi",
)


def step_of(x: torch.Tensor, z: torch.Tensor) -> list[torch.Tensor]:
    layer = torch.nn.Linear(3, 2)
    opt = torch.optim.SGD(layer.parameters(), lr=0.5)
    (layer(x) ** 2).sum().backward()
    opt.step()
    return [layer.weight, layer.bias]


def assigned(x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    x[0, 1:] = z[1, :2]
    x[1] *= 3
    x += z
    return x


@pytest.mark.parametrize(
    ("call", "written"),
    [
        ("result = 2 * x - z / 3 + -x @ z[:, [0, 1, 2]][:1, :2].T[0, 0] if 0 else x", None),
        ("result = 2 * x - z / 3", lambda x, z: 2 * x - z / 3),
        ("result = (x > z) & ~(x == 0)", lambda x, z: (x > z) & ~(x == 0)),
        ("result = x[x > 0].sum()", lambda x, z: x[x > 0].sum()),
        ("result = torch.add(*(x, z)).abs().sum(1)", lambda x, z: (x + z).abs().sum(1)),
        ("pieces = [x, z]\nresult = torch.add(*pieces)", lambda x, z: x + z),
        ("a, b = (x, z)\nresult = a * b", lambda x, z: x * z),
        ("result = x * torch.pi", lambda x, z: x * torch.pi),
        ("result = x.shape", lambda x, z: x.shape),
        ("result = list(range(len(x)))", lambda x, z: [0, 1]),
        ("layer = torch.nn.Linear(3, 2)\nlayer.register_buffer('mask', x)\nlayer.shift = None\n"
         "result = [layer.mask, layer.shift]", lambda x, z: [x, None]),
        ("layers = [torch.nn.Linear(3, 2)]\nresult = layers[0](x)",
         lambda x, z: torch.nn.Linear(3, 2)(x)),
        ("x[0, 1:] = z[1, :2]\nx[1] *= 3\nx += z\nresult = x", assigned),
        ("with torch.no_grad():\n    result = x.sum()", lambda x, z: x.sum()),
        ("layer = torch.nn.Linear(3, 2)\nopt = torch.optim.SGD(layer.parameters(), lr=0.5)\n"
         "loss = (layer(x) ** 2).sum()\nloss.backward()\nopt.step()\n"
         "result = [layer.weight, layer.bias]", step_of),
    ],
)  # fmt: skip
def test_other_records_apis_and_what_they_made_may_be_used(
    call: str, written: Callable[..., Any] | None
) -> None:
    if written is None:
        with pytest.raises(CallError):
            parse_call(example(call), APIS, KNOWN)
        return
    x, z = torch.randn(2, 3), torch.randn(2, 3)
    parsed = parse_call(example(call), APIS, KNOWN)
    find = {
        "torch.add": torch.add,
        "torch.nn.Linear": torch.nn.Linear,
        "torch.optim.SGD": torch.optim.SGD,
        "torch.no_grad": torch.no_grad,
        "torch.pi": torch.pi,
    }
    torch.manual_seed(3)
    result = parsed.run(Scope({"x": x.clone(), "z": z}, find.__getitem__, lambda name: name))
    torch.manual_seed(3)
    expected = written(x.clone(), z)
    pairs = zip(result, expected, strict=True) if isinstance(result, list) else [(result, expected)]
    for ours, theirs in pairs:
        if isinstance(theirs, torch.Tensor):
            assert torch.equal(ours, theirs)
        else:
            assert ours == theirs


@pytest.mark.parametrize(
    ("call", "method"),
    [("x[0, 1:]", "__getitem__"), ("x[0] = 1\nresult = x", "__setitem__")],
)
def test_a_subscript_calls_its_method(call: str, method: str) -> None:
    api = f"torch.Tensor.{method}"
    assert parse_call(example(call), [api]).apis == {api}


@pytest.mark.parametrize(
    ("call", "in_place"),
    [
        ("torch.add(x, z)", False),
        ("x.add_(z)", True),
        ("x[0] = z[0]\nresult = torch.add(x, z)", True),
        ("x += z\nresult = torch.add(x, z)", True),
        ("torch.add(x, z, inplace=True)", True),
    ],
)
def test_what_changes_a_tensor_is_known(call: str, in_place: bool) -> None:
    assert parse_call(example(call), APIS).in_place is in_place


@pytest.mark.parametrize(
    "call",
    [
        "a = [x]\nresult = torch.add(a * 100000, z)",
        "a = torch.add(x, z)\nresult = torch.add('x' * a, z)",
        "a = 1000\nb = a ** a\nresult = torch.add(x, b)",
        "a, b, c = [x, z]\nresult = torch.add(a, b)",
        "a = list(range(10000000))\nresult = torch.add(x, z)",
        "a = torch.add(x, z)\na.mask = z\nresult = torch.add(x, a)",
        "a = torch.add(x, z)\nb = {'mask': 1}\nresult = torch.add(x, a.mask)",
    ],
)
def test_what_could_grow_without_bound_is_refused_when_it_runs(call: str) -> None:
    parsed = parse_call(example(call), APIS)
    x = torch.ones(2)
    with pytest.raises(CallError):
        parsed.run(Scope({"x": x, "z": x}, lambda api: torch.add, lambda name: name))


def test_literals_and_dtypes_come_out_as_written() -> None:
    result, _ = run("(-1.5, ['a', None], {'a': torch.float16}, True, x)", "x", "z")
    assert result == (-1.5, ["a", None], {"a": torch.float16}, True, "x")


def run(call: str, x: Any, z: Any) -> tuple[Any, list[str]]:
    made: list[str] = []
    scope = Scope(
        {"x": x, "z": z},
        {"torch.add": torch.add}.__getitem__,
        lambda name: getattr(torch, name),
        lambda api, args, kwargs: made.append(api),
    )
    return parse_call(example(call), APIS).run(scope), made


def test_inputs_depend_on_name_and_description_alone() -> None:
    spec = {"normal": [3, 4], "scale": 2.0}
    inputs = {"x": spec, "y": spec}
    one = draw(example("torch.add(x, z)", inputs=inputs), "float64")
    two = draw(
        example("torch.add(y, x)", inputs={"y": spec, "x": spec | {"grad": True}}), "float64"
    )
    assert np.array_equal(one["x"].values, two["x"].values)
    assert not np.array_equal(one["x"].values, one["y"].values)
    assert (one["x"].grad, two["x"].grad) == (False, True)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_a_narrower_dtype_only_rounds(dtype: str) -> None:
    inputs = {"x": {"normal": [500], "scale": 3.0}, "y": {"uniform": [500]}}
    wide, narrow = (draw(example("torch.add(x, z)", inputs=inputs), d) for d in ("float64", dtype))
    for name in inputs:
        # Through float32, as numpy's values reach both frameworks.
        values = torch.tensor(wide[name].values).float().to(getattr(torch, dtype))
        assert np.array_equal(values.float().numpy(), narrow[name].values.astype(np.float32))


def test_bfloat16_rounds_ties_to_even() -> None:
    ties = np.array([1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, np.inf, 0.0], np.float32)
    assert rounded(ties, "bfloat16").tolist() == [1.0, 1 + 2**-6, -1.0, np.inf, 0.0]


def test_distributions_keep_to_their_limits() -> None:
    inputs = {
        "x": {"uniform": [1000], "low": 2.0, "high": 3.0},
        "y": {"integers": [1000], "low": -2, "high": 2, "dtype": "int64"},
        "z": {"normal": [1000], "scale": 5.0},
        "w": {"values": [[1, 2], [3, 4]], "dtype": "int32"},
    }
    drawn = draw(example("torch.add(x, z, z, w)", inputs=inputs), "float32")
    assert 2 <= drawn["x"].values.min() < 2.1 < 2.9 < drawn["x"].values.max() < 3
    assert set(drawn["y"].values.tolist()) == {-2, -1, 0, 1}
    assert drawn["y"].values.dtype == np.int64
    assert 4.5 < drawn["z"].values.std() < 5.5
    assert drawn["w"].values.tolist() == [[1, 2], [3, 4]]
    assert [drawn[name].dtype for name in "xyzw"] == ["float32", "int64", "float32", "int32"]


X = "x: {normal: [2]}"
ADD = "call: 'torch.add(x, 1)'"
FAULTS = {
    f"inputs: {{{X}, z: {{normal: [2]}}}}, call: 'torch.add(x, x)'": (
        "inputs.z: is never used in the call"
    ),
    f"inputs: {{{X}}}, call: x": "call: calls none of this record's apis",
    "inputs: {torch: {normal: [2]}}, call: 'torch.add(1, 1)'": (
        "inputs.torch: can't be an input's name"
    ),
    f"inputs: {{x: {{normal: [2], dtype: float32}}}}, dtypes: [float64], {ADD}": (
        "dtypes: changes nothing"
    ),
    f"inputs: {{{X}}}, dtypes: [float64, float64], {ADD}": "dtypes: float64 stands here twice",
    f"inputs: {{{X}}}, dtypes: [int64], {ADD}": "is drawn as fractions, which int64 can't hold",
    f"inputs: {{x: {{integers: [2], high: 9, grad: true}}}}, dtypes: [int64], {ADD}": (
        "grad needs a floating dtype"
    ),
    f"inputs: {{x: {{integers: [2], high: 300}}}}, dtypes: [uint8], {ADD}": (
        "has values that uint8 can't hold"
    ),
    f"inputs: {{x: {{values: [0.5]}}}}, dtypes: [int64], {ADD}": "has values that int64 can't hold",
    f"inputs: {{x: {{integers: [2]}}}}, {ADD}": "integers needs 'high'",
    f"inputs: {{x: {{uniform: [2], low: 3.0, high: 3.0}}}}, {ADD}": "must be less than 'high'",
    f"inputs: {{x: {{uniform: [2], scale: 3.0}}}}, {ADD}": "'scale' goes with normal",
    f"inputs: {{x: {{normal: [2], low: 3.0}}}}, {ADD}": (
        "'low' and 'high' go with uniform and integers"
    ),
    f"parameter: out, inputs: {{{X}}}, raises: UnsuportedError, {ADD}": (
        "did you mean UnsupportedError?"
    ),
    f"inputs: {{{X}}}, raises: UnsupportedError, {ADD}": "raises: needs 'parameter'",
    f"parameter: out, inputs: {{{X}}}, random: true, raises: UnsupportedError, {ADD}": (
        "excludes random and repeatable"
    ),
}


UNDRAWABLE = {
    f"normal: [{', '.join('1' * 70)}]": "at most 8",
    "values: [[[[[[[[[1]]]]]]]]]": "nests deeper than 8 lists",
    "values: [[[1], [2]], [[3], 4]]": "a rectangular nest of lists",
    "values: [[1], [a]]": "must be numbers",
    "values: [100000000000000000000000]": "int64",
    "normal: [0, 1048576, 1048576, 1048576, 1048576]": "elements",
    "normal: [2], scale: -1.0": "greater than or equal to 0",
    "normal: [2], scale: .inf": "finite",
    "normal: [2], scale: .nan": "finite",
    "uniform: [2], low: .nan": "'low' is nan",
    "uniform: [2], low: -.inf": "'low' is -inf",
    "uniform: [2], high: .inf": "'high' is inf",
    "uniform: [2], low: -1.7e308, high: 1.7e308": "too far apart",
    f"uniform: [2], high: 1{'0' * 400}": "'high' is 1",
    "integers: [2], high: 99999999999999999999999, dtype: int64": "'high' is 99",
    "integers: [2], low: 0.2, high: 0.5, dtype: int64": "whole numbers",
    "integers: [2], high: .nan, dtype: int64": "'high' is nan",
}


@pytest.mark.parametrize("fields", UNDRAWABLE, ids=UNDRAWABLE.values())
def test_an_input_that_cannot_be_drawn_is_a_problem_at_its_line(fields: str) -> None:
    with pytest.raises(RecordError) as caught:
        record(f"  - title: {{zh: 加, en: add}}\n    inputs:\n      x: {{{fields}}}\n    {ADD}\n")
    shown = [str(problem) for problem in caught.value.problems]
    assert all(fault.startswith("add.yaml:6: examples[0].inputs.x") for fault in shown), shown
    assert any(UNDRAWABLE[fields] in fault for fault in shown), shown


@pytest.mark.parametrize(
    "fields",
    [
        "normal: [0, 3]",
        "normal: [1, 1, 1, 1, 1, 1, 1, 1], scale: 0.0",
        "integers: [4], low: -9223372036854775808, high: 9223372036854775808, dtype: int64",
        "values: [.nan, -.inf, 1]",
        "values: [[], []]",
        "values: 3",
    ],
)
def test_an_input_at_its_limits_is_drawn(fields: str) -> None:
    of = record(f"  - {{title: {{zh: 加, en: add}}, inputs: {{x: {{{fields}}}}}, {ADD}}}\n")
    assert check_examples(of) == []
    assert set(draw(of.record.examples[0], "float32")) == {"x"}


@pytest.mark.parametrize("fields", FAULTS, ids=FAULTS.values())
def test_a_fault_is_named_at_its_line(fields: str) -> None:
    sound = f"  - {{name: sound, title: {{zh: 加, en: add}}, inputs: {{{X}}}, {ADD}}}\n"
    assert check_examples(record(sound)) == []
    faulty = f"  - {{title: {{zh: 加, en: add}}, {fields}}}\n"
    shown = [str(problem) for problem in check_examples(record(sound + faulty))]
    assert any(FAULTS[fields] in fault for fault in shown), shown
    assert all(fault.startswith("mappings/torch/add.yaml:5: examples[1].") for fault in shown)
