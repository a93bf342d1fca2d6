"""Records are read strictly: whatever is wrong is said with file, line and field, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from oarlock_generator.load import (
    MAX_BYTES,
    line_of,
    load_file,
    load_records,
    load_text,
    parse,
    record_files,
)
from oarlock_generator.problems import RecordError

PATH = Path("mappings/torch/add.yaml")
HEAD = "apis:\n  torch.add: {}\npaddle: paddle.add\n"


def faults(text: str) -> list[str]:
    with pytest.raises(RecordError) as caught:
        load_text(text, PATH)
    return [str(problem) for problem in caught.value.problems]


def file_faults(folder: Path, data: bytes) -> list[str]:
    file = folder / "mappings" / "torch" / "add.yaml"
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    with pytest.raises(RecordError) as caught:
        load_file(file, folder)
    return [str(problem) for problem in caught.value.problems]


def test_a_record_loads() -> None:
    record = load_text(HEAD, PATH)
    assert list(record.apis) == ["torch.add"]
    assert record.paddle == "paddle.add"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{HEAD}paddle: paddle.sub\n", ":4: the key 'paddle' stands here twice"),
        (
            f"{HEAD}parameters:\n  q: query\n  q: key\n",
            ":6: the key 'q' stands here twice",
        ),
        (f"{HEAD}paddle_onyl: [name]\n", ":4: paddle_onyl: unknown field; did you mean paddle_only?"),
        (
            f"{HEAD}parameters:\n  alpha:\n    nota: {{zh: 甲, en: a}}\n",
            ":6: parameters.alpha.nota: unknown field; did you mean note?",
        ),
        (
            f"{HEAD}examples:\n- title: {{zh: 加, en: add}}\n  inputs:\n    x: {{norml: [2]}}\n  call: torch.add(x, x)\n",
            ":7: examples[0].inputs.x.norml: unknown field; did you mean normal?",
        ),
        (f"{HEAD}summary: {{zh: 加}}\n", ":4: summary.en: is missing"),
        ("paddle: paddle.add\n", ":1: apis: is missing"),
        (f"{HEAD}kind: klass\n", ":4: kind: 'klass' is not one of 'function', 'class' or 'attribute'; did you mean class?"),
        (f"{HEAD}summary: adds\n", ":4: summary: must be a mapping, not a text"),
        (f"{HEAD}returns: 3\n", ":4: returns: must be a text, not 3"),
        ("- torch.add\n", ":1: must be a mapping with the key apis, not a list"),
        ("torch.add\n", ":1: must be a mapping with the key apis, not a text"),
        ("# nothing\n", ":1: must be a mapping with the key apis, not nothing"),
        (f"{HEAD}---\n{HEAD}", ":4: expected a single document in the stream, but found another document"),
        (f"{HEAD}? [a, b]\n: c\n", ":4: a key must be a plain word"),
        (f"{HEAD}state: {{a: 1\n", ":5: while parsing a flow mapping, did not find expected ',' or '}'"),
        (f"{HEAD}\tkind: class\n", ":4: while scanning a plain scalar, found a tab character that violates indentation"),
        (f"{HEAD}parameters:\n  class: x\n", ":5: parameters.class: 'class' is a Python keyword and cannot be a name"),
        (f"{HEAD}parameters:\n  a-b: x\n", ":5: parameters.a-b: 'a-b' is not a name: letters, digits and underscores only"),
        (f'{HEAD}notes:\n- {{zh: 甲, en: "a\\u202eb"}}\n', ":5: notes[0].en: has the invisible character U+202E; remove it"),
    ],
)  # fmt: skip
def test_faults_have_file_line_and_field(text: str, fault: str) -> None:
    assert faults(text) == [f"mappings/torch/add.yaml{fault}"]


@pytest.mark.parametrize("word", ["no", "No", "off", "y", "YES", "on", "n"])
def test_words_that_some_readers_take_for_truth_values(word: str) -> None:
    assert faults(f"{HEAD}parameters:\n  other: {word}\n") == [
        f"mappings/torch/add.yaml:5: {word} is a truth value to some YAML readers and a word to "
        f'others; write "{word}" for the word, or true / false'
    ]
    quoted = load_text(f'{HEAD}parameters:\n  other: "{word}"\n', PATH)
    assert quoted.parameters["other"].to == [word]


@pytest.mark.parametrize("number", ["010", "0o10", "0x1f", "12:30", "1_000", "-017", "1:2:3"])
def test_numbers_that_readers_disagree_on(number: str) -> None:
    assert faults(f"{HEAD}paddle_only: {{axis: {{set: {number}}}}}\n") == [
        f"mappings/torch/add.yaml:4: {number} is a number to some YAML readers and a word to "
        f'others; write "{number}" for the word, or a decimal number'
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("-3", -3),
        ("0", 0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", float("-inf")),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("norm", "norm"),
        ("'12:30'", "12:30"),
        ("yesterday", "yesterday"),
        ("2026-01-01", "2026-01-01"),
        ("[1, a, null]", [1, "a", None]),
    ],
)
def test_plain_values(text: str, value: object) -> None:
    read = parse(f"a: {text}", PATH)["a"]
    assert read == value
    assert type(read) is type(value)


def test_merge_keys_and_aliases_are_refused() -> None:
    assert faults("a: &x {b: 1}\n<<: *x\n") == [
        "mappings/torch/add.yaml:2: << is a merge key; write the keys out"
    ]
    assert faults("a: &x {b: 1}\nc: *x\n") == [
        "mappings/torch/add.yaml:1: aliases (*name) are not allowed: write this value out where it is used"
    ]
    assert faults("a: &x [*x]\n") == [
        "mappings/torch/add.yaml:1: aliases (*name) are not allowed: write this value out where it is used"
    ]


def test_an_alias_bomb_ends_at_its_first_alias() -> None:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    (fault,) = faults("\n".join(lines))
    assert "aliases (*name) are not allowed" in fault


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [id]", "!!set {a}", "!!binary aGk=", "!mine x"]
)
def test_tags_are_refused(tag: str) -> None:
    (fault,) = faults(f"{HEAD}summary: {tag}\n")
    assert fault.startswith("mappings/torch/add.yaml:4: the tag ")
    assert fault.endswith(" is not allowed")


def test_a_tagged_number_that_is_none() -> None:
    assert faults(f"{HEAD}summary: !!int many\n") == [
        "mappings/torch/add.yaml:4: cannot be read: invalid literal for int() with base 10: 'many'"
    ]


@pytest.mark.parametrize(
    "nest",
    [
        "[" * 200_000,
        "[ " * 400 + "]" * 400,
        "{a: " * 400 + "}" * 400,
        "- " * 5_000,
        "? " * 5_000,
        "".join(f"{' ' * i}a:\n" for i in range(1, 120)),
        "".join(f"{' ' * i}a:\n" for i in range(1, 600)),
        "\n" + "\n".join("-" * 1 + " -" * i for i in range(20)),
    ],
)
def test_deep_nests_are_refused(nest: str) -> None:
    (fault,) = faults(f"apis: {nest}\n")
    assert fault.startswith("mappings/torch/add.yaml:")


def test_a_deep_nest_says_where() -> None:
    assert faults("apis:\n  " + "[" * 40 + "]" * 40) == [
        "mappings/torch/add.yaml:2: nests deeper than 32 levels"
    ]


def test_wrong_encodings_are_named(tmp_path: Path) -> None:
    data = f"{HEAD}summary: {{zh: 加, en: add}}\n".encode("gbk")
    assert file_faults(tmp_path, data) == [
        "mappings/torch/add.yaml:4: is not UTF-8 (byte 55 is 0xbc); save the file as UTF-8"
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    (fault,) = file_faults(tmp_path, f"{HEAD}summary: é\n".encode(encoding))
    assert "UTF-8" in fault or "character YAML does not allow" in fault


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "add.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert load_file(file, tmp_path).record.paddle == "paddle.add"


@pytest.mark.parametrize("data", [b"", b"\n \n", b"\xef\xbb\xbf\n"])
def test_empty_files(tmp_path: Path, data: bytes) -> None:
    assert file_faults(tmp_path, data) == [
        "mappings/torch/add.yaml: is empty; `oarlock new` writes a first record"
    ]


def test_megabyte_files_are_not_parsed(tmp_path: Path) -> None:
    data = HEAD.encode() + b"#" * (1 << 20)
    assert file_faults(tmp_path, data) == [
        f"mappings/torch/add.yaml: is {len(data):,} bytes; a record has at most {MAX_BYTES:,}"
    ]


def test_a_folder_of_that_name_and_a_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    (tmp_path / "b.yaml").symlink_to(tmp_path / "nowhere")
    _, problems = load_records(record_files(tmp_path), tmp_path)
    assert [str(problem) for problem in problems] == [
        "a.yaml: cannot be read: Is a directory",
        "b.yaml: cannot be read: No such file or directory",
    ]


def test_control_characters_are_located() -> None:
    (fault,) = faults(f"{HEAD}summary: {{zh: 加加加, en: add}}\nreturns: a\x01b\n")
    assert fault.startswith("mappings/torch/add.yaml:5: has a character YAML does not allow")


def test_all_faults_of_a_record_are_reported() -> None:
    text = f"{HEAD}kind: klass\nparameters:\n  a: {{tret: same}}\n  b-c: x\nreturns: a b\n"
    assert {int(fault.split(":")[1]) for fault in faults(text)} == {4, 6, 7, 8}


def test_all_records_of_a_run_are_reported(tmp_path: Path) -> None:
    for name, text in {"a": "apis: no\n", "b": HEAD, "c": f"{HEAD}x: 1\n"}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    sources, problems = load_records(record_files(tmp_path), tmp_path)
    assert [source.path.name for source in sources] == ["b.yaml"]
    assert [(problem.path.name, problem.line) for problem in problems] == [
        ("a.yaml", 1),
        ("c.yaml", 4),
    ]


def test_folders_with_an_underscore_hold_no_records(tmp_path: Path) -> None:
    for name in ("_shared/a.yaml", ".cache/a.yaml", "torch/.draft.yaml", "torch/add.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert record_files(tmp_path) == [tmp_path / "torch/add.yaml"]


def test_a_record_of_a_private_name_is_one(tmp_path: Path) -> None:
    (tmp_path / "_pair.yaml").touch()
    assert record_files(tmp_path) == [tmp_path / "_pair.yaml"]


def test_a_field_that_is_not_there_has_the_line_of_the_one_around_it() -> None:
    text = f"{HEAD}parameters:\n  alpha:\n    note: {{zh: 甲, en: a}}\n"
    assert line_of(text, ("parameters", "alpha", "note", "en")) == 6
    assert line_of(text, ("parameters", "alpha", "to")) == 5
    assert line_of(text, ("overloads", 3, "match")) == 1
