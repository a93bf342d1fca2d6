"""What follows from a record and the locked signatures, and what is said of records that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.load import Source, load_text
from oarlock_generator.project import Project

FLASH = "mappings/flash_attn/flash_attn_func.yaml"
PATH = Path("mappings/torch/some.yaml")


def derived(text: str, context: Context) -> Derivation:
    return derive(Source(PATH, text, load_text(text, PATH)), context)


def faults(text: str, context: Context) -> list[str]:
    return [
        str(problem).removeprefix("mappings/torch/some.yaml:")
        for problem in derived(text, context).problems
    ]


def category(text: str, context: Context) -> str:
    derivation = derived(text, context)
    assert not derivation.problems, derivation.problems
    return derivation.category.key


@pytest.fixture(scope="module")
def flash(checkout: Project) -> str:
    return (checkout.root / FLASH).read_text("utf-8")


def test_an_unknown_parameter_has_its_line_and_the_nearest_name(
    context: Context, flash: str
) -> None:
    text = flash.replace("  window_size:\n", "  window_sise:\n", 1)
    line = text.splitlines().index("  window_sise:") + 1
    assert (
        f"{line}: parameters.window_sise: not a parameter of flash_attn_func; "
        "did you mean window_size?"
    ) in faults(text, context)


def test_a_torch_parameter_nobody_accounted_for(context: Context) -> None:
    text = "apis: {torch.nn.functional.gelu: {}}\npaddle: paddle.nn.functional.relu\n"
    assert faults(text, context) == [
        "1: parameters: nothing is said of approximate, which paddle.nn.functional.relu does not "
        "have; give it a Paddle name, fallback, refuse or drop"
    ]


def test_a_paddle_parameter_nobody_listed(context: Context) -> None:
    text = "apis: {torch.tanh: {}}\npaddle: paddle.scale\n"
    assert faults(text, context) == [
        "1: paddle_only: paddle.scale also has scale, bias, bias_after_scale, act, which no torch "
        "parameter reaches; list them under paddle_only, or as the nearest ('to') of a fallback"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("apis: {torch.addd: {}}\npaddle: paddle.add\n",
         "1: apis.torch.addd: torch 2.13.0 has no torch.addd; did you mean torch.add?"),
        ("apis: {troch.add: {}}\npaddle: paddle.add\n",
         "1: apis.troch.add: troch has no signature lock; did you mean torch?"),
        ("apis: {torch.tanh: {}}\npaddle: paddle.tahn\n",
         "2: paddle: paddle 3.3.1 has no paddle.tahn; did you mean paddle.tan?"),
        ("apis: {torch.tanh: {}}\npaddle: paddle.tanh\nparameters: {input: xx}\n",
         "3: parameters.input: paddle.tanh has no parameter xx; did you mean x?"),
        ("apis: {torch.tanh: {}}\npaddle: paddle.tanh\npaddle_only: [axis]\n",
         "3: paddle_only.axis: paddle.tanh has no parameter axis"),
        ("apis: {torch.tanh: {}}\npaddle: paddle.tanh\npaddle_only: [x]\n",
         "3: paddle_only.x: x is reached by a torch parameter, so it is not Paddle's alone"),
        ("apis: {torch.tanh: {}}\npaddle: paddle.tanh\nparameters: {input: {convert: logical_no}}\n",
         "3: parameters.input: convert.py has no logical_no; did you mean logical_not?"),
        ("apis: {torch.nn.functional.gelu: {}}\npaddle: paddle.nn.functional.gelu\n"
         "parameters: {approximate: fallback}\n",
         "3: parameters.approximate: is served by a fallback, but none is given: "
         "add 'fallback: {kernel: …}' or 'rewrite'"),
        ("apis: {torch.nn.functional.gelu: {}}\npaddle: paddle.nn.functional.gelu\n"
         "parameters: {approximate: fallback}\nfallback: {kernel: attentoin}\n",
         "4: fallback: the runtime has no attentoin; did you mean attention?"),
        ("apis: {torch.nn.functional.gelu: {}}\npaddle: paddle.nn.functional.gelu\n"
         "parameters: {input: {refuse: {zh: 否, en: never}}}\n",
         "3: parameters.input: has no default, so every call would take this treatment; "
         "limit it with 'only'"),
        ("apis: {torch.tanh: {}}\npaddle: paddle.tanh\nfallback: {kernel: attention}\n"
         "native_when: input.place == 1\n",
         "4: native_when: 'input.place' is outside the grammar: parameters, .shape[i], .ndim, "
         ".dtype, literals, comparisons, and/or/not, and named predicates"),
        ("apis: {torch.tanh: {}}\npaddle: paddle.tanh\nfallback: {kernel: attention}\n",
         "3: fallback: no call reaches it: give native_when, or say which parameters it serves"),
        ("apis: {torch.nn.functional.gelu: {}}\nfallback: {rewrite: zeros_of}\n",
         "2: fallback: the runtime has no zeros_of"),
        ("apis: {torch.nn.Tanh: {}}\npaddle: paddle.nn.Tanh\n",
         "1: apis.torch.nn.Tanh: is locked as class, so the record's kind is class"),
        ("apis: {torch.float32: {}}\npaddle: paddle.float32\n",
         "1: apis.torch.float32: is locked as attribute, so the record's kind is attribute"),
        ("apis: {torch.Tensor.tanh: {}}\npaddle: paddle.Tensor.tanh_\n",
         "2: paddle: paddle.Tensor.tanh_ changes its tensor in place; name the function that does "
         "not, whose result is written back for torch's in-place forms"),
        ("apis: {torch.nn.functional.gelu: {}}\npaddle: paddle.nn.functional.gelu\nexamples:\n"
         "- parameter: aproximate\n  title: {zh: 例, en: one}\n  inputs: {x: {normal: [2]}}\n"
         "  call: torch.nn.functional.gelu(x)\n",
         "4: examples[0].parameter: aproximate is no parameter here; did you mean approximate?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_line(context: Context, text: str, fault: str) -> None:
    assert fault in faults(text, context)


MAX = """apis: {torch.max: {}}
overloads:
  - match: [input]
    paddle: paddle.max
    paddle_only: [axis, keepdim]
  - match: [input, dim, keepdim]
    paddle: paddle.compat.max
  - match: [input, other]
    paddle: paddle.maximum
    parameters: {input: x, other: "y"}
