"""The conformance runner tells every kind of difference from torch, and loses nothing it ran."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import oarlock.torch as ours
from oarlock.errors import UnsupportedError
from oarlock_generator.cli import main
from oarlock_generator.conformance.calls import Call, Caller
from oarlock_generator.conformance.checks import Check
from oarlock_generator.conformance.comparison import DifferenceError
from oarlock_generator.conformance.conversion import Conversion
from oarlock_generator.conformance.counterparts import Counterparts
from oarlock_generator.conformance.databases import Subject, chosen, tenth
from oarlock_generator.conformance.errors import check_error
from oarlock_generator.conformance.expected import Reviewed, load_reviewed
from oarlock_generator.conformance.figures import Figures
from oarlock_generator.conformance.operators import OperatorChecks, operators, spread
from oarlock_generator.conformance.outcome import Outcome
from oarlock_generator.conformance.pool import Limits, run_pool
from oarlock_generator.conformance.store import Journal, load_published, publish
from oarlock_generator.conformance.tolerances import Tolerance
from oarlock_generator.model import Text
from oarlock_generator.problems import RecordError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def caller() -> Caller:
    return Caller(Conversion(Counterparts()))


def call(function: Any, *args: Any, **options: Any) -> Call:
    return Call(function, list(args), {}, Tolerance(), **options)


def leaf(*shape: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape, requires_grad=True)


class Scaled(ours.autograd.Function):
    """Three times the right gradient."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return grad_outputs[0] * 6


WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "value": (lambda x: x * 2 + 1e-3, "Mismatched elements"),
    "dtype": (lambda x: (x * 2).double(), "got torch.float64, expected torch.float32"),
    "shape": (lambda x: (x * 2)[None], r"got shape \[1, 3, 4\], expected \[3, 4\]"),
    "structure": (lambda x: (x * 2,), "got a tuple of 1, expected a tensor"),
    "gradient": (lambda x: Scaled.apply(x), "gradient 0: Mismatched"),
    "no gradient": (lambda x: (x * 2).detach(), "does not require a gradient"),
    "exception": (lambda x: x.missing, "AttributeError"),
}


def test_what_is_torchs_passes(caller: Caller) -> None:
    caller.check(call(lambda x: x * 2, leaf(3, 4), counterpart=lambda x: x * 2))


@pytest.mark.parametrize("kind", WRONG)
def test_a_difference_is_found(caller: Caller, kind: str) -> None:
    wrong, message = WRONG[kind]
    with pytest.raises(DifferenceError, match=message):
        caller.check(call(lambda x: x * 2, leaf(3, 4), counterpart=wrong))


def test_torchs_error_must_be_raised_too(caller: Caller) -> None:
    given = torch.ones(2, dtype=torch.int64)
    with pytest.raises(DifferenceError, match="gave a result where torch raises RuntimeError"):
        caller.check(call(torch.Tensor.exp_, given, in_place=True, counterpart=lambda x: x))


def test_a_refusal_is_a_failure_where_torch_raises_too(caller: Caller) -> None:
    def refuse(x: Any) -> Any:
        raise UnsupportedError(api="torch.exp_", reason="no")

    given = torch.ones(2, dtype=torch.int64)
    with pytest.raises(DifferenceError, match="UnsupportedError"):
        caller.check(call(torch.Tensor.exp_, given, in_place=True, counterpart=refuse))


def test_what_is_written_in_place_is_compared(caller: Caller) -> None:
    def writes(x: Any, total: Any) -> Any:
        total.add_(x)
        return x + 0

    x, total = torch.ones(2), torch.zeros(2)
    with pytest.raises(DifferenceError, match="argument 1 afterwards"):
        caller.check(call(writes, x, total, counterpart=lambda x, total: x + 0))


def test_another_tensor_than_the_given_one_is_no_in_place_result(caller: Caller) -> None:
    copying = call(torch.Tensor.neg_, torch.ones(2), in_place=True, counterpart=lambda x: -x)
    with pytest.raises(DifferenceError, match="not the tensor that was given"):
        caller.check(copying)


