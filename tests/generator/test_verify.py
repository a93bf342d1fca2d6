"""What verification sees: every difference a user could see, and no difference where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
import torch

from oarlock.errors import ArgumentError, UnsupportedError
from oarlock.tensor import Tensor, commit, like, plain
from oarlock_generator.compare import FLOOR, compare_bits, compare_values
from oarlock_generator.evidence import Evidence, evidence_file, load_evidence
from oarlock_generator.examples import parse_call
from oarlock_generator.executed import Code
from oarlock_generator.load import Source, load_text
from oarlock_generator.oracles import Oracle
from oarlock_generator.trial import SEED, Trial, TrialError
from oarlock_generator.verify import Outcome, verify, verify_example, write_evidence

ROOT = Path(__file__).parents[2]
RECORD = """
apis: {torch.add: {}, torch.max: {}, torch.Tensor.add_: {}, torch.Tensor.mul_: {}}
paddle: paddle.add
examples:
"""
XZ = "inputs: {x: {normal: [3, 4], grad: true}, z: {normal: [3, 4], grad: true}}"


def source(call: str, inputs: str = XZ, more: str = "") -> Source:
    lines = f"  - title: {{zh: 加, en: add}}\n    {inputs}\n    {more}\n    call: |\n      {call}\n"
    text = RECORD + lines
    return Source(Path("mappings/torch/add.yaml"), text, load_text(text, Path("add.yaml")))


def crossing(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of plain tensors as a shim has it: Tensor in, Tensor out."""

    def shim(*args: Any, **kwargs: Any) -> Any:
        return like(None, function(*map(plain, args), **kwargs))

    return shim


def judge(of: Source, **functions: Callable[..., Any]) -> Outcome:
    shim = {f"torch.{name}": crossing(function) for name, function in functions.items()}
    return verify_example(of, 0, oracles=ROOT / "tests" / "oracles", shim=shim.__getitem__)


def fault(of: Source, **functions: Callable[..., Any]) -> str:
    outcome = judge(of, **functions)
    assert not outcome.agrees
    assert not outcome.runs
    return str(outcome)


ADD = source("torch.add(x, z)")
CODE = Code(ROOT, [])


def test_agreement_is_recorded() -> None:
    of = source("torch.add(x, z)", more="parameter: other\n    dtypes: [float32, float64]")
    outcome = judge(of, add=paddle.add)
    assert outcome.agrees, str(outcome)
    assert [run.dtype for run in outcome.runs] == ["float32", "float64"]
    for run in outcome.runs:
        assert (run.example, run.parameters, run.device) == ("other", ("other",), "cpu")
        assert run.error <= run.tolerance


@pytest.mark.parametrize(
    ("add", "words"),
    [
        (lambda x, z: x + z * 1.0001, ["result: largest error", "tolerance", "grad of z"]),
        (lambda x, z: (x + z).astype("float64"), ["a float64 tensor", "expected a float32"]),
        (lambda x, z: (x + z).reshape([4, 3]), ["shape [4, 3]", "shape [3, 4]"]),
        (lambda x, z: None, ["result: got None, expected a float32 tensor"]),
        (lambda x, z: (x + z,), ["got a tuple of 1, expected a float32 tensor"]),
        (lambda x, z: (x + z).detach(), ["without a gradient", "with a gradient"]),
        (lambda x, z: x.detach() + z, ["grad of x: got none, expected one"]),
        (lambda x, z: x + 0.5 * z + 0.5 * z.detach(), ["grad of z: largest error 1."]),
        (lambda x, z: (x + z, z.detach().add_(x.detach()))[0], ["z after the call: was changed"]),
        (lambda x, z: x.add_(z), ["the shim raised"]),
        (lambda x, z: x + z + float("nan"), ["result: differs in 12 of 12 places", "got nan"]),
        (lambda x, z: 1 // 0, ["the shim raised ZeroDivisionError"]),
    ],
)
def test_a_difference_is_told(add: Callable[..., Any], words: list[str]) -> None:
    told = fault(ADD, add=add)
    assert told.startswith("mappings/torch/add.yaml:5: examples[0]: basic (add) differs on float32")
    for word in words:
        assert word in told


def test_the_place_of_the_largest_error_is_told() -> None:
    def add(x: paddle.Tensor, z: paddle.Tensor) -> paddle.Tensor:
        spoilt = paddle.zeros([3, 4])
        spoilt[1, 2] = 0.25
        return x + z + spoilt

    told = fault(ADD, add=add)
    assert "result: largest error 2.5e-01 at [1, 2] (got" in told
    assert "beyond it in 1 of 12 places" in told


IN_PLACE = source("x.add_(z)", XZ)


def test_in_place_changes_identity_and_gradients_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_(x: Tensor, z: Tensor) -> Tensor:
        return commit(x, plain(x).clone() + plain(z))

    monkeypatch.setattr(Tensor, "add_", add_, raising=False)
    assert judge(IN_PLACE).agrees, str(judge(IN_PLACE))


def test_a_copy_is_no_in_place_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tensor, "add_", crossing(lambda x, z: x + z), raising=False)
    told = fault(IN_PLACE)
    assert "a float32 tensor of shape [3, 4] with a gradient, expected" in told
    assert "the very input x" in told


