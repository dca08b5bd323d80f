"""`diffcomp embed`: composition vectors, and element vectors learned from formulas."""

from __future__ import annotations

from argparse import Namespace

from common.cli.checks import refuse
from common.data.loading import load_data
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note, report_left_out
from common.io.text import as_csv
from diffcomp.composition.element_table import PATH, element_space, write_elements
from diffcomp.composition.embedding import composition_vector, corpus, learn


def embed(arguments: Namespace) -> None:
    if bool(arguments.learn) == bool(arguments.formulas):
        raise UserError("give formulas, or a dataset to learn from with --learn")
    if arguments.learn:
        refuse(arguments, ("vectors", "elements"), "goes with formulas, not with --learn")
        _learn(arguments)
        return
    refuse(arguments, ("size", "epochs"), "goes with --learn")
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


def _learn(arguments: Namespace) -> None:
    if not arguments.output:
        raise UserError("--learn writes element vectors to a file; name it with --output")
    table, left_out = load_data(arguments.learn)
    report_left_out(left_out, len(table))
    found = corpus(table.formulas.tolist())
    learned = learn(found, length=arguments.size or 30, epochs=arguments.epochs or 1000, scaled=False)
    write_elements(arguments.output, learned.numbers, learned.vectors)
    size = f"{len(learned.numbers)} elements, {len(learned)} numbers each"
    note(f"wrote {arguments.output}: {size}, from {found.table.shape[0]:,} formulas")
