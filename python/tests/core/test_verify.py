"""What was changed is found; what only memory outside can tell is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import at1
import pytest
from conftest import MONDAY

PROOF = Path(__file__).parents[3] / "testdata/proofs/row.tlog-proof"
LOG = "at1.local/000102030405060708090a0b0c0d0e0f+d7ac47ae+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
OTHER = "at1.local/7f343aaab595e25f3572c10bbb95b48e+9d2a58ab+ARyaujc7GZm2eZM5VZ96LHb6mGlEZNFG5BAYTx0ndEj5"
WITNESS = "witness.example/w1+04d2d833+BD1AF8PoQ4lakrcKp00bfrycmCzPLsSWjMDNVfEq9GYM"
POLICY = f"log {LOG}\nwitness w1 {WITNESS}\nquorum w1\n".encode()


def test_a_changed_byte_is_found(trades: at1.AppendableTable) -> None:
    assert trades.verify_chain() and trades.verify_immutable()
    report = trades.verify(rows=True)
    assert report and (report.chain, report.immutable, report.rows, report.level) == (True, True, True, "self-consistent")
    segment = Path(trades.files()[0].path)
    content = bytearray(segment.read_bytes())
    content[40] ^= 1
    segment.chmod(0o644)
    segment.write_bytes(content)
    assert trades.verify_chain() and not trades.verify_immutable()
    report = trades.verify()
    assert not report and (report.verdict, report.findings[0].code) == ("broken", "changed")
    with pytest.raises(at1.IntegrityError) as caught:
        trades.restore(0)
    assert caught.value.kind == "corrupt"


def test_a_changed_ledger_is_found(trades: at1.AppendableTable) -> None:
    ledger = Path(trades.path) / "_at1/ledger"
    ledger.write_bytes(ledger.read_bytes().replace(b"monday.csv", b"sunday.csv"))
    assert not trades.verify_chain()
    assert trades.verify().exit_code == 1


def test_receipts_and_memories(trades: at1.AppendableTable, tmp_path: Path) -> None:
    earlier = shutil.copytree(trades.path, tmp_path / "earlier")
    memory = tmp_path / "memory"
    head = trades.append_csv(MONDAY).chain_head
    assert trades.verify(heads=[head], memory=memory).levels == ["self-consistent", "receipt"]
    assert "extends-memory" in trades.verify(memory=memory, new_only=True).levels
    for options in ({"heads": [head]}, {"memory": memory}):
        report = at1.AppendableTable(earlier).verify(**options)
        assert (report.verdict, report.exit_code) == ("rollback", 5)
    with pytest.raises(at1.InputError, match="a memory outside any table"):
        trades.verify(memory=Path(trades.path) / "memory")
    with pytest.raises(at1.InputError, match="heads"):
        trades.verify(heads=["word"])


def test_proofs_need_no_table(tmp_path: Path) -> None:
    for proof in (PROOF, PROOF.read_bytes()):
        proved = at1.verify_proof(proof, POLICY)
        assert (proved.of, proved.event, proved.batch, proved.rows) == ("rows", 1, 1, [b"5,di\n"])
        assert "row 1 of batch 1" in proved.summary
    with pytest.raises(at1.IntegrityError) as caught:
        at1.verify_proof(PROOF, POLICY.replace(LOG.encode(), OTHER.encode()))
    assert caught.value.kind == "untrusted"
    with pytest.raises(at1.IntegrityError):
        changed = bytearray(PROOF.read_bytes())
        changed[60] ^= 1
        at1.verify_proof(bytes(changed), POLICY)
    with pytest.raises(at1.InputError, match="policy"):
        at1.verify_proof(PROOF, b"no policy")


def test_proving_needs_a_signature(trades: at1.AppendableTable) -> None:
    with pytest.raises(at1.InputError, match="checkpoint"):
        trades.prove(row=1)
    with pytest.raises(at1.InputError, match="expected one of event, row, rows, batch, found event and row"):
        trades.prove(event=1, row=1)
    with pytest.raises(at1.InputError, match="found none"):
        trades.prove()
