"""The one place that decides: record + signature lock -> what docs, shim, doctests and JSON need."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from oarlock_generator.expressions import Condition, ExpressionError, parse_condition
from oarlock_generator.literals import literal
from oarlock_generator.load import Source
from oarlock_generator.model import Overload, ParameterSpec, Record, Target, Text
from oarlock_generator.problems import FieldPath, Problem, suggest
from oarlock_generator.runtime_names import Object, RuntimeNameError, RuntimeNames
from oarlock_generator.shared import Category, Shared
from oarlock_generator.signatures import Entry, Lock, Parameter, Signature
from oarlock_generator.treatments import (
    NO_TEXT,
    Drop,
    Fallback,
    Fixed,
    Limited,
    Map,
    Own,
    Refuse,
    Rename,
    Same,
    Self,
    Standard,
    Treatment,
    treatment_of,
)

# Paddle's alone, and not worth a word: as in Paddle's mapping documentation `name`, which every
# function has and which means nothing, and `out` where torch's side writes no result.
_UNSAID = frozenset({"name", "out"})
_SELF = Parameter("self", "normal", None, "Tensor")
# The operators that change their left side: ``x += y`` is ``x = x.__iadd__(y)``.
_IN_PLACE = re.compile(
    r".*[^_]_|__i(add|sub|mul|matmul|truediv|floordiv|mod|pow|and|or|xor|lshift|rshift)__"
)
# Standard parameters that concern the result, whoever computed it.
_FINISHED = ("result", "inplace")
# What a record's kind says of APIs that are locked as these.
_KINDS = {"function": ("function", "method"), "class": ("class",)}


@dataclass(frozen=True)
class Context:
    """What records are derived against."""

    locks: Mapping[str, Lock]
    shared: Shared
    runtime: RuntimeNames

    def entry(self, name: str) -> Entry | None:
        """The locked API called ``name``."""
        lock = self.locks.get(name.partition(".")[0])
        return lock.get(name) if lock else None

    def url(self, entry: Entry | None) -> str | None:
        """Where its source can be read."""
        return self.locks[entry.name.partition(".")[0]].url(entry) if entry else None


@dataclass(frozen=True)
class Row:
    """One line of the table: a torch parameter, a Paddle parameter, or both."""

    torch: Parameter | None
    paddle: tuple[Parameter, ...]
    treatment: Treatment | None
    served: Text
    remarks: tuple[Text, ...] = ()
    differs: Text | None = None
    set: str | None = None
    examples: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The parameter that the row is about."""
        return self.torch.name if self.torch else self.paddle[0].name


@dataclass(frozen=True)
class Api:
    """One documented name of the family."""

    name: str
    entry: Entry
    url: str | None
    implementation: Object | None = None

    @property
    def last_name(self) -> str:
        """The name without its module or class."""
        return self.name.rpartition(".")[2]

    @property
    def is_method(self) -> bool:
        """Whether its first argument is the object it is called on."""
        return self.entry.kind == "method"

    @property
    def in_place(self) -> bool:
        """Whether it returns its first argument, changed: ``add_``, and ``__iadd__``."""
        return self.entry.kind in ("function", "method") and bool(
            _IN_PLACE.fullmatch(self.last_name)
        )

    @cached_property
    def overloads(self) -> tuple[Signature, ...]:
        """Its locked signatures, ``self`` included, without those that torch deprecates."""
        if not self.is_method:
            return _current(self.entry.overloads)
        return tuple(replace(s, parameters=(_SELF, *s.parameters)) for s in self.entry.overloads)


