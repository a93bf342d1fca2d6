"""A record lies where its first API's name says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oarlock_generator.derive import Context, Derivation
from oarlock_generator.lint.rule import Rule
from oarlock_generator.problems import Problem


def check(derivations: Sequence[Derivation], context: Context) -> Iterator[Problem]:
    """Report a record whose path is not its first API's dotted name (a method's without Tensor).

    A trailing ``_function``, ``_class`` … is allowed: it tells ``torch.Tensor`` from
    ``torch.tensor`` where case does not count.
    """
    for derivation in derivations:
        if not derivation.apis:
            continue
        parts = derivation.primary.name.split(".")
        expected = {"/".join(parts)}
        if derivation.primary.is_method:
            expected.add("/".join([*parts[:-2], parts[-1]]).rstrip("_"))
        expected |= {f"{path}_{derivation.primary.entry.kind}" for path in expected}
        if derivation.slug not in expected:
            wanted = f"mappings/{'/'.join(parts)}.yaml"
            message = f"holds {derivation.primary.name} and belongs in {wanted}: git mv {derivation.source.path.as_posix()} {wanted}"
            yield derivation.source.problem((), message, rule=RULE.name)


RULE = Rule("file-name", "A record's path is its first API's name.", check)
