"""The `esnet` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from common.cli.commands import add_evaluate, add_predict, add_train
from common.cli.parser import make_parser, run
from esnet.commands.dft_options import add_accept_others, add_dft_options
from esnet.commands.parsers import add_dos, add_screen
from esnet.spec import SPEC

FILES_HELP = (
    "vasprun.xml or CompleteDos JSON files and folders of them, an .h5 file of esnet dos, a source such as mini; with "
    "--dft also structures (CIF, POSCAR, ...)"
)


def build_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        SPEC.name,
        SPEC.description,
        """esnet train mini --target formation_energy --epochs 20 --model energy_model
        esnet predict --model energy_model vasprun.xml""",
        SPEC,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    add_dos(commands)
    add_train(commands, SPEC)
    predict = add_predict(
        commands,
        SPEC,
        handler="esnet.commands.predict:predict",
        files=FILES_HELP,
        example="""esnet predict --model energy_model vasprun.xml
        esnet predict --model energy_model runs/ --output predicted.csv
        esnet predict --model energy_model POSCAR --dft gpaw""",
    )
    add_dft_options(predict, dft="gpaw: compute missing densities of states with GPAW, and keep them")
    add_accept_others(predict)
    evaluate = add_evaluate(commands, SPEC, handler="esnet.commands.predict:evaluate")
    add_accept_others(evaluate)
    add_screen(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return run(build_parser(), argv)


if __name__ == "__main__":
    sys.exit(main())
