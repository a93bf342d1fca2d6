"""The `oarlock` command."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterable
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from oarlock_generator.derive import Derivation
from oarlock_generator.emit.files import OutputError
from oarlock_generator.problems import Problem, RecordError
from oarlock_generator.project import NoProjectError, Project
from oarlock_generator.site import SiteError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

# Exit codes: 0 all is well, 1 something is wrong with records or generated files, 2 wrong usage.
FAULTS = 1
# Fixes that overlap are made one after another.
_ROUNDS = 5


def progress(items: Iterable[Any], title: str) -> Iterable[Any]:
    """Show a bar on a terminal where there is enough to wait for."""
    items = list(items)
    if len(items) < 20 or not err.is_terminal:
        return items
    return track(items, f"{title:<16}", console=err, transient=True)


def report(problems: Iterable[Problem], as_json: bool) -> None:
    """Print faults, one a line, for people or for tools."""
    problems = list(problems)
    if as_json:
        facts = [
            {
                "file": p.path.as_posix(),
                "line": p.line,
                "field": p.field,
                "message": p.message,
                "rule": p.rule,
                "fixable": bool(p.fix),
            }
            for p in problems
        ]
        click.echo(json.dumps({"problems": facts}, ensure_ascii=False, indent=1))
        return
    for problem in problems:
        click.echo(str(problem), err=True)
    if problems:
        fixable = sum(bool(problem.fix) for problem in problems)
        hint = f"; `oarlock check --fix` mends {fixable}" if fixable else ""
        click.echo(f"{_count(len(problems), 'problem')}{hint}", err=True)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _command(function: Any) -> Any:
    """Turn known errors into messages and exit codes."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            function(*args, **kwargs)
        except RecordError as error:
            report(error.problems, bool(kwargs.get("as_json")))
            sys.exit(FAULTS)
        except NoProjectError as error:
            raise click.UsageError(str(error)) from None
        except (OutputError, SiteError) as error:
            click.echo(str(error), err=True)
            sys.exit(FAULTS)
        except OSError as error:
            click.echo(f"{error.filename2 or error.filename}: {error.strerror}", err=True)
            sys.exit(FAULTS)

    return run


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for tools.")


class _RecordPath(click.Path):
    """A file or folder of records, or the name of an API that one of them has."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Take a name with the dots of an API's for the file of its record."""
        is_name = isinstance(value, str) and value.startswith(("torch.", "flash_attn."))
        if is_name and not Path(value).exists():
            project = _project(ctx.find_root())
            return project.root / project.find_source(value).path
        return super().convert(value, param, ctx)


