"""The committed signature locks say what the frameworks accept, and notice when that changes."""

from __future__ import annotations

import json
import pkgutil
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paddle
import pytest
import torch

from oarlock_generator.introspect import (
    PYTHON,
    check_lock,
    installed_locks,
    lock_flash_attn,
    lockfile,
    write_lock,
)
from oarlock_generator.signatures import Lock, Parameter, load_lock, parse_signature

LOCKS = Path(__file__).parents[2] / "mappings" / "_signatures"


@pytest.fixture(scope="session")
def locks() -> dict[str, Lock]:
    return load_lock(LOCKS)


@pytest.fixture(scope="session")
def installed() -> dict[str, Lock]:
    if sys.version_info[:2] != PYTHON:
        pytest.skip("the locks are made with another Python, whose signatures differ a little")
    return installed_locks()


def test_under_another_python_the_versions_are_compared(
    monkeypatch: pytest.MonkeyPatch, edited: Any
) -> None:
    monkeypatch.setattr(lockfile, "PYTHON", (2, 7))
    assert check_lock(LOCKS) == []
    older = edited("torch", lambda data: data["lock"].update(version="2.12.0"))
    assert check_lock(older) == ["torch 2.12.0 locked, 2.13.0 installed"]


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[str, Callable[[dict[str, Any]], object]], Path]:
    """A copy of the locks in which one file was changed."""

    def edit(package: str, change: Callable[[dict[str, Any]], object]) -> Path:
        folder = tmp_path / "locks"
        shutil.copytree(LOCKS, folder)
        path = folder / f"{package}.json"
        data = json.loads(path.read_text(encoding="utf-8"))
        change(data)
        path.write_text(json.dumps(data), encoding="utf-8")
        return folder

    return edit


def api(name: str) -> Any:
    """The installed function; untyped, since the stubs do not know the spellings tested here."""
    return pkgutil.resolve_name(name)


def names_and_defaults(signature: Any) -> dict[str, str | None]:
    return {p.name: p.default for p in signature.parameters}


def overloads(lock: Lock, name: str) -> list[str]:
    return [", ".join(p.name for p in o.parameters) for o in lock[name].overloads]


def test_flash_attn_func_has_its_eleven_parameters(locks: dict[str, Lock]) -> None:
    entry = locks["flash_attn"]["flash_attn.flash_attn_func"]
    assert [names_and_defaults(o) for o in entry.overloads] == [
        {
            "q": None,
            "k": None,
            "v": None,
            "dropout_p": "0.0",
            "softmax_scale": "None",
            "causal": "False",
            "window_size": "(-1, -1)",
            "softcap": "0.0",
            "alibi_slopes": "None",
            "deterministic": "False",
            "return_attn_probs": "False",
        }
    ]
    assert entry.same_as == "flash_attn.flash_attn_interface.flash_attn_func"
    assert locks["flash_attn"].url(entry) == (
        "https://github.com/Dao-AILab/flash-attention/blob/v2.8.3/"
        "flash_attn/flash_attn_interface.py#L1135"
    )


def test_overloads_come_from_the_stubs(locks: dict[str, Lock]) -> None:
    assert overloads(locks["torch"], "torch.max") == [
        "input, out",
        "input, other, out",
        "input, dim, keepdim, out",
    ]
    assert overloads(locks["torch"], "torch.Tensor.scatter_") == [
        "dim, index, src",
        "dim, index, src, reduce",
        "dim, index, value, reduce",
        "dim, index, value",
    ]


def test_overloaded_constructor_is_not_its_star_args(locks: dict[str, Lock]) -> None:
    assert [names_and_defaults(o) for o in locks["torch"]["torch.nn.LSTM"].overloads] == [
        {
            "input_size": None,
            "hidden_size": None,
            "num_layers": "1",
            "bias": "True",
            "batch_first": "False",
            "dropout": "0.0",
            "bidirectional": "False",
            "proj_size": "0",
            "device": "None",
            "dtype": "None",
        }
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch.optim.SGD", {"lr": "0.001", "momentum": "0", "nesterov": "False", "fused": "None"}),
        ("torch.utils.data.DataLoader", {"batch_size": "1", "drop_last": "False", "dataset": None}),
        ("torch.nn.functional.max_pool2d", {"stride": "None", "return_indices": "False"}),
        ("torch.nn.functional.one_hot", {"num_classes": "-1"}),
        ("torch.fft.fftfreq", {"d": "1.0", "requires_grad": "False"}),
    ],
)
def test_defaults(locks: dict[str, Lock], name: str, expected: dict[str, str | None]) -> None:
    defaults = names_and_defaults(locks["torch"][name].overloads[0])
    assert {key: defaults[key] for key in expected} == expected


