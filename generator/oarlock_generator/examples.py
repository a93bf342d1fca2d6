"""Examples of records: the call restricted to a small grammar, the inputs drawn, both checked."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oarlock_generator.load import Source
from oarlock_generator.model import DTYPES, Example, Input
from oarlock_generator.problems import Problem, suggest

MAX_STATEMENTS = 12
MAX_NODES = 400
MAX_INTEGER = 1 << 24
# Enough for modes, devices and einsum equations; not for paths, addresses or code.
_WORDS = re.compile(r"[A-Za-z0-9_ ,:.>-]{0,200}")
# Functions and layers of tensors live directly below these and anywhere below flash_attn; nothing
# else is called.
_NAMESPACES = frozenset(
    {
        "torch",
        "torch.Tensor",
        "torch.distributions",
        "torch.fft",
        "torch.linalg",
        "torch.nn",
        "torch.nn.functional",
        "torch.nn.init",
        "torch.optim",
        "torch.optim.lr_scheduler",
        "torch.signal.windows",
        "torch.special",
        "torch.utils.data",
    }
)
# What lives there all the same and reaches files, processes, raw memory, a compiler or settings.
_REFUSED = re.compile(
    r"__(new|reduce_ex|setstate|torch_\w+)__|_?(autocast|clear|export|fork|get|import|init_num|load"
    r"|parse|prepare|profiler|register|save|set|share|use)_\w*|load|save|compile|export|fork|wait|vmap"
    r"|seed|manual_seed|from_file|(from_|to_|__)dlpack\w*|module_load|apply_|map2?_|record_stream"
    r"|(const_)?data_ptr|(untyped_)?storage(_type)?"
)

FLOATS: tuple[str, ...] = ("float16", "bfloat16", "float32", "float64")
COMPLEX: tuple[str, ...] = ("complex64", "complex128")
RAISES = ("UnsupportedError",)

_METHODS = "torch.Tensor."


class CallError(ValueError):
    """A call outside the grammar; the message says which part."""


@dataclass(frozen=True)
class Scope:
    """What the names of a call stand for on one side.

    Args:
        names: input name to tensor; assignments are added.
        function: dotted API name to the callable that this side has for it.
        dtype: dtype name to this side's dtype.
        watch: told each call (dotted name, args, kwargs) before it is made.
    """

    names: dict[str, Any]
    function: Callable[[str], Callable[..., Any]]
    dtype: Callable[[str], Any]
    watch: Callable[[str, tuple[Any, ...], dict[str, Any]], None] = lambda *_: None


_Step = Callable[[Scope], Any]


@dataclass(frozen=True)
class Call:
    """A checked call. It can do what the grammar of `parse_call` has, and nothing else."""

    steps: tuple[_Step, ...]
    names: frozenset[str]
    apis: frozenset[str]

    @property
    def in_place(self) -> bool:
        """Whether it calls something that changes its first argument."""
        return any(api.endswith("_") and not api.endswith("__") for api in self.apis)

    def run(self, scope: Scope) -> Any:
        """Carry it out on one side and return its result."""
        result = None
        for step in self.steps:
            result = step(scope)
        return result


def parse_call(example: Example, apis: Collection[str]) -> Call:
    """Parse an example's call: one expression, or lines of which the last is ``result = …``.

    Allowed are assignments to plain names; calls of the record's own ``apis`` by dotted name, and
    of methods (``x.add(y)`` where ``torch.Tensor.add`` is one of them) on inputs and assigned
    names; inputs, assigned names and literals; tuples, lists, dicts and unary minus; subscripts
    by literals; and dtypes such as ``torch.float32``.

    Raises:
        CallError: anything else. The text is untrusted and is interpreted step by step, so that
            what this function does not know can't run.
    """
    try:
        tree = ast.parse(example.call.strip())
        if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
            raise CallError(f"is too long: an example has at most {MAX_NODES} words and signs")
        return _Parser(example.inputs, apis).module(tree)
    except (SyntaxError, MemoryError) as error:
        raise CallError(f"is not Python: {getattr(error, 'msg', None) or error}") from None
    except RecursionError:
        raise CallError("nests too deep") from None
    except ValueError as error:
        raise (
            error if isinstance(error, CallError) else CallError(f"is not Python: {error}")
        ) from None


class _Parser:
    def __init__(self, inputs: Collection[str], apis: Collection[str]):
        self.inputs, self.apis = inputs, apis
        self.known = set(inputs)
        self.used: set[str] = set()
        self.called: set[str] = set()

    def module(self, tree: ast.Module) -> Call:
        if len(tree.body) > MAX_STATEMENTS:
            raise CallError(f"has more than {MAX_STATEMENTS} lines")
        before = tree.body[:-1]
        steps = [self.statement(node) for node in before]
        match tree.body[-1] if tree.body else None:
            case ast.Expr(value) if not before:
                steps.append(self.value(value))
            case ast.Assign([ast.Name("result")], value):
                steps.append(self.value(value))
            case _:
                raise CallError("must be one expression, or end in `result = …`")
        return Call(tuple(steps), frozenset(self.used), frozenset(self.called))

    def statement(self, node: ast.stmt) -> _Step:
        match node:
            case ast.Expr(ast.Call() as call):
                return self.value(call)
            case ast.Assign([ast.Name(name)], value):
                if name in self.inputs or name in _packages(self.apis) or name.startswith("_"):
                    raise CallError(f"{name} can't be assigned to; choose another name")
                step = self.value(value)
                self.known.add(name)
                return lambda scope: scope.names.__setitem__(name, step(scope))
        raise self.refuse(node)

    def value(self, node: ast.expr) -> _Step:
        match node:
            case ast.Constant():
                return self.constant(node)
            case ast.Name(name):
                if name not in self.known:
                    raise CallError(
                        f"{name} is neither an input nor assigned before"
                        f"{suggest(name, self.known | set(_packages(self.apis)))}"
                    )
                self.used.add(name)
                return lambda scope: scope.names[name]
            case ast.UnaryOp(ast.USub(), operand) if _is_number(operand):
                number = self.value(operand)
                return lambda scope: -number(scope)
            case ast.Tuple(elements):
                values = [self.value(element) for element in elements]
                return lambda scope: tuple(value(scope) for value in values)
            case ast.List(elements):
                values = [self.value(element) for element in elements]
                return lambda scope: [value(scope) for value in values]
            case ast.Dict(keys, elements) if all(isinstance(k, ast.Constant) for k in keys):
                pairs = [
                    (self.value(k), self.value(e)) for k, e in zip(keys, elements, strict=True) if k
                ]
                return lambda scope: {key(scope): value(scope) for key, value in pairs}
            case ast.Subscript(ast.Name() as of, index):
                container, place = self.value(of), self.index(index)
                return lambda scope: container(scope)[place(scope)]
            case ast.Call():
                return self.call(node)
            case ast.Attribute():
                return self.attribute(node)
        raise self.refuse(node)

    def constant(self, node: ast.Constant) -> _Step:
        value = node.value
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise CallError(f"has an integer beyond {MAX_INTEGER:,}; give it as an input")
        if isinstance(value, str) and not _WORDS.fullmatch(value):
            raise CallError(f"has the text {_short(repr(value))}: only words are allowed")
        if not isinstance(value, bool | int | float | str | None):
            raise self.refuse(node)
        return lambda scope: value

    def index(self, node: ast.expr) -> _Step:
        match node:
            case ast.Tuple(elements):
                places = [self.index(element) for element in elements]
                return lambda scope: tuple(place(scope) for place in places)
            case ast.Slice(lower, upper, step):
                ends = [
                    self.index(end) if end else lambda scope: None for end in (lower, upper, step)
                ]
                return lambda scope: slice(*(end(scope) for end in ends))
            case ast.Constant(value) if value is Ellipsis:
                return lambda scope: Ellipsis
            case ast.Constant() | ast.UnaryOp():
                return self.value(node)
        raise self.refuse(node)

    def call(self, node: ast.Call) -> _Step:
        api, owner, function = self.function(node.func)
        args = [self.argument(arg) for arg in node.args]
        kwargs = {word.arg: self.value(word.value) for word in node.keywords if word.arg}
        if any(word.arg is None for word in node.keywords):
            raise CallError("** is not allowed in a call: name the arguments")
        if len(kwargs) < len(node.keywords):
            raise CallError(f"{_short(ast.unparse(node))!r} gives an argument twice")

        def step(scope: Scope) -> Any:
            given = [value for arg in args for value in arg(scope)]
            named = {name: value(scope) for name, value in kwargs.items()}
            scope.watch(api, (*owner(scope), *given), named)
            return function(scope)(*given, **named)

        return step

    def argument(self, node: ast.expr) -> _Step:
        """Return the positional arguments an argument stands for: several if it is starred."""
        match node:
            case ast.Starred(ast.Tuple() | ast.List() as values):
                return self.value(values)
            case _:
                value = self.value(node)
                return lambda scope: (value(scope),)

    def function(self, node: ast.expr) -> tuple[str, _Step, _Step]:
        """Return a function's dotted name, the object it is called on if any, and itself."""
        match node:
            case ast.Attribute(ast.Name(owner), method) if owner in self.known:
                member = self.member(owner, method)
                return _METHODS + method, lambda scope: (scope.names[owner],), member
        dotted = _dotted(node)
        if dotted is None:
            raise self.refuse(node)
        if dotted not in self.apis:
            raise CallError(
                f"{dotted} is not one of this record's apis{suggest(dotted, self.apis)}"
            )
        self.note(dotted)
        return dotted, lambda scope: (), lambda scope: scope.function(dotted)

    def attribute(self, node: ast.Attribute) -> _Step:
        if isinstance(node.value, ast.Name) and node.value.id in self.known:
            return self.member(node.value.id, node.attr)
        dotted = _dotted(node)
        if dotted is None:
            raise self.refuse(node)
        package, _, dtype = dotted.rpartition(".")
        if package == "torch" and dtype in DTYPES:
            return lambda scope: scope.dtype(dtype)
        near = suggest(dotted, [*self.apis, *(f"torch.{name}" for name in DTYPES)])
        raise CallError(f"{dotted} is neither a dtype nor a call of this record's apis{near}")

    def member(self, owner: str, name: str) -> _Step:
        if _METHODS + name not in self.apis:
            members = [a.removeprefix(_METHODS) for a in self.apis if a.startswith(_METHODS)]
            near = suggest(name, members)
            raise CallError(f"{_METHODS}{name} is not one of this record's apis{near}")
        self.note(_METHODS + name)
        self.used.add(owner)
        return lambda scope: getattr(scope.names[owner], name)

    def note(self, api: str) -> None:
        """Note an API as called, if examples may call it."""
        namespace, _, name = api.rpartition(".")
        # Directly below torch, a capital is a class: files, graphs and storages, but no functions.
        if (
            (namespace not in _NAMESPACES and not api.startswith("flash_attn."))
            or _REFUSED.fullmatch(name)
            or (namespace == "torch" and not name[:1].islower())
        ):
            raise CallError(
                f"examples cannot call {api}: they call functions, methods and layers of tensors, "
                "and nothing that reaches files, processes or global settings"
            )
        self.called.add(api)

    def refuse(self, node: ast.AST) -> CallError:
        return CallError(
            f"{_short(ast.unparse(node))!r} is outside the grammar: assignments to names, calls of the record's apis, "
            "inputs, literals, tuples, lists, dicts, subscripts by literals, and dtypes"
        )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def _dotted(node: ast.expr) -> str | None:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _packages(apis: Collection[str]) -> tuple[str, ...]:
    return tuple({"torch", *(api.partition(".")[0] for api in apis)})


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