@dataclass(frozen=True)
class Route:
    """One torch signature of the family and how it reaches Paddle."""

    spec: Target
    where: FieldPath
    claims: Mapping[str, tuple[int, ...]]
    signature: Signature
    paddle: Entry | None
    paddle_url: str | None
    rows: tuple[Row, ...]
    category: Category
    when: Condition | None
    native_when: Condition | None
    fallback_module: str | None

    @cached_property
    def neutral(self) -> Mapping[str, str]:
        """Parameter to the condition under which Paddle's function can serve it."""
        conditions = {}
        for row in self.rows:
            if row.torch and isinstance(row.treatment, Fallback):
                condition = row.treatment.neutral(row.torch.name, row.torch.default)
                if condition:
                    conditions[row.torch.name] = condition
        return conditions

    @property
    def refusals(self) -> tuple[Row, ...]:
        """The rows whose values other than the neutral one raise."""
        return tuple(
            row
            for row in self.parameters
            if isinstance(row.treatment, Refuse)
            or (isinstance(row.treatment, Standard) and row.treatment.refuses)
        )

    @property
    def parameters(self) -> tuple[Row, ...]:
        """The rows of torch's parameters."""
        return tuple(row for row in self.rows if row.torch)

    def own(self, api: Api) -> tuple[tuple[Row, Parameter], ...]:
        """The rows that one API of the family has, each with the parameter as it spells it."""
        signature = _merge([api.overloads[index] for index in self.claims[api.name]])
        theirs = {p.name: p for p in signature.parameters}
        rows = {row.name: row for row in self.parameters}
        first = signature.parameters[0] if signature.parameters else None
        if first and first.name not in rows:
            rows[first.name] = rows.pop(_subject(self.signature, theirs))
        return tuple((rows[name], parameter) for name, parameter in theirs.items())

    def passed(self, api: Api, signature: Signature) -> Passed:
        """What the rewrite of this signature is given for a call of ``api``."""
        rows = {row.name: (row, parameter) for row, parameter in self.own(api)}
        names = {p.name for p in signature.parameters}
        subject = _subject(self.signature)
        pairs, unserved = [], []
        for place, parameter in enumerate(signature.parameters):
            name = parameter.name
            if name not in rows and place == 0 and subject not in names:
                name = subject
            if name in rows:
                pairs.append((parameter, *rows.pop(name)))
            elif parameter.default is None and parameter.kind not in ("varargs", "varkwargs"):
                unserved.append(name)
        return Passed(tuple(pairs), tuple(row for row, _ in rows.values()), tuple(unserved))


@dataclass(frozen=True)
class Passed:
    """The arguments of a rewrite.

    Each of ``pairs`` is the rewrite's parameter, the row, and the API's own parameter; ``left``
    are the rows that it has no parameter for, ``unserved`` its parameters that nothing is for.
    """

    pairs: tuple[tuple[Parameter, Row, Parameter], ...]
    left: tuple[Row, ...]
    unserved: tuple[str, ...]


def _is_passed(row: Row) -> bool:
    """Whether a rewrite has to take a parameter: it changes the result."""
    return not isinstance(row.treatment, Standard | Drop | Refuse | Fixed) or bool(
        isinstance(row.treatment, Refuse) and row.treatment.only
    )


@dataclass(frozen=True)
class Derivation:
    """A record with everything that follows from it."""

    source: Source
    slug: str
    apis: tuple[Api, ...]
    routes: tuple[Route, ...]
    category: Category
    problems: tuple[Problem, ...]

    @property
    def record(self) -> Record:
        """The record it was derived from."""
        return self.source.record

    @property
    def primary(self) -> Api:
        """The name that the page carries."""
        return self.apis[0]


def derive(source: Source, context: Context) -> Derivation:
    """Derive a record; what can't be decided is in ``problems``, and nothing raises."""
    return _Deriver(source, context).run()


