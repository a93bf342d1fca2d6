"""The generated Python: what it calls, what it refuses, and that any text stays text in it."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.emit.shim import render_module, render_shim
from oarlock_generator.load import Source, load_text
from oarlock_generator.signatures import parse_signature

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
        "return like(input, paddle_gelu(plain(input), choose('torch.nn.functional.gelu', "
        "'approximate', approximate, {'none': False, 'tanh': True})))"
    )


def test_two_truth_values_are_a_conditional(context: Context) -> None:
    text = GELU.replace("{none: false, tanh: true}", """{true: 'choose(', false: "b'\\"c"}""")
    assert body(text, context) == (
        "return like(input, paddle_gelu(plain(input), 'choose(' if approximate else 'b\\'\"c'))"
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
    text = "apis: {torch.atan2: {}}\nfallback: {kernel: attention}\n"
    assert body(text, context) == (
        "return stored(like(input, attention(plain(input), plain(other))), out)"
    )


def test_a_rewrite_gets_what_it_takes(context: Context) -> None:
    runtime = replace(
        context.runtime,
        rewrites={"powered": "oarlock.ops.powers"},
        signatures={"powered": parse_signature("(input, *, exponent, dtype=None, extra=1)")},
    )
    wider = replace(context, runtime=runtime)
    text = "apis: {torch.pow: {}, torch.Tensor.pow_: {}}\nfallback: {rewrite: powered}\n"
    assert (
        body(text, wider)
        == "return commit(self, powered(before(self, exponent), exponent=plain(exponent)))"
    )
    text = "apis: {torch.atan2: {}}\nfallback: {rewrite: powered}\n"
    record = Source(Path("mappings/torch/some.yaml"), text, load_text(text, Path("some.yaml")))
    assert [p.message for p in derive(record, wider).problems] == [
        "powered has no parameter other, which torch.atan2 has",
        "powered needs exponent, which torch.atan2 does not have",
    ]


def test_variable_arguments_stay_variable(context: Context) -> None:
    text = "apis: {torch.block_diag: {}}\nfallback: {kernel: attention}\n"
    assert body(text, context) == "return like(tensors, attention(*plain_all(tensors)))"


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
        "runtime/oarlock/_generated/tensor_methods.py",
        "runtime/oarlock/_generated/torch/some.py",
        "runtime/oarlock/torch/__init__.py",
    ]


def test_methods_are_names_of_the_tensor_and_not_of_a_module(context: Context) -> None:
    text = "apis: {torch.Tensor.tanh: {}}\npaddle: paddle.Tensor.tanh\npaddle_only: [out]\n"
    outputs = render_shim([derived(text, context)], context)
    assert [path.name for path in outputs] == ["tensor_methods.py", "some.py"]
    assert '"tanh": "oarlock._generated.torch.some:Tensor_tanh"' in next(iter(outputs.values()))


def test_namespaces_list_what_they_serve(context: Context) -> None:
    text = "apis: {torch.nn.functional.relu6: {}}\npaddle: paddle.nn.functional.relu6\nparameters: {inplace: {drop: {zh: 无, en: none}}}\n"
    outputs = render_shim([derived(text, context)], context)
    names = {path.as_posix().removeprefix("runtime/oarlock/") for path in outputs}
    assert names == {
        "_generated/tensor_methods.py",
        "_generated/torch/some.py",
        "torch/__init__.py",
        "torch/nn/__init__.py",
        "torch/nn/functional/__init__.py",
    }
    for text in outputs.values():
        ast.parse(text)


@pytest.mark.parametrize("name", ["torch", "torch.nn"])
def test_a_namespace_holds_its_own_names_beside_its_parts(context: Context, name: str) -> None:
    records = [
        derived("apis: {torch.tanh: {}}\npaddle: paddle.tanh\n", context),
        derived(
            "apis: {torch.nn.Dropout: {}}\nkind: class\nmissing: {zh: 无, en: none}\n", context
        ),
        derived(
            "apis: {torch.nn.functional.tanh: {}}\npaddle: paddle.tanh\npaddle_only: [out]\n",
            context,
        ),
    ]
    outputs = render_shim(records, context)
    text = outputs[Path("runtime/oarlock", *name.split("."), "__init__.py")]
    assert ('"tanh": ' in text) == (name == "torch")
    assert ('"Dropout": ' in text) == (name == "torch.nn")


def functions(text: str, context: Context) -> dict[str, str]:
    """The statements of each function, without its docstring."""
    return {
        node.name: "\n".join(map(ast.unparse, node.body[1:]))
        for node in ast.parse(code(text, context)).body
        if isinstance(node, ast.FunctionDef)
    }


def test_in_place_forms_write_the_result_back(context: Context) -> None:
    text = """apis: {torch.exp: {}, torch.exp_: {}, torch.Tensor.exp_: {}, torch.Tensor.exp: {}}
paddle: paddle.exp
"""
    assert functions(text, context) == {
        "exp": "return stored(like(input, paddle_exp(plain(input))), out)",
        "exp_": "return commit(input, paddle_exp(before(input)))",
        "Tensor_exp_": "return commit(self, paddle_exp(before(self)))",
        "Tensor_exp": "return like(self, paddle_exp(plain(self)))",
    }


def test_an_operator_that_assigns_is_an_in_place_form(context: Context) -> None:
    text = "apis: {torch.Tensor.__ior__: {}}\npaddle: paddle.bitwise_or\n"
    assert body(text, context) == (
        "return commit(self, bitwise_or(before(self, other), plain(other)))"
    )
    text = "apis: {torch.Tensor.__invert__: {}}\npaddle: paddle.bitwise_not\n"
    assert body(text, context) == "return like(self, bitwise_not(plain(self)))"


