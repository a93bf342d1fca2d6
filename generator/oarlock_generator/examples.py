"""Examples of records: the call restricted to a small grammar, the inputs drawn, both checked."""

from __future__ import annotations

import ast
import hashlib
import json
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oarlock_generator.load import Source
from oarlock_generator.model import DTYPES, Example, Input
from oarlock_generator.problems import Problem, suggest

MAX_STATEMENTS = 16
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
        "torch.amp",
        "torch.autograd",
        "torch.cuda",
        "torch.distributions",
        "torch.fft",
        "torch.func",
        "torch.linalg",
        "torch.nn",
        "torch.nn.functional",
        "torch.nn.init",
        "torch.nn.parameter",
        "torch.nn.utils",
        "torch.nn.utils.parametrizations",
        "torch.nn.utils.parametrize",
        "torch.nn.utils.prune",
        "torch.nn.utils.rnn",
        "torch.optim",
        "torch.optim.lr_scheduler",
        "torch.random",
        "torch.signal.windows",
        "torch.special",
        "torch.testing",
        "torch.utils.data",
    }
)
# What lives there all the same and reaches files, processes, raw memory, a compiler or settings.
_REFUSED = re.compile(
    r"__(new|reduce_ex|setstate|torch_\w+)__|_?(autocast|clear|export|fork|get|import|init_num|load"
    r"|parse|prepare|profiler|register|save|set|share|use)_\w*|load|save|compile|export|fork|wait|vmap"
    r"|seed|from_file|(from_|to_|__)dlpack\w*|module_load|apply_|map2?_|record_stream"
    r"|(const_)?data_ptr|(untyped_)?storage(_type)?"
)
# Of those, what an example leaves behind is made anew before the next, or is its own tensor's.
_HARMLESS = frozenset(
    {
        "get_default_device",
        "get_default_dtype",
        "get_device",
        "get_num_threads",
        "get_rng_state",
        "register_hook",
        "register_parametrization",
        "register_post_accumulate_grad_hook",
        "set_grad_enabled",
        "set_rng_state",
        "vmap",
    }
)
# Directly below torch, a capital is a class: files, graphs and storages, besides these.
_CLASSES = re.compile(r"Generator|Size|(Bool|Byte|Char|Double|Float|Half|Int|Long|Short)?Tensor")
# Public methods and attributes of layers, optimizers, schedulers, samplers and their like that an
# example may use on whatever it made: none reaches more than the object itself.
_MEMBERS = re.compile(
    r"add_module|add_param_group|affine|append|backward|base_lrs|batch_first|batch_sampler|"
    r"batch_size|batch_sizes|bfloat16|bias|bias_hh|bias_hh_l0|bias_ih|bias_ih_l0|"
    r"bidirectional|bits|buffers|bwd|cdf|children|clear|collate_fn|count|covariance_matrix|cpu|cumulative_lengths|"
    r"data|data_source|dataset|datasets|decoder|defaults|device|dilation|dim|double|"
    r"drop_last|dtype|embedding_dim|encoder|entropy|enumerate_support|eps|eval|extend|"
    r"extra_repr|flags|flatten_parameters|float|forward|from_pretrained|gamma|"
    r"generate_square_subsequent_mask|generator|get_backoff_factor|get_buffer|"
    r"get_extra_state|get_growth_factor|get_growth_interval|get_last_lr|get_parameter|"
    r"get_scale|get_state|get_submodule|grad|groups|half|hidden_size|icdf|in_channels|"
    r"in_features|in_proj_bias|in_proj_weight|index|indices|info|initial_seed|inplace|insert|inv|"
    r"is_complex|is_enabled|is_floating_point|is_leaf|is_pinned|is_signed|items|itemsize|"
    r"kernel_size|keys|last_epoch|layers|linear1|linear2|load_state_dict|log_abs_det_jacobian|log_prob|"
    r"manual_seed|max|mean|milestones|min|mode|modules|momentum|named_buffers|"
    r"named_children|named_modules|named_parameters|named_tensors|names|norm1|norm2|"
    r"normalized_shape|num_batches_tracked|num_embeddings|num_features|num_layers|"
    r"num_samples|numel|optimizer|original0|original1|out_channels|out_features|out_proj|p|"
    r"padding|padding_idx|param_groups|parameters|parametrizations|pop|register_buffer|"
    r"register_module|register_parameter|replacement|requires_grad|requires_grad_|"
    r"reset_parameters|resolution|rsample|running_mean|running_var|sample|sampler|samples|"
    r"saved_tensors|scale|seed_all|self_attn|set_extra_state|set_state|shape|size|"
    r"smallest_normal|sorted_indices|state|state_dict|stddev|step|step_size|stride|tensors|"
    r"tiny|to|train|training|type|unscale_|unsorted_indices|update|value|values|variance|"
    r"weight|weight_g|weight_hh|weight_hh_l0|weight_ih|weight_ih_l0|weight_v|weights|"
    r"worker_init_fn|zero|zero_grad"
)
# What an example may assign to.
_SETTABLE = ("grad", "requires_grad")


