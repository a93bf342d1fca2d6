"""Building both language sites and serving them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIGS = ("mkdocs.yml", "mkdocs.zh.yml")


class SiteError(Exception):
    """A site that does not build; the message is what mkdocs printed."""


def start_build(root: Path, config: str) -> subprocess.Popen[str]:
    """Start a strict build of one language's site."""
    # Without -q: with it, mkdocs ends with 0 on a broken link.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", config]
    return subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def finish_build(build: subprocess.Popen[str]) -> None:
    """Wait for a build, or raise SiteError with its output."""
    output, _ = build.communicate()
    if build.returncode:
        raise SiteError(output)


def build_site(root: Path, say: Callable[[str], None]) -> None:
    """Build the English site at site/ and then the Chinese one below it, at site/zh/."""
    for config in CONFIGS:
        say(f"building the site of {config}")
        finish_build(start_build(root, config))


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing of single requests."""


def serve_site(root: Path, port: int, say: Callable[[str], None]) -> None:
    """Serve site/ on the loopback address until interrupted."""
    handler = partial(_Handler, directory=str(root / "site"))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise SiteError(
            f"port {port} cannot be used ({error.strerror}); choose another with --port"
        ) from None
    say(
        f"http://127.0.0.1:{server.server_port}/ (English), http://127.0.0.1:{server.server_port}/zh/ (中文); Ctrl+C stops"
    )
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("stopped")
    finally:
        server.server_close()