def test_rounding_is_judged_by_torchs_own_error(caller: Caller) -> None:
    def cancels(x: Any) -> Any:
        return (x + 1e5) - 1e5

    def as_far_the_other_way(x: Any) -> Any:
        return x - (((x + 1e5) - 1e5) - x)

    x = torch.linspace(0.1, 0.9, 5)
    narrow = call(cancels, x, counterpart=as_far_the_other_way)
    caller.check(narrow)
    with pytest.raises(DifferenceError, match="Mismatched"):
        caller.check(call(cancels, x, counterpart=lambda x: x + 0.1))


def test_strides_gradients_and_repeated_tensors_cross(caller: Caller) -> None:
    convert = caller.conversion.to_ours
    x = torch.arange(24.0).reshape(4, 6)[1::2, ::3].t().requires_grad_()
    memo: dict[int, Any] = {}
    made, again = convert([x, x], memo)
    assert made is again
    assert made.stride() == tuple(x.stride())
    assert not made.is_contiguous()
    assert made.requires_grad
    assert made.is_leaf
    assert made.tolist() == x.tolist()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.complex64, torch.bool])
def test_values_of_every_dtype_cross_and_come_back(caller: Caller, dtype: torch.dtype) -> None:
    x = torch.tensor([0.0, 1.0, -2.5, 3.140625]).to(dtype)
    made = caller.conversion.to_ours(x, {})
    assert str(made.dtype) == str(dtype)
    assert torch.equal(caller.conversion.to_torch(made), x)


def test_conjugated_and_negated_views_cross_as_what_they_read(caller: Caller) -> None:
    x = torch.tensor([1 + 2j, 3 - 4j])
    assert caller.conversion.to_ours(x.conj(), {}).tolist() == [1 - 2j, 3 + 4j]
    assert caller.conversion.to_ours(x.conj().imag, {}).tolist() == [-2.0, 4.0]


def test_functions_of_torchs_tests_call_oarlock() -> None:
    found = Counterparts()
    op = operators()["uniform"].op
    assert "<lambda>" in op.__qualname__
    made = found.of(op)(ours.zeros(3))
    assert isinstance(made, ours.Tensor)
    assert found.of(torch.nn.functional.relu) is ours.nn.functional.relu
    assert found.of(torch.Tensor.add_) is ours.Tensor.add_
    assert found.of(torch.float16) is ours.float16


def test_every_kind_of_sample_is_checked(caller: Caller) -> None:
    checks = list(OperatorChecks(caller).of(operators()["add"]))
    groups = {check.group for check in checks}
    assert {"float32", "float64", "int64", "bool", "complex64", "bfloat16", "float16"} <= groups
    op = operators()["add"]
    torch.manual_seed(42)
    every = list(op.sample_inputs("cpu", torch.float32, requires_grad=True))
    assert sum(check.group == "float32" for check in checks) == len(every)


def test_a_wrong_method_fails_its_operator(caller: Caller, monkeypatch: Any) -> None:
    checks = OperatorChecks(caller)
    op = operators()["abs"]
    (first, *_) = [check for check in checks.of(op) if check.group == "float32"]
    assert first.fault() is None
    monkeypatch.setattr(ours.Tensor, "abs", lambda self: self * 2)
    assert "method result" in (first.fault() or "")
    monkeypatch.undo()
    monkeypatch.setattr(ours.Tensor, "abs_", lambda self: self)
    assert "in-place result" in (first.fault() or "")


def test_error_inputs_are_of_torchs_type_and_words() -> None:
    given = SimpleNamespace(error_type=ValueError, error_regex="must be positive")

    def raising(error: Exception) -> Callable[[], None]:
        def run() -> None:
            raise error

        return run

    theirs = raising(ValueError("n must be positive"))
    check_error(theirs, raising(ValueError("n must be positive")), given)
    for wrong, message in (
        (raising(TypeError("n must be positive")), "TypeError"),
        (raising(ValueError("no")), "says 'no' where torch says"),
        (lambda: None, "gave a result"),
    ):
        with pytest.raises(DifferenceError, match=message):
            check_error(theirs, wrong, given)


