"""The shim: one readable Python module per record, and the namespaces that export its names."""

from __future__ import annotations

import ast
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from oarlock.spellings import SPELLINGS
from oarlock_generator.derive import Api, Context, Derivation, Route, Row
from oarlock_generator.emit.snippets import oarlock_snippet
from oarlock_generator.expressions import Condition, unparsed
from oarlock_generator.literals import literal, normalised
from oarlock_generator.model import Text
from oarlock_generator.signatures import Parameter, Signature
from oarlock_generator.treatments import Fallback, Refuse, Standard

PACKAGE = Path("runtime/oarlock")
GENERATED = PACKAGE / "_generated"
TENSOR_METHODS = GENERATED / "tensor_methods.py"
WIDTH = 100
_INDENT = " " * 4


@dataclass
class _Imports:
    """The import lines of a module, and the local name of each thing imported."""

    taken: set[str]
    names: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def name(self, module: str, name: str) -> str:
        """The local name of ``module.name``; Paddle's gets a prefix where it would clash."""
        if name not in self.names[module]:
            tries = (
                name,
                f"{module.partition('.')[0]}_{name}",
                f"{module}.{name}".replace(".", "_"),
            )
            self.names[module][name] = next(local for local in tries if local not in self.taken)
            self.taken.add(self.names[module][name])
        return self.names[module][name]

    def module(self, module: str) -> None:
        """Import a whole module."""
        self.names[module].setdefault("", "")

    def lines(self) -> list[str]:
        """Import statements in groups: the standard library's, Paddle's, Oarlock's."""
        groups: dict[str, list[str]] = {"numbers": [], "typing": [], "paddle": [], "oarlock": []}
        for module, names in sorted(self.names.items(), key=lambda each: _natural(each[0])):
            group = groups[module.partition(".")[0]]
            if names.get("") == "":
                group.append(f"import {module}")
            names = {name: local for name, local in names.items() if name}
            plain = sorted((n for n, local in names.items() if n == local), key=_member)
            lines = [(n, _imported(module, n, local)) for n, local in names.items() if n != local]
            if plain:
                line = ", ".join(plain)
                if len(f"from {module} import {line}") > WIDTH:
                    line = _call("(", plain, ")", always=True)
                lines.append((plain[0], f"from {module} import {line}"))
            lines.sort(key=lambda line: _member(line[0]))
            group += [line for _, line in lines]
        groups["typing"] = groups.pop("numbers") + groups["typing"]
        return ["\n".join(lines) for lines in groups.values() if lines]


def _member(name: str) -> tuple[int, Any, str]:
    """Where isort puts a name among those imported from one module: constants, classes, the rest."""
    return _rank(name), _natural(name.lower()), name


def _exported(name: str) -> tuple[int, Any]:
    """Where the linter puts a name in ``__all__``: as there, but for capitals."""
    return _rank(name), _natural(name)


def _rank(name: str) -> int:
    return 0 if len(name) > 1 and name.isupper() else 1 if name[0].isupper() else 2


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in names by value."""
    chunks = re.findall(r"\d+|\D+", name)
    return [(int(chunk), "") if chunk.isdigit() else (1 << 60, chunk) for chunk in chunks]


def module_name(derivation: Derivation) -> str:
    """The generated module of a record."""
    return f"oarlock._generated.{derivation.slug.replace('/', '.').replace('-', '_')}"


def render_shim(derivations: Sequence[Derivation], context: Context) -> dict[Path, str]:
    """Every generated Python file, by its path from the repository's root."""
    outputs = {TENSOR_METHODS: _tensor_methods(derivations, context)}
    generated = [derivation for derivation in derivations if _generated(derivation)]
    folders = {derivation.slug.rpartition("/")[0] for derivation in generated}
    for derivation in generated:
        # A class beside the folder of its methods is that folder's package.
        path = GENERATED / derivation.slug.replace("-", "_")
        path = path / "__init__.py" if derivation.slug in folders else path.with_suffix(".py")
        outputs[path] = render_module(derivation, context)
    return outputs | _namespaces(derivations, context)


