"""What computed the results, how long, and with which versions, from the records beside them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from experiments.analyses.styles import NONE
from experiments.report.facts import Paper, Result, Sheet, all_results


def duration(seconds: float) -> str:
    """Two units at most, so that hours and fractions of a second are both read at a glance."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes < 6000 else f"{minutes // 60:,} h"


def hardware(paper: Paper) -> Sheet:
    """A line a result: time, epochs, machine."""
    head = [
        "model",
        "data set",
        "table",
        "cells",
        "time a cell",
        "in all",
        "epochs run",
        "chosen epoch",
        "parameters",
        "computed on",
    ]
    rows = [_row(result) for result in paper.results if result.run and not result.line.taken]
    return Sheet("Finished cells: time, epochs, parameters, machine", head, rows, words=(0, 1, 2, 9))


def _row(result: Result) -> list[str]:
    records = [record for _, record in result.line.stored]
    seconds = [record["wall_seconds"] for record in records]
    machines = dict.fromkeys(machine(record["device"]) for record in records)
    return [
        result.row,
        result.column,
        result.table,
        str(len(records)),
        duration(float(np.mean(seconds))),
        duration(sum(seconds)),
        _span([record["epochs_run"] for record in records if "epochs_run" in record]),
        _span([record["best_epoch"] for record in records if "best_epoch" in record]),
        _parameters(records),
        "; ".join(machines),
    ]


def _parameters(records: list[dict]) -> str:
    """Trees, kernels and medians have none; networks of early runs have some that their records do not state."""
    counted = [record["parameters"] for record in records if record.get("parameters")]
    return _span(counted) if counted or "epochs_run" not in records[0] else "not recorded"


def _span(numbers: list[int]) -> str:
    if not numbers:
        return NONE
    return f"{min(numbers):,} to {max(numbers):,}" if min(numbers) < max(numbers) else f"{numbers[0]:,}"


def machine(device: dict) -> str:
    """Such as: AMD EPYC, 2 cores, 1 thread, tensorflow. An accelerator is named where there was one."""
    threads = int(device["threads"])
    named = [device["processor"], f"{device['cores']} cores", f"{threads} thread{'s' if threads > 1 else ''}"]
    named += [device[name] for name in ("backend", "accelerator") if device.get(name, "none") != "none"]
    return ", ".join(named)


def versions(papers: list[Paper]) -> Sheet:
    """Package and version -> how many cells ran with it."""
    records = {cell.key: record for result in all_results(papers) for cell, record in result.runs() if record}
    found = Counter(item for record in records.values() for item in record["versions"].items())
    rows = [[name, version, f"{cells:,}"] for (name, version), cells in found.items()]
    return Sheet("Packages of the finished cells", ["package", "version", "cells"], rows, words=(0, 1))
