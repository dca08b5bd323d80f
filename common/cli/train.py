"""`train`, for any of a paper's `Regressor` classes."""

from __future__ import annotations

import json
from pathlib import Path

from common.cli import output as printing
from common.cli import parser as cli
from common.cli.package_spec import PackageSpec
from common.data.loading import load_labeled, make_split
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note, report_left_out
from common.train.devices import PRECISIONS
from common.train.fit_and_score import fit_and_score, score
from common.train.recipe_file import RecipeFile, checked


def add_train(commands, paper: PackageSpec):
    parser = cli.add_command(
        commands,
        "train",
        lambda arguments: train(arguments, paper),
        "train a model on materials with known values",
        f"""{paper.name} train mini --target band_gap --epochs 20 --model gap_model
        {paper.name} train {paper.folder[0]} --target "gap (eV)" --model my_model   # {paper.folder[1]}""",
        "Train a model. The folder of --model gets the model, its split, its history and its predictions for "
        "validation and test. An interrupted training goes on where it stopped when the same command is given again.",
    )
    parser.add_argument("data", metavar="DATA", help=paper.tables)
    cli.add_target(parser, help="what to learn; may be left out if DATA has one target only")
    parser.add_argument("--model", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--network", choices=list(paper.networks), help=f"default {paper.default}")
    parser.add_argument("--variant", choices=paper.variants, help="default corrected")
    parser.add_argument("--recipe", metavar="FILE", help="settings from a file, such as best.json of matrepro tune")
    parser.add_argument("--epochs", type=cli.positive, metavar="N", help="default: as in the paper")
    parser.add_argument("--batch", type=cli.positive, metavar="N", help="rows an update, default: as in the paper")
    parser.add_argument(
        "--deterministic", action="store_true", help="equal to the bit in every run with one seed; slower"
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the arithmetic, default as in the recipe; float16 is for GPUs, bfloat16 for processors that know it",
    )
    parser.add_argument(
        "--devices", metavar="N", help="accelerators that train together, or all; default MATREPRO_DEVICES or 1"
    )
    parser.add_argument(
        "--ensemble", type=cli.positive, default=1, metavar="N", help="N trainings with seeds that follow each other"
    )
    parser.add_argument("--overwrite", action="store_true", help="train anew although DIR has another model")
    cli.add_split(parser)
    cli.add_common(parser)
    return parser


def train(arguments, paper: PackageSpec) -> None:
    from common.data import splits
    from common.train.regressor import member_folder
    from common.train.strategy import select as distribution

    work = distribution.on(arguments.devices)  # before anything else is computed
    folder = Path(arguments.model)
    network, changes = _settings(arguments, paper)  # a wrong setting is told before hours of reading
    table, target, left_out = load_labeled(
        arguments.data,
        arguments.target,
        unit=arguments.unit,
        strict=arguments.strict,
        jobs=arguments.jobs,
        reader=paper.read,
    )
    split = make_split(
        table,
        split_file=arguments.split,
        ratio=arguments.shares,
        grouped=arguments.group_by_formula,
        seed=arguments.seed,
        left_out=left_out,
    )
    switches = {"deterministic": arguments.deterministic, "devices": arguments.devices}
    split = network(arguments.variant).parts(split)
    audit = splits.audit(split, table)
    bad, done = {}, True
    for number in range(arguments.ensemble):
        model = network(arguments.variant, seed=arguments.seed + number, **switches, **changes)
        if arguments.strict:
            made = model.features(table, arguments.jobs)
            report_left_out(made.errors, len(made.rows), strict=True)
        inside = member_folder(folder, number) if arguments.ensemble > 1 else folder
        if _claim(inside, model, table, target, split, overwrite=arguments.overwrite):
            note(f"{inside} is trained already; --overwrite trains it anew")
            continue
        done = False
        note(_audit_line(audit) if number == 0 else f"member {number + 1} of {arguments.ensemble}")
        if model.selection == "test":
            note(
                "this variant chooses its epoch on the test part, so that its test error is lower than on new materials"
            )
        save_to = inside if work.chief else None
        trained = fit_and_score(
            model, table, target, split, files={}, checkpoints=inside / "run", save_to=save_to, jobs=arguments.jobs
        )
        bad |= trained.left_out
    if not work.chief:
        note(f"trained; the first of the machines writes {folder}")
        return
    model = paper.load(arguments.model)
    files = {name: folder / f"{name}.csv" for name in ("validation", "test")}
    scored = score(model, table, split, files, jobs=arguments.jobs, bar=True)
    scores = scored.scores
    bad |= scored.left_out
    report_left_out(bad, len(table) - len(bad))
    more = {"split": audit, "model": model.settings(), "left_out": {**left_out, **bad}}
    if scores:
        print(printing.errors(scores, target, model.unit, printing.form_of(arguments), more), end="")
    if not done:
        note(f"saved in {folder}: model, split.json, history.csv{''.join(f', {part}.csv' for part in scores)}")


def _settings(arguments, paper: PackageSpec) -> tuple[type, dict]:
    """The network and what is changed in it; options go before the file of --recipe."""
    changes = {}
    if arguments.recipe:
        recipe = RecipeFile.load(arguments.recipe)
        for name in ("network", "variant"):
            there, asked = getattr(recipe, name), getattr(arguments, name)
            if asked and asked != there:
                raise UserError(f"{arguments.recipe} is for {name} {there}, not {asked}; leave out --{name}")
            setattr(arguments, name, there)
    arguments.network = arguments.network or paper.default
    arguments.variant = arguments.variant or "corrected"
    network = paper.regressor(arguments.network)
    if arguments.recipe:
        changes |= checked(recipe.settings, network, arguments.variant, arguments.recipe)
    options = {name: getattr(arguments, name) for name in ("epochs", "batch", "precision", *paper.settings)}
    return network, changes | {name: value for name, value in options.items() if value is not None}


def _claim(folder: Path, model, table, target: str, split, *, overwrite: bool) -> bool:
    """Write down what is trained in `folder`; True if this very training is finished there.

    Another training there is an error, unless it is to be overwritten.
    """
    data = table.digest(target, densities=model.uses_densities)
    wanted = {**model.settings(), "target": target, "data": data, "split": split.digest()}
    wanted = json.loads(json.dumps(wanted))
    path, finished, checkpoint = folder / "training.json", folder / "model.json", folder / "run" / "checkpoint.npz"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        found = {}
    if found == wanted and not overwrite:
        return finished.exists()
    if (finished.exists() or checkpoint.exists()) and not overwrite:
        old, new = _flat(found), _flat(wanted)
        changed = [f"{name} {old[name]}, not {new[name]}" for name in new if old.get(name, new[name]) != new[name]]
        which = f" with {changed[0]}" if changed else ""
        raise UserError(f"{folder} holds another training{which}; choose another folder or add --overwrite")
    finished.unlink(missing_ok=True)
    checkpoint.unlink(missing_ok=True)
    write_text(path, json.dumps(wanted, indent=1))
    return False


def _flat(settings: dict) -> dict:
    """Nested settings as one level: {"recipe": {"epochs": 3}} -> {"epochs": 3}."""
    flat = {}
    for name, value in settings.items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat


def _audit_line(audit: dict) -> str:
    line = "split: " + ", ".join(f"{audit[f'n_{part}']} {part}" for part in ("train", "validation", "test"))
    if not audit["n_test"]:
        return line
    share = audit["share_of_test_rows_with_formula_in_training"]
    return f"{line}; {share:.0%} of the test materials have a formula that stands in training too"
