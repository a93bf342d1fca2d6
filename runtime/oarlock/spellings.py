"""NumPy's spellings of parameters, which torch's C++ functions accept besides their own."""

from __future__ import annotations

from typing import Any

from oarlock.errors import ArgumentTypeError

# torch/csrc/utils/python_arg_parser.cpp, numpy_compatibility_arg_names, as far as scripts use it.
SPELLINGS = {"axis": "dim", "keepdims": "keepdim"}


class _Required:
    def __repr__(self) -> str:
        return "<required>"


# The default of a parameter that is required under either of its spellings.
REQUIRED: Any = _Required()


def torch_spelled(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments with torch's names for those that are spelled as in NumPy."""
    return {SPELLINGS.get(name, name): value for name, value in kwargs.items()}


def respelled(api: str, numpy: dict[str, Any], **given: Any) -> list[Any]:
    """The values of parameters that have a NumPy spelling too.

    Args:
        api: the torch-side name, for messages.
        numpy: the keyword arguments that no parameter of the function took.
        **given: the parameters by torch's names, as they are so far.

    Raises:
        ArgumentTypeError: there is another keyword argument, or one that is required is missing.
    """
    found = torch_spelled(numpy)
    if unknown := [name for name in numpy if SPELLINGS.get(name) not in given]:
        names = ", ".join(map(repr, unknown))
        raise ArgumentTypeError(api=api, given=f"the keyword {names}", accepted="its parameters")
    given |= found
    if missing := [name for name, value in given.items() if value is REQUIRED]:
        raise ArgumentTypeError(api=api, parameter=missing[0], given="nothing", accepted="a value")
    return list(given.values())
