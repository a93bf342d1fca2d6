"""Conditions of records are parsed into a small grammar; nothing else gets through."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oarlock_generator.expressions import MAX_LENGTH, ExpressionError, parse_condition

PARAMETERS = ("q", "k", "causal", "mode", "momentum", "self")
PREDICATES = ("is_exact", "has_no_gradient")


def refusal(source: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        parse_condition(source, PARAMETERS, PREDICATES)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "normalised"),
    [
        ("causal", "causal"),
        ("not causal", "not causal"),
        ("momentum == 0", "momentum == 0"),
        ("0 <= momentum < 1", "0 <= momentum < 1"),
        ("q.ndim == 4 and q.shape[-1] <= 256", "q.ndim == 4 and q.shape[-1] <= 256"),
        ("q.dtype == k.dtype or causal is None", "q.dtype == k.dtype or causal is None"),
        ("q.shape == k.shape", "q.shape == k.shape"),
        ("mode in ('nearest', \"bilinear\")", 'mode in ("nearest", "bilinear")'),
        ("mode not in [1, -2.5, None, True]", "mode not in [1, -2.5, None, True]"),
        ("is_exact(q, k, causal)", "is_exact(q, k, causal)"),
        ("  has_no_gradient( q )\n", "has_no_gradient(q)"),
        ("not (is_exact(q) and (causal or q.shape[0] != 1))",
         "not (is_exact(q) and (causal or q.shape[0] != 1))"),
    ],
)  # fmt: skip
def test_the_grammar(source: str, normalised: str) -> None:
    assert parse_condition(source, PARAMETERS, PREDICATES).source == normalised


def test_what_a_condition_says_of_itself() -> None:
    condition = parse_condition(
        "momentum == 0 and mode is None and is_exact(q, causal)", PARAMETERS, PREDICATES
    )
    assert condition.names == {"momentum", "mode", "q", "causal"}
    assert condition.predicates == {"is_exact"}
    assert condition.parts == ("momentum == 0", "mode is None", "is_exact(q, causal)")
    assert condition.fixed == {"momentum": "0", "mode": "None"}


@pytest.mark.parametrize(
    "source",
    [
        "__import__('os').system('id')",
        "().__class__",
        "q.__class__",
        "q.shape.__class__",
        "q.place",
        "q.shape[causal]",
        "q.shape[0:2]",
        "q.shape[0][0]",
        "q.k.ndim",
        "q.numel()",
        "q[0]",
        "lambda: 1",
        "[x for x in q]",
        "{q for q in k}",
        "(q for q in k)",
        "(x := 1)",
        "f'{q}'",
        "q if causal else k",
        "q + k",
        "q @ k",
        "~causal",
        "*q",
        "{}",
        "{q: k}",
        "b'bytes'",
        "1j",
        "...",
        "is_exact(q.ndim)",
        "is_exact(*q)",
        "is_exact(q=q)",
        "is_exact(is_exact(q))",
        "is_exact",
        "(is_exact)(q)(k)",
        "await q",
        "yield",
        "q; k",
        "q = k",
        "import os",
        "",
        "   ",
        "q ==",
        "q\x00",
        "q and",
        "# q",
        "exec('1')",
        "print(q)",
    ],
)
def test_everything_else_is_refused(source: str) -> None:
    assert refusal(source)


def test_a_refusal_names_the_part_and_the_grammar() -> None:
    assert refusal("causal and q.place == 1") == (
        "'q.place' is outside the grammar: parameters, .shape[i], .ndim, .dtype, literals, "
        "comparisons, and/or/not, and named predicates"
    )


def test_misspellings_get_the_nearest_name() -> None:
    assert refusal("casual") == "casual is no parameter here; did you mean causal?"
    assert refusal("is_exakt(q)") == (
        "is_exakt is no predicate in conditions.py; did you mean is_exact?"
    )


def test_long_and_deep_input_is_refused_without_a_traceback() -> None:
    assert refusal("causal or " * 200 + "causal") == f"is longer than {MAX_LENGTH} characters"
    assert refusal("(" * 400 + "q" + ")" * 400)
    assert refusal("not " * 249 + "q(")
    assert refusal("q" + ".ndim" * 190)
    assert refusal("[" * 150 + "q.place" + "]" * 150)


@given(st.text(max_size=60) | st.text("q k()[].'\"andnot:=lambda*1<>!#\\\n", max_size=40))
def test_any_text_is_parsed_or_refused(source: str) -> None:
    try:
        condition = parse_condition(source, PARAMETERS, PREDICATES)
    except ExpressionError:
        return
    names = {n.id for n in ast.walk(ast.parse(condition.source)) if isinstance(n, ast.Name)}
    assert names <= {*PARAMETERS, *PREDICATES}
    assert "\n" not in condition.source