paths_argument = click.argument("paths", nargs=-1, type=_RecordPath(exists=True, path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The checkout; by default the one around the current folder.",
)
@click.version_option(package_name="oarlock")
@click.pass_context
def main(context: click.Context, root: Path | None) -> None:
    """PyTorch-ecosystem APIs on PaddlePaddle: browse the docs, generate the shim, run the doctests."""
    context.obj = root
    # Paddle says so at every import, and it concerns building extensions only.
    warnings.filterwarnings("ignore", message="No ccache found")


def _project(context: click.Context) -> Project:
    return Project.find((context.obj or Path.cwd()).resolve())


@main.command()
@paths_argument
@click.option("--fix", "mend", is_flag=True, help="Mend what can be mended.")
@json_option
@click.pass_context
@_command
def check(context: click.Context, paths: tuple[Path, ...], mend: bool, as_json: bool) -> None:
    """Validate and lint records; all faults are reported, each with its line."""
    from oarlock_generator.lint import fix

    project = _project(context)
    wanted = {file.relative_to(project.root) for file in project.files(paths)} if paths else None

    def check_wanted() -> tuple[list[Problem], list[Derivation]]:
        problems, derivations = project.check(progress)
        return [p for p in problems if wanted is None or p.path in wanted], derivations

    problems, derivations = check_wanted()
    for _ in range(_ROUNDS if mend else 0):
        mended = fix(problems, derivations, project.root)
        for problem in mended:
            click.echo(f"mended {problem}", err=True)
        if not mended:
            break
        problems, derivations = check_wanted()
    report(problems, as_json)
    if problems:
        sys.exit(FAULTS)
    if not as_json:
        whole = [d for d in derivations if not d.is_draft]
        apis = sum(len(d.apis) for d in whole)
        drafts = len(derivations) - len(whole)
        besides = f" ({_count(drafts, 'draft')} besides)" if drafts else ""
        out.print(f"{_count(len(whole), 'record')}, {_count(apis, 'API')}{besides}: no problems")


@main.command()
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Change nothing; fail where committed files differ from the records.",
)
@json_option
@click.pass_context
@_command
def generate(context: click.Context, only_check: bool, as_json: bool) -> None:
    """Write docs, shim and JSON from the records; only what changed is touched."""
    project = _project(context)
    found, problems = (project.drift(progress), []) if only_check else project.generate(progress)
    if as_json:
        facts = [{"file": c.path.as_posix(), "kind": c.kind} for c in found]
        click.echo(json.dumps({"changes": facts}, indent=1))
    else:
        for change in found[:20]:
            out.print(f"{change.kind:>8}  {change.path.as_posix()}", markup=False)
        if len(found) > 20:
            out.print(f"          … and {len(found) - 20:,} more")
        if not found and not problems:
            out.print("everything is up to date")
    if problems:
        report(problems, as_json=False)
        sys.exit(FAULTS)
    if only_check and found:
        if not as_json:
            err.print(
                "The files above differ from what the records make. Run `oarlock generate` and commit the result."
            )
        sys.exit(FAULTS)


@main.command()
@click.argument("paths", metavar="[PATHS | NAMES]...", nargs=-1)
@click.option(
    "--conformance",
    is_flag=True,
    help="Run torch's own test databases instead (or what NAMES mean of them), and keep the evidence.",
)
@click.option("--tenth", is_flag=True, help="With --conformance: the tenth that tests run.")
@click.option("--again", is_flag=True, help="With --conformance: also what ran on this code.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="With --conformance: how many processes; by default one a core.",
)
@click.option("--write", is_flag=True, help="Keep what was executed in mappings/_evidence.")
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Execute nothing; fail where the evidence is not of the present code and examples.",
)
@click.option("--device", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True)
@json_option
@click.pass_context
@_command
def verify(
    context: click.Context,
    paths: tuple[Any, ...],
    conformance: bool,
    tenth: bool,
    again: bool,
    workers: int | None,
    write: bool,
    only_check: bool,
    device: str,
    as_json: bool,
) -> None:
    """Execute the examples of records on the real framework and on the shim, and compare."""
    if conformance:
        if write or only_check or device != "cpu":
            raise click.UsageError(
                "--conformance runs on the CPU and keeps its evidence by itself: "
                "without --write, --check and --device"
            )
        _verify_conformance(_project(context), paths, tenth, again, workers, as_json)
        return
    if tenth or again or workers:
        raise click.UsageError("--tenth, --again and --workers belong to --conformance")
    kind = _RecordPath(exists=True, path_type=Path)
    paths = tuple(kind.convert(path, None, context) for path in paths)
    from oarlock_generator.executed import Code
    from oarlock_generator.lint import STYLE
    from oarlock_generator.verify import ORACLES, write_evidence
    from oarlock_generator.verify import verify as execute

    project = _project(context)
    if only_check:
        if write:
            raise click.UsageError("--check executes nothing that --write could keep")
        _check_evidence(project, paths, as_json)
        return
    wanted = {file.relative_to(project.root) for file in project.files(paths)}
    # What is executed is what the records say now.
    project.generate(progress, pages=False)
    problems, everything = project.check(progress)
    own = [p for p in problems if p.path in wanted or not paths]
    if faults := [p for p in own if p.rule not in STYLE or write]:
        raise RecordError(faults)
    if paths:
        drafts = [d.source for d in everything if d.is_draft and d.source.path in wanted]
        message = "is a draft, which nothing executes; finish it and take this line out"
        if faults := [source.problem(("status",), message) for source in drafts]:
            raise RecordError(faults)
    whole = [derivation for derivation in everything if not derivation.is_draft]
    derivations = [d for d in whole if d.source.path in wanted]
    outcomes = execute(
        [derivation.source for derivation in derivations],
        known={api.name for derivation in whole for api in derivation.apis},
        oracles=project.root / ORACLES,
        device=device,
        progress=lambda work: progress(work, "Executing"),
    )
    failed = [outcome for outcome in outcomes if outcome.faults]
    if write and not failed:
        code = Code(project.root, project.committed_folders)
        for derivation in derivations:
            own = [outcome for outcome in outcomes if outcome.source is derivation.source]
            if own:
                write_evidence(project.mappings, derivation.slug, own, code)
                err.print(f"wrote the evidence of {derivation.slug}", markup=False)
    if as_json:
        facts = [
            {
                "example": f"{outcome.source.path.as_posix()}::{outcome.example.id}",
                "runs": [asdict(run) for run in outcome.runs],
                "faults": [{"dtype": dtype, "fault": fault} for dtype, fault in outcome.faults],
            }
            for outcome in outcomes
        ]
        click.echo(json.dumps({"examples": facts}, indent=1))
    else:
        for outcome in failed:
            click.echo(str(outcome), err=True)
        runs = sum(len(outcome.runs) for outcome in outcomes)
        out.print(
            f"{_count(len(outcomes), 'example')} executed on {_count(runs, 'dtype run')}: "
            f"{len(outcomes) - len(failed)} passed, {len(failed)} failed"
        )
    if failed:
        sys.exit(FAULTS)