def test_modules_that_only_refuse_arguments_take_none(locks: dict[str, Lock]) -> None:
    assert [o.parameters for o in locks["torch"]["torch.nn.Sigmoid"].overloads] == [()]
    with pytest.raises(TypeError):
        api("torch.nn.Sigmoid")(inplace=True)


def test_the_parser_counts_and_not_the_docstring(locks: dict[str, Lock]) -> None:
    # torch.linalg.norm documents its first parameter as A.
    assert locks["torch"]["torch.linalg.norm"].overloads[0].parameters[0].name == "input"
    matrix = torch.eye(2)
    assert api("torch.linalg.norm")(input=matrix) == torch.linalg.norm(matrix)
    with pytest.raises(TypeError, match="input"):
        torch.linalg.norm(A=matrix)


def test_numpy_spellings_that_torch_accepts(locks: dict[str, Lock]) -> None:
    assert locks["torch"]["torch.max"].aliases == {
        "dim": ("axis",),
        "input": ("a", "x", "x1"),
        "keepdim": ("keepdims",),
        "other": ("x2",),
    }
    matrix = torch.tensor([[1.0, 4.0], [3.0, 2.0]])
    for alias in ("a", "x", "x1"):
        values = api("torch.max")(**{alias: matrix}, axis=0, keepdims=True).values
        assert values.tolist() == [[3.0, 4.0]]
    assert api("torch.maximum")(x1=matrix, x2=matrix.T).tolist() == [[1.0, 4.0], [4.0, 2.0]]


def test_attributes_and_properties(locks: dict[str, Lock]) -> None:
    lock = locks["torch"]
    assert (lock["torch.float32"].kind, lock["torch.float32"].overloads) == ("attribute", ())
    assert lock["torch.half"].same_as == "torch.float16"
    assert lock["torch.pi"].kind == "attribute"
    assert lock["torch.Tensor.shape"].kind == "property"
    assert lock["torch.nn.functional"].kind == "module"


def test_members_are_found_through_re_exports_and_bases(locks: dict[str, Lock]) -> None:
    lock = locks["torch"]
    for name in ("torch.nn.Linear.eval", "torch.nn.modules.module.Module.eval"):
        assert lock[name].same_as == "torch.nn.Module.eval"
    assert "torch.float32.itemsize" in lock
    assert "torch.nn.Linear.no_such_member" not in lock
    assert lock.get("torch.no_such_function") is None


def test_links(locks: dict[str, Lock]) -> None:
    lock = locks["torch"]
    assert (
        lock.url(lock["torch.max"]) == "https://docs.pytorch.org/docs/2.13/generated/torch.max.html"
    )
    url = lock.url(lock["torch.nn.LSTM"])
    assert url is not None
    assert url.startswith(
        "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/nn/modules/rnn.py#L"
    )
    assert lock.url(lock["torch.float32"]) is None
    url = locks["paddle"].url(locks["paddle"]["paddle.abs"])
    assert url is not None
    assert "/blob/v3.3.1/python/paddle/_paddle_docs.py#L" in url


