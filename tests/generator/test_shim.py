"""The generated Python: what it calls, what it refuses, and that any text stays text in it."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.emit.shim import render_module, render_shim
from oarlock_generator.load import Source, load_text

GELU = """apis: {torch.nn.functional.gelu: {}}
paddle: paddle.nn.functional.gelu
parameters:
  approximate: {map: {none: false, tanh: true}}
"""


def derived(text: str, context: Context, path: str = "mappings/torch/some.yaml") -> Derivation:
    derivation = derive(Source(Path(path), text, load_text(text, Path(path))), context)
    assert derivation.problems == ()
    return derivation


def code(text: str, context: Context) -> str:
    return render_module(derived(text, context), context)


def body(text: str, context: Context) -> str:
    """The statements of the last function, without its docstring."""
    function = ast.parse(code(text, context)).body[-1]
    assert isinstance(function, ast.FunctionDef)
    return "\n".join(map(ast.unparse, function.body[1:]))


def test_a_look_up_is_checked(context: Context) -> None:
    assert body(GELU, context) == (
        "return paddle_gelu(input, choose('torch.nn.functional.gelu', 'approximate', approximate, "
        "{'none': False, 'tanh': True}))"
    )


def test_two_truth_values_are_a_conditional(context: Context) -> None:
    text = GELU.replace("{none: false, tanh: true}", """{true: 'choose(', false: "b'\\"c"}""")
    assert body(text, context) == (
        "return paddle_gelu(input, 'choose(' if approximate else 'b\\'\"c')"
    )


def test_infinities_and_lists_are_spelled(context: Context) -> None:
    text = GELU.replace("{none: false, tanh: true}", "{a: -.inf, b: [1, .nan], c: [x]}")
    assert "{'a': float('-inf'), 'b': (1, float('nan')), 'c': ('x',)}" in body(text, context)


def test_routes_split_by_value_inside_one_of_several_overloads(context: Context) -> None:
    text = """apis: {torch.max: {}}
overloads:
  - match: [input]
    when: input.ndim == 0
    paddle: paddle.max
    paddle_only: [axis, keepdim]
  - match: [input]
    paddle: paddle.amax
    paddle_only: [axis, keepdim]
  - match: [input, dim, keepdim]
    paddle: paddle.compat.max
  - match: [input, other]
    paddle: paddle.maximum
    parameters: {input: x, other: "y"}
"""
    tree = ast.parse(code(text, context))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    (first,) = (f for f in functions if f.name == "_max_0")
    assert [type(statement) for statement in first.body[1:]] == [ast.If, ast.Return]
    assert not [f for f in functions if f.name == "_max_3"]
    assert all(isinstance(f.body[-1], ast.Return | ast.Expr) for f in functions)


def test_a_missing_api_raises(context: Context) -> None:
    text = "apis: {torch.nn.functional.hardswish: {}}\nmissing: {zh: 暂无。, en: Not there yet.}\n"
    assert body(text, context) == (
        "raise UnsupportedError(api='torch.nn.functional.hardswish', reason='Not there yet')"
    )


def test_a_pure_fallback_passes_everything(context: Context) -> None:
    text = "apis: {torch.nn.functional.hardswish: {}}\nfallback: {kernel: attention}\n"
    assert body(text, context) == "return attention(input, inplace)"


def test_variable_arguments_stay_variable(context: Context) -> None:
    text = "apis: {torch.block_diag: {}}\nfallback: {kernel: attention}\n"
    assert body(text, context) == "return attention(*tensors)"


def test_a_parameter_never_hides_a_function_that_is_called(context: Context) -> None:
    lock = context.locks["torch"]
    entry = lock["torch.nn.functional.gelu"]
    (signature,) = entry.overloads
    renamed = [
        replace(p, name=p.name.replace("approximate", "choose")) for p in signature.parameters
    ]
    derivation = derived(GELU, context)
    (route,) = derivation.routes
    rows = tuple(
        replace(row, torch=replace(row.torch, name="choose"))
        if row.torch and row.torch.name == "approximate" else row
        for row in route.rows
    )  # fmt: skip
    api = replace(
        derivation.primary,
        entry=replace(entry, overloads=(replace(signature, parameters=tuple(renamed)),)),
    )
    clash = replace(derivation, apis=(api,), routes=(replace(route, rows=rows),))
    assert "import choose as oarlock_choose" in render_module(clash, context)


def test_aliases_of_one_object_share_its_function(context: Context) -> None:
    text = "apis: {torch.maximum: {}}\npaddle: paddle.maximum\n"
    assert code(text, context).count("def maximum(") == 1
    twins = """apis: {torch.absolute: {}, torch.abs: {}}
paddle: paddle.abs
"""
    assert code(twins, context).count("\ndef ") == 2


def test_docstrings_keep_any_text(context: Context) -> None:
    text = (
        GELU
        + r'''summary: {zh: 甲, en: '"""""" \N{no} {x} {{ y }} <script> C:\new'}
examples:
- title: {zh: 例, en: one}
  inputs: {x: {normal: [2]}}
  call: "torch.nn.functional.gelu(x, approximate='\"\"\"+\"\"\"')"
'''
    )
    tree = ast.parse(code(text, context))
    function = tree.body[-1]
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) == 2
    doc = ast.get_docstring(function)
    assert doc
    assert doc.startswith("'''''' \\N{no} {x} {{ y }} <script> C:\\new")


def test_the_first_record_of_a_package_makes_a_package(context: Context) -> None:
    outputs = render_shim(
        [derived("apis: {torch.tanh: {}}\npaddle: paddle.tanh\n", context)], context
    )
    assert sorted(path.as_posix() for path in outputs) == [
        "runtime/oarlock/_generated/torch/some.py",
        "runtime/oarlock/torch/__init__.py",
    ]


def test_methods_are_no_names_of_a_module(context: Context) -> None:
    text = "apis: {torch.Tensor.tanh: {}}\npaddle: paddle.Tensor.tanh\npaddle_only: [out]\n"
    outputs = render_shim([derived(text, context)], context)
    assert [path.name for path in outputs] == ["some.py"]


def test_namespaces_list_what_they_serve(context: Context) -> None:
    text = "apis: {torch.nn.functional.relu6: {}}\npaddle: paddle.nn.functional.relu6\nparameters: {inplace: {drop: {zh: 无, en: none}}}\n"
    outputs = render_shim([derived(text, context)], context)
    names = {path.as_posix().removeprefix("runtime/oarlock/") for path in outputs}
    assert names == {
        "_generated/torch/some.py",
        "torch/__init__.py",
        "torch/nn/__init__.py",
        "torch/nn/functional.py",
    }
    for text in outputs.values():
        ast.parse(text)


@pytest.mark.parametrize("name", ["torch", "torch.nn"])
def test_a_namespace_holds_its_own_names_beside_its_parts(context: Context, name: str) -> None:
    records = [
        derived("apis: {torch.tanh: {}}\npaddle: paddle.tanh\n", context),
        derived("apis: {torch.nn.Tanh: {}}\nkind: class\npaddle: paddle.nn.Tanh\n", context),
        derived(
            "apis: {torch.nn.functional.tanh: {}}\npaddle: paddle.tanh\npaddle_only: [out]\n",
            context,
        ),
    ]
    outputs = render_shim(records, context)
    text = outputs[Path("runtime/oarlock", *name.split("."), "__init__.py")]
    assert ('"tanh": ' in text) == (name == "torch")
    assert ('"Tanh": ' in text) == (name == "torch.nn")