@dataclass(frozen=True)
class Drawn:
    """One drawn input: its dtype by name, and the values, exactly as both sides get them.

    numpy has no bfloat16: those values are float32, already rounded to bfloat16.
    """

    values: np.ndarray
    dtype: str
    grad: bool = False


def draw(example: Example, dtype: str) -> dict[str, Drawn]:
    """Draw the inputs of an example.

    An input of the same name and description is drawn alike in every example and dtype: the seed
    is a hash of both, and a narrower dtype only rounds.
    """
    return {
        name: Drawn(
            rounded(_draw(name, spec, spec.dtype or dtype), spec.dtype or dtype),
            spec.dtype or dtype,
            spec.grad,
        )
        for name, spec in example.inputs.items()
    }


def normal(name: str, shape: Collection[int], dtype: str) -> np.ndarray:
    """Standard normal values that depend on nothing but these arguments."""
    return rounded(_draw(name, Input(normal=list(shape)), dtype), dtype)


def rounded(values: np.ndarray, dtype: str) -> np.ndarray:
    """Cast to a dtype, to the nearest value; bfloat16 is carried as float32."""
    if dtype != "bfloat16":
        return values.astype(dtype)
    bits = values.astype(np.float32).view(np.uint32)
    # Half of the last place, less one where it is even already: ties go to even.
    bits = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(
        0xFFFF0000
    )
    return bits.view(np.float32)