def test_source_lines_are_where_the_definition_is(locks: dict[str, Lock]) -> None:
    root = Path(torch.__file__).parents[1]
    for package, name, start in (
        ("torch", "torch.nn.LSTM", "class LSTM("),
        ("torch", "torch.Tensor.scatter_", "    def scatter_("),
        ("paddle", "paddle.nn.functional.flash_attention.flash_attention", "def flash_attention("),
        ("paddle", "paddle.abs", "add_doc_and_signature("),
    ):
        path, _, line = str(locks[package][name].source).partition(":")
        text = (root / path.removeprefix("python/")).read_text(encoding="utf-8")
        assert text.splitlines()[int(line) - 1].startswith(start)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("paddle.argmax", {"x": "matrix", "axis": 0}),
        ("paddle.sum", {"x": "matrix", "axis": 0}),
        ("paddle.maximum", {"x": "matrix", "y": "matrix"}),
        ("paddle.bmm", {"x": "batch", "y": "batch"}),
        ("paddle.nn.functional.softmax", {"x": "matrix", "axis": 0}),
        ("paddle.index_select", {"x": "matrix", "index": "index", "axis": 1}),
        ("paddle.add", {"x": "matrix", "y": "matrix"}),
        ("paddle.ones", {"shape": [2, 3]}),
    ],
)
def test_paddle_accepts_the_locked_aliases(
    locks: dict[str, Lock], name: str, arguments: dict[str, Any]
) -> None:
    inputs = {
        "matrix": paddle.to_tensor([[1.0, 4.0], [3.0, 2.0]]),
        "batch": paddle.to_tensor([[[1.0, 4.0], [3.0, 2.0]]]),
        "index": paddle.to_tensor([1, 0]),
    }
    given = {k: inputs[v] if isinstance(v, str) else v for k, v in arguments.items()}
    function = api(name)
    expected = function(**given).tolist()
    aliases = locks["paddle"][name].aliases
    assert aliases
    for parameter, spellings in aliases.items():
        for spelling in spellings:
            others = {k: v for k, v in given.items() if k != parameter}
            assert function(**others, **{spelling: given[parameter]}).tolist() == expected


@pytest.mark.filterwarnings("ignore:The API 'paddle.max' may behave differently")
def test_paddle_refuses_the_locked_keywords(locks: dict[str, Lock]) -> None:
    matrix = paddle.to_tensor([[1.0, 4.0], [3.0, 2.0]])
    forbidden = locks["paddle"]["paddle.max"].forbids
    assert forbidden == ("dim", "input", "other")
    for keyword in forbidden:
        with pytest.raises(TypeError, match="unexpected keyword"):
            api("paddle.max")(matrix, **{keyword: matrix})
    assert locks["paddle"]["paddle.nn.L1Loss"].forbids == ("reduce", "size_average")
    with pytest.raises(ValueError, match="no longer supports"):
        api("paddle.nn.L1Loss")(size_average=True)


def test_paddle_default_that_an_alias_changes(locks: dict[str, Lock]) -> None:
    assert locks["paddle"]["paddle.median"].alias_defaults == {"mode": "'min'"}
    values = paddle.to_tensor([[1.0, 2.0]])
    assert api("paddle.median")(values, axis=1).tolist() == [1.5]
    with pytest.warns(Warning, match="Set default parameters"):
        values, _ = api("paddle.median")(values, dim=1)
    assert values.tolist() == [1.0]


def test_paddle_forms_behind_star_args(locks: dict[str, Lock]) -> None:
    lock = locks["paddle"]
    assert overloads(lock, "paddle.compat.max") == [
        "input, out",
        "input, dim, keepdim, out",
        "input, other, out",
    ]
    assert overloads(lock, "paddle.Tensor.scatter_")[1] == "dim, index, src, reduce, value"
    assert overloads(lock, "paddle.transpose") == ["x, perm, name", "x, dim0, dim1"]
    matrix = paddle.to_tensor([[1.0, 4.0, 0.0]])
    transposed = api("paddle.transpose")(matrix, dim0=0, dim1=1)
    assert transposed.shape == [3, 1]


def test_methods_have_no_self_and_no_alias_for_it(locks: dict[str, Lock]) -> None:
    for name in ("paddle.Tensor.abs", "paddle.Tensor.softmax", "torch.Tensor.max"):
        package = name.partition(".")[0]
        entry = locks[package][name]
        assert not {"x", "self", "input"} & {p.name for o in entry.overloads for p in o.parameters}
    assert "x" not in locks["paddle"]["paddle.Tensor.abs"].aliases


def test_every_locked_signature_can_be_read(locks: dict[str, Lock]) -> None:
    for lock in locks.values():
        for name in lock.names():
            for text in lock.apis[name].get("signatures", ()):
                assert str(parse_signature(text)) == text, name