class _Deriver:
    def __init__(self, source: Source, context: Context):
        self.source, self.context, self.record = source, context, source.record
        self.problems: list[Problem] = []

    def fault(self, where: FieldPath, message: str) -> None:
        problem = self.source.problem(where, message, rule="derive")
        if problem not in self.problems:
            self.problems.append(problem)

    @property
    def own(self) -> bool:
        """Whether the public names are objects of Oarlock's own, and nothing is generated."""
        return self.record.implements_all

    def run(self) -> Derivation:
        apis = tuple(api for name in self.record.apis if (api := self.api(name)))
        routes = tuple(
            route
            for index, spec in enumerate(self.record.targets)
            if apis and (route := self.route(apis, spec, index))
        )
        generated = tuple(api for api in apis if api.implementation is None)
        if routes:
            self.check_claims(generated, routes)
            self.check_in_place(routes)
            self.check_rewrites(generated, routes)
            self.check_examples(routes)
        rank = self.context.shared.rank
        category = max(
            (r.category for r in routes),
            key=lambda c: rank[c.key],
            default=self.context.shared.categories[0],
        )
        slug = self.source.path.with_suffix("").as_posix().partition("/")[2]
        return Derivation(self.source, slug, apis, routes, category, tuple(self.problems))

    def api(self, name: str) -> Api | None:
        package = name.partition(".")[0]
        lock = self.context.locks.get(package)
        if lock is None:
            self.fault(
                ("apis", name),
                f"{package} has no signature lock{suggest(package, self.context.locks)}",
            )
            return None
        if (entry := lock.get(name)) is None:
            self.fault(
                ("apis", name),
                f"{lock.package} {lock.version} has no {name}{suggest(name, lock.names())}",
            )
            return None
        kind = next((kind for kind, theirs in _KINDS.items() if entry.kind in theirs), "attribute")
        if kind != self.record.kind:
            self.fault(("apis", name), f"is locked as {entry.kind}, so the record's kind is {kind}")
        elif kind == "function" and not entry.overloads and not self.implemented(name):
            self.fault(("apis", name), f"{lock.package} {lock.version} does not tell its signature")
        return Api(name, entry, lock.url(entry), self.implementation(name, entry))

    def implemented(self, name: str) -> str | None:
        """The dotted path of what an API is, where it is an object of Oarlock's own."""
        return self.record.apis[name].implementation or self.record.implementation

    def implementation(self, name: str, entry: Entry) -> Object | None:
        """The object that an API is, held against the locked signature."""
        own = self.record.apis[name].implementation
        path = self.implemented(name)
        if path is None:
            return None
        where: FieldPath = ("apis", name, "implementation") if own else ("implementation",)
        try:
            found = self.context.runtime.object(path, name.rpartition(".")[2])
        except RuntimeNameError as error:
            self.fault(where, str(error))
            return None
        if found.signature and len(entry.overloads) == 1:
            ours = found.signature.parameters[entry.kind == "method" :]
            if difference := _unlike(ours, entry.overloads[0].parameters):
                shown = found.home.replace(":", ".")
                self.fault(where, f"{shown} has another signature than {name}: {difference}")
        return found

    def claims(self, api: Api, spec: Target) -> tuple[int, ...]:
        """Which of the API's locked overloads this entry is about."""
        match = spec.match if isinstance(spec, Overload) else None
        if match is None:
            return tuple(range(len(api.overloads)))
        names = [word.rstrip("?") for word in match]
        optional = {word[:-1] for word in match if word.endswith("?")}
        if api.is_method:
            names = ["self", *(name for name in names if name not in ("self", "input"))]
        standard = set(self.context.shared.parameters) - set(names)
        return tuple(
            index
            for index, signature in enumerate(api.overloads)
            if {p.name for p in signature.parameters} - standard - optional == set(names) - optional
        )

    def route(self, apis: tuple[Api, ...], spec: Target, index: int) -> Route | None:
        where: FieldPath = ("overloads", index) if self.record.overloads else ()
        claims = {api.name: self.claims(api, spec) for api in apis}
        owner = next((api for api in apis if claims[api.name]), None)
        if owner is None and isinstance(spec, Overload) and spec.match is not None:
            have = " or ".join(sorted({_parameters(s) for api in apis for s in api.overloads}))
            self.fault(
                (*where, "match"), f"no overload has just these parameters; there are {have}"
            )
            return None
        owner = owner or apis[0]
        signature = _family(apis, claims, owner)
        paddle = self.paddle(spec, where)
        when = self.condition(
            spec.when if isinstance(spec, Overload) else None, (*where, "when"), signature
        )
        native_when = self.condition(spec.native_when, (*where, "native_when"), signature)
        rows = (
            ()
            if self.record.kind == "attribute"
            else self.rows(owner, signature, spec, where, paddle, when)
        )
        known = ("same", "first", "tuple", *self.context.runtime.results)
        if spec.returns not in known:
            message = f"results.py has no {spec.returns}{suggest(spec.returns, known)}"
            self.fault((*where, "returns"), message)
        module = None
        if spec.fallback:
            module = self.context.runtime.fallback(spec.fallback.name)
            if module is None:
                known = {**self.context.runtime.rewrites, **self.context.runtime.kernels}
                self.fault(
                    (*where, "fallback"),
                    f"the runtime has no {spec.fallback.name}{suggest(spec.fallback.name, known)}",
                )
        return Route(
            spec=spec,
            where=where,
            claims=claims,
            signature=signature,
            paddle=paddle,
            paddle_url=self.context.url(paddle),
            rows=rows,
            category=self.category(spec, rows),
            when=when,
            native_when=native_when,
            fallback_module=module,
        )

    def paddle(self, spec: Target, where: FieldPath) -> Entry | None:
        if spec.paddle is None:
            return None
        entry = self.context.entry(spec.paddle)
        if entry is None:
            lock = self.context.locks["paddle"]
            self.fault(
                (*where, "paddle"),
                f"paddle {lock.version} has no {spec.paddle}{suggest(spec.paddle, lock.names())}",
            )
        return entry

    def condition(
        self, text: str | None, where: FieldPath, signature: Signature
    ) -> Condition | None:
        if text is None:
            return None
        try:
            return parse_condition(
                text, [p.name for p in signature.parameters], self.context.runtime.predicates
            )
        except ExpressionError as error:
            self.fault(where, str(error))
            return None

    def rows(
        self,
        api: Api,
        signature: Signature,
        spec: Target,
        where: FieldPath,
        paddle: Entry | None,
        when: Condition | None,
    ) -> tuple[Row, ...]:
        """One row per torch parameter, then one per Paddle parameter that none of them reaches."""
        known = {p.name for p in signature.parameters}
        specs = self.specs(spec, where, known, api)
        said = {target for given, _ in specs.values() for target in given.to or ()}
        theirs = _Paddle(
            paddle, known | said | set(spec.paddle_only) | set(self.record.paddle_only)
        )
        rows: list[Row] = []
        for place, parameter in enumerate(signature.parameters):
            if parameter.default and not self.own and not _is_plain(parameter.default):
                message = f"the default of {parameter.name}, {parameter.default}, is no plain value"
                self.fault((*where, "parameters", parameter.name), message)
            given, at = specs.get(parameter.name, (None, where))
            treatment = self.treatment(parameter, place, given, at, spec, theirs, when)
            if treatment is not None:
                rows.append(self.row(parameter, given, treatment, spec, theirs))
        reached = {name for row in rows if row.treatment for name in row.treatment.paddle}
        rows.extend(self.paddle_rows(spec, where, paddle, theirs, reached))
        self.check_fallback(spec, where, rows)
        return tuple(rows)

    def specs(
        self, spec: Target, where: FieldPath, known: set[str], api: Api
    ) -> dict[str, tuple[ParameterSpec, FieldPath]]:
        """What the record says of each parameter; an overload's word goes before the record's."""
        specs: dict[str, tuple[ParameterSpec, FieldPath]] = {}
        for holder, at in ((self.record, ()), (spec, where)):
            for name, given in holder.parameters.items():
                if name in known:
                    specs[name] = (given, (*at, "parameters", name))
                elif holder is spec or not self.somewhere(name):
                    self.fault(
                        (*at, "parameters", name),
                        f"not a parameter of {api.name.rpartition('.')[2]}{suggest(name, known)}",
                    )
        return specs

    def somewhere(self, name: str) -> bool:
        return any(
            p.name == name
            for api in self.record.apis
            if (entry := self.context.entry(api))
            for signature in entry.overloads
            for p in signature.parameters
        )

    def treatment(
        self,
        parameter: Parameter,
        place: int,
        given: ParameterSpec | None,
        where: FieldPath,
        spec: Target,
        theirs: _Paddle,
        when: Condition | None,
    ) -> Treatment | None:
        """The treatment that the record spells out, or the one that follows without a word."""
        shared, name = self.context.shared, parameter.name
        like = theirs.like(name, place if name in ("self", "input") else None)
        if given and (
            given.to
            or given.treat
            or given.map is not None
            or given.convert
            or given.refuse
            or given.drop
        ):
            names = []
            for target in given.to or ():
                canonical = theirs.canonical(target)
                if canonical is None and theirs.entry:
                    self.fault(
                        where,
                        f"{theirs.entry.name} has no parameter {target}{suggest(target, theirs.names)}",
                    )
                names.append(canonical or target)
            if given.treat == "same" and not like:
                self.fault(
                    where, f"{theirs.label} has no parameter {name}{suggest(name, theirs.names)}"
                )
            if not given.to and like and not given.drop:
                names = [like]
            if self.own and given.treat == "fallback":
                return Own()
            if not names and (given.map is not None or given.convert):
                self.fault(
                    where, f"{theirs.label} has no parameter {name}: say which one with 'to'"
                )
            if given.convert and given.convert not in self.context.runtime.converters:
                near = suggest(given.convert, self.context.runtime.converters)
                self.fault(where, f"convert.py has no {given.convert}{near}")
            return treatment_of(given, names, names == [name], shared)
        if when and name in when.fixed and not like:
            return Fixed((), when.fixed[name])
        if self.own:
            return self.corresponding(name, like)
        standard = shared.parameters.get(name)
        if standard and (standard.served != "dtype" or not like):
            if standard.served in _FINISHED or not self.rewritten(spec, name):
                paddle = (like,) if like else ()
                return Standard(paddle, served=standard.served, described=standard)
            return Fallback()
        if spec.paddle is None:
            return (
                Fallback()
                if spec.fallback
                else Drop(reason=spec.missing or spec.removable or NO_TEXT)
            )
        if like:
            return self.corresponding(name, like)
        if theirs.entry:
            self.fault(
                (*where, "parameters") if where[-1:] != ("parameters",) else where,
                f"nothing is said of {name}, which {theirs.label} does not have; "
                "give it a Paddle name, fallback, refuse or drop",
            )
        return None

    def corresponding(self, name: str, like: str | None) -> Treatment:
        """Paddle's parameter that is ``like`` it; what Paddle lacks is Oarlock's own."""
        if not like:
            return Own()
        return (Self if name == "self" else Same if like == name else Rename)((like,))

    def rewritten(self, spec: Target, name: str) -> bool:
        """Whether the target's rewrite takes a parameter of this name."""
        rewrite = spec.fallback.rewrite if spec.fallback else None
        signature = self.context.runtime.signatures.get(rewrite or "")
        return signature is not None and name in (p.name for p in signature.parameters)

    def row(
        self,
        parameter: Parameter,
        given: ParameterSpec | None,
        treatment: Treatment,
        spec: Target,
        theirs: _Paddle,
    ) -> Row:
        shared = self.context.shared
        paddle = tuple(theirs.names[name] for name in treatment.paddle if name in theirs.names)
        words = {"default": _quote(parameter.default), "server": self.server(spec)}
        differs = None
        if (
            len(paddle) == 1
            and isinstance(treatment, Same | Map)
            and _differ(parameter, paddle[0], treatment)
        ):
            differs = shared.say(
                "own_default_differs" if self.own else "default_differs",
                {"torch": _quote(parameter.default), "paddle": _quote(paddle[0].default)},
            )
        return Row(
            torch=parameter,
            paddle=paddle,
            treatment=treatment,
            served=self.correspondence(treatment, spec) or treatment.say(shared, words),
            remarks=(given.note,) if given and given.note else (),
            differs=differs,
            examples=tuple(e.id for e in self.record.examples if parameter.name in e.parameter),
        )

    def correspondence(self, treatment: Treatment, spec: Target) -> Text | None:
        """What the table says where nothing is passed on; None where the usual words hold."""
        key = "own_lacking" if isinstance(treatment, Own) and spec.paddle else treatment.text
        key = key if key.startswith("own") else f"own_{treatment.text}"
        if not self.own or key not in self.context.shared.treatments:
            return None
        return self.context.shared.say(key, treatment.words())

    def server(self, spec: Target) -> Text | str:
        if not spec.fallback:
            return ""
        key = "server_kernel" if spec.fallback.kernel else "server_rewrite"
        return self.context.shared.say(key, {"name": f"`{spec.fallback.name}`"})

    def paddle_rows(
        self,
        spec: Target,
        where: FieldPath,
        paddle: Entry | None,
        theirs: _Paddle,
        reached: set[str],
    ) -> list[Row]:
        """Paddle's own parameters: each is listed, so that none is overlooked."""
        listed = {}
        for holder, at in ((self.record, ()), (spec, where)):
            for name, only in holder.paddle_only.items():
                listed[name] = (only, (*at, "paddle_only", name))
        rows = []
        for name, (only, at) in listed.items():
            if name not in theirs.names:
                if paddle and at[: len(where)] == where:
                    self.fault(
                        at, f"{theirs.label} has no parameter {name}{suggest(name, theirs.names)}"
                    )
                continue
            parameter = theirs.names[name]
            if name in reached:
                self.fault(
                    at, f"{name} is reached by a torch parameter, so it is not Paddle's alone"
                )
            if (
                not only.is_set
                and not self.own
                and parameter.default is None
                and parameter.kind not in ("varargs", "varkwargs")
            ):
                self.fault(at, f"{theirs.label} requires {name}: say what to pass with 'set'")
            value = literal(only.set) if only.is_set else None
            served = (
                self.context.shared.say("paddle_only_set", {"value": _quote(value)})
                if only.is_set
                else self.paddle_s_own(parameter)
            )
            rows.append(
                Row(None, (parameter,), None, served, (only.note,) if only.note else (), set=value)
            )
        forgotten = [
            n for n in theirs.names if n not in reached and n not in listed and n not in _UNSAID
        ]
        if self.own:
            rows += [
                Row(None, (theirs.names[n],), None, self.paddle_s_own(theirs.names[n]))
                for n in forgotten
            ]
        elif paddle and forgotten:
            self.fault(
                (*where, "paddle_only"),
                f"{theirs.label} also has {', '.join(forgotten)}, which no torch parameter reaches; "
                "list them under paddle_only, or as the nearest ('to') of a fallback",
            )
        return rows

    def paddle_s_own(self, parameter: Parameter) -> Text:
        key = "own_paddle_only" if self.own else "paddle_only"
        return self.context.shared.say(key, {"default": _quote(parameter.default)})

    def check_fallback(self, spec: Target, where: FieldPath, rows: list[Row]) -> None:
        if self.own:
            return
        chosen = spec.native_when or any(isinstance(row.treatment, Fallback) for row in rows)
        if spec.fallback and spec.paddle and not chosen:
            message = "no call reaches it: give native_when, or say which parameters it serves"
            self.fault((*where, "fallback"), message)
        for row in rows:
            if (
                not row.torch
                or not isinstance(row.treatment, Limited)
                or isinstance(row.treatment, Drop)
            ):
                continue
            at = (*where, "parameters", row.torch.name)
            if isinstance(row.treatment, Fallback) and not spec.fallback:
                self.fault(
                    at,
                    "is served by a fallback, but none is given: add 'fallback: {kernel: …}' or 'rewrite'",
                )
            if spec.paddle and not row.treatment.only and row.torch.default is None:
                self.fault(
                    at,
                    "has no default, so every call would take this treatment; limit it with 'only'",
                )

    def category(self, spec: Target, rows: tuple[Row, ...]) -> Category:
        """The last category, in Paddle's order, that some row or the target makes."""
        shared = self.context.shared
        keys = {"same" if rows else "no_parameters"}
        keys |= {key for row in rows if row.treatment and (key := row.treatment.contributes())}
        if any(row.torch is None for row in rows):
            keys.add("paddle_more")
        if any(row.differs for row in rows):
            keys.add("defaults")
        if spec.paddle is None:
            keys.add("missing" if spec.missing else "removable" if spec.removable else "composed")
        return shared.category(max(keys, key=lambda key: shared.rank[key]))

    def check_in_place(self, routes: tuple[Route, ...]) -> None:
        """No target changes its tensor: the shim writes the result back where torch does."""
        for route in routes:
            name = route.paddle.name if route.paddle else ""
            if not self.own and _IN_PLACE.fullmatch(name.rpartition(".")[2]):
                message = (
                    f"{name} changes its tensor in place; name the function that does not, whose "
                    "result is written back for torch's in-place forms"
                )
                self.fault((*route.where, "paddle"), message)

    def check_rewrites(self, apis: tuple[Api, ...], routes: tuple[Route, ...]) -> None:
        """A rewrite takes every parameter that it is passed, and needs no other."""
        for route in routes:
            rewrite = route.spec.fallback.rewrite if route.spec.fallback else None
            signature = self.context.runtime.signatures.get(rewrite or "")
            if signature is None:
                continue
            for api in apis if route.signature.parameters else ():
                if not route.claims[api.name]:
                    continue
                passed = route.passed(api, signature)
                if missing := [row.name for row in passed.left if _is_passed(row)]:
                    message = (
                        f"{rewrite} has no parameter {', '.join(missing)}, which {api.name} has"
                    )
                    self.fault((*route.where, "fallback"), message)
                if passed.unserved:
                    names = ", ".join(passed.unserved)
                    message = f"{rewrite} needs {names}, which {api.name} does not have"
                    self.fault((*route.where, "fallback"), message)

    def check_claims(self, apis: tuple[Api, ...], routes: tuple[Route, ...]) -> None:
        """Each locked overload belongs to one entry, or to several told apart by ``when``."""
        for api in apis:
            for index, signature in enumerate(api.overloads):
                claimants = [route for route in routes if index in route.claims[api.name]]
                shown = f"{api.name}{_parameters(signature)}"
                if not claimants:
                    self.fault(("overloads",), f"nothing claims {shown}")
                elif len(claimants) > 1:
                    *others, last = claimants
                    if any(_when(route) is None for route in others):
                        message = f"{shown} is claimed twice; tell the entries apart with 'when'"
                        self.fault(last.where, message)
                    elif len({route.claims[api.name] for route in claimants}) > 1:
                        message = f"shares {shown} with another entry, but not all of its overloads"
                        self.fault((*last.where, "match"), message)
                    elif _when(last) is not None:
                        message = f"the last entry for {shown} must do without 'when'"
                        self.fault((*last.where, "when"), message)

    def check_examples(self, routes: tuple[Route, ...]) -> None:
        known = {row.torch.name for route in routes for row in route.parameters if row.torch}
        for index, example in enumerate(self.record.examples):
            for name in example.parameter:
                if name not in known:
                    self.fault(
                        ("examples", index, "parameter"),
                        f"{name} is no parameter here{suggest(name, known)}",
                    )