def _verify_conformance(
    project: Project,
    names: tuple[str, ...],
    only_tenth: bool,
    again: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    from oarlock_generator.conformance.command import (
        NoSubjectError,
        summary,
        table,
        verify_conformance,
    )

    try:
        verdict = verify_conformance(
            project, names, only_tenth=only_tenth, again=again, workers=workers, console=err
        )
    except NoSubjectError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        facts = [
            {
                "database": subject.database,
                "name": subject.name,
                "samples": outcome.total,
                "passed": outcome.good,
                "faults": list(outcome.faults),
            }
            for subject in verdict.subjects
            for outcome in [verdict.outcomes[subject.database, subject.name]]
        ]
        click.echo(json.dumps({"subjects": facts, "faults": verdict.faults}, indent=1))
    else:
        for line in table(verdict):
            click.echo(line)
        for line in summary(verdict):
            click.echo(line)
        for fault in verdict.faults:
            click.echo(f"unexpected: {fault}", err=True)
    if verdict.faults:
        sys.exit(FAULTS)


def _check_evidence(project: Project, paths: tuple[Path, ...], as_json: bool) -> None:
    from oarlock_generator.executed import Code

    wanted = {file.relative_to(project.root) for file in project.files(paths)}
    sources, problems = project.load(progress)
    if problems:
        raise RecordError(problems)
    code = Code(project.root, project.committed_folders)
    stale = [s.path.as_posix() for s in sources if s.path in wanted and code.stale(s)]
    if as_json:
        click.echo(json.dumps({"stale": stale}, indent=1))
    else:
        for path in stale:
            click.echo(f"{path}: not executed with the present code and examples", err=True)
        out.print(
            f"{_count(len(stale), 'record')} without current evidence; run `oarlock verify --write`"
            if stale
            else "the evidence is of the present code and examples"
        )
    if stale:
        sys.exit(FAULTS)


@main.command()
@click.argument("api")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@json_option
@click.pass_context
@_command
def show(context: click.Context, api: str, lang: str, as_json: bool) -> None:
    """Show an API's table in the terminal."""
    from oarlock_generator.emit.records import record_facts
    from oarlock_generator.emit.terminal import render_table
    from oarlock_generator.evidence import load_evidence

    project = _project(context)
    derivation = project.find_api(api)
    evidence = load_evidence(project.mappings, derivation.slug)
    if as_json:
        click.echo(json.dumps(record_facts(derivation, evidence), ensure_ascii=False, indent=1))
    else:
        out.print(render_table(derivation, evidence, lang))


@main.command()
@click.argument("api")
@click.option("--example", "wanted", help="Only the example of this name.")
@json_option
@click.pass_context
@_command
def explain(context: click.Context, api: str, wanted: str | None, as_json: bool) -> None:
    """Say which route the examples of an API take here, and why."""
    from oarlock_generator.explanations import explain_example

    derivation = _project(context).find_api(api)
    examples = [e for e in derivation.record.examples if wanted in (None, e.id)]
    if not examples:
        ids = ", ".join(e.id for e in derivation.record.examples) or "none"
        raise click.UsageError(f"{api} has no example {wanted or 'at all'}; it has {ids}")
    facts = []
    for example in examples:
        explanation = explain_example(derivation.source, example)
        if as_json:
            facts.append(
                {
                    "example": example.id,
                    "call": example.call,
                    "route": explanation.route,
                    "server": explanation.server,
                    "reasons": list(explanation.reasons),
                }
            )
        else:
            out.print(f"[bold]{example.id}[/bold]")
            click.echo(example.call)
            click.echo(f"{explanation}\n")
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False, indent=1))