def _few(*ends: int) -> range:
    """A ``range`` that no list of makes large."""
    numbers = range(*ends)
    if len(numbers) > 10_000:
        raise CallError("a range has at most 10,000 numbers")
    return numbers


_BUILTINS: dict[str, Callable[..., Any]] = {
    "bool": bool,
    "dict": dict,
    "float": float,
    "int": int,
    "iter": iter,
    "len": len,
    "list": list,
    "next": next,
    "range": _few,
    "tuple": tuple,
}
_DTYPE_ALIASES = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "short": "int16",
    "int": "int32",
    "long": "int64",
    "cfloat": "complex64",
    "cdouble": "complex128",
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd,
    ast.Sub: operator.isub,
    ast.Mult: operator.imul,
    ast.Div: operator.itruediv,
    ast.FloorDiv: operator.ifloordiv,
    ast.Mod: operator.imod,
    ast.Pow: operator.ipow,
    ast.BitAnd: operator.iand,
    ast.BitOr: operator.ior,
    ast.BitXor: operator.ixor,
    ast.LShift: operator.ilshift,
    ast.RShift: operator.irshift,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}

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
    assigns: bool = False

    @property
    def in_place(self) -> bool:
        """Whether it changes a tensor: by assigning to its places, or by calling what does."""
        return self.assigns or any(changes(api.rpartition(".")[2]) for api in self.apis)

    def run(self, scope: Scope) -> Any:
        """Carry it out on one side and return its result."""
        result = None
        for step in self.steps:
            result = step(scope)
        return result


def parse_call(example: Example, apis: Collection[str], known: Collection[str] = ()) -> Call:
    """Parse an example's call: one expression, or lines of which the last is ``result = …``.

    Allowed are assignments to names and to places of tensors, ``with`` blocks; calls of ``apis``,
    the record's own, and of ``known`` ones by dotted name; calls of objects that were assigned
    (``layer(x)``); tensor methods that some record maps, and an allow-list of the public methods
    and attributes of layers, optimizers and their like; inputs, assigned names and literals;
    tuples, lists, dicts; operators, comparisons and subscripts; and dtypes such as
    ``torch.float32``.

    Raises:
        CallError: anything else. The text is untrusted and is interpreted step by step, so that
            what this function does not know can't run.
    """
    try:
        tree = ast.parse(example.call.strip())
        if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
            raise CallError(f"is too long: an example has at most {MAX_NODES} words and signs")
        return _Parser(example.inputs, apis, known).module(tree)
    except (SyntaxError, MemoryError) as error:
        raise CallError(f"is not Python: {getattr(error, 'msg', None) or error}") from None
    except RecursionError:
        raise CallError("nests too deep") from None
    except ValueError as error:
        raise (
            error if isinstance(error, CallError) else CallError(f"is not Python: {error}")
        ) from None


