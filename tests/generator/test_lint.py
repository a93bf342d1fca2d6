"""Each lint rule: what breaks it is reported at its line, what keeps it is not, and its fix mends just that."""

from __future__ import annotations

from pathlib import Path

import pytest

from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.lint import RULES, apply_edits, fix, key_order, lint
from oarlock_generator.load import Source, load_text
from oarlock_generator.model import Record
from oarlock_generator.problems import Problem

TANH = """apis: {torch.tanh: {}}
paddle: paddle.tanh
"""
EXAMPLE = """examples:
- title: {zh: 例子, en: An example}
  inputs: {x: {normal: [2, 3]}}
  call: torch.tanh(x)
"""


def derived(text: str, context: Context, path: str = "mappings/torch/tanh.yaml") -> Derivation:
    return derive(Source(Path(path), text, load_text(text, Path(path))), context)


def found(rule: str, context: Context, *derivations: Derivation) -> list[Problem]:
    return [problem for problem in lint(derivations, context) if problem.rule == rule]


def said(rule: str, text: str, context: Context) -> list[str]:
    problems = found(rule, context, derived(text, context))
    return [str(p).removeprefix("mappings/torch/tanh.yaml:") for p in problems]


def mended(rule: str, text: str, context: Context) -> str:
    """The text with the rule's own fixes made; the rule is content with it."""
    edits = [e for p in found(rule, context, derived(text, context)) for e in p.fix]
    assert edits
    after = apply_edits(text, edits)
    assert found(rule, context, derived(after, context)) == []
    return after


def test_every_rule_says_what_it_is() -> None:
    names = [rule.name for rule in RULES]
    assert names == sorted(set(names))
    assert all(rule.description.endswith(".") for rule in RULES)


def test_a_good_record_has_no_problem(context: Context) -> None:
    assert lint([derived(TANH + EXAMPLE, context)], context) == []


def test_api_once(context: Context) -> None:
    first = derived(TANH, context)
    again = derived(TANH, context, "mappings/torch/again.yaml")
    (problem,) = found("api-once", context, first, again)
    assert str(problem) == (
        "mappings/torch/again.yaml:1: apis.torch.tanh: "
        "torch.tanh already has a record in mappings/torch/tanh.yaml"
    )
    assert found("api-once", context, first) == []


def test_case_collision(context: Context) -> None:
    stream = "apis: {torch.cuda.stream: {}}\nmissing: {zh: 无, en: None yet}\n"
    capital = "apis: {torch.cuda.Stream: {}}\nkind: class\nmissing: {zh: 无, en: None yet}\n"
    function = derived(stream, context, "mappings/torch/cuda/stream.yaml")
    clash = derived(capital, context, "mappings/torch/cuda/Stream.yaml")
    kept = derived(capital, context, "mappings/torch/cuda/Stream_class.yaml")
    (problem,) = found("case-collision", context, function, clash)
    assert str(problem) == (
        "mappings/torch/cuda/Stream.yaml:1: differs from mappings/torch/cuda/stream.yaml in case "
        "only, which many file systems and URLs ignore; name this file Stream_class.yaml"
    )
    assert found("case-collision", context, function, kept) == []
    assert found("file-name", context, function, kept) == []


@pytest.mark.parametrize(
    ("api", "path", "fits"),
    [
        ("torch.tanh", "torch/tanh", True),
        ("torch.tanh", "torch/tanh_function", True),
        ("torch.tanh", "tanh", False),
        ("torch.tanh", "torch/sinh", False),
        ("torch.tanh", "torch/tanh_class", False),
        ("torch.tanh", "torch/../torch/tanh", False),
        ("torch.Tensor.tanh_", "torch/Tensor/tanh_", True),
        ("torch.Tensor.tanh_", "torch/tanh", True),
        ("torch.Tensor.tanh_", "torch/Tensor/tanh", False),
        ("torch.nn.functional.gelu", "torch/nn/functional/gelu", True),
        ("torch.nn.functional.gelu", "torch/nn/gelu", False),
    ],
)
def test_file_name(context: Context, api: str, path: str, fits: bool) -> None:
    text = f"apis: {{{api}: {{}}}}\nmissing: {{zh: 无, en: None yet}}\n"
    problems = found("file-name", context, derived(text, context, f"mappings/{path}.yaml"))
    assert (problems == []) == fits
    for problem in problems:
        wanted = f"mappings/{api.replace('.', '/')}.yaml"
        assert problem.message == (
            f"holds {api} and belongs in {wanted}: git mv mappings/{path}.yaml {wanted}"
        )