def test_an_input_left_unchanged_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tensor, "mul_", lambda x, factor: x, raising=False)
    assert "x after the call: largest error" in fault(
        source("x.mul_(1.5)", "inputs: {x: {normal: [5]}}")
    )


def test_a_plain_tensor_is_no_result_for_a_tensor() -> None:
    outcome = verify_example(ADD, 0, shim=lambda api: lambda x, z: plain(x) + plain(z))
    assert "result: got a float32 tensor of shape [3, 4] of Paddle's own" in str(outcome)


INTEGERS = source("torch.max(x, 1)", "inputs: {x: {integers: [6, 9], high: 50, dtype: int64}}")


def test_integers_and_named_tuples() -> None:
    class MaxResult(tuple):
        __match_args__ = ("values", "indices")

    def parts(x: paddle.Tensor, dim: int) -> tuple[paddle.Tensor, paddle.Tensor]:
        return x.max(dim), x.argmax(dim)

    assert judge(INTEGERS, max=lambda x, dim: MaxResult(parts(x, dim))).agrees
    assert "got a tuple of 2, expected a named tuple (values, indices)" in fault(
        INTEGERS, max=parts
    )
    told = fault(INTEGERS, max=lambda x, dim: MaxResult((x.max(dim) + 1, x.argmax(dim))))
    assert "result[0]: differs in 6 of 6 places, first at [0]" in told
    told = fault(INTEGERS, max=lambda x, dim: MaxResult((x.max(dim), None)))
    assert "result[1]: got None, expected a int64 tensor" in told


def test_repeatable_means_bit_for_bit() -> None:
    of = source("torch.add(x, z)", more="repeatable: true")
    assert judge(of, add=paddle.add).agrees
    calls: list[None] = []

    def wavering(x: paddle.Tensor, z: paddle.Tensor) -> paddle.Tensor:
        calls.append(None)
        return x + z if len(calls) % 2 else x * (1 + 2**-23) + z

    told = fault(of, add=wavering)
    assert "result: is not the same when run again: in" in told
    assert "grad of x" in told


def test_a_refusal_names_parameter_and_page() -> None:
    of = source("torch.add(x, z)", more="parameter: out\n    raises: UnsupportedError")

    def refusing(error: type[Exception], **facts: Any) -> Callable[..., Any]:
        def add(x: paddle.Tensor, z: paddle.Tensor) -> paddle.Tensor:
            raise error(**facts)

        return add

    outcome = judge(of, add=refusing(UnsupportedError, api="torch.add", parameter="out"))
    assert outcome.agrees
    assert outcome.runs[0].compared == "UnsupportedError"
    assert "expected UnsupportedError, got a result" in fault(of, add=paddle.add)
    other = refusing(ArgumentError, api="torch.add", parameter="out")
    assert "expected UnsupportedError, got ArgumentError" in fault(of, add=other)
    nameless = refusing(UnsupportedError, api="torch.add", reason="no")
    assert "lacks out" in fault(of, add=nameless)


def test_a_gradient_that_nothing_has_is_an_example_at_fault() -> None:
    of = source(
        "torch.max(x)",
        "inputs: {x: {integers: [6], high: 9, dtype: int64}, z: {normal: [1], grad: true}}",
    )
    assert "nothing in the oracle's result has a gradient" in fault(of, max=paddle.max)


def test_a_float64_run_with_other_draws_widens_no_tolerance() -> None:
    of = source("torch.rand_like(x)", "inputs: {x: {normal: [50]}}").text
    of = of.replace("torch.add: {}", "torch.rand_like: {}")
    record = Source(Path("mappings/torch/rand_like.yaml"), of, load_text(of, Path("a.yaml")))

    def near(x: paddle.Tensor) -> paddle.Tensor:
        torch.manual_seed(SEED)
        return paddle.to_tensor(torch.rand(50).numpy() * (1 + off))

    for off in (0.0, 1e-3):
        assert judge(record, rand_like=near).agrees is (off == 0)


