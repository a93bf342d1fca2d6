"""explain on records of every shape: overloads, values that decide, one server, none."""

import json
import sys
import types
from pathlib import Path

import paddle
import pytest

import oarlock
from oarlock import catalog
from oarlock_generator.derive import derive
from oarlock_generator.emit.records import render_runtime_records
from oarlock_generator.emit.shim import module_name, render_module
from oarlock_generator.load import Source, load_text

MAX = """apis: {torch.max: {}}
overloads:
  - {match: [input], paddle: paddle.max, paddle_only: [axis, keepdim]}
  - {match: [input, dim, keepdim], paddle: paddle.compat.max}
  - {match: [input, other], paddle: paddle.maximum}
"""
SPLIT = """apis: {torch.maximum: {}}
overloads:
  - {when: input.ndim == 0, paddle: paddle.maximum}
  - {fallback: {kernel: attention}}
"""
MISSING = """apis: {torch.minimum: {}}
missing: {zh: 暂无。, en: Not there yet.}
"""


@pytest.fixture
def served(context, monkeypatch):
    """Make a record's shim and data as `oarlock generate` does, for this test alone."""

    def serve(text: str) -> None:
        api = next(iter(load_text(text, Path("x")).apis))
        path = Path(f"mappings/{api.replace('.', '/')}.yaml")
        derivation = derive(Source(path, text, load_text(text, path)), context)
        assert derivation.problems == ()
        module = types.ModuleType(module_name(derivation))
        exec(render_module(derivation, context), module.__dict__)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        (data,) = render_runtime_records([derivation], context).values()
        monkeypatch.setattr(catalog, "catalog", lambda: json.loads(data))
        catalog._pages.cache_clear()

    yield serve
    catalog._pages.cache_clear()


def test_each_overload_has_its_own_server(served):
    served(MAX)
    x = paddle.ones([2, 3])
    assert oarlock.explain("torch.max", x).server == "paddle.max"
    assert oarlock.explain("torch.max", x, 1).server == "paddle.compat.max"
    assert oarlock.explain("torch.max", x, x).server == "paddle.maximum"
    with pytest.raises(oarlock.ArgumentTypeError, match=r"torch\.max"):
        oarlock.explain("torch.max", "no tensor")


def test_a_value_decides_between_routes(served):
    served(SPLIT)
    scalar, vector = paddle.ones([]), paddle.ones([2])
    assert oarlock.explain("torch.maximum", scalar, scalar).route == "native"
    explanation = oarlock.explain("torch.maximum", vector, vector)
    assert explanation.route == "fallback"
    assert explanation.reasons == ("Paddle has no function for it",)


def test_what_nothing_serves_says_so(served):
    served(MISSING)
    x = paddle.ones([2])
    assert oarlock.explain("torch.minimum", x, x).route == "none"