def test_a_call_of_something_else(context: Context) -> None:
    text = TANH + EXAMPLE.replace("torch.tanh(x)", "torch.sinh(x)")
    problems = lint([derived(text, context)], context)
    assert [p.line for p in problems] == [6]
    assert "torch.sinh is not one of this record's apis" in problems[0].message


GELU = """apis: {torch.nn.functional.gelu: {}}
paddle: paddle.nn.functional.gelu
parameters:
  approximate:
    map: {none: false, tanh: true}
examples:
- title: {zh: 例子, en: An example}
  inputs: {x: {normal: [2]}}
  call: torch.nn.functional.gelu(x)
"""


def test_example_cover(context: Context) -> None:
    assert said("example-cover", GELU, context) == [
        "4: parameters.approximate: no example has 'parameter: approximate' with a value other "
        "than the default"
    ]
    covered = GELU.replace("- title", "- parameter: approximate\n  title")
    assert said("example-cover", covered, context) == []
    unverified, _, _ = GELU.partition("examples:")
    assert said("example-cover", unverified, context) == []


def test_note_required(context: Context) -> None:
    text = GELU.replace("map: {none: false, tanh: true}", "treat: fallback").replace(
        "examples:", "fallback: {kernel: attention}\nexamples:"
    )
    assert said("note-required", text, context) == [
        "4: parameters.approximate: is served by a fallback: say in a note what Paddle lacks, "
        "zh and en"
    ]
    noted = text.replace("treat: fallback", "treat: fallback\n    note: {zh: 有, en: a note}")
    assert said("note-required", noted, context) == []


def test_key_order(context: Context) -> None:
    text = f"# what it is\n\n# where it goes\npaddle: paddle.tanh # Paddle's\n# of torch\napis: {{torch.tanh: {{}}}}\n\n{EXAMPLE}"
    assert said("key-order", text, context) == [
        "4: paddle: stands out of order; the order is apis, paddle, examples"
    ]
    assert mended("key-order", text, context) == (
        "# what it is\n\n# of torch\napis: {torch.tanh: {}}\n\n"
        f"# where it goes\npaddle: paddle.tanh # Paddle's\n{EXAMPLE}"
    )
    assert said("key-order", TANH + EXAMPLE, context) == []
    assert said("key-order", '"apis": {torch.tanh: {}}\n"paddle": paddle.tanh\n', context) == []


def test_key_order_without_a_last_line_break(context: Context) -> None:
    text = "paddle: paddle.tanh\napis: {torch.tanh: {}}"
    assert mended("key-order", text, context) == TANH


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("按行求和,再取平均", "按行求和，再取平均"),
        ("按行求和, 再取平均", "按行求和，再取平均"),
        ("只影响数值;不影响形状", "只影响数值；不影响形状"),
        ("求和.", "求和。"),
        ("真的?不是!", "真的？不是！"),
    ],
)
def test_punctuation(context: Context, wrong: str, right: str) -> None:
    text = f'{TANH}notes:  # keep\n  - zh: "{wrong}"\n    en: "One, two."\n'
    assert all(s.startswith("4: notes[0].zh: after a Chinese character write ")
               for s in said("punctuation", text, context))  # fmt: skip
    assert mended("punctuation", text, context) == text.replace(wrong, right)


@pytest.mark.parametrize(
    "good", ["求和，再取平均。", "默认为 1.5, 2", "取 a, b 之和", "见 torch.tanh。"]
)
def test_punctuation_that_is_right(context: Context, good: str) -> None:
    assert said("punctuation", f'{TANH}notes: [{{zh: "{good}", en: "One"}}]\n', context) == []


def test_punctuation_of_plain_texts_in_a_flow(context: Context) -> None:
    text = f"{TANH}notes:\n  - {{zh: 求和.再平均? 好!, en: One}}\n"
    assert mended("punctuation", text, context).count("\n") == text.count("\n")


