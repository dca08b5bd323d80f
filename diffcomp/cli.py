"""The `diffcomp` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from common import cli, printing
from common.cli import Paper
from common.commands import add_evaluate, add_predict, give, predict
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
        "print composition vectors, or learn element vectors",
        """diffcomp embed SnO2 TiO2 --output vectors.csv
        diffcomp embed --learn mp-structures --size 10 --epochs 100 --output ten.csv   # a table of element vectors
        diffcomp embed SnO2 TiO2 --vectors ten.csv""",
        "Composition vectors as CSV: formula, v0, v1, ...; the vectors of the elements times their atomic fractions, "
        "metal first, anion last. With --learn, element vectors learned from the formulas of a table, as CSV.",
    )
    parser.add_argument("formulas", nargs="*", metavar="FORMULA", help="of two elements, or more with --elements")
    parser.add_argument("--elements", type=cli.positive, default=2, metavar="N", help="places for elements, default 2")
    parser.add_argument("--vectors", metavar="FILE", help="a table of element vectors; default: the project's")
    parser.add_argument("--learn", metavar="DATA", help=f"learn element vectors from its formulas: {cli.TABLE_HELP}")
    parser.add_argument("--size", type=cli.positive, default=30, metavar="N", help="numbers a vector, default 30")
    parser.add_argument("--epochs", type=cli.positive, default=1000, metavar="N", help="of learning, default 1000")
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of printing")


def embed(arguments) -> None:
    from common.hdf5 import write_text
    from diffcomp.elements import PATH, element_space
    from diffcomp.embedding import composition_vector

    if bool(arguments.learn) == bool(arguments.formulas):
        raise UserError("give formulas, or a table to learn from with --learn")
    if arguments.learn:
        _learn(arguments)
        return
    space, rows, left_out = element_space(arguments.vectors or PATH), [], {}
    for formula in arguments.formulas:
        try:
            vector = composition_vector(formula, space, elements=arguments.elements)
            rows.append([formula, *(f"{value:.7g}" for value in vector)])
        except UserError as error:
            left_out[formula] = str(error)
    report_left_out(left_out, len(rows))
    text = printing.as_csv(["formula", *(f"v{k}" for k in range(len(space) * arguments.elements))], rows)
    if arguments.output:
        write_text(arguments.output, text)
        note(f"wrote {arguments.output}, compositions: {len(rows)}")
    else:
        print(text, end="")


def _learn(arguments) -> None:
    from diffcomp.elements import write_elements
    from diffcomp.embedding import corpus, learn

    if not arguments.output:
        raise UserError("--learn writes a table of element vectors; name a file with --output")
    table, left_out = cli.load_data(arguments.learn)
    report_left_out(left_out, len(table))
    found = corpus(table.formulas.tolist())
    learned = learn(found, length=arguments.size, epochs=arguments.epochs, scaled=False)
    write_elements(arguments.output, learned.numbers, learned.vectors)
    size = f"{len(learned.numbers)} elements, {len(learned)} numbers each"
    note(f"wrote {arguments.output}: {size}, from {found.table.shape[0]:,} formulas")


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

    parser = add_predict(commands, PAPER, nargs="*")
    parser.set_defaults(command=predict_any)
    parser.epilog += (
        "\n  diffcomp predict --model energy_model --composition SnO2 --pattern x.png y.png z.png"
        "\n  diffcomp predict --model energy_model --composition Sn=33.1,O=66.9 --pattern merged.tif --scale sqrt"
        "\n  diffcomp predict --model energy_model --measured samples.csv --csv"
    )
    own = parser.add_argument_group("measured materials, in place of FILES")
    own.add_argument("--composition", metavar="TEXT", help="a formula, or atomic per cent such as Sn=33.1,O=66.9")
    own.add_argument("--pattern", nargs="+", metavar="PICTURE", help="three (x, y, z) or one merged; PNG, JPEG, TIFF")
    own.add_argument(
        "--measured",
        metavar="PATH",
        help="many: a CSV with the columns id, composition and pattern (or x, y, z), or a folder of pictures named "
        "SnO2_1.png",
    )
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
    ways = (arguments.data, arguments.composition or arguments.pattern, arguments.measured)
    if sum(map(bool, ways)) != 1:
        raise UserError(
            "give structure files, or a measured material with --composition and --pattern, or many with --measured"
        )
    if arguments.data:
        predict(arguments, PAPER)
        return
    from diffcomp.measured import Reading, contact_sheet
    from diffcomp.measured_table import Sample, predict_samples, samples

    one_sample = Sample(arguments.composition or "pattern", arguments.composition or "", arguments.pattern or [])
    found = samples(arguments.measured) if arguments.measured else [one_sample]
    model = PAPER.load(arguments.model)
    reading = Reading(arguments.centre, arguments.crop, arguments.scale)
    predicted, pictures, left_out = predict_samples(model, found, reading, strict=arguments.strict)
    report_left_out(left_out, len(predicted))
    if arguments.sheet and pictures:
        contact_sheet(arguments.sheet, pictures)
    texts = {sample.name: sample.composition for sample in found}
    give(arguments, predicted, [texts[name] for name in predicted.ids.tolist()], model.target, left_out)


if __name__ == "__main__":
    sys.exit(main())
