"""Records are untrusted: broken or hostile, they give problems, never a traceback and never code of their own."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.emit.docs import render_docs
from oarlock_generator.emit.files import changes
from oarlock_generator.emit.records import render_api, render_runtime_records
from oarlock_generator.emit.shim import render_shim
from oarlock_generator.lint import lint
from oarlock_generator.load import Source, load_records, load_text
from oarlock_generator.problems import Problem, RecordError
from oarlock_generator.project import Project

FLASH = Path("mappings/flash_attn/flash_attn_func.yaml")
PATH = Path("mappings/torch/nn/functional/gelu.yaml")
FOLDERS = [Path(f) for f in ("runtime/oarlock", "docs/en/api", "docs/zh/api")]

quick = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Texts that break out of something, where they are printed as they are.
BREAKS = (
    '"""',
    '"""\nimport os\n"""',
    "'''",
    '"',
    "\\",
    '\\"""',
    "\\N{x}\\x",
    "{",
    "}",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{#",
    "{0!r:>{1}}",
    "%s %(x)s",
    "<script>alert(1)</script>",
    "<!--",
    "](javascript:alert(1))",
    "| a | b |",
    "```",
    "`",
    "--8<-- \"/etc/passwd\"",
    "---",
    "# head",
    ":::",
    "$(id)",
    "; import os; os.system('id') #",
    "choose(",
    "\U0001f600",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u3000",
)  # fmt: skip
hostile = st.lists(
    st.sampled_from(BREAKS) | st.text(st.characters(codec="utf-8"), max_size=12),
    min_size=1, max_size=5,
).map(" ".join)  # fmt: skip


def examined(
    text: str, context: Context, path: Path = PATH
) -> tuple[Derivation | None, list[Problem]]:
    """A record as far as it gets, and all that is wrong with it."""
    try:
        record = load_text(text, path)
    except RecordError as error:
        return None, list(error.problems)
    derivation = derive(Source(path, text, record), context)
    problems = [*derivation.problems, *lint([derivation], context)]
    assert all(str(problem).startswith(f"{path.as_posix()}:") for problem in problems)
    lines = text.count("\n") + text.count("\r") + text.count("\x85") + 1
    assert all(problem.line is None or 1 <= problem.line <= lines for problem in problems)
    return derivation, problems


def emitted(derivation: Derivation, context: Context, root: Path) -> dict[Path, str]:
    """Everything that is generated from a record; every path is in its folder, all Python compiles."""
    outputs = {
        **render_shim([derivation], context),
        **render_runtime_records([derivation], context),
        **render_api([derivation], context, {}),
        **render_docs([derivation], context, {}),
    }
    changes(root, outputs, FOLDERS)
    for path, text in outputs.items():
        text.encode("utf-8")
        if path.suffix == ".json":
            json.loads(text)
    return outputs


def statements(outputs: dict[Path, str]) -> list[list[str]]:
    """The kinds of statements of each generated module; an expression statement is a docstring."""
    kinds = []
    for path in sorted(path for path in outputs if path.suffix == ".py"):
        nodes = [n for n in ast.walk(ast.parse(outputs[path])) if isinstance(n, ast.stmt)]
        for node in nodes:
            if isinstance(node, ast.Expr):
                assert isinstance(node.value, ast.Constant)
        kinds.append([type(node).__name__ for node in nodes])
    return kinds


