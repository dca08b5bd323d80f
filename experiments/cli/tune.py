"""`matrepro tune`: search for the settings of a network by its error on the validation part."""

from __future__ import annotations

from common.cli import parser as cli
from common.cli.package_spec import TABLE_HELP
from common.io.messages import note
from common.io.text import aligned, as_json, unit_of
from experiments.run.trials import POINTS, TRIALS

METHODS = ("bayesian", "random", "grid")
#: Of many trials so many are printed.
SHOWN = 10


def add_tune(commands) -> None:
    parser = cli.add_command(
        commands,
        "tune",
        tune,
        "search for the settings of a network by its validation error",
        """matrepro tune esnet mini --target formation_energy --epochs 20 --output search
        matrepro tune finder my.csv --target "gap (eV)" --search batch=16:128 --search layers=2,3 --output search
        esnet train mini --target formation_energy --recipe search/best.json --model energy_model""",
        "Train a network again and again with other settings, and judge each by its error on the validation part of "
        "the split; the test part takes no part. The folder of --output gets trials.jsonl, a line a trial, trials.png, "
        "and best.json for train --recipe. Stopped at any moment, the same command goes on.",
    )
    parser.add_argument("network", metavar="NETWORK", help="esnet, finder, profitnet, diffcomp, ... or a peer: roost")
    parser.add_argument("data", metavar="DATA", help=TABLE_HELP)
    cli.add_target(parser, help="what to learn; may be left out if DATA has one target only")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--search",
        action="append",
        metavar="SETTING=RANGE",
        help="any setting of the recipe or the network: batch=16:65, learning_rate=0.0001:0.01:log, "
        "optimizer=adam,sgd, or a fixed plateau=15; may be given again; default for esnet: the paper's batch and "
        "learning rate",
    )
    parser.add_argument("--method", choices=METHODS, default="bayesian", help="default bayesian, which needs Ax")
    parser.add_argument("--trials", type=cli.positive, metavar="N", help=f"default {TRIALS}; a grid has its own number")
    parser.add_argument("--points", type=cli.positive, metavar="N", help=f"of a range in a grid, default {POINTS}")
    parser.add_argument("--variant", default="corrected", help="default corrected")
    parser.add_argument("--epochs", type=cli.positive, metavar="N", help="of each trial, default: as in the paper")
    parser.add_argument("--metric", choices=("MAE", "MSE"), default="MAE", help="what is to be small, default MAE")
    parser.add_argument("--retry", action="store_true", help="try again what failed in an earlier run")
    cli.add_split(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--strict", action="store_true", help="stop at the first material that cannot be used")
    parser.add_argument("--jobs", type=cli.positive, default=1, metavar="N", help="trials at a time, default 1")
    cli.add_engine(parser)


def tune(arguments) -> None:
    from common.compute import executor as engines
    from common.io.locks import alone
    from common.tuning.journal import Journal, work
    from experiments.run import trials

    engines.use(arguments.engine)
    search = trials.prepare(arguments)
    with alone(arguments.output):
        journal = Journal(arguments.output, search.facts)
        if arguments.retry:
            journal.retry()
        if len(journal.trials) < search.count:
            trials.warm_up(search, arguments.jobs)
        work(journal, search.count, search.propose, trials.train, search.fixed, arguments.jobs)
        _finish(arguments, search, journal)


def _finish(arguments, search, journal) -> None:
    """Write what was found, and say it."""
    from common.errors import UserError
    from common.io.messages import note
    from common.io.text import unit_of
    from common.train.recipe_file import RecipeFile
    from common.tuning.plot import draw

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


def _print(arguments, search, journal, ranking) -> None:
    from dataclasses import asdict

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