def test_parse_signature_knows_every_kind_of_parameter() -> None:
    text = "(a, /, b: int = 0, *size: int, c=None, **rest) -> Tensor"
    signature = parse_signature(text)
    assert signature.parameters == (
        Parameter("a", "positional", None, None),
        Parameter("b", "normal", "0", "int"),
        Parameter("size", "varargs", None, "int"),
        Parameter("c", "keyword", "None", None),
        Parameter("rest", "varkwargs", None, None),
    )
    assert str(signature) == text
    assert str(parse_signature("(a, /)")) == "(a, /)"
    assert str(parse_signature("(a, *, b)")) == "(a, *, b)"


def test_lock_is_what_is_installed(installed: dict[str, Lock]) -> None:
    assert check_lock(LOCKS, installed=installed) == []


def test_locking_twice_gives_the_same_bytes(installed: dict[str, Lock], tmp_path: Path) -> None:
    # The committed files were written by another process.
    for package, lock in installed.items():
        assert write_lock(tmp_path, lock).read_bytes() == (LOCKS / f"{package}.json").read_bytes()


def test_no_address_of_an_object_is_locked() -> None:
    for path in LOCKS.glob("*.json"):
        assert " at 0x" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("package", "change", "line"),
    [
        (
            "torch",
            lambda data: data["lock"].update(version="2.12.0"),
            "torch 2.12.0 locked, 2.13.0 installed",
        ),
        (
            "torch",
            lambda data: data["apis"]["torch.max"]["signatures"].__setitem__(
                2, "(input: Tensor, dim: int, keepdim: bool = True) -> torch.return_types.max"
            ),
            "torch.max: overload 3: parameter keepdim: default True -> False",
        ),
        ("torch", lambda data: data["apis"].pop("torch.addmm"), "torch.addmm: new"),
        (
            "paddle",
            lambda data: data["apis"].update({"paddle.adieu": {"kind": "function"}}),
            "paddle.adieu: removed",
        ),
        (
            "paddle",
            lambda data: data["apis"]["paddle.add"]["aliases"].update(x=["inputs"]),
            "paddle.add: alias inputs of x removed",
        ),
        (
            "paddle",
            lambda data: data["apis"]["paddle.max"].update(forbids=["dim"]),
            "paddle.max: forbids other",
        ),
        (
            "torch",
            lambda data: data["apis"]["torch.half"].update(same_as="torch.bfloat16"),
            "torch.half: same as torch.bfloat16 -> torch.float16",
        ),
    ],
)
def test_check_names_what_changed(
    package: str,
    change: Callable[[dict[str, Any]], object],
    line: str,
    installed: dict[str, Lock],
    edited: Callable[[str, Callable[[dict[str, Any]], object]], Path],
) -> None:
    lines = check_lock(edited(package, change), installed=installed)
    assert line in lines
    assert all(text.startswith(line.partition(" ")[0].rstrip(":")) for text in lines)


def test_a_framework_without_a_lock_is_named(installed: dict[str, Lock], tmp_path: Path) -> None:
    assert "paddle 3.3.1 installed, not locked" in check_lock(tmp_path, installed=installed)


def test_flash_attn_is_read_without_being_imported(tmp_path: Path) -> None:
    package = tmp_path / "flash_attn"
    package.mkdir()
    (package / "__init__.py").write_text(
        '__version__ = "9.9.9"\nfrom flash_attn.interface import attend as attend_func\n'
    )
    (package / "interface.py").write_text(
        "import flash_attn_2_cuda\n\n"
        "def attend(q, *, scale=None): ...\n"
        "def _private(q): ...\n"
        "class Attend:\n    def __init__(self, causal=False): ...\n"
    )
    lock = lock_flash_attn(tmp_path)
    assert (lock.version, lock.tag) == ("9.9.9", "v9.9.9")
    entry = lock["flash_attn.attend_func"]
    assert entry.same_as == "flash_attn.interface.attend"
    assert entry.source == "flash_attn/interface.py:3"
    assert [str(o) for o in entry.overloads] == ["(q, *, scale=None)"]
    assert [str(o) for o in lock["flash_attn.interface.Attend"].overloads] == ["(causal=False)"]
    assert "flash_attn.interface._private" not in lock


def test_a_folder_that_is_no_flash_attn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lock_flash_attn(tmp_path)
