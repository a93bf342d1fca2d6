"""The wheel: what is in it, what it asks for, and that it runs without the generator's needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A process that sees the wheel, Paddle and numpy, and none of the generator's dependencies.
BLOCKED = "import sys\nfor name in ('click', 'jinja2', 'pydantic', 'rich', 'torch', 'yaml'): sys.modules[name] = None\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        f"import sys; sys.path.insert(0, {str(folder)!r})\n{BLOCKED}{code}",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_it_holds_the_shim_and_the_record_data(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "oarlock/_generated/records.json" in names
    assert "oarlock/_generated/flash_attn/flash_attn_func.py" in names
    assert "oarlock/flash_attn/__init__.py" in names
    assert "oarlock/py.typed" in names
    assert not [name for name in names if name.endswith(".yaml") and name.startswith("mappings")]


def test_it_requires_numpy_alone(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    lines = archive.read(metadata).decode().splitlines()
    required = [
        line for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line
    ]
    assert [line.split()[1].partition(">")[0] for line in required] == ["numpy"]


def test_it_runs_and_explains_without_the_generators_needs(installed):
    done = run(
        "import oarlock, paddle\n"
        "from oarlock.flash_attn import flash_attn_func\n"
        "q = paddle.randn([1, 8, 2, 16])\n"
        "print(list(flash_attn_func(q, q, q, window_size=(2, 0)).shape))\n"
        "print(oarlock.explain(flash_attn_func, q, q, q).route)\n"
        "print(oarlock.__file__)",
        installed,
    )
    assert done.returncode == 0, done.stderr
    shape, route, file = done.stdout.split("\n")[:3]
    assert (shape, route) == ("[1, 8, 2, 16]", "fallback")
    assert file.startswith(str(installed))


def test_the_command_says_what_it_needs(installed):
    done = run("from oarlock_generator.command import main; main()", installed)
    assert done.returncode == 1
    assert "pip install '.[generator]'" in done.stderr
