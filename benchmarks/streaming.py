"""PROFiT features of the structure pack, block by block in one process: time per structure and growth of memory.

`python -m benchmarks.streaming [ROWS]` processes the pack, or ROWS of it, in random order, so that blocks are
comparable; the pack itself is sorted. A journal beside the features lets an interrupted run resume;
`python -m benchmarks streaming` reports its contents.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.child import peak_memory
from benchmarks.report import Line
from benchmarks.timing import GIB
from common.errors import UserError
from common.features.cache import featurize
from common.io.files import cache_root, write_text
from common.io.progress import progress
from common.sources import load_source
from profitnet.features import FEATURE_VERSION, weights_row

BLOCK, ENDS = 2_000, 10_000


def folder() -> Path:
    return cache_root() / "benchmark-streaming"


def read() -> list[dict]:
    """The finished blocks, in order."""
    try:
        return json.loads((folder() / "journal.json").read_text())
    except FileNotFoundError:
        return []


def measure(rows: int = 0) -> None:
    """Featurize the blocks that are missing in the journal, with a separate cache."""
    pack = load_source("mp-structures")
    order = np.random.default_rng(0).permutation(len(pack))[: rows or len(pack)]
    done, home, cache = read(), str(cache_root()), folder()
    os.environ["MATREPRO_CACHE"] = str(cache)
    try:
        for start in progress(range(sum(b["rows"] for b in done), len(order), BLOCK), desc="streaming", unit="block"):
            table = pack.take(order[start : start + BLOCK])
            sites = sum(table.n_sites(row) for row in range(len(table)))
            before, began = time.process_time(), time.perf_counter()
            made = featurize(table, FEATURE_VERSION, weights_row)
            done.append(
                {
                    "rows": len(table),
                    "sites": sites,
                    "left_out": len(made.errors),
                    "valid": len(made.rows),
                    "processor_seconds": round(time.process_time() - before, 3),
                    "seconds": round(time.perf_counter() - began, 3),
                    "memory": _memory(),
                    "peak": peak_memory(),
                    "process": os.getpid(),
                }
            )
            write_text(cache / "journal.json", json.dumps(done, indent=1))
    finally:
        os.environ["MATREPRO_CACHE"] = home


def _memory() -> int:
    """Resident memory of this process in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def streaming() -> tuple[list[Line], list[str]]:
    """Report the journal; without one, measure three blocks."""
    if not read():
        measure(3 * BLOCK)
    done = read()
    total = sum(block["rows"] for block in done)
    ends = min(ENDS, total // 3 // BLOCK * BLOCK)
    if not ends:
        raise UserError(f"{folder()} has {total} rows; at least three blocks of {BLOCK:,} are needed")
    n = ends // BLOCK
    first, last = (_each(blocks) for blocks in (done[:n], done[-n:]))
    memory = max(block["peak"] for block in done)
    growth = (done[-1]["memory"] - done[n - 1]["memory"]) / (total - ends)
    drift = 100 * abs(last / first - 1)
    text = f"{1e3 * first:.2f} ms and {1e3 * last:.2f} ms of processor time per structure; {total:,} rows in all"
    slope, wobble = _linear(done)
    sites = [sum(b["sites"] for b in blocks) / sum(b["rows"] for b in blocks) for blocks in (done[:n], done[-n:])]
    processes = len({block["process"] for block in done})
    left_out = sum(block["left_out"] for block in done)
    return [
        Line(f"time per structure, last {ends:,} against first {ends:,}", drift, "%", "<= 10", text),
        Line("peak memory", memory / GIB, "GiB", "< 1.5", f"whole process, {processes} in sequence"),
        Line(
            "time against rows, largest deviation from a line",
            wobble,
            "%",
            "<= 10",
            f"cumulative processor time per block of {BLOCK:,}, through zero: {1e3 * slope:.2f} ms per structure",
        ),
    ], [
        f"After the first {ends:,} memory grew by {growth:.0f} bytes per row. Sites per structure: {sites[0]:.1f} in "
        f"the first and {sites[1]:.1f} in the last {ends:,}; rows in random order. {left_out} left out. "
        f"Wall time {sum(b['seconds'] for b in done):.0f} s with one process."
    ]


def _each(blocks: list[dict]) -> float:
    return sum(b["processor_seconds"] for b in blocks) / sum(b["rows"] for b in blocks)


def _linear(blocks: list[dict]) -> tuple[float, float]:
    """Slope in seconds per row of a line through zero, and the largest deviation in per cent of the total time."""
    rows = np.cumsum([b["rows"] for b in blocks])
    seconds = np.cumsum([b["processor_seconds"] for b in blocks])
    slope = float(rows @ seconds / (rows @ rows))
    return slope, float(100 * np.abs(seconds - slope * rows).max() / seconds[-1])


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