def values(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


def test_the_tolerance_is_twice_torchs_own_error_and_the_floor() -> None:
    expected = np.array([1.0, -4.0])
    own = values(1.0, -4.001)
    tolerance = 2 * abs(float(own[1]) + 4) + FLOOR * 2**-23 * 4
    inside = compare_values("result", values(1 + 0.99 * tolerance, -4), own, expected, "float32")
    assert inside.fault is None
    assert inside.tolerance == pytest.approx(tolerance)
    assert inside.error == pytest.approx(0.99 * tolerance, rel=1e-3)
    outside = compare_values("result", values(1 + 1.01 * tolerance, -4), own, expected, "float32")
    assert outside.fault is not None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_floor_counts_in_the_epsilon_that_a_dtype_is_summed_in(dtype: str) -> None:
    epsilon = 2**-52 if dtype == "float64" else 2**-23
    one = np.ones(1)
    for steps, agrees in ((FLOOR, True), (FLOOR + 1, False)):
        found = compare_values("result", one + steps * epsilon, one, one, dtype)
        assert (found.fault is None) is agrees


@pytest.mark.parametrize(
    ("got", "own", "agrees"),
    [
        ([np.inf, 1], [np.inf, 1], True),
        ([-np.inf, 1], [np.inf, 1], False),
        ([np.nan, 1], [np.nan, 1], True),
        ([np.nan, 1], [np.inf, 1], False),
        ([3e38, 1], [np.inf, 1], False),
        ([1, np.inf], [1, 1], False),
        ([1, np.nan], [1, 1], False),
    ],
)
def test_infinities_and_nan_stand_where_torch_has_them(
    got: list[float], own: list[float], agrees: bool
) -> None:
    found = compare_values("result", values(*got), values(*own), np.array(own), "float32")
    assert (found.fault is None) is agrees


def test_an_expectation_that_is_not_finite_can_not_judge() -> None:
    found = compare_values("result", values(1), values(1), np.array([np.inf]), "float32")
    assert found.fault is not None
    assert "change the inputs" in found.fault


def test_nothing_to_compare_agrees() -> None:
    empty = np.zeros((0, 3), np.float32)
    assert compare_values("result", empty, empty, empty, "float32").fault is None


def test_bits_tell_a_negative_zero_from_zero() -> None:
    assert compare_bits("x", values(0.0, np.nan), values(0.0, np.nan), "differs").fault is None
    told = compare_bits("x", values(1.0, -0.0), values(1.0, 0.0), "differs").fault
    assert told is not None
    assert "differs in 1 of 2 places, first at [1]" in told


def test_evidence_is_written_read_and_the_same_again(tmp_path: Path) -> None:
    of = source("x.add_(z)", more="dtypes: [float32, float64]")
    first = verify([of])
    written = write_evidence(tmp_path, "torch/add", first, CODE)
    assert load_evidence(tmp_path, "torch/add") == written
    assert set(written.versions) == {"paddle", "torch"}
    assert (written.oracle, written.executed) == ("torch", CODE.digest(of))
    text = evidence_file(tmp_path, "torch/add").read_text("utf-8")
    write_evidence(tmp_path, "torch/add", verify([of]), CODE)
    assert evidence_file(tmp_path, "torch/add").read_text("utf-8") == text
    assert len(written.current(of.record.examples)) == 2


@pytest.mark.parametrize(
    "changed",
    [
        source("x.mul_(z)", more="dtypes: [float32, float64]"),
        source("x.add_(z)", XZ.replace("[3, 4]", "[4, 3]"), "dtypes: [float32, float64]"),
    ],
    ids=["call", "inputs"],
)
def test_evidence_of_a_changed_example_is_stale(tmp_path: Path, changed: Source) -> None:
    of = source("x.add_(z)", more="dtypes: [float32, float64]")
    written = write_evidence(tmp_path, "torch/add", verify([of]), CODE)
    assert written.current(changed.record.examples) == ()
    retitled = of.text.replace("en: add", "en: addition")
    record = load_text(retitled, Path("add.yaml"))
    assert len(written.current(record.examples)) == 2


def test_what_differs_leaves_no_evidence(tmp_path: Path) -> None:
    written = write_evidence(tmp_path, "torch/add", [judge(ADD, add=lambda x, z: x - z)], CODE)
    assert written.runs == ()


def test_runs_on_another_device_are_kept_while_they_hold(tmp_path: Path) -> None:
    outcomes = verify([source("x.add_(z)")])
    elsewhere = replace(outcomes[0], runs=(replace(outcomes[0].runs[0], device="gpu"),))
    write_evidence(tmp_path, "torch/add", [elsewhere], CODE)
    written = write_evidence(tmp_path, "torch/add", outcomes, CODE)
    assert sorted(run.device for run in written.runs) == ["cpu", "gpu"]
    changed = verify([source("x.mul_(z)")])
    assert [run.device for run in write_evidence(tmp_path, "torch/add", changed, CODE).runs] == [
        "cpu"
    ]
    file = evidence_file(tmp_path, "torch/add")
    file.write_text(file.read_text("utf-8").replace('"torch": "', '"torch": "0.'), "utf-8")
    again = write_evidence(tmp_path, "torch/add", [elsewhere], CODE)
    assert [run.device for run in again.runs] == ["gpu"]
    assert isinstance(again, Evidence)
    file.write_text(file.read_text("utf-8").replace(again.executed, "other code"), "utf-8")
    assert [run.device for run in write_evidence(tmp_path, "torch/add", outcomes, CODE).runs] == [
        "cpu"
    ]


def checkout(root: Path) -> Path:
    """A checkout as far as an execution reads it, with one record executed."""
    for file in (
        "runtime/oarlock/convert.py",
        "runtime/oarlock/_generated/torch/add.py",
        "runtime/oarlock/_generated/torch/mul.py",
        "tests/oracles/flash_attn.py",
    ):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text("a = 1\n", "utf-8")
    write_evidence(root / "mappings", "torch/add", verify([source("x.add_(z)")]), code(root))
    return root


def code(root: Path) -> Code:
    return Code(root, [Path("runtime/oarlock/_generated")])


@pytest.mark.parametrize(
    ("file", "stale"),
    [
        ("runtime/oarlock/convert.py", True),
        ("runtime/oarlock/new.py", True),
        ("runtime/oarlock/_generated/torch/add.py", True),
        ("tests/oracles/torch.py", True),
        ("runtime/oarlock/_generated/torch/mul.py", False),
        ("runtime/oarlock/_generated/torch/new.py", False),
        ("tests/oracles/flash_attn.py", False),
        ("runtime/oarlock/notes.md", False),
    ],
)
def test_evidence_of_other_code_is_stale(tmp_path: Path, file: str, stale: bool) -> None:
    of, root = source("x.add_(z)"), checkout(tmp_path)
    assert not code(root).stale(of)
    (root / file).write_text("a = 2\n", "utf-8")
    assert code(root).stale(of) is stale


def test_line_ends_leave_evidence_current(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    (root / "runtime/oarlock/convert.py").write_bytes(b"a = 1\r\n")
    assert not code(root).stale(source("x.add_(z)"))


def test_evidence_lacks_what_was_never_executed(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    assert code(root).stale(source("x.mul_(z)"))
    assert code(root).stale(source("x.add_(z)", more="dtypes: [float32, float64]"))
    evidence_file(root / "mappings", "torch/add").unlink()
    assert code(root).stale(source("x.add_(z)"))


def test_evidence_that_says_less_is_read_and_stale(tmp_path: Path) -> None:
    of, root = source("x.add_(z)"), checkout(tmp_path)
    file = evidence_file(root / "mappings", "torch/add")
    facts = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({name: facts[name] for name in ("versions", "runs")}), "utf-8")
    evidence = load_evidence(root / "mappings", "torch/add")
    assert evidence is not None
    assert (evidence.oracle, evidence.executed) == ("", "")
    assert len(evidence.current(of.record.examples)) == 1
    assert code(root).stale(of)


def test_an_oracle_of_the_checkout_is_named(tmp_path: Path) -> None:
    text = RECORD.replace("torch.add: {}", "flash_attn.flash_attn_func: {}")
    text += "  - {title: {zh: 加, en: add}, inputs: {x: {normal: [2]}}, call: x.add_(x)}\n"
    path = Path("mappings/flash_attn/a.yaml")
    of = Source(path, text, load_text(text, path))
    assert code(checkout(tmp_path)).oracle(of) == "tests/oracles/flash_attn.py"
    before = code(tmp_path).digest(of)
    (tmp_path / "tests/oracles/flash_attn.py").write_text("a = 2\n", "utf-8")
    assert code(tmp_path).digest(of) != before


def test_inputs_that_cannot_be_drawn_are_a_fault_of_the_example() -> None:
    # The bound of `high` keeps this out of a record; a draw may fail in other ways, memory among them.
    of = source("torch.add(x, x)", "inputs: {x: {integers: [2], high: 9, dtype: int64}}")
    example = of.record.examples[0]
    wild = example.inputs["x"].model_copy(update={"high": 1 << 70})
    changed = example.model_copy(update={"inputs": {"x": wild}})
    with pytest.raises(TrialError, match=r"drawing the inputs of the example raised \w+: "):
        Trial(
            changed,
            parse_call(changed, of.record.apis),
            "int64",
            Oracle("torch", ROOT / "tests" / "oracles"),
            {}.__getitem__,
            "cpu",
        )
