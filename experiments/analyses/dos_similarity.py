"""Figure 1b of ESNet: are densities of states before and after relaxation more alike than any two?

Densities of states of relaxed structures are in no source, so they are computed here, of the 2e-ORR alloys whose
unrelaxed ones are in the data directory. Without these, compounds of the embedded set stand in with copies of 6 %
less and 6 % more volume.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import cache_root
from common.sources import densities, load_source
from esnet.dft.backends import DEFAULT
from esnet.dft.batch import run_batch
from esnet.dos.file import program_of
from esnet.dos.projected import from_densities
from esnet.dos.resampling import AXIS, resampled
from esnet.dos.similarity import DESCRIPTORS, descriptors, similarity
from esnet.screening import figures
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import TextTable
from experiments.run.store import versions

STRAINED = ("-v94", "-v106")


def strained() -> dict:
    """The report that is stored: compounds of the embedded set against their strained copies."""
    mini = load_source("mini")
    pairs = [(name.rsplit("-v", 1)[0], name) for name in mini.ids.tolist() if name.endswith(STRAINED)]
    pairs = [pair for pair in pairs if pair[0] in mini]
    one, other = (_described(mini, names) for names in zip(*pairs, strict=True))
    return {"what": "compounds and their strained copies", "pairs": len(pairs), "similarity": similarity(one, other)}


def relaxed() -> dict:
    """The report that is stored: 2e-ORR alloys, unrelaxed against relaxed by the authors of the set (VASP).

    GPAW computes the latter at the level of theory of the former, 19 processor seconds each on average; an
    interrupted calculation resumes.
    """
    initial, after = load_source("isdos-2eorr"), load_source("orr-relaxed")
    after = after.select([name for name in initial.ids.tolist() if name in after])
    jobs = zip(after.ids.tolist(), after.structures(), strict=True)
    report = run_batch(jobs, cache_root() / "dos" / "2eorr-relaxed", processes=-1)
    if not report.finished:
        raise UserError(f"no density of states of a relaxed structure was computed: {report.failed}")
    computed = densities.load(report.path)
    pairs = similarity(_described(initial, report.finished), _described(computed, report.finished))
    return {
        "what": "2e-ORR alloys, unrelaxed and relaxed",
        "pairs": len(report.finished),
        "failed": report.failed,
        "versions": versions("numpy") | {"engine": program_of(report.path)},
        "settings": asdict(DEFAULT),
        "similarity": pairs,
    }


def _described(table: MaterialsDataset, names: Sequence[str]) -> np.ndarray:
    """Descriptors (m, channels, 6) of materials."""
    found = [descriptors(AXIS, resampled(from_densities(table.dos(row)))) for row in table.rows_of(names)]
    return np.array(found).reshape(len(names), -1, len(DESCRIPTORS))


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """Mean absolute difference of every descriptor over pairs, and over random pairs."""
    found = declared.get("stored")
    if not found:
        return [TextTable.not_run("initial against relaxed structures")]
    rows = [
        [name, f"{one['pairs']:.4g}", f"{one['random']:.4g}", f"{one['ratio']:.3f}"]
        for name, one in found["similarity"].items()
    ]
    head = ["descriptor", "MAE of pairs", "MAE of random pairs", "ratio"]
    left_out = [f"Left out: {name}, {reason}." for name, reason in found.get("failed", {}).items()]
    return [TextTable(found["what"], head, rows, [f"{found['pairs']} pairs.", *left_out])]


def draw(datasets: Sequence[DatasetPredictions], folder: Path, declared: dict) -> Iterator[Path]:
    if declared.get("stored"):
        path = folder / "similarity.png"
        figures.similarity(path, declared["stored"]["similarity"])
        yield path
