"""Object stores: bytes, files and paths in, bytes, files and paths out."""

import asyncio
import hashlib
import io
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

import headwater as hw

DATA = bytes(range(256)) * 3000


def test_bytes_files_and_paths(engine: hw.Engine, tmp_path: Path) -> None:
    files = engine.create_object_store("files", description="d")
    info = files.put("a", DATA, description="x", headers={"h": "1"}, metadata={"k": "v"})
    digest = "SHA-256=" + urlsafe_b64encode(hashlib.sha256(DATA).digest()).decode()
    assert (info.size, info.chunks, info.digest, info.link) == (len(DATA), 6, digest, None)
    assert info.headers == (("h", "1"),) and info.metadata == {"k": "v"} and info.modified > 0
    assert files.get_bytes("a") == DATA and b"".join(files.get("a")) == DATA
    told = list[tuple[int, int]]()
    assert files.get_to("a", tmp_path / "a", progress=lambda *far: told.append(far)).digest == digest
    assert (tmp_path / "a").read_bytes() == DATA and told[-1] == (len(DATA), len(DATA))
    files.put("b", tmp_path / "a")
    files.put("c", str(tmp_path / "a"))
    files.put("d", io.BytesIO(DATA))
    files.put("e", memoryview(DATA)[1:])
    assert [info.size for info in files.list()] == [len(DATA)] * 4 + [len(DATA) - 1]
    target = io.BytesIO()
    with files.get("d") as reader:
        assert reader.info.name == "d" and reader.read(3) == DATA[:3]
        shutil.copyfileobj(reader, target)
        assert reader.read() == b""
    assert target.getvalue() == DATA[3:]
    with pytest.raises(hw.ClosedError):
        reader.read()
    status = files.status()
    assert status.config.description == "d" and status.bytes > len(DATA) * 5
    assert files.name == "files" and files.stream.name == "OBJ_files" and engine.object_stores() == ["files"]


def test_a_put_that_breaks_off_leaves_the_object_before_it(engine: hw.Engine) -> None:
    files = engine.create_object_store("files")
    files.put("a", b"old")

    def stop(_: int) -> None:
        raise KeyError("planted")

    with pytest.raises(KeyError, match="planted"):
        files.put("a", DATA, progress=stop)
    with pytest.raises(RuntimeError), files.writer("a") as writer:
        writer.write(DATA)
        raise RuntimeError
    with pytest.raises(hw.ClosedError):
        writer.write(b"x")
    with pytest.raises(FileNotFoundError):
        files.put("a", "/nowhere/at/all")
    assert files.get_bytes("a") == b"old" and files.stream.info().records == 2
    with files.writer("a", max_chunk_size=100) as writer:
        assert writer.write(b"new") == 3
        writer.write(DATA)
    assert files.get_bytes("a") == b"new" + DATA


def test_changes_links_and_watchers(engine: hw.Engine) -> None:
    files = engine.create_object_store("files")
    files.put("a", b"1")
    watcher = files.watch()
    assert watcher.next(5).name == "a" and watcher.caught_up
    assert files.update("a", description="d", new_name="b").description == "d"
    assert asyncio.run(later(files)) == "e"
    assert [info.name for info in watcher.next_batch(9, 5)] == ["a", "b"]
    link = engine.create_object_store("other").add_link("l", "files", "b")
    assert link.link == hw.ObjectLink(bucket="files", name="b")
    assert engine.object_store("other").get_bytes("l") == b"1"
    files.delete("b")
    assert files.info("b") is None
    with pytest.raises(hw.NotFoundError):
        files.get("b")
    with pytest.raises(TypeError, match="unexpected keyword argument 'progress'"):
        files.writer("a", progress=None)  # type: ignore[call-arg]
    engine.delete_object_store("files")


async def later(files: hw.ObjectStore) -> str:
    return (await files.update_async("b", description="e")).description
