"""The options of `matrepro models`."""

from __future__ import annotations

import argparse
from typing import Any

from common.cli.options import add_common, add_output, fraction, workers
from common.cli.package_spec import FILES_HELP
from common.cli.parser import add_command


def add_predict(commands: Any) -> None:
    one = add_command(
        commands,
        "predict",
        "experiments.cli.predict:predict",
        "predict all properties that the installed presets know",
        """matrepro predict SrTiO3 quartz.cif
        matrepro predict my.csv --models finder-gap,finder-gap-exp --output predicted.csv""",
        "Predict the properties of materials by all presets that take them: by composition for formulas and crystals, "
        "by structure for crystals, by density of states for vasprun.xml and CompleteDos files. The domain says "
        "whether a material lies inside, at the edge or outside of what the preset was trained on.",
    )
    one.add_argument("data", nargs="+", metavar="DATA", help=f"chemical formulas, vasprun.xml files, {FILES_HELP}")
    one.add_argument(
        "--models", default="", metavar="A,B", help="presets or folders of trained models, default: all presets"
    )
    one.add_argument(
        "--interval", type=fraction, default=0.9, metavar="P", help="probability of the intervals, default 0.9"
    )
    add_output(one, (".csv", ".json"), "write a .csv or .json file instead of printing")
    add_common(one)


def add_models(commands: Any) -> None:
    parser = add_command(
        commands,
        "models",
        None,
        "list, describe, verify, export, import, remove and build presets",
        """matrepro models list
        matrepro models info finder-gap
        finder predict --model finder-gap SrTiO3""",
        "Presets are small trained models that every --model option takes by name.",
    )
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    one = _add(inner, "list", "list_all", "list the installed presets", "matrepro models list")
    one.add_argument("--json", action="store_true", help="print JSON")
    one = _add(inner, "info", "info", "print the model card of a preset", "matrepro models info finder-gap")
    one.add_argument("name", metavar="NAME", help="a preset or its folder")
    one.add_argument("--json", action="store_true", help="print the metadata as JSON")
    one = _add(inner, "verify", "check", "check the files of presets", "matrepro models verify")
    one.add_argument("names", nargs="*", metavar="NAME", help="presets or their folders, default: all installed")
    one = _add(
        inner,
        "export",
        "export",
        "write a preset to a folder in the layout of Hugging Face",
        "matrepro models export finder-gap --output upload/finder-gap",
    )
    one.add_argument("name", metavar="NAME", help="a preset or its folder")
    one.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    one.add_argument("--overwrite", action="store_true", help="replace another preset in DIR")
    one = _add(
        inner,
        "import",
        "install",
        "install a preset",
        """matrepro models import downloads/finder-gap
        matrepro models import hf://owner/finder-gap""",
    )
    one.add_argument(
        "source",
        metavar="SOURCE",
        help="folder of a preset, package:NAME of an installed package with presets, hf://OWNER/NAME, or an address "
        "with --sha256",
    )
    one.add_argument(
        "--sha256", default="", metavar="HEX", help="checksum of the preset's metadata.json, which export prints"
    )
    one.add_argument("--overwrite", action="store_true", help="replace an installed preset of this name")
    one = _add(inner, "remove", "remove", "delete an imported preset", "matrepro models remove finder-gap")
    one.add_argument("name", metavar="NAME", help="an imported preset")
    one = _add(inner, "build", "build", "train declared presets", "matrepro models build finder-log-k")
    one.add_argument("names", nargs="+", metavar="NAME", help="names of declared presets")
    one.add_argument("--declared", metavar="FILE", help="YAML file, default: that of this project")
    one.add_argument("--output", metavar="DIR", help="folder for the presets, default: presets/ of their packages")
    one.add_argument(
        "--renew", action="store_true", help="keep the trained weights, and measure errors, intervals and domain again"
    )
    one.add_argument("--jobs", type=workers, default=1, metavar="N", help="processes for featurizing, default 1")


def _add(commands: Any, name: str, handler: str, summary: str, example: str) -> argparse.ArgumentParser:
    return add_command(commands, name, f"experiments.cli.models:{handler}", summary, example)
