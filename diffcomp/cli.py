"""The `diffcomp` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from common.cli.commands import add_evaluate, add_predict, add_train
from common.cli.options import add_common, add_old_name, add_output, positive
from common.cli.package_spec import FILES_HELP, TABLE_HELP, PackageSpec
from common.cli.parser import add_command, make_parser, run
from diffcomp.diffraction.settings import PICTURES, SCALES, SIMULATORS

SPEC = PackageSpec(
    "diffcomp",
    "Composition and diffraction pattern -> a property, without atomic coordinates.",
    {"diffcomp": "diffcomp.regressor:DiffComp"},
    settings=("cv_nodes",),
)


def build_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        SPEC.name,
        SPEC.description,
        """diffcomp train mini --target formation_energy --epochs 20 --model energy_model
        diffcomp predict --model energy_model --composition SnO2 --pattern x.png y.png z.png""",
        SPEC,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_embed(commands)
    _add_simulate(commands)
    train = add_train(commands, SPEC)
    train.epilog += "\n  diffcomp train mini --target formation_energy --ratio 10:0 --model composition_model"
    train.add_argument(
        "--ratio",
        type=_ratio,
        dest="cv_nodes",
        metavar="C:P",
        help="weight of composition to pattern, in tenths: 9:1 (default), up to 10:0, composition alone, and down to "
        "0:10, pattern alone",
    )
    _add_predict(commands)
    add_evaluate(commands, SPEC)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return run(build_parser(), argv)


# --- commands of this package --------------------------------------------------------------------


def _add_embed(commands: Any) -> None:
    parser = add_command(
        commands,
        "embed",
        "diffcomp.commands.embed:embed",
        "print composition vectors, or learn element vectors",
        """diffcomp embed SnO2 TiO2 --output vectors.csv
        diffcomp embed --learn mp-structures --size 10 --epochs 100 --output ten.csv   # a table of element vectors
        diffcomp embed SnO2 TiO2 --vectors ten.csv""",
        "Composition vectors as CSV: formula, v0, v1, ...; the vectors of the elements times their atomic fractions, "
        "metal first, anion last. With --learn, element vectors learned from the formulas of a dataset, as CSV.",
    )
    parser.add_argument("formulas", nargs="*", metavar="FORMULA", help="of two elements, or more with --elements")
    parser.add_argument("--elements", type=_places, metavar="N", help="number of elements, at least 2, default 2")
    parser.add_argument("--vectors", metavar="FILE", help="CSV of element vectors; default: those of this project")
    parser.add_argument(
        "--learn", metavar="DATA", help=f"learn element vectors from the formulas of DATA: {TABLE_HELP}"
    )
    parser.add_argument("--size", type=positive, metavar="N", help="with --learn: length of a vector, default 30")
    parser.add_argument("--epochs", type=positive, metavar="N", help="with --learn: training epochs, default 1000")
    add_output(parser, (".csv",), "write a .csv file instead of printing")


def _add_simulate(commands: Any) -> None:
    parser = add_command(
        commands,
        "simulate",
        "diffcomp.commands.simulate:simulate",
        "simulate the diffraction pictures of structures",
        """diffcomp simulate structure.cif --output pattern.png
        diffcomp simulate my_crystals/ --output patterns/ --sheet sheet.png""",
        "Simulate the three patterns of a crystal as the red, green and blue channels of a picture. For several "
        "structures --output is a folder.",
    )
    parser.add_argument("data", nargs="+", metavar="FILES", help=FILES_HELP)
    parser.add_argument("--output", "-o", required=True, metavar="PATH", help="a .png file, or a folder")
    parser.add_argument(
        "--size", type=positive, default=128, metavar="N", help="width and height in pixels, default 128"
    )
    parser.add_argument("--picture", choices=PICTURES, default="corrected", help="default %(default)s")
    simulator = parser.add_argument(
        "--simulator", choices=SIMULATORS, default="sum", help="condor is FXI Condor; default %(default)s"
    )
    add_old_name(parser, "--engine", simulator)
    parser.add_argument("--sheet", metavar="FILE", help="also write a contact sheet of all pictures, .png")
    add_common(parser, output=False)


def _add_predict(commands: Any) -> None:
    parser = add_predict(commands, SPEC, nargs="*", handler="diffcomp.commands.predict:predict_any")
    parser.epilog += (
        "\n  diffcomp predict --model energy_model --composition SnO2 --pattern x.png y.png z.png"
        "\n  diffcomp predict --model energy_model --composition Sn=33.1,O=66.9 --pattern merged.tif --scale sqrt"
        "\n  diffcomp predict --model energy_model --measured samples.csv --csv"
    )
    own = parser.add_argument_group("measured materials, instead of FILES")
    own.add_argument(
        "--composition",
        metavar="TEXT",
        help="a formula, or atomic per cent, Sn=33.1,O=66.9; with uncertainties, Sn=33.1+-0.5,O=66.9+-0.5, the "
        "prediction has the standard deviation that follows from them",
    )
    own.add_argument("--pattern", nargs="+", metavar="PICTURE", help="three (x, y, z) or one merged; PNG, JPEG, TIFF")
    own.add_argument(
        "--measured",
        metavar="PATH",
        help="many: a CSV with the columns id, composition and pattern (or x, y, z), or a folder of pictures named as "
        "SnO2_1.png",
    )
    own.add_argument("--centre", type=_pair, metavar="ROW,COLUMN", help="direct beam in pixels; default: the middle")
    own.add_argument("--crop", type=positive, metavar="N", help="crop to N x N pixels around the centre; default: all")
    own.add_argument("--scale", choices=SCALES, help=f"intensity scale of the pictures, default {SCALES[0]}")
    own.add_argument("--sheet", metavar="FILE", help="write the pictures as the network receives them, .png")


# --- types ---------------------------------------------------------------------------------------


def _places(text: str) -> int:
    number = positive(text)
    if number < 2:
        raise argparse.ArgumentTypeError("a composition has 2 elements or more")
    return number


def _ratio(text: str) -> int:
    """`9:1` or `90:10` as the nodes of the composition."""
    try:
        composition, pattern = map(int, text.split(":"))
        nodes, rest = divmod(10 * composition, composition + pattern)
    except (ValueError, ZeroDivisionError):
        composition, pattern, nodes, rest = -1, 0, 0, 0
    if rest or min(composition, pattern) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a ratio in tenths, composition to pattern, such as 7:3")
    return nodes


def _pair(text: str) -> tuple[float, float]:
    try:
        row, column = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not ROW,COLUMN, such as 511.5,498") from None
    return row, column


if __name__ == "__main__":
    sys.exit(main())