class _Parser:
    def __init__(self, inputs: Collection[str], own: Collection[str], known: Collection[str]):
        self.inputs, self.own = inputs, frozenset(own)
        self.apis = {*own, *known}
        self.known = set(inputs)
        self.used: set[str] = set()
        self.called: set[str] = set()
        self.named: set[str] = set()
        self.assigns = False

    def module(self, tree: ast.Module) -> Call:
        if sum(isinstance(node, ast.stmt) for node in ast.walk(tree)) > MAX_STATEMENTS:
            raise CallError(f"has more than {MAX_STATEMENTS} lines")
        # ``layer.register_buffer("mask", x)`` gives the layer a member of that name.
        words = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
        self.named = {w for w in words if isinstance(w, str) and _MEMBER.fullmatch(w)}
        before = tree.body[:-1]
        steps = [self.statement(node) for node in before]
        match tree.body[-1] if tree.body else None:
            case ast.Expr(value) if not before:
                steps.append(self.value(value))
            case ast.Assign([ast.Name("result")], value):
                steps.append(self.value(value))
            case ast.With() as block:
                steps.append(self.block(block))
                if "result" not in self.known:
                    raise CallError("must end in `result = …`")
                steps.append(lambda scope: scope.names["result"])
            case _:
                raise CallError("must be one expression, or end in `result = …`")
        return Call(tuple(steps), frozenset(self.used), frozenset(self.called), self.assigns)

    def statement(self, node: ast.stmt) -> _Step:
        match node:
            case ast.Expr(ast.Call() as call):
                return self.value(call)
            case ast.With():
                return self.block(node)
            case ast.Assign([ast.Name(name)], value):
                self.check_name(name)
                step = self.value(value)
                self.known.add(name)
                return lambda scope: scope.names.__setitem__(name, step(scope))
            case ast.Assign([ast.Tuple(elts)], value) if all(isinstance(e, ast.Name) for e in elts):
                names = [e.id for e in elts if isinstance(e, ast.Name)]
                for name in names:
                    self.check_name(name)
                step = self.value(value)
                self.known.update(names)
                return lambda scope: scope.names.update(
                    zip(names, _exactly(step(scope), len(names)), strict=True)
                )
            case ast.Assign([ast.Subscript() as place], value) if not self.is_dotted(place.value):
                return self.store(place, value, None)
            case ast.Assign([ast.Attribute(of, attribute)], value) if attribute in _SETTABLE:
                owner, step = self.value(of), self.value(value)
                return lambda scope: setattr(owner(scope), attribute, step(scope))
            case ast.Assign([ast.Attribute(ast.Name() as of, name)], value) if (
                name != "data" and _MEMBER.fullmatch(name)
            ):
                owner, step = self.value(of), self.value(value)
                self.named.add(name)
                return lambda scope: setattr(_layer(owner(scope)), name, step(scope))
            case ast.AugAssign(ast.Name(name), op, value) if type(op) in _IN_PLACE:
                target, step, change = self.value(ast.Name(name)), self.value(value), _in_place(op)
                self.assigns = True
                return lambda scope: scope.names.__setitem__(
                    name, change(target(scope), step(scope))
                )
            case ast.AugAssign(ast.Subscript() as place, op, value) if type(op) in _IN_PLACE:
                return self.store(place, value, op)
        raise self.refuse(node)

    def check_name(self, name: str) -> None:
        if name in self.inputs or name in _packages(self.apis) or name.startswith("_"):
            raise CallError(f"{name} can't be assigned to; choose another name")

    def store(self, place: ast.Subscript, value: ast.expr, op: ast.operator | None) -> _Step:
        """Put a value into a place of a tensor; with ``op``, what it makes of the present one."""
        owner, index, step = self.value(place.value), self.index(place.slice), self.value(value)
        change = _in_place(op) if op else None
        self.assigns = True
        self.spelled("setitem")

        def run(scope: Scope) -> None:
            held, at = owner(scope), index(scope)
            held[at] = change(held[at], step(scope)) if change else step(scope)

        return run

    def block(self, node: ast.With) -> _Step:
        match node.items:
            case [ast.withitem(ast.Call() as manager, None)]:
                enter = self.call(manager)
            case _:
                raise self.refuse(node)
        steps = []
        for inner in node.body:
            match inner:
                case ast.Assign([ast.Name("result")], value):
                    step = self.value(value)
                    self.known.add("result")
                    steps.append(lambda scope, step=step: scope.names.update(result=step(scope)))
                case _:
                    steps.append(self.statement(inner))

        def run(scope: Scope) -> None:
            with enter(scope):
                for step in steps:
                    step(scope)

        return run

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
            case ast.UnaryOp(op, operand) if type(op) in _UNARY:
                step, change = self.value(operand), _UNARY[type(op)]
                return lambda scope: change(_operand(step(scope)))
            case ast.BinOp(left, op, right) if type(op) in _BINARY and not (
                _is_literal(left) and _is_literal(right)
            ):
                return self.binary(_BINARY[type(op)], left, right, isinstance(op, ast.Pow))
            case ast.Compare(left, [op], [right]) if type(op) in _COMPARE:
                a, b, compare = self.value(left), self.value(right), _COMPARE[type(op)]
                return lambda scope: compare(a(scope), b(scope))
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
            case ast.Subscript(of, index) if _dotted(of) not in self.apis:
                self.spelled("getitem")
                container, place = self.value(of), self.index(index)
                return lambda scope: container(scope)[place(scope)]
            case ast.Call():
                return self.call(node)
            case ast.Attribute():
                return self.attribute(node)
        raise self.refuse(node)

    def binary(
        self, operate: Callable[[Any, Any], Any], left: ast.expr, right: ast.expr, power: bool
    ) -> _Step:
        a, b = self.value(left), self.value(right)

        def run(scope: Scope) -> Any:
            x, y = _operand(a(scope)), _operand(b(scope))
            if power and isinstance(x, int | float) and isinstance(y, int | float):
                raise CallError("a power of numbers is not computed; write the number")
            return operate(x, y)

        return run

    def constant(self, node: ast.Constant) -> _Step:
        value = node.value
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise CallError(f"has an integer beyond {MAX_INTEGER:,}; give it as an input")
        if isinstance(value, str) and not _WORDS.fullmatch(value):
            raise CallError(f"has the text {_short(repr(value))}: only words are allowed")
        if not isinstance(value, bool | int | float | complex | str | None):
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
        return self.value(node)

    def call(self, node: ast.Call) -> _Step:
        api, owner, function = self.function(node.func)
        args = [self.argument(arg) for arg in node.args]
        kwargs = {word.arg: self.value(word.value) for word in node.keywords if word.arg}
        # ``inplace=True`` of functions and layers.
        self.assigns |= any(word.arg == "inplace" for word in node.keywords)
        if any(word.arg is None for word in node.keywords):
            raise CallError("** is not allowed in a call: name the arguments")
        if len(kwargs) < len(node.keywords):
            raise CallError(f"{_short(ast.unparse(node))!r} gives an argument twice")

        def step(scope: Scope) -> Any:
            of = owner(scope)
            given = [value for arg in args for value in arg(scope)]
            named = {name: value(scope) for name, value in kwargs.items()}
            if api:
                scope.watch(api, (*of, *given), named)
            return function(scope, of)(*given, **named)

        return step

    def argument(self, node: ast.expr) -> _Step:
        """Return the positional arguments an argument stands for: several if it is starred."""
        if isinstance(node, ast.Starred):
            return self.value(node.value)
        value = self.value(node)
        return lambda scope: (value(scope),)

    def function(
        self, node: ast.expr
    ) -> tuple[str | None, _Step, Callable[[Scope, tuple[Any, ...]], Callable[..., Any]]]:
        """Return an API's name if it is one, the object it is called on if any, and itself."""
        match node:
            case ast.Name(name) if name in _BUILTINS and name not in self.known:
                return None, lambda scope: (), lambda scope, of: _BUILTINS[name]
            case ast.Name(name) if name in self.known and name not in self.inputs:
                made = self.value(node)
                return None, lambda scope: (), lambda scope, of: made(scope)
            case ast.Subscript(ast.Name(name)) if name in self.known and name not in self.inputs:
                # ``layers[0](x)``
                made = self.value(node)
                return None, lambda scope: (), lambda scope, of: made(scope)
            case ast.Attribute(value, method) if not self.is_dotted(value):
                owner, api = self.value(value), self.member(method)
                return api, lambda scope: (owner(scope),), lambda scope, of: getattr(of[0], method)
        dotted = _dotted(node)
        if dotted is None:
            raise self.refuse(node)
        owner, _, name = dotted.rpartition(".")
        if dotted not in self.apis and owner in self.apis and _MEMBERS.fullmatch(name):
            # A class's own function: ``torch.nn.Embedding.from_pretrained``.
            self.note(owner)
            return None, lambda scope: (), lambda scope, of: scope.function(dotted)
        self.check(dotted)
        self.note(dotted)
        return dotted, lambda scope: (), lambda scope, of: scope.function(dotted)

    def is_dotted(self, node: ast.expr) -> bool:
        """Whether it is the name of a module or class, and no object of the example's."""
        dotted = _dotted(node)
        return dotted is not None and dotted.partition(".")[0] not in self.known

    def check(self, dotted: str) -> None:
        if dotted not in self.apis:
            near = suggest(dotted, self.apis)
            raise CallError(f"{dotted} is not one of this record's apis, nor has another it{near}")

    def attribute(self, node: ast.Attribute) -> _Step:
        if not self.is_dotted(node.value):
            owner, name = self.value(node.value), node.attr
            if name in self.named and not _MEMBERS.fullmatch(name):
                return lambda scope: getattr(_layer(owner(scope)), name)
            self.member(name)
            return lambda scope: getattr(owner(scope), name)
        dotted = _dotted(node)
        if dotted is None:
            raise self.refuse(node)
        package, _, name = dotted.rpartition(".")
        dtype = _DTYPE_ALIASES.get(name, name)
        if package == "torch" and dtype in DTYPES:
            if dotted in self.own:
                self.called.add(dotted)
            return lambda scope: scope.dtype(dtype)
        if dotted not in self.apis:
            near = suggest(dotted, [*self.apis, *(f"torch.{name}" for name in DTYPES)])
            raise CallError(f"{dotted} is neither a dtype nor a call of this record's apis{near}")
        self.note(dotted)
        return lambda scope: scope.function(dotted)

    def member(self, name: str) -> str | None:
        """The tensor method or attribute that a member is, if some record maps it."""
        api = _METHODS + name
        # A record of a class's method is about whatever object has it.
        of_classes = {a for a in self.own if a.endswith(f".{name}") and a != api}
        self.called |= of_classes
        if api in self.own or (api in self.apis and not _MEMBERS.fullmatch(name)):
            self.note(api)
            return api
        if _MEMBERS.fullmatch(name) or of_classes:
            return None
        near = suggest(
            name, [a.removeprefix(_METHODS) for a in self.apis if a.startswith(_METHODS)]
        )
        raise CallError(f"{api} is not one of this record's apis, nor has another it{near}")

    def spelled(self, method: str) -> None:
        """Note the record's own ``__getitem__`` or ``__setitem__`` as called by a subscript."""
        self.called |= self.own & {f"{_METHODS}__{method}__"}

    def note(self, api: str) -> None:
        """Note an API as called, if examples may call it."""
        namespace, _, name = api.rpartition(".")
        if (
            (namespace not in _NAMESPACES and not api.startswith("flash_attn."))
            or (_REFUSED.fullmatch(name) and name not in _HARMLESS)
            or (namespace == "torch" and not name[:1].islower() and not _CLASSES.fullmatch(name))
        ):
            raise CallError(
                f"examples cannot call {api}: they call functions, methods and layers of tensors, "
                "and nothing that reaches files, processes or global settings"
            )
        self.called.add(api)

    def refuse(self, node: ast.AST) -> CallError:
        return CallError(
            f"{_short(ast.unparse(node))!r} is outside the grammar: assignments, calls of mapped "
            "apis and of what they made, inputs, literals, tuples, lists, dicts, operators, "
            "subscripts, and dtypes"
        )