def _when(route: Route) -> str | None:
    return route.spec.when if isinstance(route.spec, Overload) else None


class _Paddle:
    """Paddle's parameters by any spelling it accepts."""

    def __init__(self, entry: Entry | None, wanted: Collection[str]):
        self.entry = entry
        # Of Paddle's own overloads, the one that the record speaks of.
        parameters = max(
            (signature.parameters for signature in entry.overloads) if entry else (),
            key=lambda parameters: sum(p.name in wanted for p in parameters),
            default=(),
        )
        if entry and entry.kind == "method":
            parameters = (_SELF, *parameters)
        self.names = {p.name: p for p in parameters if p.kind not in ("varargs", "varkwargs")}
        self.takes_anything = any(p.kind == "varkwargs" for p in parameters)
        self.spellings = (
            {alias: name for name, aliases in entry.aliases.items() for alias in aliases}
            if entry
            else {}
        )

    @property
    def label(self) -> str:
        return self.entry.name if self.entry else "Paddle"

    def canonical(self, name: str) -> str | None:
        if self.takes_anything and self.entry and name not in self.entry.forbids:
            self.names.setdefault(name, Parameter(name, "normal", None, None))
        return name if name in self.names else self.spellings.get(name)

    def like(self, name: str, place: int | None) -> str | None:
        """Paddle's own name for it; the object of a method call is the first parameter."""
        found = self.canonical(name)
        if found is None and place == 0 and self.names:
            first = next(iter(self.names.values()))
            return first.name if first.kind in ("normal", "positional") else None
        return found


