"""Files made to do harm: nothing they name is run, and what they claim is checked first."""

from __future__ import annotations

import collections
import contextlib
import io
import os
import pickle
import struct
import zipfile
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oarlock.torch as oarlock_torch
from oarlock.errors import UnsupportedError
from oarlock.serialization.inspection import get_unsafe_globals_in_checkpoint
from oarlock.serialization.legacy import MAGIC, PROTOCOL
from oarlock.serialization.loading import load
from oarlock.serialization.safe_globals import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    safe_globals,
)

RAN: list[Any] = []


def ran(*args: Any) -> Any:
    RAN.append(args)
    return collections.OrderedDict()


class Spy:
    """Tells when it is made or given a state."""

    def __init__(self, *args: Any):
        RAN.append(args)

    def __setstate__(self, state: Any) -> None:
        RAN.append(state)


class Calls:
    def __init__(self, function: Any, *args: Any, state: Any = None):
        self.given = (function, args) if state is None else (function, args, state)

    def __reduce__(self) -> Any:
        return self.given


@pytest.fixture(autouse=True)
def nothing_ran():
    RAN.clear()
    yield
    clear_safe_globals()
    assert RAN == []


def zipped(pickled: bytes, **records: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, data in records.items():
            archive.writestr(f"archive/data/{name.removeprefix('_')}", data)
        archive.writestr("archive/version", "3\n")
    file.seek(0)
    return file


def legacy(pickled: bytes, keys: Any = (), tail: bytes = b"") -> io.BytesIO:
    head = b"".join(pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, {}))
    return io.BytesIO(head + pickled + pickle.dumps(list(keys), 2) + tail)