def _operand(value: Any) -> Any:
    """A tensor or a number: what else has operators can grow without bound."""
    if isinstance(value, bool | int | float | complex) or hasattr(value, "dtype"):
        return value
    raise CallError(f"operators take tensors and numbers, not a {type(value).__name__}")


# A member that an example gives a layer.
_MEMBER = re.compile(r"[a-z][a-z0-9_]{0,40}")


def _layer(value: Any) -> Any:
    """A layer, whose members may have any names; nothing else has its members set."""
    if hasattr(value, "register_parameter"):
        return value
    raise CallError(f"only layers have members of an example's own, and no {type(value).__name__}")


def _in_place(op: ast.operator) -> Callable[[Any, Any], Any]:
    change = _IN_PLACE[type(op)]
    return lambda held, value: change(_operand(held), _operand(value))


def _exactly(values: Any, count: int) -> list[Any]:
    """The values as a list, where there are so many of them."""
    if len(values) != count:
        raise CallError(f"{len(values)} values cannot be given to {count} names")
    return list(values)


def changes(name: str) -> bool:
    """Whether a function of this name changes its first argument: ``add_``, ``__iadd__``."""
    return (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


def _is_literal(node: ast.expr) -> bool:
    inner = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.List, ast.operator, ast.unaryop)
    return all(isinstance(n, (*inner, ast.expr_context)) for n in ast.walk(node))


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


def check_examples(source: Source, known: Collection[str] = ()) -> list[Problem]:
    """Every fault in the examples of a record, each at its line; ``known`` are all mapped APIs."""
    problems = []
    for index, example in enumerate(source.record.examples):
        for where, message in _faults(example, source.record.apis, known):
            problems.append(source.problem(("examples", index, *where), message, rule="examples"))
    return problems


def _faults(
    example: Example, apis: Mapping[str, Any], known: Collection[str]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    try:
        call = parse_call(example, apis, known)
    except CallError as error:
        yield ("call",), str(error)
    else:
        if not call.apis & apis.keys():
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
