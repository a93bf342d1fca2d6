"""`oarlock run`: what it makes of a script or module is what Python makes of it, on Oarlock."""

import subprocess
import sys
from pathlib import Path

import pytest

from oarlock.errors import DOCS

SCRIPT = """\
import json, sys, pickle, threading
import flash_attn, torch

class Kept: ...

import __main__
print(json.dumps({
    "name": __name__, "argv": sys.argv, "path": sys.path[0], "file": __file__, "spec": __spec__,
    "package": __package__, "main": sys.modules["__main__"].__dict__ is globals(),
    "pickled": type(pickle.loads(pickle.dumps(Kept()))) is Kept,
    "served": [flash_attn.__name__, torch.__name__],
}))
"""


@pytest.fixture
def run(python):
    return lambda *arguments, **environment: python(
        "-m", "oarlock", "run", *arguments, **environment
    )


@pytest.fixture
def write(tmp_path):
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_script(run, write):
    path = write("scripts/train.py", SCRIPT)
    done = run("scripts/train.py", "--lr", "0.1", "-m", "-h")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.replace("null", "None").replace("true", "True").strip() == str(
        {
            "name": "__main__",
            "argv": ["scripts/train.py", "--lr", "0.1", "-m", "-h"],
            "path": str(path.parent),
            "file": str(path),
            "spec": None,
            "package": None,
            "main": True,
            "pickled": True,
            "served": ["oarlock.flash_attn", "oarlock.torch"],
        }
    ).replace("'", '"')


def test_a_module_and_a_package(run, write):
    path = write(
        "package/__main__.py", "import sys, torch; print(sys.argv, __package__, torch.__name__)"
    )
    write("package/__init__.py", "")
    write("package/part.py", "import sys, torch; print(sys.argv, __spec__.name, sys.path[0])")
    done = run("-m", "package", "a")
    assert done.stdout.strip() == f"['{path}', 'a'] package oarlock.torch"
    done = run("-mpackage.part")
    assert done.stdout.strip() == f"['{path.parent / 'part.py'}'] package.part {path.parent.parent}"
    done = run("package", "b")
    assert done.stdout.strip() == "['package', 'b']  oarlock.torch"


@pytest.mark.parametrize(
    ("code", "returned"),
    [
        ("import sys; sys.exit(7)", 7),
        ("import sys; sys.exit('a word')", 1),
        ("raise SystemExit", 0),
        ("1 / 0", 1),
        ("raise KeyboardInterrupt", -2),
        ("x = = 1", 1),
        ("import atexit; atexit.register(print, 'bye'); import os; os.write(1, b'hello ')", 0),
        (
            "import threading, time; threading.Thread(target=lambda: [time.sleep(0.1), print(1)]).start()",
            0,
        ),
    ],
)
def test_it_ends_as_python_ends(run, python, write, code, returned):
    write("ends.py", code)
    theirs, ours = python("ends.py"), run("ends.py")
    assert ours.returncode == theirs.returncode == returned
    assert ours.stdout == theirs.stdout
    assert ours.stderr == theirs.stderr


def test_wrong_usage(run):
    for arguments in ([], ["-m"], ["-x"], ["nothing.py"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert "oarlock run" in done.stderr
    assert run("-h").stdout.startswith("usage: oarlock run")
    missing = run("-m", "nothing_of_that_name")
    assert missing.returncode == 1
    assert missing.stderr.strip() == "ImportError: No module named nothing_of_that_name"


def test_a_failure_shows_the_users_line_then_the_route_then_the_page(run, write):
    path = write(
        "fails.py",
        "import paddle\n"
        "from flash_attn import flash_attn_func\n"
        "def step(q):\n"
        "    return flash_attn_func(q, q, q, window_size=16)\n"
        "step(paddle.zeros([1, 4, 2, 8]))\n",
    )
    done = run("fails.py")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    files = [line for line in lines if line.startswith("  File")]
    assert files == [f'  File "{path}", line 5, in <module>', f'  File "{path}", line 4, in step']

    def starting(text: str) -> int:
        return next(i for i, line in enumerate(lines) if line.strip().startswith(text))

    line, error = starting("return flash_attn_func("), starting("oarlock.errors.Argument")
    route = starting("flash_attn.flash_attn_func: fallback route, served by")
    page = lines.index(f"  {DOCS}api/flash_attn/flash_attn_func/")
    assert line < error < route < page
    assert "OARLOCK_TRACEBACK=full" in lines[-1]
    full = run("fails.py", OARLOCK_TRACEBACK="full").stderr
    assert "kernels/attention" in full
    assert "activation/run.py" not in full


def test_a_failure_of_ones_own_looks_as_under_python(run, python, write):
    write(
        "helper.py",
        "def fail():\n    try:\n        {}[1]\n    except KeyError as error:\n        raise ValueError('no') from error\n",
    )
    write("own.py", "import helper, torch\nhelper.fail()\n")
    write("plain.py", "import helper\nhelper.fail()\n")
    ours, theirs = run("own.py").stderr, python("plain.py").stderr
    assert ours.replace("own.py", "plain.py") == theirs


def test_a_hook_of_the_scripts_own_is_called(run, write):
    write(
        "hook.py",
        "import sys\nsys.excepthook = lambda *error: print('mine', error[0].__name__)\n1 / 0\n",
    )
    done = run("hook.py")
    assert (done.returncode, done.stdout, done.stderr) == (1, "mine ZeroDivisionError\n", "")


def test_pytest(run, write):
    write(
        "test_it.py",
        "import torch\nimport oarlock\n"
        "def test_served():\n    assert torch is oarlock.torch\n"
        "def test_fails():\n    assert torch is None\n",
    )
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout


def test_spawned_children_run_the_script_again(run, write):
    write(
        "spawns.py",
        "import multiprocessing, flash_attn\n"
        "def name(x):\n    return flash_attn.__name__\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(name, [1]))\n",
    )
    done = run("spawns.py")
    assert (done.returncode, done.stdout) == (0, "['oarlock.flash_attn']\n"), done.stderr


def test_the_command_runs_without_the_generators_needs(write, tmp_path):
    write("quiet.py", "import torch; print(torch.__version__)")
    code = (
        "import sys\n"
        "for name in ('click', 'jinja2', 'pydantic', 'rich', 'yaml'): sys.modules[name] = None\n"
        "sys.argv = ['oarlock', 'run', 'quiet.py']\n"
        "from oarlock_generator.command import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2.13.0+oarlock\n"
