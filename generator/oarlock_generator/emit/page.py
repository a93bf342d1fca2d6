"""One record's page: the facts, and each as Markdown in the page's language."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from oarlock_generator.derive import Context, Derivation, Route, Row
from oarlock_generator.emit.markdown import (
    Markdown,
    anchor,
    code,
    dotted,
    fenced,
    fill,
    identifier,
    join,
    link,
    prose,
)
from oarlock_generator.emit.proof import Proof, number
from oarlock_generator.emit.snippets import oarlock_snippet, pytorch_snippet
from oarlock_generator.emit.wording import words_in
from oarlock_generator.evidence import Evidence, Run
from oarlock_generator.model import Example, ParameterSpec, Text
from oarlock_generator.signatures import Parameter, Signature
from oarlock_generator.treatments import Fallback

WIDTH = 88
NOTHING = Markdown("–")


class Facts:
    """What the pages of one record say, whatever the language."""

    def __init__(self, derivation: Derivation, evidence: Evidence | None, context: Context):
        self.derivation, self.context = derivation, context
        self.record, self.slug = derivation.record, derivation.slug
        self.apis, self.routes = derivation.apis, derivation.routes
        self.category = derivation.category
        self.module = derivation.slug.rpartition("/")[0].replace("/", ".")
        self.runs = evidence.current(self.record.examples) if evidence else ()
        self.versions = dict(evidence.versions) if evidence and self.runs else {}
        self.oracle = evidence.oracle if evidence and self.runs else ""
        self.proof = Proof.of(self.runs)
        self.by_example: dict[str, list[Run]] = defaultdict(list)
        self.by_parameter: dict[str, list[Run]] = defaultdict(list)
        for run in self.runs:
            self.by_example[run.example].append(run)
            for parameter in run.parameters:
                self.by_parameter[parameter].append(run)
        self.snippets = [
            (
                example,
                fenced("\n".join(pytorch_snippet(example, derivation)), indent=4),
                fenced("\n".join(oarlock_snippet(example, derivation)), indent=4),
            )
            for example in self.record.examples
        ]
        self.ids = self._ids()

    def _ids(self) -> dict[int, Markdown]:
        """An id for each row: the plain name where torch's parameter first stands on the page."""
        rows = [row for route in self.routes for row in route.rows]
        counts: Counter[str] = Counter()
        ids = {}
        for row in sorted(rows, key=lambda row: row.torch is None):
            counts[row.name] += 1
            again = f"-{counts[row.name]}" if counts[row.name] > 1 else ""
            # No parameter's name has a hyphen, so no two ids are the same.
            ids[id(row)] = identifier(row.name + again)
        return ids

    @cached_property
    def sources(self) -> list[Markdown]:
        """Each API of both sides, linked to its source."""
        return [self._source(name, url) for name, url, _ in self._signed()]

    @cached_property
    def signatures(self) -> Markdown:
        """Their signatures, as one block of code."""
        return fenced(
            "\n\n".join(
                "\n".join(_signature(name, s) for s in signatures) or name
                for name, _, signatures in self._signed()
            )
        )

    def _signed(self) -> Iterator[tuple[str, str | None, Sequence[Signature]]]:
        """PyTorch's side first; of two names for one object only one."""
        objects = {api.entry.same_as or api.name: api for api in reversed(self.apis)}
        for api in reversed(objects.values()):
            yield api.name, api.url, api.entry.overloads
        for route in {r.paddle.name: r for r in self.routes if r.paddle}.values():
            if route.paddle:
                yield route.paddle.name, route.paddle_url, route.paddle.overloads

    def _source(self, name: str, url: str | None) -> Markdown:
        lock = self.context.locks[name.partition(".")[0]]
        label = code(name)
        return join([link(label, url) if url else label, f"{lock.package} {lock.version}"], " · ")

    @cached_property
    def implementations(self) -> list[str]:
        """The objects of Oarlock's own that serve every API; none where some are generated."""
        found = [api.implementation for api in self.apis]
        names = dict.fromkeys(f"{each.module}.{each.name}" for each in found if each)
        return list(names) if all(found) else []

    @property
    def parameters(self) -> int:
        """How many parameters of torch the record accounts for."""
        return len(
            {row.torch.name for route in self.routes for row in route.parameters if row.torch}
        )