def render_module(derivation: Derivation, context: Context) -> str:
    """The generated module of one record."""
    apis = _generated(derivation)
    imports = _Imports(
        {local_name(derivation, api, context) for api in apis}
        | {row.name for route in derivation.routes for row in route.parameters}
    )
    first: dict[str, str] = {}
    blocks: dict[str, str] = {}
    for api in apis:
        name = local_name(derivation, api, context)
        if name in blocks:
            continue
        twin = first.setdefault(api.entry.same_as or api.name, name)
        blocks[name] = (
            "\n\n\n".join(_api(derivation, api, name, imports, context))
            if twin == name
            else f"{name} = {twin}"
        )
    title = f'"""{derivation.primary.name} on Paddle tensors."""'
    source = derivation.source.path.as_posix()
    head = f"# Generated by `oarlock generate` from {source}; do not edit.\n{title}"
    parts = [head, "from __future__ import annotations", *imports.lines()]
    gap = "\n\n" if derivation.record.kind == "attribute" else "\n\n\n"
    return "\n\n".join(parts) + gap + gap.join(blocks.values()) + "\n"


def _generated(derivation: Derivation) -> list[Api]:
    """The APIs that a module is generated for: those without an implementation."""
    return [api for api in derivation.apis if api.implementation is None]


def home(derivation: Derivation, api: Api, context: Context) -> str:
    """Where the object of an API is found, as ``module:name``."""
    if api.implementation:
        return api.implementation.home
    return f"{module_name(derivation)}:{local_name(derivation, api, context)}"


def local_name(derivation: Derivation, api: Api, context: Context) -> str:
    """The name of an API inside its record's module: ``max``, and ``Tensor_max`` for a method.

    Where two modules have functions of one name and other signatures, the later has its module's
    name before it: ``functional_celu``.
    """
    name = _plain_name(api, context)
    first = next(each for each in _generated(derivation) if _plain_name(each, context) == name)
    if first.entry.overloads == api.entry.overloads:
        return name
    return f"{api.name.split('.')[-2]}_{name}"


def _plain_name(api: Api, context: Context) -> str:
    owner, _, name = api.name.rpartition(".")
    return f"{owner.rpartition('.')[2]}_{name}" if _is_class(owner, context) else name


def _is_class(name: str, context: Context) -> bool:
    entry = context.entry(name)
    return entry is not None and entry.kind == "class"


def _api(
    derivation: Derivation, api: Api, name: str, imports: _Imports, context: Context
) -> list[str]:
    """The definitions for one API, in the order they are written."""
    routes = [route for route in derivation.routes if route.claims[api.name] or not api.overloads]
    if derivation.record.kind == "attribute":
        return [f"{name} = {_paddle(routes[0], imports, context)}"]
    claims: dict[tuple[int, ...], list[Route]] = defaultdict(list)
    for route in routes:
        claims[route.claims[api.name]].append(route)
    if len(claims) == 1:
        return [_function(derivation, api, name, routes, imports, context)]
    parts = [
        _function(derivation, api, f"_{name}_{index}", same, imports, context, typed=True)
        for index, same in enumerate(claims.values())
    ]
    choose = imports.name("oarlock.overloads", "Overloads")
    candidates = [f"_{name}_{index}" for index in range(len(claims))]
    overload = imports.name("typing", "overload")
    stubs = [
        f"@{overload}\n{_signature(name, _typed(_own(route, api), imports), '...')}"
        for route, *_ in claims.values()
    ]
    body = f"return _{name}(*args, **kwargs)"
    doc = _docstring(derivation, api, routes, ())
    chooser = _call(f"_{name} = {choose}(", [literal(api.name), *candidates], ")")
    return [
        *parts,
        chooser,
        *stubs,
        f"def {name}(*args, **kwargs):\n{_indent(doc)}\n{_indent(body)}",
    ]


def _own(route: Route, api: Api) -> tuple[Parameter, ...]:
    """The torch parameters of a route as this API spells them."""
    return tuple(parameter for _, parameter in route.own(api))


# What a generated annotation may name, and where it is imported from.
_TYPES = {
    "Tensor": "paddle",
    "Number": "numbers",
    **dict.fromkeys(("int", "float", "bool", "str", "complex", "None")),
}