def glob(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    data = pickle.encode_long(value)
    return b"\x8b" + struct.pack("<I", len(data)) + data


def storage(kind: str = "FloatStorage", key: str = "0", numel: int = 4) -> bytes:
    parts = [text("storage"), glob("torch", kind), text(key), text("cpu"), number(numel)]
    return b"(" + b"".join(parts) + b"tQ"


def rebuilt(offset: int, size: tuple[int, ...], stride: tuple[int, ...], what: bytes) -> bytes:
    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    hooks = glob("collections", "OrderedDict") + b")R"
    args = what + number(offset) + numbers(size) + numbers(stride) + b"\x89" + hooks
    return b"\x80\x02" + glob("torch._utils", "_rebuild_tensor_v2") + b"(" + args + b"tR."


HARMFUL = {
    "os.system": Calls(os.system, "touch /tmp/oarlock-was-here"),
    "eval": Calls(eval, "1"),
    "exec": Calls(exec, "pass"),
    "getattr": Calls(getattr, "", "join"),
    "import": Calls(__import__, "antigravity"),
    "open": Calls(open, "/etc/hostname"),
    "own function": Calls(ran),
    "own class": Calls(Spy, 1),
    "state": Calls(Spy, 1, state={"a": 1}),
    "nested pickle": Calls(pickle.loads, pickle.dumps(Calls(ran))),
    "partial": Calls(__import__("functools").partial, ran),
    "defaultdict": Calls(collections.defaultdict, ran),
    "numpy load": Calls(np.load, "/tmp/nothing.npy"),
    "torch.load": Calls(torch.load, "/tmp/nothing.pt"),
    "inside": {"state": [(Calls(ran),)]},
}


@pytest.mark.parametrize("make", [zipped, legacy], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", HARMFUL)
def test_nothing_that_a_file_names_is_called(name, protocol, make):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        load(make(pickle.dumps(HARMFUL[name], protocol)))
    assert not os.path.exists("/tmp/oarlock-was-here")


@pytest.mark.parametrize("protocol", [0, 1])
def test_older_pickle_protocols_are_refused(protocol):
    with pytest.raises(pickle.UnpicklingError):
        load(zipped(pickle.dumps(Calls(ran), protocol)))


PROGRAMS = {
    # name: opcodes after the protocol
    "a function's code is replaced": (
        glob("torch._utils", "_rebuild_tensor_v2") + b"N}" + text("__code__") + b"Ns\x86b."
    ),
    "a class gets attributes": glob("collections", "OrderedDict") + b"}" + text("x") + b"K\x01sb.",
    "a dtype is called": glob("torch", "float32") + b")R.",
    "the Tensor class is called": glob("torch", "Tensor") + number(2**40) + b"\x85R.",
    "the Tensor class is instantiated": glob("torch", "Tensor") + b")\x81.",
    "a module reached by dots": glob("torch", "nn.functional.os.system") + text("true") + b"\x85R.",
    "a module within torch": glob("torch.serialization", "os.system") + text("true") + b"\x85R.",
    "a name within an admitted class": glob("collections", "OrderedDict.fromkeys") + b")R.",
    "a string is called": text("eval") + text("1") + b"\x85R.",
    "another codec": glob("_codecs", "encode") + text("x") + text("rot13") + b"\x86R.",
    "codecs that import": glob("_codecs", "encode") + text("x") + text("../os") + b"\x86R.",
    "a bytearray of a size": glob("__builtin__", "bytearray") + number(2**40) + b"\x85R.",
    "a set of a callable": glob("__builtin__", "set") + glob("torch", "device") + b"\x85R.",
    "append to an object": glob("torch", "device") + text("cpu") + b"\x85RK\x01a.",
    "a storage id that is none": b"K\x01Q.",
    "a persistent id of a module": b"(" + text("module") + b"NNNtQ.",
    "a type that is no storage type": (
        b"(" + text("storage") + glob("torch", "Size") + text("0") + text("cpu") + b"K\x01tQ."
    ),
    "an INST opcode": b"(ios\nsystem\n.",
    "an OBJ opcode": b"(" + glob("collections", "OrderedDict") + b"o.",
    "an extension code": b"\x82\x01.",
    "a deep state on a tensor class": glob("torch", "Tensor") + b"}b.",
    "an empty stack": b".",
    "nothing": b"",
    "a memo that is not there": b"h\x05.",
    "a huge string": b"X\xff\xff\xff\xff.",
    "a huge string of 64 bits": b"\x8d" + b"\xff" * 7 + b"\x7f.",
    "huge bytes": b"\x8e" + b"\xff" * 7 + b"\x0f.",
    "a huge bytearray": b"\x96" + b"\xff" * 7 + b"\x0f.",
    "a huge number": b"\x8b\xff\xff\xff\x7f.",
    "no mark": b"t.",
    "a key that can't be hashed": b"}]K\x01s.",
    "a tensor of a function": (
        glob("torch._tensor", "_rebuild_from_type_v2") + glob("torch", "device")
        + glob("torch", "Tensor") + text("cpu") + b"\x85}tR."
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_opcodes_out_of_place_are_refused(name):
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        load(zipped(b"\x80\x02" + PROGRAMS[name]))


def test_internal_attributes_of_a_tensor_can_not_be_set():
    inner = rebuilt(0, (4,), (1,), storage())[2 + len(glob("torch._utils", "_rebuild_tensor_v2")) :]
    arguments = inner[: -len(b"R.")]
    program = (
        b"\x80\x02" + glob("torch._tensor", "_rebuild_from_type_v2") + b"("
        + glob("torch._utils", "_rebuild_tensor_v2") + glob("torch", "Tensor") + arguments
        + b"}" + text("_view") + b"K\x01stR."
    )  # fmt: skip
    with pytest.raises(pickle.UnpicklingError, match="_view"):
        load(zipped(program, _0=b"\0" * 16))


@pytest.mark.parametrize("protocol", [2, 4])
def test_the_error_tells_the_global_and_what_to_do(protocol):
    with pytest.raises(pickle.UnpicklingError) as caught:
        load(zipped(pickle.dumps(Calls(Spy, 1), protocol)))
    name = f"{Spy.__module__}.Spy"
    assert f"GLOBAL {name}" in str(caught.value)
    assert f"add_safe_globals([{name}])" in str(caught.value)
    assert "weights_only=False" in str(caught.value)


@pytest.mark.parametrize("module", ["os", "posix", "sys", "nt"])
def test_blocked_modules_are_never_admitted(module):
    add_safe_globals([(ran, f"{module}.system")])
    with pytest.raises(pickle.UnpicklingError, match="blocked"):
        load(zipped(b"\x80\x02" + glob(module, "system") + b")R."))


def test_admitting_globals():
    data = pickle.dumps(collections.defaultdict(list, a=[1]), 2)
    assert get_safe_globals() == []
    add_safe_globals([collections.defaultdict])
    with pytest.raises(pickle.UnpicklingError, match="GLOBAL list"):
        load(zipped(data))
    with safe_globals([list]):
        assert load(zipped(data)) == {"a": [1]}
    assert get_safe_globals() == [collections.defaultdict]
    clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError, match="defaultdict"):
        load(zipped(data))


def test_admitted_modules_are_named_as_torch_names_them():
    file = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2).eval(), file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=r"torch\.nn\.modules\.linear\.Linear"):
        load(file)
    file.seek(0)
    with safe_globals([oarlock_torch.nn.Linear]):
        assert type(load(file)) is oarlock_torch.nn.Linear


def test_globals_of_a_file_are_told_without_loading_it():
    harmful = {"a": Calls(ran), "b": Calls(os.system, "x"), "c": torch.Size([1])}
    for protocol in (2, 4):
        file = zipped(pickle.dumps(harmful, protocol))
        assert get_unsafe_globals_in_checkpoint(file) == sorted([f"{__name__}.ran", "posix.system"])


LYING = {
    "beyond the storage": rebuilt(0, (5,), (1,), storage()),
    "an offset beyond it": rebuilt(4, (1,), (1,), storage()),
    "a negative offset": rebuilt(-1, (1,), (1,), storage()),
    "a negative stride": rebuilt(3, (2,), (-1,), storage()),
    "a stride that overflows": rebuilt(0, (2, 2), (2**62, 2**62), storage()),
    "a size beyond 64 bits": rebuilt(0, (2**64,), (0,), storage()),
    "too few strides": rebuilt(0, (2, 2), (1,), storage()),
}


@pytest.mark.parametrize("name", LYING)
def test_tensors_stay_within_their_storage(name):
    with pytest.raises(pickle.UnpicklingError):
        load(zipped(LYING[name], _0=b"\0" * 16))


def test_the_same_program_with_true_numbers_loads():
    data = struct.pack("<4f", 1, 2, 3, 4)
    assert load(zipped(rebuilt(1, (3,), (1,), storage()), _0=data)).tolist() == [2, 3, 4]


def test_a_storage_larger_than_its_record():
    for numel in (5, 2**40, 2**70):
        with pytest.raises(RuntimeError, match="16 bytes where its tensors need"):
            load(zipped(rebuilt(0, (1,), (1,), storage(numel=numel)), _0=b"\0" * 16))


@pytest.mark.parametrize("key", ["1", "../../../../etc/passwd", "/etc/passwd", "..\\x", ""])
def test_a_record_that_is_not_there(key):
    with pytest.raises(RuntimeError, match="it has no record"):
        load(zipped(rebuilt(0, (1,), (1,), storage(key=key)), _0=b"\0" * 16))


def test_names_that_climb_out_of_a_folder_are_only_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../data.pkl", b"")
        archive.writestr("archive/data.pkl", pickle.dumps(1, 2))
    file.seek(0)
    with pytest.raises(RuntimeError, match="it has no record"):
        load(file)
    assert list(tmp_path.iterdir()) == []


def saved(**options: Any) -> bytes:
    file = io.BytesIO()
    torch.save({"w": torch.arange(50.0), "b": torch.ones(3)}, file, **options)
    return file.getvalue()


@pytest.mark.parametrize("keep", [0, 1, 4, 40, 300, 900, -200, -22, -1])
def test_a_truncated_zip(keep):
    with pytest.raises((RuntimeError, EOFError, pickle.UnpicklingError)):
        load(io.BytesIO(saved()[:keep]))


@pytest.mark.parametrize("keep", [0, 1, 10, 40, 300, -200, -1])
def test_a_truncated_older_file(keep):
    with pytest.raises((RuntimeError, EOFError, pickle.UnpicklingError)):
        load(io.BytesIO(saved(_use_new_zipfile_serialization=False)[:keep]))


def test_a_compressed_record_that_claims_more_than_deflate_can_give():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", rebuilt(0, (1,), (1,), storage(numel=1 << 28)))
        archive.writestr("a/data/0", b"\0" * 16)
    forged = file.getvalue().replace(struct.pack("<I", 16), struct.pack("<I", 1 << 30))
    with pytest.raises(RuntimeError, match="claims 1073741824 bytes"):
        load(io.BytesIO(forged))


def test_compressed_records_load():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", rebuilt(0, (4,), (1,), storage()))
        archive.writestr("a/data/0", struct.pack("<4f", 1, 2, 3, 4))
    file.seek(0)
    assert load(file).tolist() == [1, 2, 3, 4]


def test_records_that_overlap_claim_no_more_than_the_file_holds():
    names = [str(i) for i in range(40)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data/0", b"\0" * 10_000)
        first = archive.getinfo("a/data/0")
        parts = b"".join(
            rebuilt(0, (1,), (1,), storage(key=name, numel=2500))[2:-1] for name in names
        )
        archive.writestr("a/data.pkl", b"\x80\x02(" + parts + b"t.")
        for name in names[1:]:
            info = zipfile.ZipInfo(f"a/data/{name}")
            info.header_offset, info.CRC = first.header_offset, first.CRC
            info.file_size = info.compress_size = first.file_size
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info
    file.seek(0)
    # Python's own zipfile may find the overlap first.
    with pytest.raises(RuntimeError, match="failed reading the zip archive"):
        load(file)


@pytest.mark.parametrize("numel", [-1, 5, 2**40, 2**62])
def test_an_older_file_whose_storage_claims_too_much(numel):
    tail = struct.pack("<q", numel) + b"\0" * 16
    with pytest.raises(RuntimeError):
        load(legacy(rebuilt(0, (1,), (1,), storage()), ["0"], tail))


def test_an_older_file_without_its_storage():
    with pytest.raises(RuntimeError, match="has not the 16 bytes"):
        load(legacy(rebuilt(0, (1,), (1,), storage())))


def test_an_older_file_whose_header_has_globals():
    for weights_only in (True, False):
        with pytest.raises(pickle.UnpicklingError, match="may hold no globals"):
            load(io.BytesIO(pickle.dumps(Calls(ran), 2)), weights_only=weights_only)


def test_other_files():
    for data in (b"not a checkpoint", pickle.dumps({"a": 1}), b"\x89HDF\r\n\x1a\n" + b"\0" * 600):
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            load(io.BytesIO(data))
    with pytest.raises(EOFError):
        load(io.BytesIO())
    array = io.BytesIO()
    np.savez(array, x=np.ones(3))
    array.seek(0)
    with pytest.raises(RuntimeError, match="it has no record"):
        load(array)


def test_the_tar_format_is_named():
    import tarfile

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:") as tar:
        info = tarfile.TarInfo("storages")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"abcd"))
    file.seek(0)
    with pytest.raises(UnsupportedError, match="tar format"):
        load(file)