"""


def test_every_overload_is_claimed_by_one_entry(context: Context) -> None:
    assert faults(MAX, context) == []
    unclaimed, _, _ = MAX.rpartition("  - match: [input, other]")
    assert faults(unclaimed, context) == [
        "2: overloads: nothing claims torch.max(input, other, out)"
    ]
    again = MAX + "  - match: [input, other]\n    paddle: paddle.maximum\n"
    assert faults(again, context) == [
        "11: overloads[3]: torch.max(input, other, out) is claimed twice; "
        "tell the entries apart with 'when'"
    ]
    (fault,) = faults(MAX.replace("[input, other]", "[input, others]"), context)[:1]
    assert fault == (
        "8: overloads[2].match: no overload has just these parameters; there are "
        "(input, dim, keepdim, out) or (input, other, out) or (input, out)"
    )


def test_entries_for_one_overload_are_told_apart_by_when(context: Context) -> None:
    split = (
        MAX + "  - match: [input, other]\n    paddle: paddle.maximum\n    when: input.ndim == 0\n"
    )
    assert faults(split, context) == [
        "11: overloads[3]: torch.max(input, other, out) is claimed twice; "
        "tell the entries apart with 'when'"
    ]
    first = split.replace("maximum\n", "maximum\n    when: input.ndim == 1\n", 1)
    assert faults(first, context) == [
        "14: overloads[3].when: the last entry for torch.max(input, other, out) must do "
        "without 'when'"
    ]
    assert faults(first.replace("    when: input.ndim == 0\n", ""), context) == []


def test_entries_that_share_overloads_share_all_of_them(context: Context) -> None:
    text = """apis: {torch.Tensor.scatter_: {}}
overloads:
  - {match: [dim, index, src], paddle: paddle.Tensor.put_along_axis_, when: dim == 0}
  - {match: [dim, index, src, reduce?], paddle: paddle.Tensor.put_along_axis_, parameters: {src: values}}
  - {match: [dim, index, value, reduce?], paddle: paddle.Tensor.put_along_axis_, parameters: {value: values}}