def _merge(signatures: list[Signature]) -> Signature:
    """One signature that every given one fits; what some lack is optional.

    A parameter that some take as a sequence and some one by one becomes "variadic".
    """
    if len(signatures) < 2:
        return signatures[0] if signatures else Signature((), None)
    # What one signature takes by position, the merged one does too.
    widest = max(
        signatures,
        key=lambda s: (sum(p.kind == "normal" for p in s.parameters), len(s.parameters)),
    )
    merged = {p.name: p for p in widest.parameters}
    for signature in signatures:
        for parameter in signature.parameters:
            known = merged.setdefault(parameter.name, replace(parameter, kind="keyword"))
            kind = known.kind
            if "varargs" in (kind, parameter.kind) and kind != parameter.kind:
                kind = "variadic"
            annotation = _either(known.annotation, parameter.annotation)
            default = parameter.default if known.default is None else known.default
            merged[parameter.name] = replace(
                known, kind=kind, annotation=annotation, default=default
            )
    for signature in signatures:
        have = {p.name: p for p in signature.parameters}
        for name, parameter in merged.items():
            if name not in have and parameter.default is None:
                merged[name] = replace(parameter, default="None")
    order = sorted(merged.values(), key=lambda p: _ORDER.index(p.kind))
    return Signature(tuple(_defaulted(order)), widest.returns)


