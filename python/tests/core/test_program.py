"""The seed's own script and command line, Ctrl-C, and what happens meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import at1
import pytest

SEED = """
from at1_table import AppendableTable
lo, hi = 1704067200000, 1704067210000
t = AppendableTable("trades_dir")
t.append_csv("batch1.csv")
t.append_csv("batch2.csv")
rows, stats = t.scan(where={"c0": (lo, hi)}, select=["c0", "c1"])
assert stats["segments_total"] == 2 and stats["segments_skipped"] == 1 and stats["segments_scanned"] == 1
assert len(rows) == 101, len(rows)
t.compact(upto=10)
t.compact()
assert t.verify_chain() and t.verify_immutable()
"""


def batch(first: int) -> bytes:
    return b"".join(b"%d,%d.25,x\n" % (first + n * 100, n) for n in range(1000))


def run(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "at1_table", *arguments]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)


def test_the_script_of_the_seed(tmp_path: Path) -> None:
    (tmp_path / "batch1.csv").write_bytes(batch(1704067200000))
    (tmp_path / "batch2.csv").write_bytes(batch(1704068200000))
    subprocess.run([sys.executable, "-c", SEED], cwd=tmp_path, check=True)


def test_the_quickstart(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "examples/quickstart.py"
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "verified: receipt, 4 events" in done.stdout, done.stdout


def test_the_command_line_of_the_seed(tmp_path: Path) -> None:
    (tmp_path / "batch1.csv").write_bytes(batch(1704067200000))
    assert run("trades_dir", "append", "batch1.csv", at=tmp_path).returncode == 0
    done = run("trades_dir", "scan", "c0:1704067200000:1704067200200", at=tmp_path)
    assert done.stdout == "c0,c1,c2\n1704067200000,0.25,x\n1704067200100,1.25,x\n1704067200200,2.25,x\n"
    assert "segments 1 of 1 scanned" in done.stderr
    failures = {
        ("trades_dir", "scan", "nothing:1:2"): 2,
        ("trades_dir", "scan", "c0"): 2,
        ("nowhere", "scan"): 3,
        ("trades_dir", "append", "nothing.csv"): 3,
        ("trades_dir",): 2,
    }
    for arguments, code in failures.items():
        done = run(*arguments, at=tmp_path)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert done.stderr and "Traceback" not in done.stderr


INTERRUPTED = """
import at1, os, signal, sys, threading, time
t = at1.AppendableTable("trades")
t.append_csv(b"id\\n1\\n")
class Slow:
    def read(self, size):
        time.sleep(0.01)
        return b"2\\n" * 100
threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
start = time.monotonic()
try:
    WORK
except KeyboardInterrupt:
    assert time.monotonic() - start < 5, "too late"
    assert t.num_rows == 1 and t.verify(rows=True)
    t.append_csv(b"id\\n2\\n")
    print("interrupted")
"""


@pytest.mark.parametrize(
    "work",
    [
        "t.append_csv(Slow())",
        "at1.encode(Slow())",
        "[t.scan() for _ in iter(int, 1)]",
        "[t.verify() for _ in iter(int, 1)]",
    ],
)
def test_ctrl_c(tmp_path: Path, work: str) -> None:
    script = INTERRUPTED.replace("WORK", work)
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "interrupted\n", done.stderr
    assert list((tmp_path / "trades/_at1/staging").iterdir()) == []


def test_other_threads_go_on(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    ticks = []

    class Waits:
        """Other threads must run while this is waited for."""

        def __init__(self) -> None:
            self.left = 20

        def read(self, size: int) -> bytes:
            self.left -= 1
            seen = len(ticks)
            deadline = time.monotonic() + 30
            while len(ticks) == seen and time.monotonic() < deadline:
                time.sleep(0.001)
            return b"1,2,3\n" * 20_000 if self.left else b""

    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(0)
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    table.append_csv(Waits())
    stop.set()
    ticker.join()
    assert table.num_rows == 19 * 20_000


def test_progress_is_told(folder: Path) -> None:
    table = at1.AppendableTable(folder)
    moved: list[int] = []
    table.append_csv(batch(0) * 10, progress=moved.append)
    assert moved and moved == sorted(moved) and moved[-1] > 0

    def fails(_: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        table.verify(progress=fails)


def test_killed_programs_leave_whole_batches(tmp_path: Path) -> None:
    script = "import at1\nt = at1.AppendableTable('trades')\nwhile True: t.append_csv(b'id\\n' + b'1\\n' * 5000); print('.', flush=True)"
    for _ in range(3):
        program = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE)
        assert program.stdout is not None
        program.stdout.readline()
        program.send_signal(signal.SIGKILL)
        program.stdout.close()
        program.wait()
    table = at1.AppendableTable(tmp_path / "trades")
    assert table.num_rows % 5000 == 0 and table.num_rows >= 15_000
    assert table.verify(rows=True)
