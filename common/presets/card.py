"""The model card of a preset: README.md with the front matter of Hugging Face, from its metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from common.chem.elements import SYMBOLS
from common.io.text import unit_of

#: What a card says of data without a stated licence.
NO_LICENCE = "no licence is stated by the source"


def model_card(facts: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Markdown. `facts` is metadata.json:

    name, version, model, target, unit, members, parameters, elements: written by `write_preset`. paper, title, package:
    the article, and the package with the command. property: the target in words. dataset: {name, source, date, licence,
    article, rows}. split: a sentence. errors: [{model, MAE, source}, ...], the preset's own first. coverage: {level,
    measured, n, median_width}. domain: [{class, n, MAE}, ...]. limits: sentences. Entries that are missing are left out
    of the card.
    """
    blocks = [_front_matter(facts), f"# {facts['name']}", _summary(facts, config)]
    blocks += [_use(facts), _data(facts), _errors(facts), _intervals(facts, config), _domain(facts)]
    blocks += [_elements(facts["elements"]), _limits(facts), _citation(facts)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _front_matter(facts: Mapping[str, Any]) -> str:
    lines = ["---", "library_name: matrepro", "tags:", "- materials-science", "- regression"]
    lines += [f"- {facts['model']}", f"license: {facts.get('licence', 'mit')}"]
    dataset, errors = facts.get("dataset", {}), facts.get("errors", ())
    if dataset.get("name"):
        lines += ["datasets:", f"- {dataset['name']}"]
    if errors:
        lines += ["model-index:", f"- name: {facts['name']}", "  results:", "  - task:", "      type: regression"]
        lines += ["    dataset:", f"      name: {_quoted(dataset.get('name', '?'))}", "      type: tabular"]
        lines += ["    metrics:", "    - type: mae", f"      value: {errors[0]['MAE']:.4g}"]
    return "\n".join([*lines, "---"])


def without_front_matter(card: str) -> str:
    """The card as people read it."""
    return card.split("\n---\n", 1)[-1].lstrip() if card.startswith("---\n") else card


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _summary(facts: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    needs = facts.get("needs") or ("structures" if config["config"].get("mode") == "crystal" else "")
    members = f", an ensemble of {facts['members']}" if facts["members"] > 1 else ""
    weights = f"weights of {facts['bits']} bits" if facts.get("bits", 8) < 8 else "int8 weights"
    text = f"Predicts `{facts['target']}`{unit_of('MAE', facts['unit'])}"
    if facts.get("property"):
        text = f"Predicts the {facts['property']}, `{facts['target']}`{unit_of('MAE', facts['unit'])},"
    text += f" from {needs}." if needs else "."
    return (
        f"{text} Network `{facts['model']}`{members}, {facts['parameters']:,} parameters, {weights}, with which "
        f"all errors below are measured; matrepro {facts['version']}."
    )


def _use(facts: Mapping[str, Any]) -> str:
    package = facts.get("package", "")
    if not package:
        return ""
    example = facts.get("example", "SrTiO3")
    return f"```\n{package} predict --model {facts['name']} {example} --interval 0.9\n```"


def _data(facts: Mapping[str, Any]) -> str:
    dataset = facts.get("dataset")
    if not dataset:
        return ""
    lines = ["## Data", "", f"- dataset: {dataset['name']}, {dataset.get('rows', '?')} materials"]
    lines += [f"- {name}: {dataset[name]}" for name in ("source", "date", "article") if dataset.get(name)]
    lines.append(f"- licence of the data: {dataset.get('licence') or NO_LICENCE}; the weights have the project's (MIT)")
    if facts.get("split"):
        lines.append(f"- split: {facts['split']}")
    return "\n".join(lines)


def _errors(facts: Mapping[str, Any]) -> str:
    rows = [[one["model"], f"{one['MAE']:.4g}", one.get("source", "")] for one in facts.get("errors", ())]
    return _section("Errors", ["model", f"MAE{unit_of('MAE', facts['unit'])}", "measured on"], rows)


def _intervals(facts: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    conformal, measured = config.get("conformal"), facts.get("coverage", {})
    if not conformal:
        return ""
    text = (
        f"## Intervals\n\nSplit-conformal, calibrated on {conformal['n']} materials of the {conformal['source']} set."
    )
    if measured:
        text += (
            f" Calibrated on one random half of it, intervals of {measured['level']:.0%} cover"
            f" {measured['measured']:.1%} of the other half ({measured['n']} materials, mean over many halves); their"
            f" median width is {measured['median_width']:.4g}{unit_of('MAE', facts['unit'])}."
        )
    return text


def _domain(facts: Mapping[str, Any]) -> str:
    rows = [[one["class"], str(one["n"]), f"{one['MAE']:.4g}"] for one in facts.get("domain", ())]
    text = _section("Domain", ["class", "held-out materials", f"MAE{unit_of('MAE', facts['unit'])}"], rows)
    if text and not facts.get("domain_separates"):
        text += "\n\nErrors outside are less than twice those inside: the classes do not separate well."
    return text


def _elements(symbols: Iterable[str]) -> str:
    known = sorted(symbols, key=SYMBOLS.index)
    return f"## Elements\n\n{len(known)} elements: {', '.join(known)}." if known else ""


def _limits(facts: Mapping[str, Any]) -> str:
    return "\n".join(["## Limits", "", *(f"- {text}" for text in facts["limits"])]) if facts.get("limits") else ""


def _citation(facts: Mapping[str, Any]) -> str:
    return f"## Citation\n\n{facts['paper']}" if facts.get("paper") else ""


def _section(title: str, header: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join([f"## {title}", "", *(f"| {' | '.join(line)} |" for line in lines)])
