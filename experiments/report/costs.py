"""What the results were computed on, how long it took, and with which versions, from their records."""

from __future__ import annotations

from collections import Counter

import numpy as np

from experiments.analyses.results import ModelResult
from experiments.analyses.text_table import NONE
from experiments.report.document import PaperReport, Result, ResultTable, all_results

#: Columns that a table with costs adds to every row.
COSTS = ["wall time (min)", "parameters", "hardware"]
HEAD = [
    *("model", "dataset", "table", "runs", "time per run", "in all", "epochs run", "chosen epoch"),
    *("parameters", "computed on"),
]


def costs_of(model: ModelResult) -> list[str]:
    """Mean time of the runs behind a row, and the hardware; trees and medians have no parameters to count."""
    records = [record for _, record in model.stored]
    minutes = np.mean([record["wall_seconds"] for record in records]) / 60
    parameters = {record.get("parameters") for record in records}
    counted = ", ".join(f"{n:,}" for n in sorted(parameters)) if None not in parameters else "not counted"
    return [f"{minutes:.1f}", counted, ", ".join(sorted({_processor(record["device"]) for record in records}))]


def _processor(device: dict) -> str:
    if device.get("accelerator", "none") != "none":
        return device["accelerator"]
    return f"{device['processor']}, {_threads(device)}"


def _threads(device: dict) -> str:
    threads = int(device["threads"])
    return f"{threads} thread{'s' if threads > 1 else ''}"


def duration(seconds: float) -> str:
    """Two units at most, so that hours and fractions of a second are both read at a glance."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes < 6000 else f"{minutes // 60:,} h"


def hardware(paper: PaperReport) -> ResultTable:
    """A row a result: time, epochs, machine."""
    rows = [_row(result) for result in paper.results if result.finished and not result.model.source_table]
    return ResultTable("Finished runs: time, epochs, parameters, machine", HEAD, rows, words=(0, 1, 2, 9))


def _row(result: Result) -> list[str]:
    records = [record for _, record in result.model.stored]
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
    """Trees, kernels and medians have none; the records of early network runs do not state them."""
    counted = [record["parameters"] for record in records if record.get("parameters")]
    return _span(counted) if counted or "epochs_run" not in records[0] else "not recorded"


def _span(numbers: list[int]) -> str:
    if not numbers:
        return NONE
    return f"{min(numbers):,} to {max(numbers):,}" if min(numbers) < max(numbers) else f"{numbers[0]:,}"


def machine(device: dict) -> str:
    """Such as: AMD EPYC, 2 cores, 1 thread, tensorflow. An accelerator is named where there was one."""
    named = [device["processor"], f"{device['cores']} cores", _threads(device)]
    named += [device[name] for name in ("backend", "accelerator") if device.get(name, "none") != "none"]
    return ", ".join(named)


def versions(papers: list[PaperReport]) -> ResultTable:
    """Package, version, and the number of runs with it."""
    records = {run.key: record for result in all_results(papers) for run, record in result.records() if record}
    counts = Counter(item for record in records.values() for item in record["versions"].items())
    rows = [[name, version, f"{runs:,}"] for (name, version), runs in counts.items()]
    return ResultTable("Packages of the finished runs", ["package", "version", "runs"], rows, words=(0, 1))
