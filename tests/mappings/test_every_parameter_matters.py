"""The examples of every record can tell a shim that ignores a parameter, or misreads one, from a right one."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paddle
import pytest

from oarlock.tensor import Tensor, like, plain
from oarlock_generator.load import Source, load_file, record_files
from oarlock_generator.oracles import shim_function
from oarlock_generator.verify import verify_example

ROOT = Path(__file__).parents[2]
RECORDS = [load_file(file, ROOT) for file in record_files(ROOT / "mappings")]

COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

Function = Callable[..., Any]
Arguments = dict[str, Any]


def parameters(source: Source) -> dict[str, inspect.Parameter]:
    """The parameters of the record's API, as the shim has them; attributes and errors have none."""
    if source.record.kind == "attribute":
        return {}
    function = shim_function(next(iter(source.record.apis)))
    if isinstance(function, type) and issubclass(function, Exception):
        return {}
    return dict(inspect.signature(function).parameters)


def is_torch(source: Source) -> bool:
    """Whether the record is of torch's own API."""
    return next(iter(source.record.apis)).startswith("torch.")


def shown(source: Source) -> list[str]:
    """The parameters that examples must show: all of flash_attn's; of torch's, those they claim to.

    A torch parameter that has a default is ignored by passing the default.
    """
    claimed = {name for example in source.record.examples for name in example.parameter}
    return [
        name
        for name, parameter in parameters(source).items()
        if not is_torch(source)
        or (name in claimed and parameter.default is not inspect.Parameter.empty)
    ]


def altered(alter: Callable[[Function, Arguments], Any]) -> Callable[[str], Function]:
    """A shim whose functions are called through ``alter(function, bound arguments by name)``."""

    def resolve(api: str) -> Function:
        function = shim_function(api)
        signature = inspect.signature(function)

        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return alter(by_name, dict(bound.arguments))

        def by_name(**arguments: Any) -> Any:
            # In the signature's order, so that *args and **kwargs are passed as such.
            bound = inspect.BoundArguments(signature, OrderedDict())
            bound.arguments.update((name, arguments[name]) for name in signature.parameters)
            return function(*bound.args, **bound.kwargs)

        by_name.__dict__["__signature__"] = signature
        return call

    return resolve


def alter_methods(
    source: Source, alter: Callable[[Function, Arguments], Any], patch: pytest.MonkeyPatch
) -> None:
    """Put the record's altered methods on the Tensor, where examples find them."""
    for api in source.record.apis:
        if api.startswith("torch.Tensor.") and source.record.kind != "attribute":
            patch.setattr(Tensor, api.rpartition(".")[2], altered(alter)(api))


def faults(source: Source, index: int, alter: Callable[[Function, Arguments], Any]) -> str:
    """What verification says of one example on an altered shim; empty where it sees nothing."""
    oracles = ROOT / "tests" / "oracles"
    outcome = verify_example(source, index, oracles=oracles, shim=altered(alter))
    return "" if outcome.agrees else str(outcome)


def is_floating(value: Any) -> bool:
    """Whether this is a tensor of fractions."""
    return isinstance(value, paddle.Tensor) and value.is_floating_point()


def another(value: Any) -> Any:
    """Another value of the same kind, for a parameter that has no default."""
    match value:
        case paddle.Tensor():
            # Multiplied, a floating tensor keeps its gradient: a lost one would be noticed too soon.
            return value * 0 if is_floating(value) else like(value, paddle.zeros_like(plain(value)))
        case bool():
            return not value
        case int() | float():
            return 0 if value else 1
        case tuple() | list():
            return type(value)(map(another, value))
    return pytest.fail(f"say in another() what to give for {value!r}")


