"""`diffcomp predict`, from structure files or from measured compositions and pictures."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from common.cli.checks import refuse
from common.cli.intervals import check_intervals
from common.cli.predict import predict, write_predictions
from common.errors import UserError
from common.io.messages import note, report_left_out
from common.presets.load import read_card
from diffcomp.commands.simulate import check_sheet
from diffcomp.config import NODES
from diffcomp.diffraction.settings import SCALES
from diffcomp.measured.pictures import Reading, contact_sheet
from diffcomp.measured.table import Sample, predict_samples, samples

#: Options that describe measured pictures.
OF_PICTURES = ("centre", "crop", "scale", "sheet")


def predict_any(arguments: Namespace) -> None:
    ways = (arguments.data, arguments.composition or arguments.pattern, arguments.measured)
    if sum(map(bool, ways)) != 1:
        raise UserError(
            "give structure files, or a measured material with --composition and --pattern, or many with --measured"
        )
    if not (arguments.pattern or arguments.measured):
        refuse(arguments, OF_PICTURES, "is for measured pictures, with --pattern or --measured; leave it out")
    if arguments.data:
        alone = read_card(arguments.model).get("config", {}).get("cv_nodes") == NODES
        arguments.spec = replace(arguments.spec, formulas=alone)
        predict(arguments)
        return
    refuse(arguments, ("domain",), "is for structure files; leave it out")
    if arguments.sheet:
        check_sheet(arguments.sheet)
    one_sample = Sample(arguments.composition or "pattern", arguments.composition or "", arguments.pattern or [])
    found = samples(arguments.measured) if arguments.measured else [one_sample]
    reading = Reading(arguments.centre, arguments.crop or 0, arguments.scale or SCALES[0])
    model = arguments.spec.load(arguments.model)
    check_intervals(model, arguments.interval)
    cv_nodes = getattr(model, "members", [model])[0].config.cv_nodes
    if cv_nodes == NODES and any(sample.pictures for sample in found):
        note("this model uses the composition alone; the pictures are not read")
    if cv_nodes == 0 and arguments.composition:
        note("this model uses the pattern alone; the composition is not used")
    predicted, pictures, left_out = predict_samples(model, found, reading, strict=arguments.strict)
    report_left_out(left_out, len(predicted))
    if arguments.sheet and pictures:
        contact_sheet(arguments.sheet, pictures)
    elif arguments.sheet:
        note(f"{arguments.sheet} is not written, since there are no pictures")
    texts = {sample.name: sample.composition for sample in found}
    write_predictions(arguments, model, predicted, [texts[name] for name in predicted.ids.tolist()], left_out)
