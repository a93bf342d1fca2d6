"""pytest collects records: ids, selection, and reports that need no traceback."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECORD = """\
apis: {flash_attn.flash_attn_func: {}}
paddle: paddle.nn.functional.flash_attention.flash_attention
examples:
  - parameter: softcap
    title: {zh: 普通, en: plain}
    inputs: {q: {normal: [1, 3, 1, 8]}}
    dtypes: [float32, float64]
    call: flash_attn.flash_attn_func(q, q, q)
    raises: UnsupportedError
  - name: second
    title: {zh: 普通, en: plain}
    inputs: {q: {normal: [1, 3, 1, 8]}}
    call: flash_attn.flash_attn_func(q, q, q)
"""


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    shutil.copytree(ROOT / "tests" / "oracles", tmp_path / "tests" / "oracles")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for place in ("mappings/flash_attn", "mappings/_shared", "elsewhere"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "record.yaml").write_text(RECORD, "utf-8")
    return tmp_path


def test_ids_are_file_and_example_and_k_selects_by_parameter() -> None:
    code, shown = run(ROOT, "--collect-only", "-q", "mappings/flash_attn", "-k", "window_size")
    ids = [line for line in shown.splitlines() if "::" in line]
    assert code == 0
    assert "mappings/flash_attn/flash_attn_func.yaml::window_size" in ids
    assert "mappings/flash_attn/flash_attn_func.yaml::causal_window" in ids
    assert "mappings/flash_attn/flash_attn_func.yaml::softmax_scale" not in ids


def test_one_example_is_found_by_its_id() -> None:
    id_ = "mappings/flash_attn/flash_attn_func.yaml::window_size"
    code, shown = run(ROOT, "--collect-only", "-q", id_)
    assert code == 0
    assert [line for line in shown.splitlines() if "::" in line] == [id_]


def test_collecting_imports_no_framework() -> None:
    script = (
        "import sys, pytest; pytest.main(['--collect-only', '-q', 'mappings']); "
        "sys.exit(str({'torch', 'paddle'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == "set()"


def test_only_records_below_mappings_are_collected(repository: Path) -> None:
    code, shown = run(repository, "--collect-only", "-q", ".")
    assert code == 0
    assert [line for line in shown.splitlines() if "::" in line] == [
        "mappings/flash_attn/record.yaml::softcap",
        "mappings/flash_attn/record.yaml::second",
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("title: {zh: 普通, en: plain}", "titel: {zh: 普通, en: plain}", "did you mean title?"),
        ("normal: [1, 3, 1, 8]}}", "normal: [1, 3, 1, 8], normal: [2]}}", "stands here twice"),
        ("_func(q, q, q)", "_func(q, k, q)", "k is neither an input nor assigned before"),
    ],
)
def test_a_faulty_record_is_an_error_with_its_line(
    repository: Path, old: str, new: str, fault: str
) -> None:
    file = repository / "mappings" / "flash_attn" / "record.yaml"
    file.write_text(RECORD.replace(old, new, 1), "utf-8")
    code, shown = run(repository, "mappings")
    assert code == 2
    line = RECORD.splitlines().index(next(x for x in RECORD.splitlines() if old in x)) + 1
    told = [
        text for text in shown.splitlines() if f"mappings/flash_attn/record.yaml:{line}:" in text
    ]
    assert any(fault in text for text in told), shown
    assert "Traceback" not in shown


def test_a_difference_is_reported_by_dtype_and_line(repository: Path) -> None:
    code, shown = run(repository, "mappings/flash_attn", "-x")
    assert code == 1
    assert "mappings/flash_attn/record.yaml:4: examples[0]: softcap (plain) differs on" in shown
    for dtype in ("float32", "float64"):
        assert f"  {dtype}: expected UnsupportedError, got a result" in shown
    assert "Traceback" not in shown
    assert "1 failed" in shown
    assert "passed" not in shown
