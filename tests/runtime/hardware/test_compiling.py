"""torch.compiler's questions and decorators beside torch's, and refusals of compiled programs."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError


def _decorated(t: Any) -> Any:
    @t.compiler.disable
    def one(x: Any) -> Any:
        return x + 1

    @t.compiler.disable(recursive=False)
    def two(x: Any) -> Any:
        return x + 2

    return one(t.ones(1)).tolist(), two(t.ones(1)).tolist()


QUESTIONS: dict[str, Any] = {
    "compiling": lambda t: t.compiler.is_compiling(),
    "exporting": lambda t: t.compiler.is_exporting(),
    "reset": lambda t: t.compiler.reset(),
    "disable": _decorated,
    "no_script": lambda t: isinstance(t.nn.Linear(1, 1), t.jit.ScriptModule),
    "no_function": lambda t: isinstance(len, t.jit.ScriptFunction),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_against_torch(question: Any) -> None:
    assert question(oarlock_torch) == question(torch)


REFUSED: dict[str, Any] = {
    "trace": lambda t: t.jit.trace(t.sin, (t.ones(1),)),
    "save": lambda t: t.jit.save(t.jit.script(t.nn.Linear(1, 1)), "model.pt"),
    "load": lambda t: t.jit.load("model.pt"),
    "freeze": lambda t: t.jit.freeze(t.nn.Linear(1, 1)),
    "sparse": lambda t: t.sparse.mm(t.ones(1, 1), t.ones(1, 1)),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_refused(call: Any) -> None:
    with pytest.raises(UnsupportedError, match=r"eagerly|dense"):
        call(oarlock_torch)


def test_compile_and_script_return_what_they_were_given() -> None:
    t = oarlock_torch
    layer = t.nn.Linear(2, 2)
    assert t.compile(layer, mode="max-autotune") is layer
    assert t.jit.script(layer) is layer

    @t.compile(fullgraph=True)
    def double(x: Any) -> Any:
        return x * 2

    assert double(t.ones(2)).tolist() == [2.0, 2.0]
