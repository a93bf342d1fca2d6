"""The record as its author writes it: typed, closed, and free of anything that can be derived."""

from __future__ import annotations

import keyword
import re
from math import isfinite
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError(f"{value!r} is not a name: letters, digits and underscores only")
    if keyword.iskeyword(value):
        raise ValueError(f"{value!r} is a Python keyword and cannot be a name")
    return value


def _dotted(value: str) -> str:
    for part in value.split("."):
        _identifier(part)
    return value


def _plain(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    if found := _CONTROL.search(value):
        raise ValueError(f"has the invisible character U+{ord(found[0]):04X}; remove it")
    return " ".join(value.split())


def _code(value: str) -> str:
    if found := _CONTROL.search(value):
        raise ValueError(f"has the invisible character U+{ord(found[0]):04X}; remove it")
    return value


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(max_length=128), AfterValidator(_identifier)]
DottedName = Annotated[str, Field(max_length=256), AfterValidator(_dotted)]
Prose = Annotated[str, Field(max_length=2000), AfterValidator(_plain)]
Code = Annotated[str, Field(min_length=1, max_length=4000), AfterValidator(_code)]
Scalar: TypeAlias = bool | int | float | str | None
Literals: TypeAlias = bool | int | float | str | list[Scalar] | None
Dtype: TypeAlias = Literal[
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
DTYPES: tuple[str, ...] = get_args(Dtype)
MAX_AXES = 8
_WORD = 1 << 63
Size = Annotated[int, Field(ge=0, le=1 << 20)]
Shape = Annotated[list[Size], Field(max_length=MAX_AXES)]


class Model(BaseModel):
    """Base of everything a record says: frozen, strict, and closed to unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Text(Model):
    """A remark in both languages, each written first-hand."""

    zh: Prose
    en: Prose


class ParameterSpec(Model):
    """What becomes of one torch parameter, in the words of the record.

    The shorthand ``q: query`` is ``q: {to: query}``; ``same`` and ``fallback`` are the two
    treatments that are words of their own.
    """

    treat: Literal["same", "fallback"] | None = None
    to: (
        Annotated[
            list[Name],
            BeforeValidator(_one_or_many, json_schema_input_type=Name | list[Name]),
            Field(min_length=1),
        ]
        | None
    ) = None
    map: dict[Scalar, Literals] | None = None
    convert: Name | None = None
    refuse: Text | None = None
    drop: Text | None = None
    only: Annotated[list[Literals], Field(min_length=1)] | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _coherent(self) -> ParameterSpec:
        ends = [word for word in ("treat", "refuse", "drop") if getattr(self, word) is not None] + [
            word for word in ("map", "convert") if getattr(self, word) is not None
        ]
        if len(ends) > 1:
            raise ValueError(
                f"{' and '.join(ends)} exclude each other: a parameter has one treatment"
            )
        if self.to and (self.treat == "same" or self.refuse or self.drop):
            raise ValueError("'to' goes with a rename, map, convert or fallback only")
        if self.only and not (self.treat == "fallback" or self.refuse or self.drop):
            raise ValueError("'only' limits a fallback, refuse or drop to some values")
        return self


def _expand(value: Any) -> Any:
    if isinstance(value, str):
        return {"treat": value} if value in ("same", "fallback") else {"to": value}
    return value


Parameter = Annotated[
    ParameterSpec, BeforeValidator(_expand, json_schema_input_type=Name | ParameterSpec)
]


class PaddleOnly(Model):
    """A Paddle parameter torch lacks: left at its default, or always given one value."""

    set: Literals | None = None
    note: Text | None = None

    @property
    def is_set(self) -> bool:
        """Whether the shim passes a value."""
        return "set" in self.model_fields_set


def _named(value: Any) -> Any:
    return (
        {name: {} for name in value}
        if isinstance(value, list) and all(isinstance(v, str) for v in value)
        else value
    )


class Fallback(Model):
    """Who serves the calls that Paddle's function can't: a rewrite in ops/ or a kernel."""

    rewrite: Name | None = None
    kernel: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Fallback:
        if (self.rewrite is None) == (self.kernel is None):
            raise ValueError("give exactly one of 'rewrite' (a function in ops/) and 'kernel'")
        return self

    @property
    def name(self) -> str:
        """The function's name."""
        return self.rewrite or self.kernel or ""


class Target(Model):
    """How one torch signature reaches Paddle."""

    paddle: DottedName | None = None
    parameters: dict[Name, Parameter] = {}
    paddle_only: Annotated[
        dict[Name, PaddleOnly],
        BeforeValidator(_named, json_schema_input_type=list[Name] | dict[Name, PaddleOnly]),
    ] = {}
    returns: DottedName = "same"
    result: Text | None = None
    fallback: Fallback | None = None
    native_when: Code | None = None
    missing: Text | None = None
    removable: Text | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Target:
        if self.missing and (self.paddle or self.fallback):
            raise ValueError(
                "'missing' says that nothing serves it: it goes without paddle and fallback"
            )
        if self.native_when and not (self.paddle and self.fallback):
            raise ValueError("'native_when' chooses between paddle and fallback: give both")
        return self


_MATCHED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\??", re.ASCII)


def _matched(value: str) -> str:
    if not _MATCHED.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a parameter name, or a name and '?' for one that some overloads lack"
        )
    return value