def _draw(name: str, spec: Input, dtype: str) -> np.ndarray:
    if "values" in spec.model_fields_set:
        return np.asarray(spec.values)
    facts = spec.model_dump(mode="json", exclude={"grad", "dtype"})
    seed = hashlib.sha256(json.dumps([name, facts], sort_keys=True).encode()).digest()
    generator = np.random.Generator(np.random.PCG64(int.from_bytes(seed, "big")))

    def once() -> np.ndarray:
        if spec.normal is not None:
            return generator.normal(0, 1 if spec.scale is None else spec.scale, spec.normal)
        low = 0 if spec.low is None else spec.low
        if spec.uniform is not None:
            return generator.uniform(low, 1 if spec.high is None else spec.high, spec.uniform)
        return generator.integers(int(low), int(spec.high or 0), spec.integers)

    return once() + 1j * once() if dtype in COMPLEX else once()


def check_examples(source: Source) -> list[Problem]:
    """Every fault in the examples of a record, each at its line."""
    problems = []
    for index, example in enumerate(source.record.examples):
        for where, message in _faults(example, source.record.apis):
            problems.append(source.problem(("examples", index, *where), message, rule="examples"))
    return problems


def _faults(
    example: Example, apis: Mapping[str, Any]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    try:
        call = parse_call(example, apis)
    except CallError as error:
        yield ("call",), str(error)
    else:
        if not call.apis:
            yield ("call",), f"calls none of this record's apis ({', '.join(apis)})"
        for name in example.inputs.keys() - call.names:
            yield ("inputs", name), "is never used in the call"
    for name, spec in example.inputs.items():
        if name == "result" or name in _packages(apis):
            yield ("inputs", name), "can't be an input's name; choose another"
        for message in _input_faults(spec, example.dtypes):
            yield ("inputs", name), message
    if "dtypes" in example.model_fields_set:
        if all(spec.dtype for spec in example.inputs.values()):
            yield ("dtypes",), "changes nothing: every input has a dtype of its own"
        for dtype in sorted({d for d in example.dtypes if example.dtypes.count(d) > 1}):
            yield ("dtypes",), f"{dtype} stands here twice"
    if example.raises is not None:
        if example.raises not in RAISES:
            near = suggest(example.raises, RAISES)
            yield ("raises",), f"{example.raises} is not one of {', '.join(RAISES)}{near}"
        if not example.parameter:
            yield ("raises",), "needs 'parameter': the error has to name it"
        if example.random or example.repeatable:
            yield ("raises",), "excludes random and repeatable: there is no result"


def _input_faults(spec: Input, sweep: Sequence[str]) -> Iterator[str]:
    if spec.scale is not None and spec.normal is None:
        yield "'scale' goes with normal"
    if (spec.low, spec.high) != (None, None) and spec.uniform is None and spec.integers is None:
        yield "'low' and 'high' go with uniform and integers"
        return
    if spec.integers is not None and spec.high is None:
        yield "integers needs 'high', the first number that is not drawn"
        return
    low, high = spec.low or 0, 1 if spec.high is None else spec.high
    if low >= high and spec.normal is None:
        yield f"'low' ({low}) must be less than 'high' ({high})"
        return
    for dtype in [spec.dtype] if spec.dtype else sweep:
        if dtype in FLOATS or dtype in COMPLEX:
            continue
        if spec.grad:
            yield f"grad needs a floating dtype, not {dtype}"
        if spec.normal is not None or spec.uniform is not None:
            yield f"is drawn as fractions, which {dtype} can't hold; use integers, or pin a dtype"
            continue
        first, last = (0, 1) if dtype == "bool" else _limits(dtype)
        ends = np.asarray([low, high - 1] if spec.integers is not None else spec.values)
        if ends.size and (
            ends.min() < first or ends.max() > last or np.any(ends != np.trunc(ends))
        ):
            yield f"has values that {dtype} can't hold"


def _limits(dtype: str) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)
