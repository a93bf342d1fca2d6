"""Entry points of a hubconf.py: listed, described and called."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oarlock.errors import UnsupportedError


def load(
    repo_or_dir: Any,
    model: str,
    *args: Any,
    source: str = "github",
    trust_repo: Any = "check",
    force_reload: bool = False,
    verbose: bool = True,
    skip_validation: bool = False,
    **kwargs: Any,
) -> Any:
    """Call an entry point of a hubconf.py, and return what it returns.

    Args:
        repo_or_dir: the folder that has the file.
        model: the entry point's name.
        *args: for the entry point.
        source: "local"; "github" is refused.
        trust_repo: of "github".
        force_reload: of "github".
        verbose: of "github".
        skip_validation: of "github".
        **kwargs: for the entry point.

    Raises:
        ValueError: ``source`` is neither.
        RuntimeError: there is no such entry point, or a package that it needs is not installed.
        UnsupportedError: ``source`` is "github": a repository's code is written for torch, and is
            not downloaded and run unseen.
    """
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        raise _refused("load")
    with _on_path(repo_or_dir):
        return _entry(_module(repo_or_dir), model)(*args, **kwargs)


def entrypoints(
    github: Any,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: Any = "check",
    verbose: bool = True,
) -> list[str]:
    """Refuse: torch lists repositories of GitHub alone.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("list")


def described(
    github: Any,
    model: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: Any = "check",
) -> str:
    """Refuse: torch describes entry points of repositories of GitHub alone.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("help")


def _refused(name: str) -> UnsupportedError:
    return UnsupportedError(
        api=f"torch.hub.{name}",
        parameter="source" if name == "load" else None,
        reason="repositories of GitHub are not downloaded",
        advice="Clone the repository, activate Oarlock and call torch.hub.load(folder, model, "
        "source='local')",
    )


@contextmanager
def _on_path(folder: Any) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _module(folder: Any) -> Any:
    path = Path(folder) / "hubconf.py"
    spec = importlib.util.spec_from_file_location("hubconf.py", path)
    if spec is None or spec.loader is None:
        raise AssertionError(f"failed to load spec from {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _entry(module: Any, name: Any) -> Any:
    if not isinstance(name, str):
        raise ValueError("Invalid input: model should be a string of function name")
    needed = getattr(module, "dependencies", None) or []
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    found = getattr(module, name, None)
    if not callable(found):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return found