parameters: {dim: axis, index: indices, src: values}
paddle_only: [include_self, broadcast]
"""
    assert (
        "4: overloads[1].match: shares torch.Tensor.scatter_(self, dim, index, src) with another "
        "entry, but not all of its overloads"
    ) in faults(text, context)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("apis: {torch.is_grad_enabled: {}}\npaddle: paddle.is_grad_enabled\n", "no_parameters"),
        ("apis: {torch.nn.functional.hardswish: {}}\nmissing: {zh: 无, en: none}\n", "missing"),
        ("apis: {torch.nn.functional.hardswish: {}}\nremovable: {zh: 无, en: none}\n", "removable"),
        ("apis: {torch.nn.functional.hardswish: {}}\nfallback: {kernel: attention}\n", "composed"),
        ("apis: {torch.maximum: {}}\npaddle: paddle.maximum\n", "renamed"),
        ("apis: {torch.tanh: {}}\npaddle: paddle.scale\n"
         "paddle_only: {scale: {set: 1.0}, bias: {}, bias_after_scale: {}, act: {}}\n", "torch_more"),
        ("apis: {torch.Tensor.tanh: {}}\npaddle: paddle.scale\n"
         "paddle_only: {scale: {set: 1.0}, bias: {}, bias_after_scale: {}, act: {}}\n", "paddle_more"),
        ("apis: {torch.nn.functional.gelu: {}}\npaddle: paddle.nn.functional.gelu\n"
         "parameters: {approximate: {map: {none: false, tanh: true}}}\n", "usage"),
        (MAX, "torch_more"),
    ],
)  # fmt: skip
def test_categories(context: Context, text: str, key: str) -> None:
    assert category(text, context) == key


def test_a_default_that_differs_is_said_and_passed(context: Context) -> None:
    text = "apis: {torch.nn.functional.gelu: {}}\npaddle: paddle.nn.functional.gelu\n"
    (route,) = derived(text, context).routes
    (row,) = (row for row in route.rows if row.name == "approximate")
    assert row.differs
    assert row.differs.en == (
        "The defaults differ: `'none'` in PyTorch, `False` in Paddle; Oarlock passes PyTorch's."
    )
    assert row.differs.zh.startswith("默认值不同：PyTorch 为 `'none'`，Paddle 为 `False`")
    assert derived(text, context).category.key == "defaults"


def test_flash_attn_func(context: Context, flash: str) -> None:
    derivation = derive(Source(Path(FLASH), flash, load_text(flash, Path(FLASH))), context)
    assert derivation.problems == ()
    assert derivation.slug == "flash_attn/flash_attn_func"
    assert derivation.category.zh == "torch 参数更多"
    (route,) = derivation.routes
    assert [(row.name, row.treatment.key if row.treatment else None) for row in route.rows] == [
        ("q", "rename"),
        ("k", "rename"),
        ("v", "rename"),
        ("dropout_p", "rename"),
        ("softmax_scale", "fallback"),
        ("causal", "same"),
        ("window_size", "fallback"),
        ("softcap", "fallback"),
        ("alibi_slopes", "fallback"),
        ("deterministic", "fallback"),
        ("return_attn_probs", "fallback"),
        ("fixed_seed_offset", None),
        ("rng_name", None),
        ("training", None),
    ]
    assert route.neutral == {
        "softmax_scale": "softmax_scale is None",
        "window_size": "window_size == (-1, -1)",
        "softcap": "softcap == 0.0",
        "alibi_slopes": "alibi_slopes is None",
        "deterministic": "not deterministic",
        "return_attn_probs": "not return_attn_probs",
    }
    assert route.native_when
    assert route.native_when.predicates == {"paddle_flash_attention_is_exact"}
    assert all(api.url and "github.com" in api.url for api in derivation.apis)
    assert all(row.examples for row in route.parameters)


def test_standard_parameters_are_said_once(context: Context) -> None:
    text = "apis: {torch.tanh: {}}\npaddle: paddle.scale\npaddle_only: [scale, bias, bias_after_scale, act]\n"
    (route,) = derived(text, context).routes
    (row,) = (row for row in route.rows if row.name == "out")
    assert row.treatment
    assert row.treatment.key == "standard"
    assert row.served.zh == "结果写入给定的 Tensor，并返回该 Tensor。"


def test_an_overload_goes_before_the_record(context: Context) -> None:
    text = MAX + "parameters: {input: {note: {zh: 输入, en: the input}}, other: x}\n"
    routes = derived(text, context).routes
    assert [row.paddle[0].name for row in routes[2].parameters[:2]] == ["x", "y"]
    assert routes[0].rows[0].remarks[0].en == "the input"
    assert routes[2].rows[0].remarks == ()