_ORDER = ("positional", "normal", "variadic", "varargs", "keyword", "varkwargs")


def _defaulted(parameters: Iterable[Parameter]) -> Iterator[Parameter]:
    """The parameters; one behind an optional one is optional too."""
    before = False
    for parameter in parameters:
        if parameter.kind in ("positional", "normal"):
            if before and parameter.default is None:
                parameter = replace(parameter, default="None")
            before = parameter.default is not None
        yield parameter


def _either(one: str | None, other: str | None) -> str | None:
    if one is None or other is None or other in one:
        return one
    return f"{one} | {other}"


def _current(overloads: tuple[Signature, ...]) -> tuple[Signature, ...]:
    """A function's overloads without those that torch deprecates, its tensor always ``input``.

    The lock calls a tensor ``self`` where a schema was read. What then has the parameters of
    another overload in another order is the form of old: ``add(self, alpha, other)``.
    """
    renamed = []
    for signature in overloads:
        names = [p.name for p in signature.parameters]
        spelled = tuple(
            replace(p, name="input") if p.name == "self" and "input" not in names else p
            for p in signature.parameters
        )
        renamed.append((Signature(spelled, signature.returns), "self" in names))
    orders = [[p.name for p in s.parameters] for s, was_self in renamed if not was_self]

    def is_deprecated(signature: Signature) -> bool:
        names = [p.name for p in signature.parameters]
        return any(
            set(names) <= set(order) and names != [n for n in order if n in names]
            for order in orders
        )

    kept = (s for s, was_self in renamed if not (was_self and is_deprecated(s)))
    return tuple(dict.fromkeys(kept))


