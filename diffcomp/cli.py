"""The `diffcomp` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from common.cli import parser as cli
from common.cli.package_spec import PackageSpec
from common.cli.predict import add_evaluate, add_predict, give, predict
from common.cli.train import add_train
from common.errors import UserError
from common.io.messages import note, report_left_out
from diffcomp.commands.embed import add_embed
from diffcomp.commands.simulate import add_simulate, check_sheet
from diffcomp.config import NODES
from diffcomp.diffraction.settings import SCALES

SPEC = PackageSpec(
    "diffcomp",
    "Composition and diffraction pattern -> a property, without atomic coordinates.",
    {"diffcomp": "diffcomp.regressor:DiffComp"},
    settings=("cv_nodes",),
)


def build_parser():
    parser = cli.make_parser(
        SPEC.name,
        SPEC.description,
        """diffcomp train mini --target formation_energy --epochs 20 --model energy_model
        diffcomp predict --model energy_model --composition SnO2 --pattern x.png y.png z.png""",
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    add_embed(commands)
    add_simulate(commands)
    train = add_train(commands, SPEC)
    train.epilog += "\n  diffcomp train mini --target formation_energy --ratio 10:0 --model composition_model"
    train.add_argument(
        "--ratio",
        type=_ratio,
        dest="cv_nodes",
        metavar="C:P",
        help="composition to pattern, in tenths: 9:1 (default) to 10:0, composition alone, or 0:10, pattern alone",
    )
    _add_predict(commands)
    add_evaluate(commands, SPEC)
    return parser


def _ratio(text: str) -> int:
    """`9:1` or `90:10` as the nodes of the composition."""
    import argparse

    try:
        composition, pattern = map(int, text.split(":"))
        nodes, rest = divmod(10 * composition, composition + pattern)
    except (ValueError, ZeroDivisionError):
        composition, pattern, nodes, rest = -1, 0, 0, 0
    if rest or min(composition, pattern) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no ratio in tenths, composition to pattern, such as 7:3")
    return nodes


def main(argv: Sequence[str] | None = None) -> int:
    return cli.run(build_parser(), argv)


# --- predict -------------------------------------------------------------------------------------


#: Options of `predict` that say something about measured pictures.
OF_PICTURES = ("centre", "crop", "scale", "sheet")


def _add_predict(commands) -> None:
    parser = add_predict(commands, SPEC, nargs="*")
    parser.set_defaults(command=predict_any)
    parser.epilog += (
        "\n  diffcomp predict --model energy_model --composition SnO2 --pattern x.png y.png z.png"
        "\n  diffcomp predict --model energy_model --composition Sn=33.1,O=66.9 --pattern merged.tif --scale sqrt"
        "\n  diffcomp predict --model energy_model --measured samples.csv --csv"
    )
    own = parser.add_argument_group("measured materials, in place of FILES")
    own.add_argument(
        "--composition",
        metavar="TEXT",
        help="a formula, or atomic per cent, Sn=33.1,O=66.9; with errors, Sn=33.1+-0.5,O=66.9+-0.5, the prediction "
        "gets the standard deviation that they make",
    )
    own.add_argument("--pattern", nargs="+", metavar="PICTURE", help="three (x, y, z) or one merged; PNG, JPEG, TIFF")
    own.add_argument(
        "--measured",
        metavar="PATH",
        help="many: a CSV with the columns id, composition and pattern (or x, y, z), or a folder of pictures named "
        "SnO2_1.png",
    )
    own.add_argument("--centre", type=_pair, metavar="ROW,COLUMN", help="of the direct beam; default: the middle")
    own.add_argument("--crop", type=cli.positive, metavar="N", help="side in pixels of what is kept")
    own.add_argument("--scale", choices=SCALES, help=f"default {SCALES[0]}")
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
    if not (arguments.pattern or arguments.measured):
        cli.refuse(arguments, OF_PICTURES, "is for measured pictures, with --pattern or --measured; leave it out")
    if arguments.data:
        predict(arguments, SPEC)
        return
    if arguments.sheet:
        check_sheet(arguments.sheet)
    from diffcomp.measured.pictures import Reading, contact_sheet
    from diffcomp.measured.table import Sample, predict_samples, samples

    one_sample = Sample(arguments.composition or "pattern", arguments.composition or "", arguments.pattern or [])
    found = samples(arguments.measured) if arguments.measured else [one_sample]
    reading = Reading(arguments.centre, arguments.crop or 0, arguments.scale or SCALES[0])
    model = SPEC.load(arguments.model)
    cv_nodes = getattr(model, "members", [model])[0].config.cv_nodes
    if cv_nodes == NODES and any(sample.pictures for sample in found):
        note("this model looks at the composition alone; the pictures are not read")
    if cv_nodes == 0 and arguments.composition:
        note("this model looks at the pattern alone; the composition is not used")
    predicted, pictures, left_out = predict_samples(model, found, reading, strict=arguments.strict)
    report_left_out(left_out, len(predicted))
    if arguments.sheet and pictures:
        contact_sheet(arguments.sheet, pictures)
    elif arguments.sheet:
        note(f"{arguments.sheet} is not written, since there are no pictures to show")
    texts = {sample.name: sample.composition for sample in found}
    give(arguments, predicted, [texts[name] for name in predicted.ids.tolist()], model.target, left_out)


if __name__ == "__main__":
    sys.exit(main())