def test_torchs_tolerances_are_taken_where_its_tests_say() -> None:
    from torch.testing._internal.common_device_type import tol, toleranceOverride
    from torch.testing._internal.opinfo.core import DecorateInfo

    wide = toleranceOverride({torch.float32: tol(atol=1e-2, rtol=1e-1)})
    for_all = DecorateInfo(wide, "TestCommon")
    assert Tolerance.of_decorators([for_all]).of(torch.float32) == (1e-1, 1e-2)
    for_gpus = DecorateInfo(wide, "TestCommon", device_type="cuda")
    assert Tolerance.of_decorators([for_gpus]).of(torch.float32) == (1.3e-6, 1e-5)
    assert Tolerance.of_decorators([for_all]).of(torch.float64) == (1e-7, 1e-7)


# Worker processes: each subject's name says how it behaves.


def serve_badly(connection: Connection, marks: str) -> None:
    connection.send(("ready", None))
    while True:
        try:
            _, name, over = connection.recv()
        except EOFError:
            return
        if name == "broken":
            connection.send(("broken", "no samples"))
            continue
        checks = [Check(f"sample {i}", "float32", partial(_behave, name, i)) for i in range(4)]
        connection.send(("total", [(check.label, check.group) for check in checks]))
        for check in checks[over:]:
            connection.send(("done", check.fault()))
        Path(marks, name).touch()
        connection.send(("end", None))


def _behave(name: str, index: int) -> None:
    if name == "crash" and index == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "hang" and index == 2:
        time.sleep(60)
    if name == "wrong" and index == 3:
        raise DifferenceError("not torch's")


def test_crashes_and_hangs_lose_one_sample_each(tmp_path: Path) -> None:
    names = ["crash", "good", "hang", "wrong", "broken", "fine"]
    outcomes = {
        outcome.name: outcome
        for _, outcome in run_pool(
            [("operators", name) for name in names],
            workers=2,
            serve=serve_badly,
            arguments=(str(tmp_path),),
            limits=Limits(check=2.0),
        )
    }
    assert set(outcomes) == set(names)
    passed = {name: (outcome.good, outcome.total) for name, outcome in outcomes.items()}
    assert passed == {
        "crash": (3, 4),
        "good": (4, 4),
        "hang": (3, 4),
        "wrong": (3, 4),
        "broken": (0, 1),
        "fine": (4, 4),
    }
    assert outcomes["crash"].faults == ("sample 1: the process crashed (SIGSEGV)",)
    assert outcomes["hang"].faults == ("sample 2: hung for 2 s",)
    assert outcomes["wrong"].faults == ("sample 3: not torch's",)
    assert outcomes["good"].whole


GOOD = Outcome("abs", {"float32": 2}, {"float32": 2})
BAD = Outcome("abs", {"float32": 2}, {"float32": 1}, ("float32 sample 1: not torch's",))
REASON = Text(zh="原因", en="a reason")


def test_expected_failures_are_strict() -> None:
    listed = Reviewed(failures={("operators", "abs"): REASON})
    assert listed.faults([("operators", BAD)]) == []
    (passes,) = listed.faults([("operators", GOOD)])
    assert "abs: passes whole" in passes
    (fails,) = Reviewed().faults([("operators", BAD)])
    assert fails == "abs: float32 sample 1: not torch's"
    assert Reviewed().faults([("operators", GOOD)]) == []
    assert listed.faults([("modules", BAD)])


def test_an_operator_without_samples_does_not_pass() -> None:
    (fault,) = Reviewed().faults([("operators", Outcome("abs"))])
    assert "no samples" in fault


