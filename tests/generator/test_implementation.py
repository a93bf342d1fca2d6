"""Records whose public name is an object of Oarlock's own: found, compared with torch's signature, exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from oarlock_generator.derive import Context, Derivation, derive
from oarlock_generator.emit.page import Facts, Page
from oarlock_generator.emit.records import render_runtime_records
from oarlock_generator.emit.shim import TENSOR_METHODS, render_shim
from oarlock_generator.load import Source, load_text
from oarlock_generator.problems import RecordError
from oarlock_generator.runtime_names import RuntimeNameError, read_runtime_names

SOURCES = {
    "results.py": "_FIELDS = {}\n",
    "layers/base.py": "class Base:\n    def __init__(self, *sizes): ...\n    def run(self, a): ...\n",
    "layers/linear.py": """
from oarlock.layers.base import Base as Parent

class Linear(Parent):
    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None): ...
    @property
    def size(self): ...

class Identity(Parent):
    pass

Dense = Linear
""",
    "layers/__init__.py": "from oarlock.layers.linear import Linear, Dense\n",
    "numbers.py": """
from functools import cache
if True:
    first = object()
second, third = 1, 2

@cache
def tanh(input, *, out=None): ...
def sinh(input, out=None): ...
def cosh(input, *, out=1): ...
def is_floating(self): ...
def uniform_(self, from_=0, to=1.0, *, generator=None): ...
@tanh
def hidden(anything): ...
""",
}
PATH = Path("mappings/torch/some.yaml")


@pytest.fixture
def wider(context: Context, tmp_path: Path) -> Context:
    """The locks, with a runtime of a few files."""
    for name, text in SOURCES.items():
        file = tmp_path / "oarlock" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return replace(context, runtime=read_runtime_names(tmp_path))


def derived(text: str, context: Context) -> Derivation:
    return derive(Source(PATH, text, load_text(text, PATH)), context)


def sound(text: str, context: Context) -> Derivation:
    derivation = derived(text, context)
    assert derivation.problems == ()
    return derivation


@pytest.mark.parametrize(
    ("path", "name", "home", "kind"),
    [
        ("oarlock.layers.linear.Linear", "Linear", "oarlock.layers.linear:Linear", "class"),
        ("oarlock.layers.linear", "Linear", "oarlock.layers.linear:Linear", "class"),
        ("oarlock.layers.Dense", "Linear", "oarlock.layers:Dense", "class"),
        ("oarlock.layers.linear.Linear.run", "run", "oarlock.layers.base:Linear.run", "method"),
        ("oarlock.layers.linear.Linear.size", "x", "oarlock.layers.linear:Linear.size", "attribute"),
        ("oarlock.numbers", "first", "oarlock.numbers:first", "attribute"),
        ("oarlock.numbers.third", "x", "oarlock.numbers:third", "attribute"),
        ("oarlock.numbers.tanh", "x", "oarlock.numbers:tanh", "function"),
    ],
)  # fmt: skip
def test_an_object_is_found(wider: Context, path: str, name: str, home: str, kind: str) -> None:
    found = wider.runtime.object(path, name)
    assert (found.home, found.kind) == (home, kind)


def test_a_signature_is_read_where_calls_are_told_by_it(wider: Context) -> None:
    def names(path: str) -> list[str] | None:
        signature = wider.runtime.object(path, "x").signature
        return signature and [p.name for p in signature.parameters]

    linear = ["in_features", "out_features", "bias", "device", "dtype"]
    assert names("oarlock.layers.linear.Linear") == names("oarlock.layers.Dense") == linear
    assert names("oarlock.layers.linear.Identity") == ["sizes"]
    assert names("oarlock.layers.linear.Linear.run") == ["self", "a"]
    assert names("oarlock.numbers.tanh") == ["input", "out"]
    assert names("oarlock.numbers.hidden") is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("oarlock.layers.linear.Liner", "oarlock.layers.linear has no Liner; did you mean Linear?"),
        ("oarlock.layers.linear", "oarlock.layers.linear has no tanh"),
        ("oarlock.nothing.tanh", "the runtime has no oarlock.nothing.tanh"),
        ("paddle.tanh", "paddle.tanh is not of Oarlock's runtime"),
        ("oarlock.numbers.tanh.x", "oarlock.numbers.tanh is no class, so it has no x"),
        ("oarlock.layers.linear.Linear.rum", "oarlock.layers.linear.Linear has no rum"),
        ("oarlock.layers.linear.Linear.a.b", "the runtime has no oarlock.layers.linear.Linear"),
    ],
)
def test_a_path_that_leads_nowhere(wider: Context, path: str, message: str) -> None:
    with pytest.raises(RuntimeNameError) as caught:
        wider.runtime.object(path, "tanh")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("apis: {torch.tanh: {}}\nimplementation: oarlock.numbers.tanhh\n",
         "2: implementation: oarlock.numbers has no tanhh; did you mean tanh?"),
        ("apis:\n  torch.tanh: {implementation: oarlock.numbers.sinh}\n",
         "2: apis.torch.tanh.implementation: oarlock.numbers.sinh has another signature than "
         "torch.tanh: out is by name only in torch"),
        ("apis: {torch.cosh: {}}\nimplementation: oarlock.numbers\n",
         "2: implementation: oarlock.numbers.cosh has another signature than torch.cosh: "
         "the default of out is None in torch, not 1"),
        ("apis: {torch.nn.Bilinear: {}}\nkind: class\nimplementation: oarlock.layers.Linear\n",
         "3: implementation: oarlock.layers.Linear has another signature than torch.nn.Bilinear: "
         "(in_features, out_features, bias, device, dtype), and torch's is "
         "(in1_features, in2_features, out_features, bias, device, dtype)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_line(wider: Context, text: str, fault: str) -> None:
    problems = [
        str(p).removeprefix("mappings/torch/some.yaml:") for p in derived(text, wider).problems
    ]
    assert problems == [fault]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apis: {torch.nn.Linear: {}}\nkind: class\npaddle: paddle.nn.Linear\n",
         "a class needs 'implementation'"),
        ("apis: {torch.tanh: {}}\nimplementation: oarlock.numbers\nmissing: {zh: 无, en: none}\n",
         "'implementation' says that it is served"),
        ("apis: {torch.tanh: {}}\nimplementation: oarlock.numbers\nfallback: {rewrite: tanh}\n",
         "it goes without fallback"),
    ],
)  # fmt: skip
def test_what_excludes_an_implementation(text: str, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        load_text(text, PATH)


LINEAR = """apis: {torch.nn.Linear: {}, torch.nn.modules.linear.Linear: {}}
kind: class
implementation: oarlock.layers.linear.Linear
paddle: paddle.nn.Linear
parameters:
  bias: bias_attr
