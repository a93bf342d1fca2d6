"""The closed vocabulary of treatments: each knows its table text and how it becomes code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from oarlock_generator.literals import literal, normalised
from oarlock_generator.model import ParameterSpec, Text
from oarlock_generator.shared import Converter, Shared

Words = Mapping[str, "Text | str"]
NO_TEXT = Text.model_construct(zh="", en="")


@dataclass(frozen=True)
class Treatment:
    """What becomes of one torch parameter; ``paddle`` names the parameters it concerns."""

    text: ClassVar[str] = ""
    category: ClassVar[str | None] = None

    paddle: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The vocabulary's word for it, as JSON and evidence use it."""
        return type(self).__name__.lower()

    def contributes(self) -> str | None:
        """The category this treatment alone would make."""
        return self.category

    def words(self) -> Words:
        """What fills the places of its table text, beyond ``default`` and ``server``."""
        return {"paddle": _code(*self.paddle)}

    def say(self, shared: Shared, words: Words) -> Text:
        """What Oarlock does, in both languages."""
        return shared.say(self.text, {**words, **self.words()})

    def arguments(self, parameter: str, api: str) -> tuple[tuple[str, str], ...]:
        """The Paddle arguments that serve it, as (name, Python expression); ``api`` is for errors."""
        return ()

    def neutral(self, parameter: str, default: str | None) -> str | None:
        """The condition under which Paddle's own function can serve the call."""
        return None

    def imports(self) -> tuple[str, ...]:
        """Names of convert.py that its arguments use."""
        return ()


@dataclass(frozen=True)
class Same(Treatment):
    """Paddle's parameter of the same name, with the same meaning."""

    text = "same"
    category = "same"

    def arguments(self, parameter: str, api: str) -> tuple[tuple[str, str], ...]:
        """Pass it on."""
        return tuple((name, parameter) for name in self.paddle)


@dataclass(frozen=True)
class Self(Same):
    """The tensor that a method is called on."""

    text = "self"


@dataclass(frozen=True)
class Rename(Same):
    """Paddle's parameter of another name, with the same meaning."""

    text = "rename"
    category = "renamed"


@dataclass(frozen=True)
class Map(Treatment):
    """Paddle's parameter takes other values for the same meanings."""

    text = "map"
    category = "usage"
    values: tuple[tuple[Any, Any], ...] = ()

    def words(self) -> Words:
        """The value pairs."""
        pairs = ", ".join(f"{_code(literal(a))} → {_code(literal(b))}" for a, b in self.values)
        return {**super().words(), "values": pairs}

    @property
    def is_flag(self) -> bool:
        """Whether it maps just True and False."""
        return [type(key) for key, _ in self.values] == [bool, bool]

    def arguments(self, parameter: str, api: str) -> tuple[tuple[str, str], ...]:
        """A conditional for two truth values, else a checked look-up."""
        table = dict(self.values)
        if self.is_flag:
            code = f"{literal(table[True])} if {parameter} else {literal(table[False])}"
        else:
            code = f"choose({literal(api)}, {literal(parameter)}, {parameter}, {literal(table)})"
        return tuple((name, code) for name in self.paddle)

    def imports(self) -> tuple[str, ...]:
        """``choose`` where the look-up is checked."""
        return () if self.is_flag else ("choose",)


@dataclass(frozen=True)
class Convert(Treatment):
    """Paddle's parameter takes what a function of convert.py makes of the value."""

    text = "convert"
    function: str = ""
    described: Converter | None = field(default=None, compare=False)

    def contributes(self) -> str | None:
        """What the converter says of itself."""
        return self.described.category if self.described else "usage"

    def words(self) -> Words:
        """The converter's own description."""
        return {**super().words(), "converter": self.described or _code(self.function)}

    def arguments(self, parameter: str, api: str) -> tuple[tuple[str, str], ...]:
        """A call of the converter."""
        return tuple((name, f"{self.function}({parameter})") for name in self.paddle)

    def imports(self) -> tuple[str, ...]:
        """The converter."""
        return (self.function,)


