"""Which route an example's call takes on this machine."""

from __future__ import annotations

from functools import partial
from typing import Any

from oarlock_generator.examples import Scope, draw, parse_call
from oarlock_generator.frameworks import ours
from oarlock_generator.load import Source
from oarlock_generator.model import Example


def explain_example(source: Source, example: Example) -> Any:
    """Return ``oarlock.explain``'s answer for the example's call, in its first dtype."""
    import oarlock

    paddle = ours(min(source.record.apis))
    inputs = {
        name: paddle.tensor(drawn) for name, drawn in draw(example, example.dtypes[0]).items()
    }
    scope = Scope(inputs, lambda api: partial(oarlock.explain, api), paddle.dtype)
    return parse_call(example, source.record.apis).run(scope)