def test_inplace_is_served_everywhere(context: Context) -> None:
    text = "apis: {torch.nn.functional.relu6: {}}\npaddle: paddle.nn.functional.relu6\n"
    assert body(text, context) == (
        "if inplace:\n    return commit(input, paddle_relu6(before(input)))\n"
        "return like(input, paddle_relu6(plain(input)))"
    )


def test_a_dtype_is_passed_as_paddle_s(context: Context) -> None:
    text = "apis: {torch.Tensor.sum: {}}\npaddle: paddle.sum\n"
    assert body(text, context).endswith(
        "return like(self, sum(plain(self), dim, paddle_dtype(dtype), keepdim=keepdim))"
    )
    text = "apis: {torch.Tensor.logcumsumexp: {}, torch.Tensor.cumprod: {}}\npaddle: paddle.amax\n"
    source = Source(Path("mappings/torch/some.yaml"), text, load_text(text, Path("some.yaml")))
    (route,) = derive(source, context).routes
    assert "dtype" in [row.name for row in route.refusals]


def test_dtypes_are_compared_as_paddle_s_and_predicates_get_plain_tensors(context: Context) -> None:
    runtime = replace(context.runtime, predicates={"fits": "oarlock.conditions"})
    text = """apis: {torch.Tensor.atan2: {}}
paddle: paddle.atan2
parameters: {other: "y"}
fallback: {kernel: attention}
native_when: self.dtype == "float32" and fits(self, other) and (self.ndim == 1 or self.shape[0] == 2)
"""
    native = body(text, replace(context, runtime=runtime)).splitlines()[0]
    assert native == (
        "native = plain(self).dtype is paddle.float32 and fits(plain(self), plain(other)) "
        "and (self.ndim == 1 or self.shape[0] == 2)"
    )


def test_sizes_come_one_by_one_or_whole(context: Context) -> None:
    text = """apis: {torch.permute: {}, torch.Tensor.permute: {}}
paddle: paddle.transpose
parameters: {dims: perm}
"""
    assert functions(text, context) == {
        "permute": "return like(input, transpose(plain(input), dims))",
        "Tensor_permute": "dims = variadic('torch.Tensor.permute', 'dims', dims, named)\n"
        "return like(self, transpose(plain(self), dims))",
    }
    assert "def Tensor_permute(self, *dims, **named):" in code(text, context)


def test_what_torch_deprecates_is_no_overload(context: Context) -> None:
    text = """apis: {torch.addmm: {}}
overloads:
  - match: [input, mat1, mat2, beta, alpha]
    paddle: paddle.addmm
    parameters: {mat1: x, mat2: "y"}
  - match: [input, mat1, mat2, out_dtype, beta, alpha]
    missing: {zh: 无, en: none}
"""
    derived(text, context)


def test_a_number_in_a_tensor_s_place_is_no_overload_of_its_own(context: Context) -> None:
    text = """apis: {torch.where: {}, torch.Tensor.where: {}}
overloads:
  - match: [condition]
    missing: {zh: 无, en: none}
  - match: [condition, input, other]
    paddle: paddle.where
    parameters: {input: x, other: "y"}
"""
    made = functions(text, context)
    assert made["Tensor_where"] == (
        "return like(self, paddle_where(plain(condition), plain(self), plain(other)))"
    )
    assert "input: Tensor | Number | complex" in code(text, context)


def test_named_results_are_named_on_every_route(context: Context) -> None:
    text = """apis: {torch.Tensor.frexp: {}}
returns: torch.return_types.frexp
fallback: {kernel: attention}
"""
    assert body(text, context) == (
        "return like(self, named('torch.return_types.frexp', attention(plain(self))))"
    )


def test_what_is_no_tensor_stays_as_it_is(context: Context) -> None:
    text = "apis: {torch.is_grad_enabled: {}}\npaddle: paddle.is_grad_enabled\n"
    assert body(text, context) == "return paddle_is_grad_enabled()"
    text = "apis: {torch.equal: {}}\nfallback: {kernel: attention}\n"
    assert body(text, context) == "return attention(plain(input), plain(other))"


def test_numpy_s_spelling_of_a_required_parameter(context: Context) -> None:
    text = "apis: {torch.Tensor.unsqueeze: {}}\npaddle: paddle.unsqueeze\nparameters: {dim: axis}\n"
    assert "def Tensor_unsqueeze(self, dim=REQUIRED, **numpy):" in code(text, context)
    assert body(text, context).startswith(
        "if numpy or dim is REQUIRED:\n"
        "    dim, = respelled('torch.Tensor.unsqueeze', numpy, dim=dim)\n"
    )


def test_functions_of_one_name_and_other_signatures_have_names_of_their_own(
    context: Context,
) -> None:
    text = """apis: {torch.celu: {}, torch.nn.functional.celu: {}, torch.celu_: {}}
paddle: paddle.nn.functional.celu
"""
    made = functions(text, context)
    assert list(made) == ["celu", "functional_celu", "celu_"]
    assert made["functional_celu"].startswith("if inplace:")
    namespaces = render_shim([derived(text, context)], context)
    functional = namespaces[Path("runtime/oarlock/torch/nn/functional/__init__.py")]
    assert '"celu": "oarlock._generated.torch.some:functional_celu"' in functional
    assert "import functional_celu as celu" in functional


def test_the_first_tensor_is_the_same_whatever_its_name(context: Context) -> None:
    text = "apis: {torch.det: {}, torch.linalg.det: {}}\npaddle: paddle.linalg.det\n"
    assert functions(text, context) == {
        "det": "return like(input, paddle_det(plain(input)))",
        "linalg_det": "return stored(like(A, paddle_det(plain(A))), out)",
    }