@dataclass(frozen=True)
class Limited(Treatment):
    """A treatment of all values but the default, or of ``only`` some."""

    only: tuple[Any, ...] = ()

    def contributes(self) -> str | None:
        """Some values only: a matter of usage; all values: torch has more."""
        return "usage" if self.only else "torch_more"

    def words(self) -> Words:
        """The values it is limited to."""
        return {**super().words(), "only": ", ".join(_code(literal(value)) for value in self.only)}

    def arguments(self, parameter: str, api: str) -> tuple[tuple[str, str], ...]:
        """Limited to some values, the others are passed on."""
        return tuple((name, parameter) for name in self.paddle) if self.only else ()

    def neutral(self, parameter: str, default: str | None) -> str | None:
        """Not one of ``only``, or the default."""
        if self.only:
            return (
                f"{parameter} != {literal(self.only[0])}"
                if len(self.only) == 1
                else f"{parameter} not in {literal(self.only)}"
            )
        return equals(parameter, default) if default is not None else None


@dataclass(frozen=True)
class Fallback(Limited):
    """Served by the target's fallback; ``paddle`` names what comes nearest in Paddle."""

    def say(self, shared: Shared, words: Words) -> Text:
        """Which values the fallback computes."""
        key = (
            "fallback_only" if self.only else "fallback" if words["default"] else "fallback_always"
        )
        return shared.say(key, {**words, **self.words()})


@dataclass(frozen=True)
class Own(Treatment):
    """Served by the object of Oarlock's own that the public name is, with nothing like it in Paddle."""

    text = "own"
    category = "torch_more"


@dataclass(frozen=True)
class Refuse(Limited):
    """Raises UnsupportedError for what it is limited to."""

    reason: Text = NO_TEXT

    def words(self) -> Words:
        """The reason."""
        return {**super().words(), "reason": self.reason}

    def say(self, shared: Shared, words: Words) -> Text:
        """Which values raise, and why."""
        return shared.say("refuse_only" if self.only else "refuse", {**words, **self.words()})


@dataclass(frozen=True)
class Drop(Limited):
    """Accepted and not used: a recorded decision."""

    text = "drop"
    reason: Text = NO_TEXT

    def words(self) -> Words:
        """The reason."""
        return {**super().words(), "reason": self.reason}

    def neutral(self, parameter: str, default: str | None) -> str | None:
        """It never stands in the way."""
        return None


@dataclass(frozen=True)
class Fixed(Treatment):
    """Pinned to one value by the overload's ``when``."""

    text = "fixed"
    value: str = ""

    def words(self) -> Words:
        """The pinned value."""
        return {"value": _code(self.value)}


@dataclass(frozen=True)
class Standard(Treatment):
    """A standard parameter (out, dtype, device, …), served the same way everywhere."""

    category = "torch_more"
    served: str = ""
    described: Text = NO_TEXT

    def contributes(self) -> str | None:
        """Torch has more, unless Paddle has it too."""
        return "same" if self.paddle else self.category

    def say(self, shared: Shared, words: Words) -> Text:
        """The standard remark."""
        return self.described

    @property
    def reason(self) -> Text:
        """Why values other than the default raise, where they do."""
        return self.described

    def neutral(self, parameter: str, default: str | None) -> str | None:
        """The default, where other values are refused."""
        return equals(parameter, default or "None") if self.refuses else None

    @property
    def refuses(self) -> bool:
        """Whether values other than the default raise; a dtype that nothing takes does."""
        return self.served in ("refused", "dtype")


def equals(parameter: str, default: str) -> str:
    """The condition that a parameter has its default value, as a person would write it."""
    match default:
        case "None":
            return f"{parameter} is None"
        case "False":
            return f"not {parameter}"
        case "True":
            return parameter
    return f"{parameter} == {normalised(default)}"


def treatment_of(
    spec: ParameterSpec, paddle: Sequence[str], same: bool, shared: Shared
) -> Treatment:
    """The treatment a spec spells out; ``paddle`` are the resolved Paddle names."""
    names, only = tuple(paddle), tuple(_frozen(value) for value in spec.only or ())
    if spec.treat == "fallback":
        return Fallback(names, only)
    if spec.refuse:
        return Refuse(names if only else (), only, spec.refuse)
    if spec.drop:
        return Drop((), only, spec.drop)
    if spec.map is not None:
        return Map(names, tuple((key, _frozen(value)) for key, value in spec.map.items()))
    if spec.convert:
        return Convert(names, spec.convert, shared.converters.get(spec.convert))
    return Same(names) if same else Rename(names)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)