class Overload(Target):
    """One entry under ``overloads``: the locked overloads it claims, and where they go.

    ``match`` lists the overload's parameters without the standard ones (out, dtype, …);
    ``reduce?`` claims the overloads with and without ``reduce``. ``when`` splits one overload
    by value, in order, the last without a condition.
    """

    match: (
        Annotated[list[Annotated[str, AfterValidator(_matched)]], Field(max_length=64)] | None
    ) = None
    when: Code | None = None


class Input(Model):
    """One input of an example, drawn once and handed to both sides."""

    normal: Shape | None = None
    uniform: Shape | None = None
    integers: Shape | None = None
    values: Any = None
    low: float | int | None = None
    high: float | int | None = None
    scale: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    dtype: Dtype | None = None
    grad: bool = False

    @model_validator(mode="after")
    def _one(self) -> Input:
        given = [
            k for k in ("normal", "uniform", "integers", "values") if k in self.model_fields_set
        ]
        if len(given) != 1:
            raise ValueError("give exactly one of normal, uniform, integers (a shape) and values")
        shape = getattr(self, given[0])
        elements = 1
        for size in shape if given[0] != "values" else _shape(shape):
            # numpy limits the other sizes of an empty array too.
            elements *= max(size, 1)
        if elements > 1 << 24:
            raise ValueError(f"has {elements:,} elements; an example stays below {1 << 24:,}")
        return self

    @model_validator(mode="after")
    def _drawable(self) -> Input:
        ends = {"low": self.low or 0, "high": 1 if self.high is None else self.high}
        for name, end in ends.items():
            if not -_WORD <= end <= _WORD and (isinstance(end, int) or not isfinite(end)):
                raise ValueError(
                    f"{name!r} is {end}; give a finite number, an integer within int64"
                )
            if self.integers is not None and isinstance(end, float):
                raise ValueError(f"{name!r} is {end}; integers are drawn between whole numbers")
        if not isfinite(float(ends["high"]) - float(ends["low"])):
            raise ValueError("'low' and 'high' are too far apart to draw between")
        return self


def _shape(values: Any, axes: int = 0) -> list[int]:
    if not isinstance(values, list):
        if not isinstance(values, bool | int | float):
            raise ValueError(f"values must be numbers in a nest of lists, not {values!r}")
        if isinstance(values, int) and not -_WORD <= values < _WORD:
            raise ValueError(f"has {values}, which int64 can't hold")
        return []
    if axes == MAX_AXES:
        raise ValueError(f"nests deeper than {MAX_AXES} lists")
    shapes = [_shape(value, axes + 1) for value in values]
    if any(shape != shapes[0] for shape in shapes):
        raise ValueError("values must be numbers in a rectangular nest of lists")
    return [len(values), *(shapes[0] if shapes else [])]