def _typed(parameters: Sequence[Parameter], imports: _Imports) -> tuple[Parameter, ...]:
    """The parameters with the annotations that overloads are told apart by, and no others."""
    typed = []
    for parameter in parameters:
        kinds = [kind.strip() for kind in (parameter.annotation or "").split("|")]
        known = all(kind in _TYPES for kind in kinds) and parameter.kind != "variadic"
        for kind in kinds if known else ():
            if _TYPES[kind]:
                imports.name(_TYPES[kind], kind)
        if known and parameter.default == "None" and "None" not in kinds:
            kinds.append("None")
        typed.append(replace(parameter, annotation=" | ".join(kinds) if known else None))
    return tuple(typed)


def _function(
    derivation: Derivation,
    api: Api,
    name: str,
    routes: Sequence[Route],
    imports: _Imports,
    context: Context,
    typed: bool = False,
) -> str:
    """One function with all of its routes; for ``kind: class``, a class that refuses to be made."""
    parameters = _own(routes[0], api)
    spelled = () if typed else _spelled(api, parameters)
    plain = tuple(replace(parameter, annotation=None) for parameter in parameters)
    doc = _docstring(derivation, api, routes, parameters)
    bodies = []
    for route in routes:
        body = _body(derivation, api, route, parameters, imports, context)
        if route.when:
            condition = [route.when.whole(tensors(route.parameters))]
            _import_condition(route.when, condition, imports, context)
            body = f"if {condition[0]}:\n{_indent(body)}"
        bodies.append(body)
    body = "\n".join(bodies)
    shown = _typed(parameters, imports) if typed else plain
    if spelled:
        body = f"{_respelling(api, spelled, imports)}\n{body}"
        shown = tuple(
            replace(p, default="REQUIRED") if p in spelled and p.default is None else p
            for p in shown
        )
        shown += (Parameter("numpy", "varkwargs", None, None),)
    if derivation.record.kind != "class":
        return _signature(name, shown, f"{doc}\n{body}")
    maker = _signature("__new__", (Parameter("cls", "normal", None, None), *shown), body)
    return f"class {name}:\n{_indent(doc)}\n\n{_indent(maker)}"


