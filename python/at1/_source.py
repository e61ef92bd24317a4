"""Where bytes come from and go to: paths, buffers, file objects, Arrow data."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

from at1 import errors


@runtime_checkable
class ArrowStream(Protocol):
    """Data that any Arrow library can take over: tables, frames, readers, query results."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@runtime_checkable
class ArrowArray(Protocol):
    """A single record batch that any Arrow library can take over."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> object: ...


@runtime_checkable
class BinaryReader(Protocol):
    """A file object that gives bytes."""

    def read(self, size: int = -1, /) -> bytes: ...


@runtime_checkable
class BinaryWriter(Protocol):
    """A file object that takes bytes."""

    def write(self, data: bytes, /) -> object: ...


PathLike = str | os.PathLike[str]
Buffer = bytes | bytearray | memoryview
Source = PathLike | Buffer | BinaryReader


def folder(path: PathLike) -> str:
    """The folder that a path or a file URL names."""
    text = os.fspath(path)
    if "://" not in text:
        return text
    url = urlsplit(text)
    if url.scheme == "file" and url.netloc in ("", "localhost"):
        return unquote(url.path)
    raise errors.of("unsupported", f"{text}: expected a folder of this machine, found {url.scheme}://", text)


def source(data: Source | object) -> tuple[str, Any]:
    """What `data` is, and as the extension takes it."""
    if isinstance(data, str):
        return "path", data
    if isinstance(data, os.PathLike):
        return "path", str(Path(data))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(data, bytes):
        return "bytes", data
    if isinstance(data, bytearray):
        # What can change must not change while it is read.
        return "bytes", bytes(data)
    if isinstance(data, memoryview):
        return "bytes", data.tobytes()
    if isinstance(data, BinaryReader):
        return "reader", data
    found = type(data).__name__
    raise errors.of("invalid", f"expected a path, bytes or a file object, found {found}", "", "a path, bytes or a file object", found)


@contextmanager
def whole(path: PathLike, *, replace: bool) -> Generator[str, None, None]:
    """A place beside `path` to write to; the file has its name only when it is whole."""
    target = Path(path)
    if not replace and target.is_symlink() | target.exists():
        raise errors.of("exists", f"{target}: expected no file of this name, found one", str(target))
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        yield str(part)
        if replace:
            os.replace(part, target)
        else:
            try:
                os.link(part, target)
            except FileExistsError:
                raise errors.of("exists", f"{target}: expected no file of this name, found one", str(target)) from None
        handle = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    finally:
        part.unlink(missing_ok=True)