class Example(Model):
    """A call that documents the mapping and proves it."""

    parameter: Annotated[
        list[Name], BeforeValidator(_one_or_many, json_schema_input_type=Name | list[Name])
    ] = []
    name: Name | None = None
    title: Text
    inputs: dict[Name, Input]
    dtypes: Annotated[list[Dtype], Field(min_length=1)] = ["float32"]
    call: Code
    random: bool = Field(
        False,
        description="the result depends on random draws, from one seed or replayed by the oracle",
    )
    repeatable: bool = Field(
        False, description="run twice, the result and gradients are equal bit for bit"
    )
    raises: Name | None = Field(None, description="the shim refuses this call with this error")

    @property
    def id(self) -> str:
        """Its name in test ids and evidence."""
        return self.name or (self.parameter[0] if self.parameter else "basic")


class Api(Model):
    """What one name of the family has of its own."""

    implementation: DottedName | None = None
    note: Text | None = None


class Record(Target):
    """A family of APIs that share their facts: one YAML file.

    ``implementation`` names the object of Oarlock's own that the public name is, such as
    ``oarlock.nn.linear.Linear``, or the module that has one of the same last name; an API that has
    another one says so itself. Nothing is generated for it, and ``paddle`` is then what comes
    nearest, for comparison.

    ``status: unverified`` marks a draft: it has a page that says so, and is counted, generated and
    executed nowhere else.
    """

    apis: Annotated[dict[DottedName, Api], Field(min_length=1, max_length=256)]
    kind: Literal["function", "class", "attribute"] = "function"
    status: Literal["unverified"] | None = None
    summary: Text | None = None
    implementation: DottedName | None = None
    overloads: Annotated[list[Overload], Field(max_length=64)] = []
    members: dict[Name, Parameter] = {}
    state: dict[
        Annotated[str, Field(pattern=r"^[\w.{}]+$")], Annotated[str, Field(pattern=r"^[\w.{}]+$")]
    ] = {}
    notes: list[Text] = []
    examples: Annotated[list[Example], Field(max_length=256)] = []

    @model_validator(mode="after")
    def _served(self) -> Record:
        if self.implements_all:
            if self.fallback or any(target.fallback for target in self.overloads):
                raise ValueError(
                    "'implementation' is Oarlock's own object: it goes without fallback"
                )
            if self.missing or self.removable:
                raise ValueError("'implementation' says that it is served: drop missing, removable")
        elif self.kind == "class" and not (self.missing or self.removable):
            raise ValueError("a class needs 'implementation': the class of Oarlock's that it is")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Record:
        if self.overloads:
            own = [
                f
                for f in Target.model_fields
                if f in self.model_fields_set and f not in ("paddle_only", "parameters")
            ]
            if own:
                raise ValueError(
                    f"{', '.join(own)}: belongs to each overload where there are overloads"
                )
        elif self.kind != "attribute" and not (
            self.paddle or self.fallback or self.missing or self.removable or self.implements_all
        ):
            raise ValueError(
                "says nothing of where it goes: give paddle, fallback, implementation, missing or "
                "removable"
            )
        if self.kind != "class" and (self.members or self.state):
            raise ValueError("'members' and 'state' go with kind: class")
        ids = [example.id for example in self.examples]
        for id_ in {i for i in ids if ids.count(i) > 1}:
            raise ValueError(f"two examples are called {id_}; give one a 'name'")
        return self

    @property
    def implements_all(self) -> bool:
        """Whether every API is an object of Oarlock's own."""
        return self.implementation is not None or all(
            api.implementation for api in self.apis.values()
        )

    @property
    def targets(self) -> tuple[Target, ...]:
        """The overloads, or the record itself where it has none."""
        return tuple(self.overloads) or (self,)