def _is_subject(parameter: Parameter) -> bool:
    """Whether a first parameter is the tensor that a function is about, whatever its name."""
    return parameter.name in ("self", "input", "tensor") or parameter.annotation == "Tensor"


def _subject(signature: Signature, others: Collection[str] = ()) -> str:
    """The parameter that is the object of a method: ``input``, or the first that is no other."""
    names = [p.name for p in signature.parameters if p.name not in others]
    return "input" if "input" in names else names[0]


def _family(apis: tuple[Api, ...], claims: Mapping[str, tuple[int, ...]], owner: Api) -> Signature:
    """The owner's signature, then what other APIs of the family have besides."""
    signature = _merge([owner.overloads[i] for i in claims[owner.name]])
    known = {p.name: p for p in signature.parameters}
    for api in apis:
        other = _merge([api.overloads[i] for i in claims[api.name]])
        for place, parameter in enumerate(other.parameters):
            if place or not known or not _is_subject(parameter):
                known.setdefault(parameter.name, replace(parameter, kind="keyword"))
    return Signature(tuple(known.values()), signature.returns)


def _unlike(ours: Sequence[Parameter], theirs: Sequence[Parameter]) -> str | None:
    """The first difference between two signatures, in words; None where a call can't tell."""
    if any(p.kind in ("varargs", "varkwargs") for p in ours):
        return None
    if [p.kind for p in theirs] == ["varargs", "varkwargs"]:
        # One of torch's dispatchers, which forward whatever they get.
        return None
    # Torch's private parameters are nobody's to pass.
    names = {p.name for p in ours}
    theirs = [p for p in theirs if p.name in names or not p.name.startswith("_")]
    shown = [f"({', '.join(p.name for p in side)})" for side in (ours, theirs)]
    if shown[0] != shown[1]:
        return f"{shown[0]}, and torch's is {shown[1]}"
    for our, their in zip(ours, theirs, strict=True):
        by_name = [p.kind == "keyword" for p in (our, their)]
        if by_name[0] != by_name[1]:
            return f"{our.name} is {'' if by_name[1] else 'not '}by name only in torch"
        if (our.default is None) != (their.default is None):
            return f"{our.name} has {'no' if their.default is None else 'a'} default in torch"
        if our.default is None or their.default is None or their.default == "...":
            continue
        if _is_plain(our.default) and _is_plain(their.default):
            values = _value(our.default), _value(their.default)
            if values[0] != values[1] or (values[0] is None) != (values[1] is None):
                return f"the default of {our.name} is {their.default} in torch, not {our.default}"
    return None


