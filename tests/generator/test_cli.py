"""The `oarlock` command: its exit codes, what it prints for people and for tools, and what it writes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from oarlock_generator.cli import main
from oarlock_generator.project import Project

ROOT = Path(__file__).parents[2]
RECORD = Path("mappings/flash_attn/flash_attn_func.yaml")
TANH = "apis:\n  torch.tanh: {}\npaddle: paddle.tanh\n"


def run(project: Project, *words: str) -> Result:
    result = CliRunner().invoke(main, ["--root", str(project.root), *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def write(project: Project, path: str, text: str) -> None:
    file = project.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def files(root: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(root)): file.read_bytes()
        for file in root.rglob("*")
        if file.is_file() and ".cache" not in file.parts
    }


def test_check_of_good_records(copy: Project) -> None:
    result = run(copy, "check")
    assert (result.exit_code, result.stdout) == (0, "6 records, 12 APIs: no problems\n")
    result = run(copy, "check", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"problems": []})


def broken(copy: Project) -> None:
    """Three records with a fault each, of three kinds."""
    write(copy, "mappings/torch/a.yaml", "apis: no\n")
    write(copy, "mappings/torch/tanh.yaml", TANH + "parameters:\n  inputt: x\n")
    write(
        copy,
        "mappings/torch/sinh.yaml",
        TANH.replace("tanh", "sinh") + "notes: [{zh: 缺省值, en: x}]\n",
    )


def test_check_reports_every_fault_of_every_record(copy: Project) -> None:
    broken(copy)
    result = run(copy, "check")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "mappings/torch/a.yaml:1: no is a truth value to some YAML readers and a word to others; "
        'write "no" for the word, or true / false',
        "mappings/torch/sinh.yaml:4: notes[0].zh: Paddle's documentation writes 默认值, not 缺省值",
        "mappings/torch/tanh.yaml:5: parameters.inputt: not a parameter of tanh; did you mean input?",
        "3 problems; `oarlock check --fix` mends 1",
    ]


def test_check_for_tools(copy: Project) -> None:
    broken(copy)
    result = run(copy, "check", "--json")
    assert result.exit_code == 1
    problems = json.loads(result.stdout)["problems"]
    assert [(p["file"], p["line"], p["field"], p["rule"], p["fixable"]) for p in problems] == [
        ("mappings/torch/a.yaml", 1, "", "record", False),
        ("mappings/torch/sinh.yaml", 4, "notes[0].zh", "terms", True),
        ("mappings/torch/tanh.yaml", 5, "parameters.inputt", "derive", False),
    ]


def test_check_of_some_paths(copy: Project) -> None:
    broken(copy)
    result = run(copy, "check", str(copy.root / "mappings/torch/a.yaml"), "--json")
    assert [p["file"] for p in json.loads(result.stdout)["problems"]] == ["mappings/torch/a.yaml"]
    assert run(copy, "check", str(copy.root / "mappings/flash_attn")).exit_code == 0
    assert run(copy, "check", str(copy.root / "nowhere.yaml")).exit_code == 2


def test_fix_mends_and_says_so(copy: Project) -> None:
    text = "paddle: paddle.sinh  # Paddle's\nnotes: [{zh: '缺省值,甲', en: x}]\napis: {torch.sinh: {}}\n"
    write(copy, "mappings/torch/sinh.yaml", text)
    before = files(copy.root)
    result = run(copy, "check", "--fix")
    assert result.exit_code == 0, result.stderr
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == (
        ["mended mappings/torch/sinh.yaml"] * 3
    )
    after = files(copy.root)
    mended = after.pop("mappings/torch/sinh.yaml").decode()
    assert mended == (
        "apis: {torch.sinh: {}}\npaddle: paddle.sinh  # Paddle's\n"
        "notes: [{zh: '默认值，甲', en: x}]\n"
    )
    before.pop("mappings/torch/sinh.yaml")
    assert after == before


def test_fix_leaves_other_paths_alone(copy: Project) -> None:
    broken(copy)
    before = files(copy.root)
    run(copy, "check", "--fix", str(copy.root / "mappings/torch/tanh.yaml"))
    assert files(copy.root) == before


def test_two_records_for_one_api(copy: Project) -> None:
    write(copy, "mappings/flash_attn/again.yaml", (copy.root / RECORD).read_text("utf-8"))
    result = run(copy, "check")
    assert result.exit_code == 1
    assert (
        "mappings/flash_attn/flash_attn_func.yaml:2: apis.flash_attn.flash_attn_func: "
        "flash_attn.flash_attn_func already has a record in mappings/flash_attn/again.yaml"
    ) in result.stderr


def test_evidence_of_other_code_is_told_with_what_mends_it(copy: Project) -> None:
    file = copy.mappings / "_evidence/flash_attn/flash_attn_func.json"
    file.unlink(missing_ok=True)
    shutil.copytree(ROOT / "tests/oracles", copy.root / "tests/oracles")

    def check() -> tuple[int, str, list[str]]:
        result = run(copy, "verify", "--check")
        stale = json.loads(run(copy, "verify", "--check", "--json").stdout)["stale"]
        return result.exit_code, result.stdout + result.stderr, stale

    path = RECORD.as_posix()
    code, told, stale = check()
    assert (code, stale) == (1, [path])
    assert f"{path}: not executed with the present code and examples" in told
    assert "1 record without current evidence; run `oarlock verify --write`" in told
    result = run(copy, "verify", "--write")
    assert result.exit_code == 0, result.stderr
    assert check() == (0, "the evidence is of the present code and examples\n", [])
    facts = json.loads(file.read_text("utf-8"))
    assert facts["oracle"] == "tests/oracles/flash_attn.py"
    write(copy, "runtime/oarlock/convert.py", "# Other code.\n")
    assert check()[0] == 1
    assert run(copy, "verify", "--check", "--write").exit_code == 2


def test_generate_then_nothing_to_do_then_a_change(copy: Project) -> None:
    write(copy, "mappings/torch/tanh.yaml", TANH)
    result = run(copy, "generate", "--json")
    assert result.exit_code == 0
    changed = {change["file"]: change["kind"] for change in json.loads(result.stdout)["changes"]}
    assert changed["runtime/oarlock/_generated/torch/tanh.py"] == "new"
    assert changed["runtime/oarlock/torch/__init__.py"] == "new"
    assert changed["runtime/oarlock/_generated/records.json"] == "changed"
    assert changed["docs/zh/api/torch/tanh.md"] == "new"
    assert changed["docs/en/api/v1/torch/tanh.json"] == "new"

    assert run(copy, "generate").stdout == "everything is up to date\n"
    assert run(copy, "generate", "--check").exit_code == 0

    write(copy, "docs/en/api/torch/tanh.md", "edited by hand")
    assert "docs/en/api/torch/tanh.md" in run(copy, "generate").stdout
    (copy.root / "mappings/torch/tanh.yaml").unlink()
    result = run(copy, "generate", "--json")
    kinds = {change["file"]: change["kind"] for change in json.loads(result.stdout)["changes"]}
    assert kinds["runtime/oarlock/_generated/torch/tanh.py"] == "stale"
    assert kinds["runtime/oarlock/torch/__init__.py"] == "stale"
    assert not (copy.root / "docs/zh/api/torch/tanh.md").exists()


def test_drift_is_named_with_the_command_that_mends_it(copy: Project) -> None:
    shim = copy.root / "runtime/oarlock/_generated/flash_attn/flash_attn_func.py"
    shim.write_text(shim.read_text("utf-8") + "\n# by hand\n", "utf-8")
    before = files(copy.root)
    result = run(copy, "generate", "--check")
    assert result.exit_code == 1
    assert "changed  runtime/oarlock/_generated/flash_attn/flash_attn_func.py" in result.stdout
    assert "Run `oarlock generate` and commit the result." in " ".join(result.stderr.split())
    assert files(copy.root) == before
    result = run(copy, "generate", "--check", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["changes"] == [
        {"file": "runtime/oarlock/_generated/flash_attn/flash_attn_func.py", "kind": "changed"}
    ]
    assert run(copy, "generate").exit_code == 0
    assert run(copy, "generate", "--check").exit_code == 0


def test_records_with_faults_are_left_out_and_reported(copy: Project) -> None:
    broken(copy)
    result = run(copy, "generate")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 4
    # What is wrong with it is a word of its notes.
    generated = copy.root / "runtime/oarlock/_generated/torch"
    assert [file.name for file in generated.iterdir()] == ["sinh.py"]


def test_a_run_that_fails_half_way_leaves_whole_files(copy: Project) -> None:
    """A folder stands where one of the last files belongs: what was written before is whole."""
    in_the_way = copy.root / "docs/zh/api/flash_attn/flash_attn_func.md"
    (in_the_way / "x").mkdir(parents=True)
    result = run(copy, "generate")
    assert result.exit_code == 1
    assert "docs/zh/api/flash_attn/flash_attn_func.md" in result.stderr
    assert not list(copy.root.rglob(".*.md.*"))
    in_the_way.joinpath("x").rmdir()
    in_the_way.rmdir()
    assert run(copy, "generate").exit_code == 0
    assert run(copy, "generate", "--check").exit_code == 0


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["PyTorch has more parameters", "window_size", "does, and remarks", "training"]),
        ("zh", ["torch 参数更多", "window_size", "的处理与备注", "因果掩码按右下角对齐"]),
    ],
)
def test_show(copy: Project, language: str, words: list[str]) -> None:
    result = run(copy, "show", "flash_attn.flash_attn_func", "--lang", language)
    assert result.exit_code == 0
    shown = result.stdout.replace("\n", "")
    for word in words[:-1]:
        assert word in shown
    assert len(result.stdout.splitlines()) > 40


def test_show_for_tools(copy: Project) -> None:
    result = run(copy, "show", "flash_attn.flash_attn_func", "--json")
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["routes"][0]["rows"]) == 14


def test_show_of_an_unknown_api(copy: Project) -> None:
    result = run(copy, "show", "flash_attn.flash_attn_fun")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == (
        "mappings: no record covers flash_attn.flash_attn_fun; did you mean "
        "flash_attn.flash_attn_func?; `oarlock new flash_attn.flash_attn_fun` starts one"
    )
    result = run(copy, "show", "torch.add", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"][0]["file"] == "mappings"


def test_new_writes_what_the_lock_knows(copy: Project) -> None:
    result = run(copy, "new", "torch.tanh")
    assert result.exit_code == 0
    assert "wrote mappings/torch/tanh.yaml" in result.stdout
    assert (copy.root / "mappings/torch/tanh.yaml").read_text() == TANH
    assert run(copy, "check").exit_code == 0
    again = run(copy, "new", "torch.tanh")
    assert again.exit_code == 1
    assert "torch.tanh already has a record in mappings/torch/tanh.yaml" in again.stderr


def test_new_asks_for_the_rest(copy: Project) -> None:
    assert (
        run(
            copy,
            "new",
            "torch.nn.functional.embedding_bag",
            "--paddle",
            "paddle.nn.functional.embedding",
        ).exit_code
        == 0
    )
    record = copy.root / "mappings/torch/nn/functional/embedding_bag.yaml"
    text = record.read_text("utf-8")
    assert "  mode: {refuse: {zh: 待写, en: To be written.}}" in text
    result = run(copy, "check")
    assert result.exit_code == 1
    assert "parameters.mode.refuse.zh: is still to be written" in result.output
    record.write_text(text.replace("待写", "不支持。").replace("To be written.", "Not supported."))
    assert run(copy, "check").exit_code == 0


def test_new_for_classes_and_constants(copy: Project) -> None:
    assert run(copy, "new", "torch.nn.Tanh").exit_code == 0
    text = (copy.root / "mappings/torch/nn/Tanh.yaml").read_text()
    assert "kind: class\nimplementation: oarlock.nn" in text
    assert run(copy, "new", "torch.float32").exit_code == 0
    assert "kind: attribute" in (copy.root / "mappings/torch/float32.yaml").read_text()
    assert run(copy, "check").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["torch.tahn"], "torch 2.13.0 has no torch.tahn; did you mean torch.tan"),
        (["jax.tanh"], "no signature lock covers jax.tanh; there are flash_attn, paddle, torch"),
        (["torch.vmap"], "name Paddle's function with --paddle"),
        (["torch.tanh", "--paddle", "paddle.tahn"], "paddle 3.3.1 has no paddle.tahn"),
        (["../../x"], "no signature lock covers ../../x"),
        (["torch.../../x"], "torch 2.13.0 has no torch.../../x"),
        (["/etc/passwd"], "no signature lock covers /etc/passwd"),
        (["torch.tanh\n"], "has no torch.tanh"),
    ],
)
def test_new_refuses(copy: Project, words: list[str], message: str) -> None:
    before = files(copy.root)
    result = run(copy, "new", *words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert files(copy.root) == before


def test_outside_a_checkout(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--root", str(tmp_path), "check"])
    assert result.exit_code == 2
    assert "is in no checkout of Oarlock" in result.stderr


def test_help_says_what_each_command_does() -> None:
    result = CliRunner().invoke(main, ["-h"])
    assert result.exit_code == 0
    for command in ("check", "generate", "verify", "show", "explain", "new", "lock", "serve"):
        assert f"\n  {command} " in result.stdout


def test_it_is_installed_as_a_command(checkout: Project) -> None:
    command = Path(sys.executable).with_name("oarlock")
    done = subprocess.run(
        [command, "check"], cwd=checkout.root / "docs", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
