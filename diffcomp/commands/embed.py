"""`diffcomp embed`: composition vectors, and element vectors learned from formulas."""

from __future__ import annotations

import argparse

from common.cli import parser as cli
from common.cli.package_spec import TABLE_HELP
from common.data.loading import load_data
from common.errors import UserError
from common.io.messages import note, report_left_out
from common.io.text import as_csv


def add_embed(commands) -> None:
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
    parser.add_argument("--elements", type=_places, metavar="N", help="places for elements, 2 or more, default 2")
    parser.add_argument("--vectors", metavar="FILE", help="a table of element vectors; default: the project's")
    parser.add_argument("--learn", metavar="DATA", help=f"learn element vectors from its formulas: {TABLE_HELP}")
    parser.add_argument("--size", type=cli.positive, metavar="N", help="with --learn: numbers a vector, default 30")
    parser.add_argument("--epochs", type=cli.positive, metavar="N", help="with --learn: default 1000")
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of printing")


def embed(arguments) -> None:
    from common.io.files import write_text
    from diffcomp.composition.element_table import PATH, element_space
    from diffcomp.composition.embedding import composition_vector

    if bool(arguments.learn) == bool(arguments.formulas):
        raise UserError("give formulas, or a table to learn from with --learn")
    if arguments.learn:
        cli.refuse(arguments, ("vectors", "elements"), "goes with formulas, not with --learn")
        _learn(arguments)
        return
    cli.refuse(arguments, ("size", "epochs"), "goes with --learn")
    places = arguments.elements or 2
    space, rows, left_out = element_space(arguments.vectors or PATH), [], {}
    for formula in arguments.formulas:
        try:
            vector = composition_vector(formula, space, elements=places)
            rows.append([formula, *(f"{value:.7g}" for value in vector)])
        except UserError as error:
            left_out[formula] = str(error)
    report_left_out(left_out, len(rows))
    text = as_csv(["formula", *(f"v{k}" for k in range(len(space) * places))], rows)
    if arguments.output:
        write_text(arguments.output, text)
        note(f"wrote {arguments.output}, compositions: {len(rows)}")
    else:
        print(text, end="")


def _learn(arguments) -> None:
    from diffcomp.composition.element_table import write_elements
    from diffcomp.composition.embedding import corpus, learn

    if not arguments.output:
        raise UserError("--learn writes a table of element vectors; name a file with --output")
    table, left_out = load_data(arguments.learn)
    report_left_out(left_out, len(table))
    found = corpus(table.formulas.tolist())
    learned = learn(found, length=arguments.size or 30, epochs=arguments.epochs or 1000, scaled=False)
    write_elements(arguments.output, learned.numbers, learned.vectors)
    size = f"{len(learned.numbers)} elements, {len(learned)} numbers each"
    note(f"wrote {arguments.output}: {size}, from {found.table.shape[0]:,} formulas")


def _places(text: str) -> int:
    number = cli.positive(text)
    if number < 2:
        raise argparse.ArgumentTypeError("a composition has 2 elements or more")
    return number