@quick
@given(data=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes(context: Context, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(data)
    _, problems = load_records([file], tmp_path)
    assert all(str(problem).startswith("a.yaml") for problem in problems)


WORDS = (
    "apis", "paddle", "parameters", "torch.tanh", "overloads", "match", "to", "map", "only", "refuse",
    "zh", "en", "- ", ": ", "\n", "\n  ", "{", "}", "[", "]", ",", "&a", "*a", "!!int", "|", ">", "?",
    "'", '"', "no", "010", "1e400", "-.inf", ".nan", "~", "<<", "%YAML 1.1", "---", "...", "#", "\t",
    "\x00", "\ud7ff", "é", "😀", "x" * 300, "9" * 5000,
)  # fmt: skip


@quick
@given(words=st.lists(st.sampled_from(WORDS), max_size=40))
def test_any_yaml(context: Context, words: list[str]) -> None:
    examined("".join(words), context)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
FIELDS = (
    "kind", "summary", "overloads", "parameters", "members", "state", "paddle_only", "returns", "result",
    "fallback", "native_when", "missing", "removable", "notes", "examples", "paddle", "apis",
)  # fmt: skip


@quick
@given(fields=st.dictionaries(st.sampled_from(FIELDS), json_values, min_size=1, max_size=4))
def test_any_value_in_any_field(context: Context, fields: dict[str, Any]) -> None:
    record = {"apis": {"torch.nn.functional.gelu": {}}, "paddle": "paddle.nn.functional.gelu"}
    text = json.dumps({**record, **fields}, ensure_ascii=False, indent=1)
    examined(text, context)


MUTATIONS: dict[str, Callable[[list[str], int, str], list[str]]] = {
    "delete": lambda lines, at, word: lines[:at] + lines[at + 1 :],
    "duplicate": lambda lines, at, word: [*lines[: at + 1], *lines[at:]],
    "swap": lambda lines, at, word: [*lines[:at], *reversed(lines[at : at + 2]), *lines[at + 2 :]],
    "rename": lambda lines, at, word: [
        *lines[:at], lines[at].replace(lines[at].strip().partition(":")[0] or " ", word, 1), *lines[at + 1 :],
    ],
    "value": lambda lines, at, word: [
        *lines[:at], f"{lines[at].partition(':')[0]}: {word}", *lines[at + 1 :],
    ],
    "indent": lambda lines, at, word: [*lines[:at], f"  {lines[at]}", *lines[at + 1 :]],
    "cut": lambda lines, at, word: [*lines[:at], lines[at][: len(lines[at]) // 2], *lines[at + 1 :]],
}  # fmt: skip


@quick
@given(
    changed=st.lists(
        st.tuples(
            st.sampled_from(sorted(MUTATIONS)),
            st.integers(0, 10_000),
            st.sampled_from(WORDS + BREAKS) | st.sampled_from(["../../x", "q", "window_sise", "[]", "{}"]),
        ),
        min_size=1, max_size=3,
    )
)  # fmt: skip
def test_the_real_record_mutated(
    checkout: Project, tmp_path: Path, changed: list[tuple[str, int, str]]
) -> None:
    lines = (checkout.root / FLASH).read_text("utf-8").splitlines()
    for kind, place, word in changed:
        lines = MUTATIONS[kind](lines, place % len(lines), word) or [""]
    derivation, problems = examined("\n".join(lines) + "\n", checkout.context, FLASH)
    if derivation and not problems:
        emitted(derivation, checkout.context, tmp_path)


def gelu(remark: str, word: str, comment: str = "") -> str:
    """A record that has a text at every place that takes one."""

    def said(text: str) -> str:
        return json.dumps({"zh": text, "en": text}, ensure_ascii=False)

    return f"""# {comment}
apis: {{torch.nn.functional.gelu: {{note: {said(remark)}}}}}
summary: {said(remark)}
paddle: paddle.nn.functional.gelu
parameters:
  input: {{note: {said(remark)}}}
  approximate: {{refuse: {said(remark)}, only: [{json.dumps(word, ensure_ascii=False)}, tanh]}}
result: {said(remark)}
notes: [{said(remark)}, {said(word)}]
examples:
- parameter: [input, approximate]
  title: {said(remark)}
  inputs: {{x: {{normal: [2]}}}}
  call: {json.dumps(f"torch.nn.functional.gelu(x, approximate={word!r})", ensure_ascii=False)}
"""


@quick
@given(remark=hostile, word=hostile)
def test_texts_stay_texts(context: Context, tmp_path: Path, remark: str, word: str) -> None:
    plain, none = examined(gelu("A remark", "a word"), context)
    assert plain
    assert none == []
    derivation, problems = examined(gelu(remark, word), context)
    if derivation is None:
        return
    assert {p.rule for p in problems} <= {"examples", "punctuation", "terms"}
    outputs = emitted(derivation, context, tmp_path)
    assert statements(outputs) == statements(emitted(plain, context, tmp_path))
    # Code shows what the record says: the call's own text, and whatever stands in backticks.
    if "<script" not in word and "`" not in remark:
        assert not [p for p, text in outputs.items() if p.suffix == ".md" and "<script" in text]
    if '"""' not in remark and "\\" not in remark:
        (module,) = (t for p, t in outputs.items() if p.name == "gelu.py")
        (function,) = (n for n in ast.parse(module).body if isinstance(n, ast.FunctionDef))
        doc = ast.get_docstring(function) or ""
        assert "".join(remark.split()) in "".join(doc.split())


MAPPED = """apis: {{torch.nn.functional.gelu: {{}}}}
paddle: paddle.nn.functional.gelu
parameters:
  approximate: {{map: {table}}}
"""


@quick
@given(
    table=st.dictionaries(
        hostile | st.integers() | st.none(), hostile | st.floats() | st.lists(hostile), min_size=1, max_size=4
    )
)  # fmt: skip
def test_values_stay_values(context: Context, tmp_path: Path, table: dict[Any, Any]) -> None:
    # "? " writes any key: JSON's own are texts.
    entries = [f"{{? {json.dumps(k)} : {json.dumps(v)}}}"[1:-1] for k, v in table.items()]
    text = MAPPED.format(table="{" + ", ".join(entries) + "}")
    for wrong, right in (("NaN", ".nan"), ("-Infinity", "-.inf"), ("Infinity", ".inf")):
        text = text.replace(f": {wrong}", f": {right}")
    derivation, problems = examined(text, context)
    if derivation is None or problems:
        return
    outputs = emitted(derivation, context, tmp_path)
    (module,) = (t for p, t in outputs.items() if p.name == "gelu.py")
    (call,) = (
        node
        for node in ast.walk(ast.parse(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "choose"
    )
    assert len(call.args) == 4
    assert isinstance(call.args[3], ast.Dict)
    assert len(call.args[3].keys) == len(table)


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "torch.nn.functional.gelu; import os",
        "torch.nn.functional.gelu\nimport os",
        "torch..gelu",
        ".torch",
        "torch.",
        "torch.gelu()",
        "torch/gelu",
        "torch.__class__",
        "torch.nn.functional.gelu ",
        "\uff54orch.gelu",
        "torch.import",
        "",
        "torch." + "a." * 200 + "b",
    ],
)
def test_names_are_checked(context: Context, name: str) -> None:
    word = json.dumps(name)
    for text in (
        f"apis: {{{word}: {{}}}}\npaddle: paddle.tanh\n",
        f"apis: {{torch.tanh: {{}}}}\npaddle: {word}\n",
        f"apis: {{torch.tanh: {{}}}}\npaddle: paddle.tanh\nparameters: {{{word}: x}}\n",
        f"apis: {{torch.tanh: {{}}}}\npaddle: paddle.tanh\nparameters: {{input: {word}}}\n",
        f"apis: {{torch.tanh: {{}}}}\npaddle: paddle.tanh\npaddle_only: [{word}]\n",
        f"apis: {{torch.tanh: {{}}}}\npaddle: paddle.tanh\nfallback: {{kernel: {word}}}\n",
        f"apis: {{torch.tanh: {{}}}}\npaddle: paddle.tanh\nparameters: {{input: {{convert: {word}}}}}\n",
    ):
        _, problems = examined(text, context)
        assert problems


@pytest.mark.parametrize("returns", ["torch.return_types.nothing", "third", "a.b", "__import__"])
def test_a_result_is_of_a_known_kind(context: Context, returns: str) -> None:
    text = f"apis: {{torch.tanh: {{}}}}\npaddle: paddle.tanh\nreturns: {returns}\n"
    _, problems = examined(text, context, Path("mappings/torch/tanh.yaml"))
    assert [problem.field for problem in problems] == ["returns"]


@pytest.mark.parametrize(
    "name",
    ['a"""b.yaml', "a\nimport os.yaml", "a'b.yaml", "a b.yaml", "a\\b.yaml", "é.yaml", "{}.yaml"],
)  # fmt: skip
def test_file_names_are_reported(copy: Project, name: str) -> None:
    file = copy.mappings / "torch" / name
    file.parent.mkdir()
    file.write_text("apis: {torch.tanh: {}}\npaddle: paddle.tanh\n", "utf-8")
    before = {path for path in copy.root.rglob("*") if ".cache" not in path.parts}
    _, problems = copy.generate(pages=False)
    assert [problem.rule for problem in problems] == ["file-name"]
    assert {path for path in copy.root.rglob("*") if ".cache" not in path.parts} == before
