"""The code to copy: each snippet of the records runs as it stands."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from oarlock.tensor import dtypes
from oarlock_generator.derive import Derivation
from oarlock_generator.emit.snippets import oarlock_snippet, pytorch_snippet
from oarlock_generator.load import Source, load_text
from oarlock_generator.model import Example
from oarlock_generator.project import Project

ROOT = Path(__file__).resolve().parents[2]


def run(lines: list[str]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile("\n".join(lines), "<snippet>", "exec"), names)
    return names


def each_example(derivations: list[Derivation]) -> list[tuple[Derivation, Example]]:
    return [(d, example) for d in derivations for example in d.record.examples]


def test_oarlock_snippets_run(derivations: list[Derivation]) -> None:
    for derivation, example in each_example(derivations):
        lines = oarlock_snippet(example, derivation)
        names = run(lines)

        if lines[-1].endswith(".backward()"):
            assert any(names[n].grad is not None for n, spec in example.inputs.items() if spec.grad)


def test_pytorch_snippets_run(
    derivations: list[Derivation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the oracle, since flash_attn itself needs a GPU; the device is all that differs."""
    spec = importlib.util.spec_from_file_location(
        "flash_attn", ROOT / "tests/oracles/flash_attn.py"
    )
    assert spec
    assert spec.loader
    oracle = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "flash_attn", oracle)
    spec.loader.exec_module(oracle)
    for derivation, example in each_example(derivations):
        if not example.random:
            lines = pytorch_snippet(example, derivation)
            run([line.replace(', device="cuda"', "") for line in lines])


def snippet(inputs: str, call: str, checkout: Project, more: str = "") -> list[str]:
    text = "\n".join(
        [
            "apis: {torch.add: {}}",
            "paddle: paddle.add",
            "examples:",
            "  - title: {zh: 例, en: example}",
            f"    inputs: {inputs}",
            f"    call: {call}",
            *([f"    {more}"] if more else []),
        ]
    )
    path = Path("mappings/torch/add.yaml")
    source = Source(path, text, load_text(text, path))
    (derivation,) = checkout.derive([source])
    return oarlock_snippet(source.record.examples[0], derivation)


@pytest.mark.parametrize(
    ("inputs", "shape", "dtype", "bounds"),
    [
        ("{a: {normal: [3, 4]}}", [3, 4], "float32", None),
        ("{a: {normal: [3, 4], scale: 2.0, dtype: float64}}", [3, 4], "float64", None),
        ("{a: {uniform: [50]}}", [50], "float32", (0, 1)),
        ("{a: {uniform: [50], low: -3, high: -2}}", [50], "float32", (-3, -2)),
        ("{a: {integers: [50], low: 2, high: 5, dtype: int64}}", [50], "int64", (2, 4)),
        ("{a: {integers: [50], low: 0, high: 2, dtype: bool}}", [50], "bool", None),
        ("{a: {values: [[1, 2.5], [3, 4]], dtype: float16}}", [2, 2], "float16", (1, 4)),
        ("{a: {values: 3}}", [], "float32", (3, 3)),
        ("{a: {normal: []}}", [], "float32", None),
    ],
)
def test_inputs_are_as_the_record_describes_them(
    checkout: Project,
    inputs: str,
    shape: list[int],
    dtype: str,
    bounds: tuple[float, float] | None,
) -> None:
    lines = snippet(inputs, "torch.add(a, a)", checkout)
    a = run([line for line in lines if line.startswith(("import", "a ="))])["a"]

    assert list(a.shape) == shape
    assert a.dtype is getattr(dtypes, dtype)
    if bounds:
        values = a.numpy()
        assert bounds[0] <= values.min()
        assert values.max() <= bounds[1]


def test_a_refused_call_shows_its_error(checkout: Project) -> None:
    lines = snippet("{a: {normal: [2]}}", "torch.add(a, a)", checkout, "raises: UnsupportedError")

    assert lines[:2] == ["import oarlock.torch as torch", "from oarlock import UnsupportedError"]
    assert lines[-4:] == [
        "try:",
        "    result = torch.add(a, a)",
        "except UnsupportedError as error:",
        "    print(error)",
    ]
