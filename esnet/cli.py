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
from esnet.screen_command import add_screen

FILES_HELP = (
    "vasprun.xml or CompleteDos JSON files and folders of them, an .h5 file of esnet dos, a source such as mini; with "
    "--engine also structures (CIF, POSCAR, ...)"
)


@dataclass(frozen=True)
class ESNetPaper(Paper):
    """The shared commands on tables with densities of states.

    engine: what computes the densities of structures that have none. accept_others: see `ESNet.accept_other_inputs`.
    """

    engine: str = ""
    accept_others: bool = False

    def read(self, data: str | Sequence[str], *, formulas: bool = False, **options):
        from esnet.sources import load_data, with_engine

        loaded = load_data(data, **options)
        if loaded.table.has_densities or not len(loaded.table):
            return loaded
        if not self.engine:
            raise UserError(
                f"{loaded.table.origin} has no densities of states; compute them with esnet dos compute, or predict "
                "with --engine gpaw"
            )
        table, left_out = with_engine(loaded.table, self.engine)
        return loaded._replace(table=table, left_out=loaded.left_out | left_out)

    def load(self, folder: str):
        model = super().load(folder)
        for member in getattr(model, "members", [model]):
            member.accept_other_inputs = self.accept_others
        return model


PAPER = ESNetPaper(
    "esnet",
    "ESNet: the energy of a relaxed material from the density of states of its unrelaxed structure.",
    {"esnet": "esnet.regressor:ESNet", "esnet-cnn": "esnet.cnn:CNN"},
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
    predict.add_argument("--engine", default="", metavar="NAME", help="gpaw: compute what has no densities of states")
    predict.set_defaults(command=lambda arguments: commands.predict(arguments, _paper(arguments)))
    evaluate = commands.add_evaluate(inner, PAPER)
    evaluate.set_defaults(command=lambda arguments: commands.evaluate(arguments, _paper(arguments)), engine="")
    for one in (predict, evaluate):
        one.add_argument(
            "--accept-other-inputs",
            action="store_true",
            help="take densities of states of another program or zero of energy for those that the model has learned",
        )
    add_screen(inner)
    return parser


def _paper(arguments) -> ESNetPaper:
    return replace(PAPER, engine=arguments.engine, accept_others=arguments.accept_other_inputs)


def main(argv: Sequence[str] | None = None) -> int:
    return cli.run(build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