class Page:
    """The facts as Markdown, in one language."""

    def __init__(self, facts: Facts, language: str):
        self.facts, self.language, self.words = facts, language, words_in(language)
        self.record, self.routes = facts.record, facts.routes
        self.primary = identifier(facts.derivation.primary.name)
        self.anchor = anchor(self.primary)
        self.title = facts.derivation.primary.name.rpartition(".")[2]
        self.module = facts.module
        self.notes = [self.say(note) for note in facts.record.notes]
        self.summary = self.say(facts.record.summary) if facts.record.summary else None

    def say(self, text: Text) -> Markdown:
        """A remark in this page's language."""
        return prose(text.zh if self.language == "zh" else text.en)

    @property
    def category(self) -> Markdown:
        """The category, always with the name that Paddle's mapping documentation gives it."""
        category, words = self.facts.category, self.words
        return fill(words.category_named, name=self.say(category), zh=category.zh)

    @property
    def names(self) -> Markdown:
        """Every name of the family, each but the title's own with its id."""
        primary, *others = (api.name for api in self.facts.apis)
        ids = (f"`{identifier(name)}`{anchor(name)}" for name in others)
        return Markdown(self.words.comma.join([code(primary), *ids]))

    @property
    def executed(self) -> Markdown:
        """How much of the page was executed."""
        proof = self.facts.proof
        if not proof:
            return self.words.not_executed
        return fill(
            self.words.executed_summary if proof.holds else self.words.executed_and_failed,
            examples=self.count(proof),
            dtypes=join(proof.dtypes, self.words.comma),
            devices=join(proof.devices, self.words.comma),
            ratio=proof.ratio,
        )

    @property
    def executed_short(self) -> Markdown:
        """How many examples were executed."""
        proof = self.facts.proof
        if not proof:
            return self.words.not_executed
        return Markdown(f"{'✓' if proof.holds else '✗'} {self.count(proof)}")

    @property
    def treatments(self) -> Markdown:
        """How many parameters have each treatment."""
        counts = Counter(
            row.treatment.key if row.treatment else "paddle_only"
            for route in self.routes
            for row in route.rows
        )
        each = (f"{count} {self.words.treatments[key]}" for key, count in counts.most_common())
        return join(each, self.words.comma) if counts else NOTHING

    def count(self, proof: Proof) -> Markdown:
        """How many examples."""
        words = self.words
        return words.one_example if proof.examples == 1 else fill(words.examples, n=proof.examples)

    def heading(self, route: Route) -> Markdown:
        """An overload by its parameters."""
        return prose(f"({', '.join(_shown(p) for p in route.signature.parameters)})")

    def rows(self, route: Route) -> Iterator[str]:
        """The lines of a route's table."""
        for row in route.rows:
            cells = (
                self.torch_cell(row),
                self.paddle_cell(row),
                self.remarks(row),
                self.proof_cell(row),
            )
            yield Markdown(f"| {' | '.join(cells)} |")

    def torch_cell(self, row: Row) -> Markdown:
        """PyTorch's parameter; errors link to its id."""
        return (
            Markdown(f"`{_shown(row.torch)}`{anchor(self.facts.ids[id(row)])}")
            if row.torch
            else NOTHING
        )

    def paddle_cell(self, row: Row) -> Markdown:
        """Paddle's parameters that it is passed as, or that come nearest."""
        if not row.paddle:
            return NOTHING
        if not row.torch:
            return Markdown(f"`{_shown(row.paddle[0])}`{anchor(self.facts.ids[id(row)])}")
        names = join((code(_shown(p)) for p in row.paddle), ", ")
        nearest = isinstance(row.treatment, Fallback) and not row.treatment.only
        return fill(self.words.nearest, names=names) if nearest else names

    def remarks(self, row: Row) -> Markdown:
        """What Oarlock does with it, how defaults differ, and what the record adds."""
        said = [row.served, *([row.differs] if row.differs else []), *row.remarks]
        return join((self.say(text) for text in said if self.say(text)), "<br>")

    def proof_cell(self, row: Row) -> Markdown:
        """What was executed for this parameter; Paddle's own have nothing to execute."""
        if not row.torch:
            return NOTHING
        proof = Proof.of(self.facts.by_parameter[row.torch.name])
        if not proof:
            return self.words.not_executed
        return fill(
            self.words.executed_cell if proof.holds else self.words.failed_cell,
            examples=link(self.count(proof), f"#example-{proof.runs[0].example}"),
            errors=join((f"{d} {e}" for d, e in proof.errors.items()), self.words.comma),
        )

    def server(self, route: Route) -> Markdown:
        """Who serves the fallback, as the table names it."""
        fallback = route.spec.fallback
        if not fallback:
            return NOTHING
        key = "server_kernel" if fallback.kernel else "server_rewrite"
        return self.say(self.facts.context.shared.say(key, {"name": f"`{fallback.name}`"}))

    def routing(self, route: Route, guide: Markdown) -> Markdown:
        """Who computes a call: Paddle's function under which conditions, or Oarlock."""
        words, server = self.words, self.server(route)
        paddle = code(route.paddle.name) if route.paddle else NOTHING
        if own := self.facts.implementations:
            names = join(map(code, own), words.comma)
            nearest = fill(words.nearest_api, paddle=paddle) if route.paddle else None
            return join([fill(words.routed_own, names=names), *([nearest] if nearest else [])], " ")
        if why := route.spec.missing:
            return fill(words.routed_missing, why=self.say(why))
        if why := route.spec.removable:
            return fill(words.routed_removable, why=self.say(why))
        if not route.paddle:
            return fill(words.routed_fallback, server=server)
        native_ran = any(run.route == "native" for run in self.facts.runs)
        unproven = () if native_ran else (words.native_not_executed,)
        if not route.spec.fallback:
            return join([fill(words.routed_native, paddle=paddle), *unproven], "\n\n")
        native = route.native_when.parts if route.native_when else ()
        conditions = fenced("\nand ".join([*route.neutral.values(), *native]))
        both = fill(words.routed_both, paddle=paddle)
        rest = fill(words.routed_else, server=server, guide=guide)
        return join([both, conditions, *unproven, rest], "\n\n")

    def returns(self, route: Route) -> Markdown | None:
        """What is returned, where that says more than "what Paddle returns"."""
        spec = route.spec
        if spec.result:
            return self.say(spec.result)
        if spec.returns == "first":
            return self.words.returns_first
        return (
            fill(self.words.returns_named, name=code(spec.returns)) if "." in spec.returns else None
        )

    def runs(self, example: Example) -> Markdown:
        """What was executed of an example, and how near its tolerance each dtype came."""
        words, groups = self.words, defaultdict(list)
        for run in self.facts.by_example[example.id]:
            groups[run.device, run.route].append(run)
        said = []
        for (device, route), runs in groups.items():
            each = (
                fill(
                    words.within if run.error <= run.tolerance else words.beyond,
                    dtype=run.dtype,
                    error=number(run.error),
                    tolerance=number(run.tolerance),
                )
                for run in runs
            )
            errors = join(each, words.comma)
            said.append(fill(words.run, device=device, route=route, errors=errors))
        return join(said, "<br>") or words.not_executed

    def example_title(self, example: Example) -> Markdown:
        """What an example shows, and which parameters it is about, which a search then finds."""
        title = self.say(example.title)
        unsaid = [code(name) for name in example.parameter if name not in title]
        return Markdown(f"{title} · {join(unsaid, ', ')}" if unsaid else title)

    def example_id(self, example: Example) -> Markdown:
        """Where the example stands on the page."""
        return identifier(f"example-{example.id}")

    def member(self, name: str, spec: ParameterSpec) -> tuple[Markdown, Markdown]:
        """Paddle's name for a member of a class, and what is to be said of it."""
        said = [text for text in (spec.refuse, spec.drop, spec.note) if text]
        paddle = NOTHING if spec.refuse or spec.drop else join(map(code, spec.to or [name]), ", ")
        return paddle, join(map(self.say, said), "<br>") or NOTHING

    def linked_names(self, path: str) -> Markdown:
        """Every name of the family, linked to the page at ``path``."""
        return join((link(dotted(api.name), path) for api in self.facts.apis), "<br>")

    @property
    def targets(self) -> Markdown:
        """The Paddle APIs that serve it."""
        names = dict.fromkeys(route.paddle.name for route in self.routes if route.paddle)
        return join(map(dotted, names), "<br>") or NOTHING

    def executed_on(self, guide: Markdown) -> Markdown:
        """On which versions it was executed, and against which oracle."""
        versions = (f"{package} {version}" for package, version in self.facts.versions.items())
        return fill(
            self.words.executed_on,
            versions=join(versions, self.words.comma),
            oracle=self.oracle,
            guide=guide,
        )

    @property
    def oracle(self) -> Markdown:
        """What said how results should be: the package itself, or the file that stands for it."""
        oracle, package = self.facts.oracle, self.facts.derivation.primary.name.partition(".")[0]
        if not oracle:
            return Markdown("")
        itself = oracle == package
        sentence = self.words.oracle_itself if itself else self.words.oracle_stands_in
        return fill(sentence, package=package, oracle=code(oracle))


def _shown(parameter: Parameter) -> str:
    stars = {"varargs": "*", "variadic": "*", "varkwargs": "**"}
    return stars.get(parameter.kind, "") + parameter.name


def _signature(name: str, signature: Signature) -> str:
    """A signature on one line, or one parameter a line where that would be too long."""
    one = f"{name}{signature}"
    if len(one) <= WIDTH:
        return one
    parameters, tail = _arguments(str(signature))
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parameters) + tail


def _arguments(signature: str) -> tuple[list[str], str]:
    """Split ``(a, b=(1, 2)) -> Tensor`` at the commas that stand in no other bracket."""
    parts, depth, start = [], 0, 1
    for place, character in enumerate(signature):
        if character == "," and depth == 1:
            parts.append(signature[start:place].strip())
            start = place + 1
        depth += (character in "([{") - (character in ")]}")
        if not depth:
            return [*parts, signature[start:place].strip()], signature[place:]
    return [signature], ""
