"""The `esnet` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from common.cli import parser as cli
from common.cli import predict as commands
from common.cli.train import add_train
from esnet.commands.dft_options import OPTIONS, add_accept_others, add_engine_options, batch_options
from esnet.commands.dos import add_dos
from esnet.commands.screen import add_screen
from esnet.spec import SPEC, ESNetSpec

FILES_HELP = (
    "vasprun.xml or CompleteDos JSON files and folders of them, an .h5 file of esnet dos, a source such as mini; with "
    "--engine also structures (CIF, POSCAR, ...)"
)


def build_parser():
    parser = cli.make_parser(
        SPEC.name,
        SPEC.description,
        """esnet train mini --target formation_energy --epochs 20 --model energy_model
        esnet predict --model energy_model vasprun.xml""",
    )
    inner = parser.add_subparsers(metavar="COMMAND")
    add_dos(inner)
    add_train(inner, SPEC)
    predict = commands.add_predict(
        inner,
        SPEC,
        files=FILES_HELP,
        example="""esnet predict --model energy_model vasprun.xml
        esnet predict --model energy_model runs/ --output predicted.csv
        esnet predict --model energy_model POSCAR --engine gpaw""",
    )
    add_engine_options(predict, engine="gpaw: compute what has no densities of states, and keep it")
    predict.set_defaults(command=_predict)
    evaluate = commands.add_evaluate(inner, SPEC)
    evaluate.set_defaults(command=lambda arguments: commands.evaluate(arguments, _paper(arguments)), engine="")
    add_accept_others(predict)
    add_accept_others(evaluate)
    add_screen(inner)
    return parser


def _predict(arguments) -> None:
    if not arguments.engine:
        cli.refuse(arguments, OPTIONS, "is for --engine; leave it out, or name an engine")
    commands.predict(arguments, _paper(arguments))


def _paper(arguments) -> ESNetSpec:
    batch = batch_options(arguments) if arguments.engine else None
    return replace(SPEC, batch=batch, accept_others=arguments.accept_other_inputs)


def main(argv: Sequence[str] | None = None) -> int:
    return cli.run(build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
