"""Append and scan beside deltalake and pyarrow.dataset, on the same trades, in one run; one line a measurement.

python compare.py FOLDER [ROWS]: with at1, pyarrow and deltalake installed. Each figure is the best of three; whole calls are timed. Files are made once per append,
and memory is the peak of a process of its own that draws a whole table batch by batch.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import at1
import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq

BATCHES = 10


def text(batch: int, rows: int) -> bytes:
    """A batch of trades as CSV; times go up through all batches."""
    symbols = ["BTC", "ETH", "SOL", "XRP", "ADA"]
    start = 1_704_067_200_000 + batch * rows * 100
    drawn = random.Random(batch)
    lines = [
        f"{start + n * 100 + drawn.randrange(100)},{drawn.choice(symbols)},{30_000 + drawn.gauss(0, 50):.2f},"
        f"{drawn.expovariate(1):.2f},{drawn.randrange(10**9)}"
        for n in range(rows)
    ]
    return ("ts,symbol,price,qty,id\n" + "\n".join(lines) + "\n").encode()


def best(work: Callable[[], object], times: int = 3, before: Callable[[], object] = lambda: None) -> float:
    """Seconds."""
    taken = []
    for _ in range(times):
        before()
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


DRAW = """
import sys, at1, pyarrow as pa
t = at1.AppendableTable(sys.argv[1], create=False)
rows = size = 0
for batch in pa.RecordBatchReader.from_stream(t.scanner()):
    rows += batch.num_rows; size += batch.nbytes
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(rows, size, int(peak.split()[1]) * 1024)
"""


def main() -> None:
    """Measures, and prints."""
    folder, rows = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
    texts = [text(batch, rows) for batch in range(BATCHES)]
    files = []
    for number, content in enumerate(texts):
        files.append(folder / f"{number}.csv")
        files[-1].write_bytes(content)
    tables = [pyarrow.csv.read_csv(file) for file in files]
    size = sum(map(len, texts))
    a, d, p = folder / "at1", folder / "delta", folder / "parquet"

    def clear() -> None:
        for place in (a, d, p):
            shutil.rmtree(place, ignore_errors=True)
        p.mkdir()

    def parquet(read: Callable[[int], pa.Table]) -> None:
        for number in range(BATCHES):
            pq.write_table(read(number), p / f"{number}.parquet", compression="zstd")

    def delta(read: Callable[[int], pa.Table]) -> None:
        for number in range(BATCHES):
            deltalake.write_deltalake(str(d), read(number), mode="append")

    def told(what: str, taken: dict[str, float]) -> None:
        print(f"{what:34}", *(f"{name} {1000 * seconds:8.0f} ms" for name, seconds in taken.items()), sep="  ")

    print(f"{BATCHES} batches, {BATCHES * rows:,} rows, {size / 1e6:.0f} MB of text")
    csv = lambda number: pyarrow.csv.read_csv(files[number])  # noqa: E731
    told(
        "append CSV files",
        {
            "at1": best(lambda: [at1.AppendableTable(a).append_csv(file) for file in files], before=clear),
            "deltalake": best(lambda: delta(csv), before=clear),
            "parquet": best(lambda: parquet(csv), before=clear),
        },
    )
    told(
        "append Arrow tables",
        {
            "at1": best(lambda: [at1.AppendableTable(a).append(table) for table in tables], before=clear),
            "deltalake": best(lambda: delta(tables.__getitem__), before=clear),
            "parquet": best(lambda: parquet(tables.__getitem__), before=clear),
        },
    )
    clear()
    for file in files:
        at1.AppendableTable(a).append_csv(file)
    delta(csv)
    parquet(csv)
    sizes = [sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / 1e6 for place in (a, d, p)]
    print(f"{'stored':34}  at1 {sizes[0]:.1f} MB  deltalake {sizes[1]:.1f} MB  parquet {sizes[2]:.1f} MB")
    low = 1_704_067_200_000 + 3 * rows * 100
    high = low + 100_000
    condition = (pc.field("ts") >= low) & (pc.field("ts") <= high)
    pairs = {
        "all columns": (None, None, None),
        "two columns": (["ts", "price"], None, None),
        "1,001 rows of one batch": (None, {"ts": (low, high)}, condition),
    }
    for what, (select, where, expression) in pairs.items():
        ours = lambda: at1.AppendableTable(a).scan(where, select).rows  # noqa: E731
        theirs = lambda: deltalake.DeltaTable(str(d)).to_pyarrow_dataset().to_table(select, expression)  # noqa: E731
        plain = lambda: ds.dataset(str(p)).to_table(select, expression)  # noqa: E731
        assert len(ours()) == theirs().num_rows == plain().num_rows
        told(f"scan {what}", {"at1": best(ours), "deltalake": best(theirs), "pyarrow.dataset": best(plain)})
        dataset = lambda: at1.AppendableTable(a).to_pyarrow_dataset().to_table(select, expression)  # noqa: E731
        told(f"scan {what}, to_pyarrow_dataset", {"at1": best(dataset)})
    done = subprocess.run([sys.executable, "-c", DRAW, str(a)], capture_output=True, text=True, check=True)
    drawn, bytes_drawn, peak = map(int, done.stdout.split())
    print(f"drawn batch by batch: {drawn:,} rows, {bytes_drawn / 1e6:.0f} MB of Arrow data, peak memory {peak / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