def test_redundant(context: Context) -> None:
    text = """apis: {torch.maximum: {}}
paddle: paddle.maximum
parameters:
  # the first
  input:
    to: x

  # the second
  other:
    note: {zh: 另一个, en: the other}
"""
    assert said("redundant", text, context) == [
        "5: parameters.input: says what is derived without it; remove it"
    ]
    assert mended("redundant", text, context) == text.replace("  input:\n    to: x\n", "")


def test_redundant_leaves_no_empty_field(context: Context) -> None:
    text = "apis: {torch.tanh: {}}\npaddle: paddle.tanh\nparameters:\n  input: x\nreturns: same\n"
    assert mended("redundant", text, context) == (
        "apis: {torch.tanh: {}}\npaddle: paddle.tanh\nreturns: same\n"
    )
    assert mended("redundant", TANH + "parameters: {input: x}\n", context) == TANH


def test_redundant_beside_others_on_its_line_is_left_to_its_author(context: Context) -> None:
    text = """apis: {torch.maximum: {}}
paddle: paddle.maximum
parameters: {input: x, other: {note: {zh: 另一个, en: the other}}}
"""
    (problem,) = found("redundant", context, derived(text, context))
    assert problem.fix == ()


def test_what_is_needed_is_not_redundant(context: Context) -> None:
    text = 'apis: {torch.hypot: {}}\npaddle: paddle.hypot\nparameters: {input: x, other: "y"}\n'
    assert said("redundant", text, context) == [
        "3: parameters.input: says what is derived without it; remove it"
    ]


def test_terms(context: Context) -> None:
    text = f"{TANH}notes:\n- zh: 只在反向中使用缺省值，缺省值为 0。  # 缺省值\n  en: 缺省值 stays in English text.\n"
    assert said("terms", text, context) == [
        "4: notes[0].zh: Paddle's documentation writes 默认值, not 缺省值"
    ]
    assert mended("terms", text, context) == (
        f"{TANH}notes:\n- zh: 只在反向中使用默认值，默认值为 0。  # 缺省值\n  en: 缺省值 stays in English text.\n"
    )


def test_a_latin_term_keeps_its_distance(context: Context) -> None:
    text = f"{TANH}summary: {{zh: 返回张量，形状与 x 相同的张量的副本, en: A copy}}\n"
    assert "zh: 返回 Tensor，形状与 x 相同的 Tensor 的副本," in mended("terms", text, context)


@pytest.mark.parametrize(
    "good",
    ["索引数组", "先求和，然后向右移动", "核心函数", "后向", "前向传播", "注意力机制", "向量组"],
)
def test_words_that_only_look_like_another_s_term(context: Context, good: str) -> None:
    assert said("terms", f"{TANH}notes: [{{zh: {good}, en: One}}]\n", context) == []


def test_terms_are_mended_as_whole_words(context: Context) -> None:
    text = f"{TANH}notes: [{{zh: 正向传播与注意机制, en: One}}]\n"
    assert "zh: 前向传播与注意力机制," in mended("terms", text, context)


def test_fixes_that_overlap_wait_for_the_next_round(context: Context, tmp_path: Path) -> None:
    text = (
        "paddle: paddle.tanh\nsummary: {zh: '缺省值,零', en: The default}\napis: {torch.tanh: {}}\n"
    )
    path = Path("mappings/torch/tanh.yaml")
    (tmp_path / path).parent.mkdir(parents=True)
    rounds = []
    for _ in range(3):
        derivation = derived(text, context)
        rounds.append({p.rule for p in fix(lint([derivation], context), [derivation], tmp_path)})
        if rounds[-1]:
            text = (tmp_path / path).read_text("utf-8")
    assert rounds == [{"terms", "punctuation"}, {"key-order"}, set()]
    assert text == (
        "apis: {torch.tanh: {}}\nsummary: {zh: '默认值，零', en: The default}\npaddle: paddle.tanh\n"
    )


def test_the_order_knows_every_field() -> None:
    assert set(key_order.ORDER) == set(Record.model_fields)