def test_torchscript_is_named():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(1, 2))
        archive.writestr("m/constants.pkl", pickle.dumps((), 2))
    file.seek(0)
    with pytest.raises(UnsupportedError, match="TorchScript"):
        load(file)


def test_an_unknown_byte_order():
    file = zipped(pickle.dumps(1, 2))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/byteorder", "middle")
    file.seek(0)
    with pytest.raises(ValueError, match="Unknown endianness"):
        load(file)


def test_big_endian_files():
    data = struct.pack(">4f", 1, 2, 3, 4)
    file = zipped(rebuilt(0, (4,), (1,), storage()), _0=data)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/byteorder", "big")
    file.seek(0)
    assert load(file).tolist() == [1, 2, 3, 4]


@given(
    position=st.integers(0, 10**6),
    byte=st.integers(0, 255),
    legacy_format=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_a_changed_byte_gives_a_value_or_a_clear_error(position, byte, legacy_format):
    data = bytearray(saved(_use_new_zipfile_serialization=not legacy_format))
    data[position % len(data)] = byte
    with contextlib.suppress(
        RuntimeError, EOFError, pickle.UnpicklingError, UnsupportedError, ValueError
    ):
        load(io.BytesIO(data))


@given(program=st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_opcodes_give_a_value_or_an_unpickling_error(program):
    with contextlib.suppress(RuntimeError, pickle.UnpicklingError, UnsupportedError):
        load(zipped(b"\x80\x02" + program + b"."))