@main.command()
@click.argument("api")
@click.option(
    "--paddle", "target", help="Paddle's function for it; by default the one of the same name."
)
@click.pass_context
@_command
def new(context: click.Context, api: str, target: str | None) -> None:
    """Write a first record for an API, as far as the signature locks tell."""
    from oarlock_generator.new import new_record

    project = _project(context)
    path = new_record(project, api, target)
    out.print(
        f"wrote {path.as_posix()}; next: fill in what it asks for, then `oarlock check`",
        markup=False,
    )


@main.command()
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Say what differs between the lock and what is installed.",
)
@click.option(
    "--flash-attn",
    "sdist",
    type=click.Path(exists=True, path_type=Path),
    help="flash_attn's unpacked source distribution.",
)
@json_option
@click.pass_context
@_command
def lock(context: click.Context, only_check: bool, sdist: Path | None, as_json: bool) -> None:
    """Lock the signatures of the installed torch and Paddle (and of a flash_attn source tree)."""
    from oarlock_generator import introspect

    project = _project(context)
    folder = project.mappings / "_signatures"
    same_python = sys.version_info[:2] == introspect.PYTHON
    if not only_check:
        if not same_python:
            wanted = ".".join(map(str, introspect.PYTHON))
            raise click.UsageError(
                f"the locks are made with Python {wanted}, since some signatures differ with "
                f"Python's version; this is {sys.version.split()[0]}"
            )
        for path in introspect.write_locks(
            folder, sdist, lambda text: err.print(text, markup=False)
        ):
            out.print(f"wrote {path.relative_to(project.root).as_posix()}", markup=False)
        return
    differences = introspect.check_lock(folder, sdist)
    if as_json:
        click.echo(json.dumps({"differences": differences}, indent=1))
    else:
        for line in differences:
            out.print(line, markup=False)
        out.print(
            f"the lock is what is installed{'' if same_python else ' (versions compared only)'}"
            if not differences
            else f"{_count(len(differences), 'difference')}; `oarlock lock` writes the lock anew"
        )
    if differences:
        sys.exit(FAULTS)


@main.command()
@click.option("--port", default=8000, show_default=True)
@click.pass_context
@_command
def serve(context: click.Context, port: int) -> None:
    """Serve the built site on this machine; it is built first where it is missing."""
    from oarlock_generator.site import build_site, serve_site

    project = _project(context)
    if not (project.root / "site" / "zh" / "index.html").exists():
        project.generate(progress)
        build_site(project.root, lambda text: err.print(text, markup=False))
    serve_site(project.root, port, lambda text: out.print(text, markup=False))


@main.command()
@click.pass_context
@_command
def demo(context: click.Context) -> None:
    """Validate, generate, run the doctests, build both sites, and sum up."""
    from oarlock_generator.demo import run_demo

    if not run_demo(_project(context), out):
        sys.exit(FAULTS)


@main.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> None:
    """Run a script or module written for PyTorch on PaddlePaddle."""
    from oarlock.activation.run import main as run_script

    run_script(list(arguments))


if __name__ == "__main__":
    main()
