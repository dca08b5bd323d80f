"""The `diffcomp` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from common import cli, printing
from common.cli import Paper
from common.commands import add_evaluate, add_predict, predict
from common.errors import UserError
from common.printing import note, report_left_out
from common.train_command import add_train

PAPER = Paper(
    "diffcomp",
    "Composition and diffraction pattern -> a property, without atomic coordinates.",
    {"diffcomp": "diffcomp.regressor:DiffComp"},
)


def build_parser():
    parser = cli.make_parser(
        PAPER.name,
        PAPER.description,
        """diffcomp train mini --target formation_energy --epochs 20 --model energy_model
        diffcomp predict --model energy_model --composition SnO2 --pattern x.png y.png z.png""",
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    _add_embed(commands)
    _add_simulate(commands)
    add_train(commands, PAPER)
    _add_predict(commands)
    add_evaluate(commands, PAPER)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return cli.run(build_parser(), argv)


# --- embed and simulate --------------------------------------------------------------------------


def _add_embed(commands) -> None:
    parser = cli.add_command(
        commands,
        "embed",
        embed,
        "print composition vectors",
        "diffcomp embed SnO2 TiO2 --output vectors.csv",
        "Composition vectors as CSV: formula, v0, v1, ...; the vectors of the elements times their atomic fractions, "
        "metal first, anion last.",
    )
    parser.add_argument("formulas", nargs="+", metavar="FORMULA", help="of two elements, or more with --elements")
    parser.add_argument("--elements", type=cli.positive, default=2, metavar="N", help="places for elements, default 2")
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of printing")


def embed(arguments) -> None:
    from common.hdf5 import write_text
    from diffcomp.elements import element_space
    from diffcomp.embedding import composition_vector

    rows, left_out = [], {}
    for formula in arguments.formulas:
        try:
            vector = composition_vector(formula, element_space(), elements=arguments.elements)
            rows.append([formula, *(f"{value:.7g}" for value in vector)])
        except UserError as error:
            left_out[formula] = str(error)
    report_left_out(left_out, len(rows))
    text = printing.as_csv(["formula", *(f"v{k}" for k in range(30 * arguments.elements))], rows)
    if arguments.output:
        write_text(arguments.output, text)
        note(f"wrote {arguments.output}, compositions: {len(rows)}")
    else:
        print(text, end="")


def _add_simulate(commands) -> None:
    from diffcomp.settings import ENGINES, PICTURES

    parser = cli.add_command(
        commands,
        "simulate",
        simulate,
        "make the diffraction picture of structures",
        """diffcomp simulate structure.cif --output pattern.png
        diffcomp simulate my_crystals/ --output patterns/ --sheet sheet.png""",
        "The three patterns of a crystal as red, green and blue of a picture. For several structures --output is a "
        "folder.",
    )
    parser.add_argument("data", nargs="+", metavar="FILES", help=cli.FILES_HELP)
    parser.add_argument("--output", "-o", required=True, metavar="PATH", help="a .png, or a folder")
    parser.add_argument("--size", type=cli.positive, default=128, metavar="N", help="pixels a side, default 128")
    parser.add_argument("--picture", choices=PICTURES, default="corrected", help="default %(default)s")
    parser.add_argument("--engine", choices=ENGINES, default="sum", help="condor = FXI Condor; default %(default)s")
    parser.add_argument("--sheet", metavar="FILE", help="also a contact sheet of all, PNG")
    cli.add_common(parser, output=False)


def simulate(arguments) -> None:
    from pathlib import Path

    from common.hdf5 import replacing
    from common.progress import progress
    from diffcomp.images import image, save_png
    from diffcomp.measured import contact_sheet

    table, left_out = cli.load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    output = Path(arguments.output)
    if output.suffix == ".png" and len(table) > 1:
        raise UserError(f"--output {output} is one picture, but there are {len(table)} structures; name a folder")
    pictures = {}
    for row, name in enumerate(progress(table.ids.tolist(), desc="simulating", unit="crystal")):
        try:
            pictures[name] = image(
                table.structure(row), arguments.size, variant=arguments.picture, engine=arguments.engine
            )
        except UserError as error:
            left_out[name] = str(error)
    report_left_out(left_out, len(pictures), strict=arguments.strict)
    for name, picture in pictures.items():
        path = output if output.suffix == ".png" else output / f"{name.replace('/', '_')}.png"
        with replacing(path) as temporary:
            save_png(picture, temporary)
    if arguments.sheet:
        contact_sheet(arguments.sheet, pictures)
    note(f"wrote {output}{f' and {arguments.sheet}' if arguments.sheet else ''}, pictures: {len(pictures)}")


# --- predict -------------------------------------------------------------------------------------


def _add_predict(commands) -> None:
    from diffcomp.settings import SCALES

    parser = add_predict(commands, PAPER)
    parser.set_defaults(command=predict_any)
    parser.epilog += (
        "\n  diffcomp predict --model energy_model --composition SnO2 --pattern x.png y.png z.png"
        "\n  diffcomp predict --model energy_model --composition Sn=33.1,O=66.9 --pattern merged.tif --scale sqrt"
    )
    data = next(action for action in parser._actions if action.dest == "data")
    data.nargs = "*"
    own = parser.add_argument_group("a measured material, in place of FILES")
    own.add_argument("--composition", metavar="TEXT", help="a formula, or atomic per cent such as Sn=33.1,O=66.9")
    own.add_argument("--pattern", nargs="+", metavar="PICTURE", help="three (x, y, z) or one merged; PNG, JPEG, TIFF")
    own.add_argument("--centre", type=_pair, metavar="ROW,COLUMN", help="of the direct beam; default: the middle")
    own.add_argument("--crop", type=cli.positive, default=0, metavar="N", help="side in pixels of what is kept")
    own.add_argument("--scale", choices=SCALES, default="linear", help="default %(default)s")
    own.add_argument("--sheet", metavar="FILE", help="write what the network sees, PNG")


def _pair(text: str) -> tuple[float, float]:
    import argparse

    try:
        row, column = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not ROW,COLUMN, such as 511.5,498") from None
    return row, column


def predict_any(arguments) -> None:
    measured = arguments.composition or arguments.pattern
    if bool(measured) == bool(arguments.data):
        raise UserError("give structure files, or a measured material with --composition and --pattern")
    if arguments.data:
        predict(arguments, PAPER)
        return
    from diffcomp.measured import Reading, contact_sheet, read_patterns

    model = PAPER.load(arguments.model)
    picture = None
    if arguments.pattern:
        reading = Reading(arguments.centre, arguments.crop, arguments.scale)
        picture = read_patterns(arguments.pattern, reading)
    if arguments.sheet and picture is not None:
        contact_sheet(arguments.sheet, {arguments.composition or "pattern": picture})
    amounts = _composition(arguments.composition) if arguments.composition else None
    predicted = model.predict_measured(amounts, picture, name=arguments.composition or "pattern")
    text = printing.predictions(predicted, [arguments.composition or ""], model.target, printing.form_of(arguments), {})
    print(text, end="")


def _composition(text: str):
    """`SnO2`, or `Sn=33.1,O=66.9` in atomic per cent."""
    if "=" not in text:
        from common.formula import parse_formula

        return parse_formula(text)
    from diffcomp.embedding import measured

    try:
        pairs = [part.split("=") for part in text.split(",")]
        symbols, shares = [symbol.strip() for symbol, _ in pairs], [float(share) for _, share in pairs]
    except ValueError:
        raise UserError(f"{text!r} is no composition; write SnO2, or atomic per cent such as Sn=33.1,O=66.9") from None
    return measured(shares, symbols)


if __name__ == "__main__":
    sys.exit(main())