def another_named(name: str, value: Any) -> Any:
    """Another value that is accepted where this one is, for parameters that belong together."""
    if name.startswith("cu_seqlens"):
        return value[-1] - value.flip(0)  # the lengths in reverse
    if name.startswith("max_seqlen"):
        return value + 128
    return another(value)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        pytest.param(source, name, id=f"{'.'.join(source.path.with_suffix('').parts[1:])}-{name}")
        for source in RECORDS
        for name in shown(source)
    ],
)
def test_a_shim_that_ignores_a_parameter_is_caught(
    source: Source, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameter = parameters(source)[name]
    assert parameter.kind not in COLLECTING, f"{name} collects arguments: name the overload's own"
    about = [i for i, e in enumerate(source.record.examples) if name in e.parameter]
    assert about, f"no example is about {name}"

    def ignore(function: Function, arguments: Arguments) -> Any:
        if name in arguments:
            default = inspect.signature(function).parameters[name].default
            required = default is inspect.Parameter.empty
            arguments[name] = another_named(name, arguments[name]) if required else default
        return function(**arguments)

    def waver(function: Function, arguments: Arguments) -> Any:
        # The last place of some gradients, as a sum in another order would change it.
        calls.append(None)
        factor = 1 + 2.0**-23 * (len(calls) % 2)
        first = next(name for name, value in arguments.items() if is_floating(value))
        return function(**arguments | {first: arguments[first] * factor})

    calls: list[None] = []
    # What is promised of a repeatable result shows in the repetition alone.
    repeats = all(source.record.examples[index].repeatable for index in about)
    alter = waver if repeats else ignore
    alter_methods(source, alter, monkeypatch)
    told = [faults(source, index, alter) for index in about]
    # Of torch's shapes and sizes most others are refused; flash_attn takes any, so nothing excuses it.
    refusing = is_torch(source)
    noticed = [fault for fault in told if fault and (refusing or "the shim raised" not in fault)]
    assert noticed, f"no example notices that {name} is ignored"
    if repeats:
        assert "when run again" in noticed[0]


@pytest.mark.parametrize(
    ("value", "given"),
    [
        (2.5, 0),
        (0, 1),
        (True, False),
        ((3, 0), (0, 1)),
        ([2], [0]),
    ],
)
def test_another_value_differs(value: Any, given: Any) -> None:
    assert another(value) == given
    assert type(another(value)) is type(given)


@pytest.mark.parametrize("one", [1.0, 1, True])
def test_another_tensor_differs_in_values_alone(one: float) -> None:
    x = paddle.to_tensor([one, one], stop_gradient=not isinstance(one, float))
    other = another(x)
    assert not other.any()
    facts = (x.shape, x.dtype, x.stop_gradient)
    assert (other.shape, other.dtype, other.stop_gradient) == facts


def test_a_value_of_an_unknown_kind_is_told() -> None:
    with pytest.raises(pytest.fail.Exception, match="say in another"):
        another("mean")


def test_arguments_arrive_as_the_signature_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def function(x: int, /, *sizes: int, scale: int = 1, **more: int) -> Any:
        return x, sizes, scale, more

    monkeypatch.setattr(f"{__name__}.shim_function", lambda api: function)
    shim = altered(lambda function, arguments: function(**arguments | {"scale": 7}))("torch.f")
    assert shim(1, 2, 3, bias=4) == (1, (2, 3), 7, {"bias": 4})


def top_left(function: Function, a: Arguments) -> Any:
    """A causal mask aligned to the top left, as Paddle's FlashAttention-2 path has it."""
    seqlen_q, seqlen_k = a["q"].shape[1], a["k"].shape[1]
    if a["causal"] and seqlen_k > seqlen_q:
        # The keys beyond the square are hidden from every row.
        a |= {"k": a["k"][:, :seqlen_q], "v": a["v"][:, :seqlen_q]}
    elif a["causal"] and seqlen_k < seqlen_q:
        a |= {"causal": False, "window_size": (a["window_size"][0], seqlen_q - seqlen_k)}
    return function(**a)


def causal_not_at_all(function: Function, a: Arguments) -> Any:
    return function(**a | {"causal": a["causal"] and a["window_size"] != (-1, -1)})


def causal_keeps_the_right_side(function: Function, a: Arguments) -> Any:
    return function(**a | {"causal": a["causal"] and a["window_size"][1] < 0})


def window(left: int, right: int) -> Callable[[Function, Arguments], Any]:
    def alter(function: Function, a: Arguments) -> Any:
        bounds = zip(a["window_size"], (left, right), strict=True)
        widths = tuple(width if width < 0 else max(0, width + by) for width, by in bounds)
        return function(**a | {"window_size": widths})

    return alter


def window_mirrored(function: Function, a: Arguments) -> Any:
    return function(**a | {"window_size": a["window_size"][::-1]})


def unbounded_read_as_zero(function: Function, a: Arguments) -> Any:
    if a["window_size"] != (-1, -1):
        a["window_size"] = tuple(max(0, width) for width in a["window_size"])
    return function(**a)


def wide_window_taken_literally(function: Function, a: Arguments) -> Any:
    """A right bound of seqlen_k or more as the formula has it, though flash_attn drops it."""
    seqlen_q, seqlen_k = a["q"].shape[1], a["k"].shape[1]
    blind = seqlen_q - seqlen_k - a["window_size"][1]
    if a["causal"] or a["window_size"][1] < seqlen_k or blind <= 0:
        return function(**a)
    out, *rest = function(**a)
    return paddle.concat([paddle.zeros_like(out[:, :blind]), out[:, blind:]], 1), *rest


def slopes_of_the_other_sign(function: Function, a: Arguments) -> Any:
    slopes = a["alibi_slopes"]
    return function(**a | {"alibi_slopes": None if slopes is None else -slopes})


def slopes_of_the_first_sequence(function: Function, a: Arguments) -> Any:
    slopes = a["alibi_slopes"]
    if slopes is not None and slopes.ndim == 2:
        a["alibi_slopes"] = slopes[0]
    return function(**a)


def slopes_in_reverse(function: Function, a: Arguments) -> Any:
    slopes = a["alibi_slopes"]
    return function(**a | {"alibi_slopes": None if slopes is None else slopes.flip(-1)})


def scale_of_a_padded_head(function: Function, a: Arguments) -> Any:
    head_dim = a["q"].shape[-1]
    padded = 1 << (head_dim - 1).bit_length()
    scale = a["softmax_scale"] or padded**-0.5
    return function(**a | {"softmax_scale": scale})


def scale_after_softcap(function: Function, a: Arguments) -> Any:
    scale = a["softmax_scale"] or a["q"].shape[-1] ** -0.5
    return function(**a | {"softcap": a["softcap"] * scale})


def softcap_without_its_derivative(function: Function, a: Arguments) -> Any:
    """The capped scores' values with the gradient of uncapped ones."""
    if not a["softcap"]:
        return function(**a)
    capped, plain = function(**a), function(**a | {"softcap": 0.0})
    if isinstance(capped, tuple):
        return plain[0] + (capped[0] - plain[0]).detach(), *capped[1:]
    return plain + (capped - plain).detach()


def heads_read_in_turn(function: Function, a: Arguments) -> Any:
    """Query head i on key/value head i % kv_heads."""
    heads, kv_heads = a["q"].shape[2], a["k"].shape[2]
    order = paddle.to_tensor([i % kv_heads for i in range(heads)])
    return function(**a | {name: paddle.index_select(a[name], order, 2) for name in ("k", "v")})


def gradient_of_one_head_of_the_group(function: Function, a: Arguments) -> Any:
    heads, kv_heads = a["q"].shape[2], a["k"].shape[2]
    group = heads // kv_heads

    def spread(x: paddle.Tensor) -> paddle.Tensor:
        each = [x[:, :, i // group] for i in range(heads)]
        return paddle.stack([y if i % group == 0 else y.detach() for i, y in enumerate(each)], 2)

    # Paddle 3.3.1's gradient of a stack of empty tensors ends the process.
    if a["k"].shape[1] == 0:
        return function(**a)
    return function(**a | {name: spread(a[name]) for name in ("k", "v")})


def keys_with_the_gradient_of_values(function: Function, a: Arguments) -> Any:
    return function(**a | {"k": a["k"].detach() + (a["v"] - a["v"].detach())})


def result_changed(change: Callable[[Any, Any, Any], Any]) -> Callable[[Function, Arguments], Any]:
    def alter(function: Function, a: Arguments) -> Any:
        result = function(**a)
        return change(*result) if isinstance(result, tuple) else result

    return alter


def logsumexp_of_unscaled_scores(function: Function, a: Arguments) -> Any:
    result = function(**a)
    if not isinstance(result, tuple):
        return result
    return result[0], function(**a | {"softmax_scale": 1.0})[1], result[2]


def blind_rows_get_the_mean(function: Function, a: Arguments) -> Any:
    """What a softmax over equally masked scores makes of a row that sees nothing."""
    out = function(**a | {"return_attn_probs": True, "dropout_p": 0.0})
    blind = out[1].isinf().transpose([0, 2, 1]).unsqueeze(-1)
    result = function(**a)
    first = result[0] if isinstance(result, tuple) else result
    if a["v"].shape[1] == 0 or not bool(blind.any()):
        return result
    group = a["q"].shape[2] // a["v"].shape[2]
    mean = a["v"].mean(1, keepdim=True).repeat_interleave(group, 2).detach()
    changed = first + blind.astype(first.dtype) * mean
    return (changed, *result[1:]) if isinstance(result, tuple) else changed


def hidden_keys_only_penalised(function: Function, a: Arguments) -> Any:
    """A causal mask of -1e4, as on Paddle's CPU path: keys with far larger scores show through."""
    if not a["causal"] or a["q"].shape[2] != a["k"].shape[2] or a["window_size"] != (-1, -1):
        return function(**a)
    q, k, v = (a[name].transpose([0, 2, 1, 3]) for name in ("q", "k", "v"))
    scores = q.matmul(k, transpose_y=True) * q.shape[-1] ** -0.5
    penalty = paddle.triu(paddle.full(scores.shape[-2:], -1e4, scores.dtype), 1)
    out = paddle.nn.functional.softmax(scores + penalty).matmul(v)
    return out.transpose([0, 2, 1, 3])


def a_wider_result(function: Function, a: Arguments) -> Any:
    result = function(**a)
    return result.astype("float64") if isinstance(result, paddle.Tensor) else result


def queries_scaled_in_place(function: Function, a: Arguments) -> Any:
    with paddle.no_grad():
        a["q"].detach().scale_(a["softmax_scale"] or a["q"].shape[-1] ** -0.5)
    return function(**a | {"softmax_scale": 1.0})


def dropout_of_twice_the_rate(function: Function, a: Arguments) -> Any:
    return function(**a | {"dropout_p": 2 * a["dropout_p"]})


WRONG: dict[str, Callable[[Function, Arguments], Any]] = {
    "top-left causal": top_left,
    "causal only with a window": causal_not_at_all,
    "a causal window keeps its right side": causal_keeps_the_right_side,
    "window too wide on the left": window(1, 0),
    "window too wide on the right": window(0, 1),
    "window too narrow on the left": window(-1, 0),
    "window too narrow on the right": window(0, -1),
    "window mirrored": window_mirrored,
    "unbounded side read as 0": unbounded_read_as_zero,
    "wide window taken literally": wide_window_taken_literally,
    "slopes of the other sign": slopes_of_the_other_sign,
    "slopes of the first sequence": slopes_of_the_first_sequence,
    "slopes in reverse": slopes_in_reverse,
    "scale of a padded head": scale_of_a_padded_head,
    "scale after softcap": scale_after_softcap,
    "softcap without its derivative": softcap_without_its_derivative,
    "key/value heads read in turn": heads_read_in_turn,
    "gradient of one head of the group": gradient_of_one_head_of_the_group,
    "keys with the gradient of values": keys_with_the_gradient_of_values,
    "logsumexp of unscaled scores": logsumexp_of_unscaled_scores,
    "logsumexp in base 2": result_changed(lambda out, lse, s: (out, lse * 1.442695, s)),
    "logsumexp -inf where nothing is seen": result_changed(
        lambda out, lse, s: (out, paddle.where(lse.isinf(), -lse, lse), s)
    ),
    "logsumexp as (batch, seqlen, heads)": result_changed(
        lambda out, lse, s: (out, lse.transpose([0, 2, 1]), s)
    ),
    "logsumexp in half precision": result_changed(
        lambda out, lse, s: (out, lse.astype(out.dtype), s)
    ),
    "None for S_dmask": result_changed(lambda out, lse, s: (out, lse, None)),
    "a list for the tuple": result_changed(lambda out, lse, s: [out, lse, s]),
    "S_dmask without its signs": result_changed(lambda out, lse, s: (out, lse, s.abs())),
    "dropout not scaled up": result_changed(
        lambda out, lse, s: (out * 0.7, lse, s) if s.shape != [0] else (out, lse, s)
    ),
    "dropout of twice the rate": dropout_of_twice_the_rate,
    "blind rows get the mean": blind_rows_get_the_mean,
    "hidden keys only penalised": hidden_keys_only_penalised,
    "a wider result": a_wider_result,
    "queries scaled in place": queries_scaled_in_place,
}
FLASH_ATTN = next(source for source in RECORDS if source.path.stem == "flash_attn_func")


@pytest.mark.parametrize("alter", WRONG.values(), ids=WRONG)
def test_attention_that_is_wrong_in_one_way_is_caught(
    alter: Callable[[Function, Arguments], Any],
) -> None:
    examples = range(len(FLASH_ATTN.record.examples))
    told = (faults(FLASH_ATTN, index, alter) for index in examples)
    assert any(fault and "the shim raised" not in fault for fault in told)


def test_an_unaltered_shim_is_not_caught() -> None:
    for index in range(len(FLASH_ATTN.record.examples)):
        assert not faults(FLASH_ATTN, index, lambda function, a: function(**a))
