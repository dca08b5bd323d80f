"""The `esnet` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from common import cli, commands
from common.cli import Paper
from common.errors import UserError
from common.train_command import add_train
from esnet.dos_command import add_dos
from esnet.engine_options import OPTIONS, add_accept_others, add_engine_options, batch_options
from esnet.screen_command import add_screen

FILES_HELP = (
    "vasprun.xml or CompleteDos JSON files and folders of them, an .h5 file of esnet dos, a source such as mini; with "
    "--engine also structures (CIF, POSCAR, ...)"
)


@dataclass(frozen=True)
class ESNetPaper(Paper):
    """The shared commands on tables with densities of states.

    batch: how densities of structures that have none are computed, for `run_batch`; without it they are refused.
    accept_others: see `ESNet.accept_other_inputs`.
    """

    batch: dict | None = None
    accept_others: bool = False

    def read(self, data: str | Sequence[str], *, formulas: bool = False, **options):
        from esnet.sources import load_data, with_engine

        loaded = load_data(data, **options)
        if loaded.table.has_densities or not len(loaded.table):
            return loaded
        if not self.batch:
            raise UserError(
                f"{loaded.table.origin} has no densities of states; compute them with esnet dos compute, or predict "
                "with --engine gpaw"
            )
        table, failed = with_engine(loaded.table, **self.batch)
        return loaded._replace(table=table, left_out=loaded.left_out | failed)

    def load(self, folder: str):
        model = super().load(folder)
        for member in getattr(model, "members", [model]):
            member.accept_other_inputs = self.accept_others
        return model


PAPER = ESNetPaper(
    "esnet",
    "ESNet: the energy of a relaxed material from the density of states of its unrelaxed structure.",
    {"esnet": "esnet.regressor:ESNet", "esnet-cnn": "esnet.cnn:CNN"},
    tables="a folder of vasprun.xml or CompleteDos JSON files with id_prop.csv, an .h5 file of esnet dos, or a source "
    "such as mini",
    folder=("my_runs/", "vasprun.xml files and id_prop.csv"),
)


def build_parser():
    parser = cli.make_parser(
        PAPER.name,
        PAPER.description,
        """esnet train mini --target formation_energy --epochs 20 --model energy_model
        esnet predict --model energy_model vasprun.xml""",
    )
    inner = parser.add_subparsers(metavar="COMMAND")
    add_dos(inner)
    add_train(inner, PAPER)
    predict = commands.add_predict(
        inner,
        PAPER,
        files=FILES_HELP,
        example="""esnet predict --model energy_model vasprun.xml
        esnet predict --model energy_model runs/ --output predicted.csv
        esnet predict --model energy_model POSCAR --engine gpaw""",
    )
    add_engine_options(predict, engine="gpaw: compute what has no densities of states, and keep it")
    predict.set_defaults(command=_predict)
    evaluate = commands.add_evaluate(inner, PAPER)
    evaluate.set_defaults(command=lambda arguments: commands.evaluate(arguments, _paper(arguments)), engine="")
    add_accept_others(predict)
    add_accept_others(evaluate)
    add_screen(inner)
    return parser


def _predict(arguments) -> None:
    if not arguments.engine:
        cli.refuse(arguments, OPTIONS, "is for --engine; leave it out, or name an engine")
    commands.predict(arguments, _paper(arguments))


def _paper(arguments) -> ESNetPaper:
    batch = batch_options(arguments) if arguments.engine else None
    return replace(PAPER, batch=batch, accept_others=arguments.accept_other_inputs)


def main(argv: Sequence[str] | None = None) -> int:
    return cli.run(build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
