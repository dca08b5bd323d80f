"""`matrepro tune`: search for the settings of a network by its error on the validation set."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from common.compute import executor
from common.errors import UserError
from common.io.locks import alone
from common.io.messages import note
from common.io.text import aligned, as_json, unit_of
from common.train.recipes.recipe_file import RecipeFile
from common.tuning.journal import Journal, Trial, work
from common.tuning.plot import draw
from experiments.run import trials
from experiments.run.trials import Search

#: Number of the best trials that are printed.
SHOWN = 10


def tune(arguments: Namespace) -> None:
    executor.use(arguments.executor)
    search = trials.prepare(arguments)
    with alone(arguments.output):
        journal = Journal(arguments.output, search.facts)
        if arguments.retry:
            journal.retry()
        if len(journal.trials) < search.count:
            trials.warm_up(search, arguments.jobs)
        work(journal, search.count, search.propose, trials.train, search.fixed, arguments.jobs)
        _finish(arguments, search, journal)


def _finish(arguments: Namespace, search: Search, journal: Journal) -> None:
    """Write and print the results."""
    ranking = journal.ranking()
    if not ranking:
        failed = journal.failed()[0]
        raise UserError(f"all {len(journal.trials)} trials failed; the first: {failed.reason}")
    best, folder = ranking[0], journal.folder
    unit = unit_of(arguments.metric, search.unit)[2:-1]  # without " (" and ")"
    facts = {
        "by": f"matrepro tune, {arguments.method}, {len(journal.trials)} trials",
        "data": arguments.data,
        "target": search.target,
        "epochs": best.epochs,
        f"validation_{arguments.metric}": best.error,
        "unit": unit,
    }
    RecipeFile(arguments.network, arguments.variant, best.settings, facts).save(folder / "best.json")
    draw(
        folder / "trials.png",
        sorted(ranking, key=lambda trial: trial.number),
        search.axes,
        metric=arguments.metric,
        unit=unit,
        name=f"{arguments.network}, {search.target}, {arguments.method} search",
    )
    _print(arguments, search, journal, ranking)
    note(f"wrote best.json, trials.jsonl and trials.png in {folder}")


def _print(arguments: Namespace, search: Search, journal: Journal, ranking: list[Trial]) -> None:
    failed = {str(trial.number): trial.reason for trial in journal.failed()}
    if arguments.json:
        facts = {"target": search.target, "metric": arguments.metric, "unit": search.unit, "best": asdict(ranking[0])}
        print(as_json({**facts, "trials": [asdict(t) for t in ranking], "failed": failed}), end="")
        return
    names = [axis.name for axis in search.axes]
    unit = unit_of(arguments.metric, search.unit)
    header = ["trial", *names, f"validation {arguments.metric}{unit}", "best epoch", "epochs", "time (s)"]
    rows = [
        [
            t.number + 1,
            *(t.settings[name] for name in names),
            f"{t.error:.4g}",
            t.best_epoch,
            t.epochs,
            f"{t.seconds:.1f}",
        ]
        for t in ranking[:SHOWN]
    ]
    print(aligned(header, rows), end="")
    if len(ranking) > SHOWN:
        note(f"the best {SHOWN} of {len(ranking)} trials; all are in {journal.path}")
    if failed:
        note(f"failed trials: {len(failed)}; --retry tries them again")
