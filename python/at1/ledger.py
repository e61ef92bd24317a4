"""Proofs, for whoever was given one and trusts nobody who can write the table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from at1 import _at1, errors, report
from at1._source import PathLike
from at1.report import ProofReport


@dataclass(frozen=True)
class Proof:
    """A proof: small files that are checked offline."""

    event: int
    """The event that it is of, or that appended the rows."""
    rows: tuple[int, int, int] | None
    """Batch, first row in it, and the row after the last, if it is of rows."""
    files: Mapping[str, bytes]
    """The proof under an empty ending, and what did not fit into it under `.rows` and `.event`."""

    @property
    def proof(self) -> bytes:
        """The proof itself, a `.tlog-proof`."""
        return self.files[""]

    def save(self, path: PathLike) -> list[str]:
        """Writes the proof to `path`, and what did not fit into it beside; gives the names."""
        written: list[str] = []
        for ending, content in self.files.items():
            name = os.fspath(path) + ending
            Path(name).write_bytes(content)
            written.append(name)
        return written


def outside(file: PathLike | bytes, what: str) -> bytes:
    """The bytes of a file that whoever writes a table must not be able to write; of a folder nothing is read."""
    if isinstance(file, bytes):
        return file
    path = Path(file)
    for above in path.resolve().parents if path.is_file() else [path.resolve(), *path.resolve().parents]:
        if (above / "_at1" / "ledger").exists():
            expected, found = f"{what} outside any table", f"{path} in the table {above}"
            raise errors.of("invalid", f"expected {expected}, found {found}", str(path), expected, found)
    return b"" if path.is_dir() else path.read_bytes()


def verify_proof(
    proof: PathLike | bytes,
    policy: PathLike | bytes,
    *,
    rows: PathLike | bytes | None = None,
    event: PathLike | bytes | None = None,
    old: PathLike | bytes | None = None,
) -> ProofReport:
    """Checks a proof: of an event, of rows, of growth (with the older checkpoint as `old`), or a signed checkpoint.

    It needs no table, no network and no clock. `policy` says whose signatures count, and must come from someone you trust. What did
    not fit into the proof is looked for beside its file, as `.rows` and `.event`.

    Raises:
        IntegrityError: If it does not prove what it claims, or a signature or the quorum is missing (`kind` *untrusted*).
    """

    def beside(given: PathLike | bytes | None, ending: str) -> bytes | None:
        if given is None and not isinstance(proof, bytes) and os.path.exists(os.fspath(proof) + ending):
            given = os.fspath(proof) + ending
        return None if given is None else content(given)

    told, exact = _at1.check(
        content(proof), content(policy), beside(rows, ".rows"), beside(event, ".event"), None if old is None else content(old)
    )
    proved = report.read(told, ProofReport)
    proved["rows"] = exact
    return proved


def content(file: PathLike | bytes) -> bytes:
    """The bytes of a small file, or these."""
    return file if isinstance(file, bytes) else Path(file).read_bytes()