def _parameters(signature: Signature) -> str:
    return f"({', '.join(p.name for p in signature.parameters)})"


def _differ(torch: Parameter, paddle: Parameter, treatment: Treatment) -> bool:
    if torch.default is None or paddle.default is None:
        return False
    ours, theirs = _value(torch.default), _value(paddle.default)
    if isinstance(treatment, Map):
        return dict(treatment.values).get(ours, ours) != theirs
    return ours != theirs


@cache
def _value(source: str) -> Any:
    try:
        value = ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return _quotient(source)
    return tuple(value) if isinstance(value, list) else value


def _quotient(source: str) -> Any:
    """The value of ``1 / 8``; of other source itself."""
    match ast.parse(source, mode="eval").body:
        case ast.BinOp(ast.Constant(int() | float() as a), ast.Div(), ast.Constant(int() as b)) if (
            b
        ):
            return a / b
    return source


@cache
def _is_plain(source: str) -> bool:
    """Whether a default is numbers, texts and tuples, which the shim can repeat."""
    plain = (ast.Constant, ast.Tuple, ast.List, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop)
    tree = ast.parse(source, mode="eval").body
    return source != "..." and all(
        isinstance(node, (*plain, ast.expr_context)) for node in ast.walk(tree)
    )


def _quote(source: str | None) -> str:
    return f"`{source}`" if source is not None else ""
