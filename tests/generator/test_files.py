"""Generated files are written whole or not at all, only where they changed, and only where they belong."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from oarlock_generator.emit.files import Change, OutputError, apply, changes, write_text

FOLDERS = [Path("out/pages"), Path("schemas")]


def everything(root: Path) -> dict[str, str]:
    return {
        file.relative_to(root).as_posix(): file.read_text("utf-8")
        for file in root.rglob("*")
        if file.is_file()
    }


def test_only_differences_are_written(tmp_path: Path) -> None:
    outputs = {Path("out/pages/a.md"): "a 甲\n", Path("out/pages/deep/b.md"): "b\n"}
    found = changes(tmp_path, outputs, FOLDERS)
    assert {(c.path.name, c.kind) for c in found} == {("a.md", "new"), ("b.md", "new")}
    apply(tmp_path, outputs, found)
    assert everything(tmp_path) == {"out/pages/a.md": "a 甲\n", "out/pages/deep/b.md": "b\n"}
    assert changes(tmp_path, outputs, FOLDERS) == []

    untouched = (tmp_path / "out/pages/a.md").stat().st_mtime_ns
    outputs[Path("out/pages/deep/b.md")] = "changed\n"
    found = changes(tmp_path, outputs, FOLDERS)
    assert found == [Change(Path("out/pages/deep/b.md"), "changed")]
    apply(tmp_path, outputs, found)
    assert (tmp_path / "out/pages/a.md").stat().st_mtime_ns == untouched


def test_files_that_no_record_makes_any_more_go(tmp_path: Path) -> None:
    write_text(tmp_path / "out/pages/old.md", "old\n")
    write_text(tmp_path / "out/pages/__pycache__/old.pyc", "")
    write_text(tmp_path / "out/kept.md", "not a generated folder\n")
    found = changes(tmp_path, {}, FOLDERS)
    assert found == [Change(Path("out/pages/old.md"), "stale")]
    apply(tmp_path, {}, found)
    assert not (tmp_path / "out/pages/old.md").exists()
    assert (tmp_path / "out/kept.md").exists()


def test_a_changed_line_ending_is_a_change(tmp_path: Path) -> None:
    write_text(tmp_path / "schemas/a.json", "{}\r\n")
    outputs = {Path("schemas/a.json"): "{}\n"}
    found = changes(tmp_path, outputs, FOLDERS)
    apply(tmp_path, outputs, found)
    assert (tmp_path / "schemas/a.json").read_bytes() == b"{}\n"


@pytest.mark.parametrize(
    "path",
    [
        "../outside.md",
        "out/pages/../../outside.md",
        "out/pages/../other/a.md",
        "/etc/passwd",
        "out/a.md",
        "out/pages2/a.md",
        "pages/a.md",
        "schemas",
    ],
)
def test_no_output_leaves_its_folders(tmp_path: Path, path: str) -> None:
    with pytest.raises(OutputError, match="outside the folders of generated files"):
        changes(tmp_path, {Path(path): "x"}, FOLDERS)
    assert everything(tmp_path) == {}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious.txt"
    target.write_text("precious\n")
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/a.json").symlink_to(target)
    outputs = {Path("schemas/a.json"): "{}\n"}
    apply(tmp_path, outputs, changes(tmp_path, outputs, FOLDERS))
    assert target.read_text() == "precious\n"
    assert (tmp_path / "schemas/a.json").read_text() == "{}\n"


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.md", "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a.md", "new " * 100_000 + "\ud800")
    assert everything(tmp_path) == {"a.md": "old\n"}


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """The system refuses to let the process write more than 64 KiB to a file, as a full disk would."""
    write_text(tmp_path / "a.md", "old\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
        with pytest.raises(OSError, match="too large"):
            write_text(tmp_path / "a.md", "new " * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert everything(tmp_path) == {"a.md": "old\n"}


def test_a_folder_in_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.md" / "b").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_text(tmp_path / "a.md", "new\n")
    assert everything(tmp_path) == {}


def test_written_files_have_the_usual_permissions(tmp_path: Path) -> None:
    write_text(tmp_path / "a.md", "a\n")
    (tmp_path / "b.md").touch()
    assert (tmp_path / "a.md").stat().st_mode == (tmp_path / "b.md").stat().st_mode


@pytest.mark.parametrize("link", ["made", "made/sub"])
def test_a_linked_folder_is_not_followed(tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    (tmp_path / link).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / link).symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(OutputError, match="symbolic link"):
        changes(tmp_path, {Path("made/sub/a.json"): "{}"}, [Path("made")])
    assert [file.name for file in elsewhere.iterdir()] == ["precious"]