def _spelled(api: Api, parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The parameters that NumPy's spellings reach, where the signature leaves room for them."""
    own = [replace(parameter, annotation=None) for parameter in parameters]
    if any(p.kind in ("variadic", "varkwargs") for p in own):
        return ()
    required = [p.kind == "normal" and p.default is None for p in own]
    return tuple(
        p
        for place, p in enumerate(own)
        if not SPELLINGS.keys().isdisjoint(api.entry.aliases.get(p.name, ()))
        and p.kind in ("normal", "keyword")
        and not (p.default is None and any(required[place + 1 :]))
    )


def _respelling(api: Api, spelled: Sequence[Parameter], imports: _Imports) -> str:
    """``sum(x, axis=1)`` is ``sum(x, dim=1)``."""
    respelled = imports.name("oarlock.spellings", "respelled")
    condition = ["numpy"]
    for parameter in spelled:
        if parameter.default is None:
            imports.name("oarlock.spellings", "REQUIRED")
            condition.append(f"{parameter.name} is REQUIRED")
    names = [parameter.name for parameter in spelled]
    into = ", ".join(names) if len(names) > 1 else f"({names[0]},)"
    arguments = [literal(api.name), "numpy", *(f"{name}={name}" for name in names)]
    call = _call(f"{into} = {respelled}(", arguments, ")", 8)
    return f"if {' or '.join(condition)}:\n{_indent(call)}"


def _body(
    derivation: Derivation,
    api: Api,
    route: Route,
    parameters: Sequence[Parameter],
    imports: _Imports,
    context: Context,
) -> str:
    """Refusals, then the choice between Paddle's function and the fallback."""
    own = [row for row, _ in route.own(api)]
    lines = [_spread(api, p, imports) for p in parameters if p.kind == "variadic"]
    lines += [_refusal(api, row, imports) for row in route.refusals if row in own]
    ways = _Ways(derivation, api, route, parameters, imports, context)
    if route.fallback_module is None or route.spec.fallback is None:
        return "\n".join([*lines, ways.native() or _missing(api, route, imports)])
    fallback, native = ways.fallback(), ways.native()
    if native is None:
        return "\n".join([*lines, fallback])
    imports.name("oarlock", "routing")
    depth = len(_INDENT) * (2 if route.when else 1)
    names = {row.name: parameter.name for row, parameter in route.own(api)}
    conditions = [
        _renamed(condition, names) for name, condition in route.neutral.items() if name in names
    ]
    if route.native_when:
        own = [_renamed(part, names) for part in route.native_when.code(tensors(route.parameters))]
        _import_condition(route.native_when, own, imports, context)
        conditions += own
    lines.append(_condition("native = ", conditions, depth))
    lines.append("if routing.forced is not None:")
    lines.append(f"{_INDENT}native = routing.choose({literal(api.name)}, native, locals())")
    if route.spec.fallback.kernel:
        native = _diagnosed(native, ways)
    lines.append(f"if native:\n{_indent(native)}")
    return "\n".join([*lines, fallback])


def _import_condition(
    condition: Condition, parts: Iterable[str], imports: _Imports, context: Context
) -> None:
    for predicate in sorted(condition.predicates):
        imports.name(context.runtime.predicates[predicate], predicate)
    code = " ".join(parts)
    if "plain(" in code:
        imports.name("oarlock.tensor", "plain")
    if re.search(r"\bpaddle\.", code):
        imports.module("paddle")


def _spread(api: Api, parameter: Parameter, imports: _Imports) -> str:
    """What becomes of ``permute(0, 2, 1)``, ``permute((0, 2, 1))`` and ``permute(dims=…)``."""
    one = imports.name("oarlock.overloads", "variadic")
    name, facts = parameter.name, [literal(api.name), literal(parameter.name), parameter.name]
    facts += ["named"] + (["None"] if parameter.default else [])
    return f"{name} = {_call(f'{one}(', facts, ')')}"


def _renamed(condition: str, names: Mapping[str, str]) -> str:
    """A condition in the names that one API has for the parameters: ``self`` for ``input``."""
    if all(name == own for name, own in names.items()):
        return condition
    tree = ast.parse(condition, mode="eval")
    changed = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and names.get(node.id, node.id) != node.id:
            node.id, changed = names[node.id], True
    return unparsed(tree) if changed else condition


def _condition(head: str, conditions: Sequence[str], depth: int) -> str:
    one = head + " and ".join(conditions)
    if len(one) + depth <= WIDTH:
        return one
    room = depth + len(_INDENT) + len("and ")
    inner = "\n".join(_indent(f"and {_laid_out(condition, room)}") for condition in conditions)
    return f"{head}(\n{inner.replace('and ', '', 1)}\n)"


# Annotations of parameters and results, as the locks spell them.
_TENSOR = re.compile(r"\bTensor\b")
_MANY = re.compile(
    r"(tuple|list|Sequence|Iterable|_TensorOr\w+)\b.*Tensor|_TensorOrTensors|TensorOrTensors"
)
_NO_TENSOR = re.compile(
    r"(builtins\.|_)?(bool|int|float|str|complex|Number|None|Size|torch\.(Size|dtype))"
)


def _is_tensor(parameter: Parameter) -> bool:
    """Whether a tensor may be passed: the lock says so, or says nothing that excludes it."""
    if parameter.annotation is None:
        return parameter.kind != "varkwargs" and parameter.default in (None, "None")
    return bool(_TENSOR.search(parameter.annotation)) or parameter.annotation in (
        "Any",
        "_ArrayLike",
    )


def tensors(rows: Iterable[Row]) -> frozenset[str]:
    """The names of parameters that may be tensors."""
    return frozenset(row.name for row in rows if row.torch and _is_tensor(row.torch))


@dataclass(frozen=True)
class _Ways:
    """The ways that one API's call can take, as statements."""

    derivation: Derivation
    api: Api
    route: Route
    parameters: Sequence[Parameter]
    imports: _Imports
    context: Context

    @property
    def tensors(self) -> list[str]:
        """The parameters that may be tensors; the first tells the caller's side."""
        return [p.name for p in self.parameters if _is_tensor(p)]

    def served(self, how: str) -> str | None:
        """The standard parameter that is served so."""
        rows = self.route.own(self.api)
        found = (
            p.name
            for row, p in rows
            if isinstance(row.treatment, Standard) and row.treatment.served == how
        )
        return next(found, None)

    def native(self) -> str | None:
        """The call of Paddle's function, and what becomes of its result."""
        return self.returned(self._native) if self.route.paddle else None

    def fallback(self) -> str:
        """The call of a kernel or a rewrite, and what becomes of its result."""
        return self.returned(self._fallback)

    def returned(self, result: Callable[[bool], str]) -> str:
        """The statements that give a plain result the caller's side, and write it where torch does.

        ``result`` is the expression for the result; with True, for one that is written into the
        tensor it was computed from.
        """
        given = next(iter(self.tensors), None)
        if self.api.in_place:
            return self.returning(
                self.call("commit", [given or self.parameters[0].name, result(True)])
            )
        like = self.like(given, result(False))
        if inplace := self.served("inplace"):
            commit = self.returning(self.call("commit", [given or "", result(True)]))
            return f"if {inplace}:\n{_indent(commit)}\n{self.returning(like)}"
        if out := self.served("result"):
            stored = self.imports.name("oarlock.results", "stored")
            return self.returning(f"{stored}({like}, {out})")
        return self.returning(like)

    def returning(self, result: str) -> str:
        """The statement, with room for the conditions around it."""
        alone = not (self.route.when or (self.route.paddle and self.route.spec.fallback))
        return f"return {_laid_out(result, 11 if alone else _DEEP)}"

    def like(self, given: str | None, result: str) -> str:
        """A result on the caller's side; what can hold no tensor stays as it is."""
        returns = self.route.signature.returns or ""
        if (given or _TENSOR.search(returns)) and not _NO_TENSOR.fullmatch(returns):
            return self.call("like", [given or "None", result])
        return result

    def call(self, function: str, arguments: list[str]) -> str:
        """A call of one of oarlock.tensor's functions."""
        name = self.imports.name("oarlock.tensor", function)
        return f"{name}({', '.join(arguments)})"

    def value(self, parameter: Parameter, written: bool = False) -> str:
        """A parameter on Paddle's side: a plain tensor, a Paddle dtype, or itself."""
        name, annotation = parameter.name, parameter.annotation or ""
        if written and self.tensors[:1] == [name]:
            return self.call("before", self.tensors)
        if "dtype" in annotation.lower() or name == "dtype":
            return f"{self.imports.name('oarlock.tensor.dtypes', 'paddle_dtype')}({name})"
        if _is_tensor(parameter):
            many = parameter.kind == "varargs" or _MANY.search(annotation)
            return self.call("plain_all" if many else "plain", [name])
        return name

    def _native(self, written: bool) -> str:
        given: dict[str, str] = {}
        for row, parameter in self.route.own(self.api):
            treatment = row.treatment
            if treatment is None or isinstance(treatment, Standard):
                continue
            if isinstance(treatment, Fallback) and not treatment.only:
                continue
            for name, code in treatment.arguments(parameter.name, self.api.name):
                is_itself = code == parameter.name
                given[name] = self.value(parameter, written) if is_itself else code
            for helper in treatment.imports():
                home = "oarlock.choose" if helper == "choose" else "oarlock.convert"
                self.imports.name(home, helper)
        rows = self.route.rows
        given |= {row.paddle[0].name: row.set for row in rows if row.set is not None}
        function = _paddle(self.route, self.imports, self.context)
        call = f"{function}({', '.join(_arguments(self.route, given))})"
        match self.route.spec.returns:
            case "first":
                return f"{call}[0]"
            case "tuple":
                return f"tuple({call})"
        return self.named(call)

    def _fallback(self, written: bool) -> str:
        spec = self.route.spec.fallback
        assert spec
        assert self.route.fallback_module
        name = self.imports.name(self.route.fallback_module, spec.name)
        signature = self.context.runtime.signatures.get(spec.name)
        if spec.kernel or signature is None:
            arguments = self.passed_on(written)
        else:
            arguments = self.taken(signature, written)
        return self.named(f"{name}({', '.join(arguments)})")

    def taken(self, signature: Signature, written: bool) -> list[str]:
        """What a rewrite of this signature takes: by position as long as nothing is left out."""
        pairs = {pair[0].name: pair[2] for pair in self.route.passed(self.api, signature).pairs}
        arguments, leading = [], True
        for theirs in signature.parameters:
            parameter = pairs.get(theirs.name)
            if parameter is None:
                leading = False
                continue
            value = self.value(parameter, written)
            if theirs.kind == "varargs":
                arguments.append(f"*{value}")
            elif leading and theirs.kind in ("positional", "normal"):
                arguments.append(value)
            else:
                arguments.append(f"{theirs.name}={value}")
        return arguments

    def passed_on(self, written: bool = False) -> list[str]:
        """Every parameter that concerns the computation, as it is spelled in the signature."""
        finished = {
            parameter.name
            for row, parameter in self.route.own(self.api)
            if isinstance(row.treatment, Standard)
        }
        forms = {"keyword": "{0}={1}", "varargs": "*{1}", "varkwargs": "**{1}"}
        return [
            forms.get(p.kind, "{1}").format(p.name, self.value(p, written))
            for p in self.parameters
            if p.name not in finished
        ]

    def named(self, call: str) -> str:
        """The result with torch's field names, where the record says which."""
        if "." not in self.route.spec.returns:
            return call
        named = self.imports.name("oarlock.results", "named")
        return f"{named}({literal(self.route.spec.returns)}, {call})"


def _arguments(route: Route, given: Mapping[str, str]) -> list[str]:
    """Leading positional parameters by position, the rest by name."""
    arguments, leading = [], True
    theirs = _positional(route)
    for place, name in enumerate(theirs):
        leading = leading and name in given and place < 3
        if leading:
            arguments.append(given[name])
    rest = [name for name in given if name not in theirs[: len(arguments)]]
    return arguments + [f"{name}={given[name]}" for name in rest]


def _positional(route: Route) -> list[str]:
    if route.paddle is None or not route.paddle.overloads:
        return []
    names = [
        p.name for p in route.paddle.overloads[0].parameters if p.kind in ("normal", "positional")
    ]
    return ["self", *names] if route.paddle.kind == "method" else names


def _diagnosed(native: str, ways: _Ways) -> str:
    """The native call, after whose failure the kernel says in torch's terms what is at fault."""
    assert ways.route.fallback_module
    check = ways.imports.name(ways.route.fallback_module, "check_arguments")
    call = _call(f"{check}(", ways.passed_on(), ")", _DEEP)
    return f"try:\n{_indent(native)}\nexcept Exception:\n{_indent(call)}\n{_INDENT}raise"


def _refusal(api: Api, row: Row, imports: _Imports) -> str:
    assert row.torch
    assert isinstance(row.treatment, Refuse | Standard)
    name, error = row.torch.name, imports.name("oarlock.errors", "UnsupportedError")
    neutral = row.treatment.neutral(name, row.torch.default) or "False"
    facts = [
        f"api={literal(api.name)}",
        f"parameter={literal(name)}",
        f'given=f"{{{name}!r}}"',
        f"reason={literal(row.treatment.reason.en.rstrip('.'))}",
    ]
    return f"if {_negate(neutral)}:\n{_indent(_call(f'raise {error}(', facts, ')', always=True))}"


def _missing(api: Api, route: Route, imports: _Imports) -> str:
    error = imports.name("oarlock.errors", "UnsupportedError")
    reason = route.spec.missing or route.spec.removable
    words = reason.en.rstrip(".") if reason else ""
    facts = [f"api={literal(api.name)}", f"reason={literal(words)}"]
    return _call(f"raise {error}(", facts, ")", always=True)


def _negate(condition: str) -> str:
    """The opposite of a condition, as a person would write it."""
    tree = ast.parse(condition, mode="eval").body
    match tree:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return ast.unparse(operand)
        case ast.Compare(ops=[op]):
            opposite = {ast.Is: "is not", ast.Eq: "!=", ast.NotEq: "==", ast.NotIn: "in"}[type(op)]
            value = ast.get_source_segment(condition, tree.comparators[0])
            return f"{ast.unparse(tree.left)} {opposite} {value}"
    return f"not {condition}"


def _paddle(route: Route, imports: _Imports, context: Context) -> str:
    """The expression for a route's Paddle target, its import noted."""
    assert route.paddle
    owner, _, name = route.paddle.name.rpartition(".")
    if _is_class(owner, context):
        module, _, holder = owner.rpartition(".")
        return f"{imports.name(module, holder)}.{name}"
    return imports.name(owner, name)


def _signature(name: str, parameters: Sequence[Parameter], body: str) -> str:
    shown, before = [], "normal"
    for parameter in parameters:
        if before == "positional" and parameter.kind != "positional":
            shown.append("/")
        if parameter.kind == "keyword" and before not in ("varargs", "variadic", "keyword"):
            shown.append("*")
        star = {"varargs": "*", "variadic": "*", "varkwargs": "**"}.get(parameter.kind, "")
        default = ""
        if parameter.default is not None and not star:
            # A list would be one object for all calls.
            value = normalised(parameter.default)
            default = f"=({value[1:-1]})" if value.startswith("[") else f"={value}"
        if parameter.annotation:
            default = f": {parameter.annotation}" + default.replace("=", " = ", 1)
        shown.append(f"{star}{parameter.name}{default}")
        before = parameter.kind
    if any(parameter.kind == "variadic" for parameter in parameters):
        shown.append("**named")
    head = _call(f"def {name}(", shown, "):")
    return f"{head} ..." if body == "..." else f"{head}\n{_indent(body)}"


# The room that the deepest statement needs: a class, a function, two conditions, ``return``.
_DEEP = 24


def _call(
    head: str, arguments: Iterable[str], tail: str, room: int = 8, *, always: bool = False
) -> str:
    """A call on one line, or one argument a line where that would be too long."""
    arguments = list(arguments)
    one = f"{head}{', '.join(arguments)}{tail}"
    if len(one) + room <= WIDTH and "\n" not in one and not always:
        return one
    lines = (f"{_indent(_laid_out(arg, room + len(_INDENT)))},\n" for arg in arguments)
    return f"{head}\n{''.join(lines)}{tail}"


def _laid_out(text: str, room: int) -> str:
    """An expression or argument as it is, or where it is too long, one item of its call a line."""
    if len(text) + room <= WIDTH or "\n" in text or text[-1] not in ")}]":
        return text
    source = f"_({text})"
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError:
        # A pair of a table, or an annotated parameter.
        return text
    assert isinstance(tree, ast.Call)

    def part(node: ast.AST | None) -> str:
        return (node and ast.get_source_segment(source, node)) or ""

    value = [*tree.args, *(keyword.value for keyword in tree.keywords)][0]
    tail = ")"
    if isinstance(value, ast.Subscript):
        tail += text[len(text) - len(part(value)) + len(part(value.value)) :]
        value = value.value
    match value:
        case ast.Call(args=values, keywords=keywords):
            head, _, _ = text.partition("(")
            parts = map(part, [*values, *keywords])
            return _call(f"{head}(", parts, tail, room, always=True)
        case ast.Dict(keys=keys, values=values):
            pairs = [f"{part(k)}: {part(v)}" for k, v in zip(keys, values, strict=True)]
            return _call("{", pairs, "}", room, always=True)
    return text


def _indent(code: str) -> str:
    return textwrap.indent(code, _INDENT)


def _docstring(
    derivation: Derivation, api: Api, routes: Sequence[Route], parameters: Sequence[Parameter]
) -> str:
    """What it does, its arguments, result, errors, a first example, and its page."""
    from oarlock_generator.emit.links import page_url

    summary = derivation.record.summary
    parts = [_wrap(summary.en if summary else f"{api.name} on Paddle tensors.")]
    served = _served(routes[0])
    if served:
        parts.append(_wrap(served))
    notes = {row.torch.name: row for row in routes[0].parameters if row.torch}
    arguments = [
        _wrap(f"{p.name}: {_words(notes[p.name])}", hang=8, indent=4)
        for p in parameters
        if p.name in notes
    ]
    if arguments:
        parts.append("Args:\n" + "\n".join(arguments))
    result: Text | None = routes[0].spec.result
    if result:
        parts.append("Returns:\n" + _wrap(result.en, indent=4, hang=4))
    example = next((e for e in derivation.record.examples if not e.raises), None)
    if example:
        code = oarlock_snippet(example, derivation)
        shown = "\n".join(
            f">>> {line}" if not line.startswith(" ") else f"... {line}" for line in code if line
        )
        parts.append("Example:\n" + textwrap.indent(shown, _INDENT))
    parts.append(page_url(derivation))
    text = "\n\n".join(parts).replace('"""', "'''")
    return f'r"""{text}\n"""' if "\\" in text else f'"""{text}\n"""'


def _served(route: Route) -> str:
    if route.paddle and route.spec.fallback:
        kind = "kernel" if route.spec.fallback.kernel else "composition"
        return (
            f"Served by {route.paddle.name} where that is exact, and by Oarlock's "
            f"{route.spec.fallback.name} {kind} otherwise; oarlock.explain says which, and why."
        )
    return f"Served by {route.paddle.name}." if route.paddle else ""


def _words(row: Row) -> str:
    said = [
        *row.remarks,
        *(() if row.remarks else (row.served,)),
        *((row.differs,) if row.differs else ()),
    ]
    return " ".join(text.en for text in said)


def _wrap(text: str, indent: int = 0, hang: int = 0) -> str:
    return textwrap.fill(
        text,
        WIDTH - 4,
        initial_indent=" " * indent,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _tensor_methods(derivations: Sequence[Derivation], context: Context) -> str:
    """The table that torch.Tensor's methods and properties are loaded by."""
    homes: dict[str, str] = {}
    properties = []
    for derivation in derivations:
        for api in derivation.apis:
            owner, _, name = api.name.rpartition(".")
            # What is written on the class itself needs no entry.
            written = api.implementation and "." in api.implementation.name
            if owner != "torch.Tensor" or written:
                continue
            homes[name] = home(derivation, api, context)
            if derivation.record.kind == "attribute":
                properties.append(name)
    table = "".join(f'    "{name}": "{of}",\n' for name, of in sorted(homes.items()))
    names = [f'"{name}"' for name in sorted(properties)]
    lines = [
        "# Generated by `oarlock generate` from mappings/; do not edit.",
        '"""The methods and properties of torch.Tensor: where each is found on first use."""',
        "",
        "HOMES: dict[str, str] = {" + (f"\n{table}" if table else "") + "}",
        "PROPERTIES: frozenset[str] = frozenset(",
        *([_indent(_call("{", names, "}", always=True))] if names else []),
        ")",
        "",
    ]
    return "\n".join(lines)


def _namespaces(derivations: Sequence[Derivation], context: Context) -> dict[Path, str]:
    """The torch-side modules: each name loads from where it is defined on first use.

    Each is a package: what lies below it may be one as well.
    """
    homes: dict[str, dict[str, str]] = defaultdict(dict)
    for derivation in derivations:
        for api in derivation.apis:
            owner, _, name = api.name.rpartition(".")
            if not _is_class(owner, context):
                homes[owner][name] = home(derivation, api, context)
                while owner.count("."):
                    parent, _, child = owner.rpartition(".")
                    homes[parent].setdefault(child, f"oarlock.{owner}")
                    owner = parent
    outputs = {}
    for owner, names in homes.items():
        path = PACKAGE.joinpath(*owner.split("."), "__init__.py")
        outputs[path] = _namespace(owner, names)
    return outputs


def _imported(module: str, attribute: str, name: str, room: int = 0) -> str:
    line = f"from {module} import {attribute} as {name}"
    if len(line) + room <= WIDTH:
        return line
    return f"from {module} import (\n{_INDENT}{attribute} as {name},\n)"


def _namespace(owner: str, names: Mapping[str, str]) -> str:
    imported = []
    for name, home in names.items():
        module, is_object, attribute = home.partition(":")
        if not is_object:
            module, _, attribute = home.rpartition(".")
        imported.append((_natural(module), _member(attribute), module, attribute, name))
    typed = [
        _indent(_imported(module, attribute, name, len(_INDENT)))
        for _, _, module, attribute, name in sorted(imported)
    ]
    table = "".join(f'    "{name}": "{home}",\n' for name, home in sorted(names.items()))
    return "\n".join(
        [
            "# Generated by `oarlock generate` from mappings/; do not edit.",
            f'"""The names of {owner} that Oarlock serves, on Paddle tensors."""',
            "",
            "from typing import TYPE_CHECKING",
            "",
            "from oarlock.namespace import namespace",
            "",
            "if TYPE_CHECKING:",
            *typed,
            "",
            "_HOMES = {",
            table + "}",
            _call("__all__ = [", [f'"{name}"' for name in sorted(names, key=_exported)], "]"),
            "",
            _call("__getattr__, __dir__ = namespace(", [f'"{owner}"', "_HOMES", "globals()"], ")"),
            "",
        ]
    )