def test_lists_name_reasons_that_there_are(tmp_path: Path) -> None:
    folder = tmp_path / "mappings" / "_conformance"
    folder.mkdir(parents=True)
    for name in ("excluded", "undefined_values"):
        (folder / f"{name}.yaml").write_text("operators: {}\n")
    text = "reasons:\n  unused: {zh: 无, en: none}\noperators:\n  abs: missing\n"
    (folder / "expected_failures.yaml").write_text(text)
    with pytest.raises(RecordError) as raised:
        load_reviewed(tmp_path / "mappings")
    assert len(raised.value.problems) == 2


def test_a_run_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "0123")
    journal.add("operators", BAD)
    with open(journal.file, "a") as stream:
        stream.write('{"database": "operators", "na')
    assert journal.read() == {("operators", "abs"): BAD}
    assert Journal(tmp_path, "other code").read() == {}


def test_evidence_is_the_same_however_a_run_went(tmp_path: Path) -> None:
    subjects = [Subject("operators", name, "abs") for name in ("b", "abs", "a")]
    other = Outcome("b", {"float32": 1}, {"float32": 1})
    versions = {"torch": "2.13.0"}
    both = {("operators", "b"): other, ("operators", "abs"): BAD}
    publish(tmp_path, both, subjects, versions, "0123")
    at_once = load_published(tmp_path)["operators"]
    (file,) = tmp_path.rglob("operators.json")
    text = file.read_text()
    file.unlink()
    for key, outcome in both.items():
        publish(tmp_path, {key: outcome}, subjects, versions, "0123")
    assert file.read_text() == text
    assert at_once.outcomes == {"abs": BAD, "b": other}
    publish(tmp_path, {("operators", "b"): other}, subjects, versions, "4567")
    assert load_published(tmp_path)["operators"].executed == ""


def test_variants_are_one_operator_in_figures() -> None:
    entries = [("operators", "pad", GOOD), ("operators", "pad", BAD), ("operators", "abs", GOOD)]
    (figures,) = Figures.of(entries)
    assert (figures.subjects, figures.whole) == (2, 1)
    assert (figures.samples, figures.passed) == (6, 5)
    assert figures.whole_share == "50.0 %"


def test_names_mean_variants_and_namespaces() -> None:
    pad = Subject("operators", "nn.functional.pad.reflect", "nn.functional.pad")
    sgd = Subject("optimizers", "SGD", "SGD")
    for pattern in ("torch.nn.functional.pad", "nn.functional.pad.reflect", "nn", "*pad*"):
        assert chosen([pad, sgd], [pattern]) == [pad]
    assert chosen([pad, sgd], ["torch.optim.SGD"]) == [sgd]
    assert chosen([pad, sgd], ["nn.functional.pa"]) == []


def test_a_tenth_has_some_of_every_namespace() -> None:
    names = [f"fft.f{i}" for i in range(25)] + [f"g{i}" for i in range(40)] + ["linalg.h"]
    subjects = [Subject("operators", name, name) for name in names]
    taken = tenth(subjects)
    assert [sum(s.stratum == x for s in taken) for x in ("operators:fft", "operators:")] == [3, 4]
    assert subjects[-1] in taken
    assert set(tenth(list(reversed(subjects)))) == set(taken)


def test_few_samples_are_spread_over_all() -> None:
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(3, 4) == [0, 1, 2]
    assert spread(3, None) == [0, 1, 2]


def test_the_command_says_what_it_does_not_know() -> None:
    result = CliRunner().invoke(main, ["--root", str(ROOT), "verify", "--conformance", "absx"])
    assert result.exit_code == 2
    assert "no absx" in result.output
    result = CliRunner().invoke(main, ["--root", str(ROOT), "verify", "--tenth"])
    assert result.exit_code == 2
    excluded = ["--root", str(ROOT), "verify", "--conformance", "jiterator_unary"]
    assert "can't exist on Paddle" in CliRunner().invoke(main, excluded).output