"""


def test_the_table_compares_and_passes_nothing(wider: Context) -> None:
    derivation = sound(LINEAR, wider)
    assert derivation.category.key == "torch_more"
    (route,) = derivation.routes
    said = {row.name: row.served.en for row in route.rows}
    assert said["in_features"] == "Paddle's parameter of the same name."
    assert said["bias"] == "Paddle's `bias_attr`."
    assert said["device"] == (
        "Paddle has no such parameter; Oarlock's own implementation serves it."
    )
    assert said["weight_attr"] == ("PyTorch has no such parameter; Paddle's default is `None`.")
    assert "passes" not in " ".join(row.differs.en for row in route.rows if row.differs)


def test_the_page_says_who_serves_it(wider: Context) -> None:
    page = Page(Facts(sound(LINEAR, wider), None, wider), "en")
    (route,) = page.routes
    said = page.routing(route, page.words.comma)
    assert "It is an object of Oarlock's own: `oarlock.layers.linear.Linear`." in said
    assert "`paddle.nn.Linear`" in said


def test_only_names_are_generated(wider: Context) -> None:
    outputs = render_shim([sound(LINEAR, wider)], wider)
    assert not [path for path in outputs if "torch" in path.parts and "_generated" in path.parts]
    for module in ("torch/nn", "torch/nn/modules/linear"):
        text = outputs[Path("runtime/oarlock", module, "__init__.py")]
        assert '"Linear": "oarlock.layers.linear:Linear"' in text
    (text,) = render_runtime_records([sound(LINEAR, wider)], wider).values()
    assert '"own": ["torch.nn.Linear", "torch.nn.modules.linear.Linear"]' in text


def test_a_name_may_differ_from_the_object_s(wider: Context) -> None:
    text = """apis:
  torch.float32: {}
  torch.float: {implementation: oarlock.numbers.second}
kind: attribute
implementation: oarlock.numbers.first
"""
    derivation = sound(text, wider)
    assert derivation.category.key == "composed"
    namespace = render_shim([derivation], wider)[Path("runtime/oarlock/torch/__init__.py")]
    assert '"float": "oarlock.numbers:second"' in namespace
    assert "from oarlock.numbers import second as float" in namespace
    assert '"float32": "oarlock.numbers:first"' in namespace


def test_methods_and_properties_are_listed_for_the_tensor(wider: Context) -> None:
    records = [
        sound("apis: {torch.Tensor.uniform_: {}}\nimplementation: oarlock.numbers\n", wider),
        sound(
            "apis: {torch.Tensor.is_cuda: {}}\nkind: attribute\n"
            "implementation: oarlock.numbers.is_floating\n",
            wider,
        ),
        sound("apis: {torch.Tensor.tanh: {}}\npaddle: paddle.tanh\npaddle_only: [out]\n", wider),
        # What is written on the class itself is there already.
        sound(
            "apis: {torch.Tensor.shape: {}}\nkind: attribute\n"
            "implementation: oarlock.layers.linear.Linear.size\n",
            wider,
        ),
    ]
    scope: dict[str, object] = {}
    exec(render_shim(records, wider)[TENSOR_METHODS], scope)
    assert scope["HOMES"] == {
        "is_cuda": "oarlock.numbers:is_floating",
        "tanh": "oarlock._generated.torch.some:Tensor_tanh",
        "uniform_": "oarlock.numbers:uniform_",
    }
    assert scope["PROPERTIES"] == {"is_cuda"}


def test_a_family_may_be_partly_generated(wider: Context) -> None:
    text = """apis:
  torch.tanh: {implementation: oarlock.numbers.tanh}
  torch.Tensor.tanh: {}
paddle: paddle.tanh
"""
    outputs = render_shim([sound(text, wider)], wider)
    module = outputs[Path("runtime/oarlock/_generated/torch/some.py")]
    assert "def Tensor_tanh(self)" in module
    assert "def tanh(" not in module
