"""The entry point of the `oarlock` command, which the runtime's wheel installs without its needs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, or say what to install for it; ``oarlock run`` needs the runtime alone."""
    if sys.argv[1:2] == ["run"]:
        from oarlock.activation.run import main as run

        return run(sys.argv[2:])
    try:
        from oarlock_generator.cli import main as command
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("oarlock"):
            raise
        sys.exit(
            f"The oarlock command needs {error.name}, which the runtime does without. "
            "In a checkout, pip install '.[generator]' installs all of it."
        )
    return command()


if __name__ == "__main__":
    main()
