"""``python -m oarlock run script.py``, which needs the runtime alone."""

from __future__ import annotations

import sys

from oarlock.activation import run


def main() -> None:
    """Run the one command that the runtime has."""
    if sys.argv[1:2] == ["run"]:
        run.main(sys.argv[2:])
    else:
        print(run.USAGE.replace("oarlock", "python -m oarlock"), end="", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
