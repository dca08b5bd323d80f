"""README and pages: length, links, and shell commands that the real parsers accept."""

import re
import shlex
from pathlib import Path
from pkgutil import resolve_name

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs/methods").glob("*.md"),
    *(ROOT / name / "README.md" for name in ("profitnet", "finder", "diffcomp", "esnet", "experiments")),
]
PARSERS = {
    "matrepro": "experiments.cli.main:build_parser",
    **{name: f"{name}.cli:build_parser" for name in ("profitnet", "finder", "diffcomp", "esnet")},
}
#: Programs of others that the pages call.
OTHERS = {".", "python", ".venv/bin/python", "conda", "docker", "ray", "git", "apt-get"}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def commands(page: Path) -> list[list[str]]:
    """The words of each command in the fenced shell blocks of a page, and of commands indented by four spaces."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text_of(page), re.DOTALL | re.MULTILINE)
    indented = re.findall(rf"^    ((?:{'|'.join(PARSERS)}) .*)$", text_of(page), re.MULTILINE)
    found = []
    for line in ["\n".join(blocks), "\n".join(indented)]:
        for command in line.replace("\\\n", " ").splitlines():
            words = shlex.split(command, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if words:
                found.append(words)
    return found


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_readme_is_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= 160


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_exists(page):
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text_of(page))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_shell_command_parses(page, capsys):
    targets = re.findall(r"^([a-z%-]+[a-z0-9%-]*):", text_of(ROOT / "Makefile"), re.MULTILINE)
    patterns = [re.escape(target).replace("%", ".+") for target in targets]
    for words in commands(page):
        program, *arguments = words
        if program in PARSERS:
            try:
                resolve_name(PARSERS[program])().parse_args(arguments)
            except SystemExit as error:  # 0 after --help
                assert error.code == 0, f"{shlex.join(words)}: {capsys.readouterr().err}"
        elif program == "make":
            goals = [word for word in arguments if "=" not in word]
            assert all(any(re.fullmatch(pattern, goal) for pattern in patterns) for goal in goals), words
        else:
            assert program in OTHERS, words


def test_the_glossary_is_short_and_each_term_stands_once():
    section = text_of(ROOT / "CONTRIBUTING.md").partition("## Glossary")[2].partition("\n## ")[0]
    terms = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(terms) == len(set(terms)) <= 25


def test_project_files_state_the_facts_of_the_package():
    from common import __version__

    citation = yaml.safe_load(text_of(ROOT / "CITATION.cff"))
    assert citation["version"] == __version__
    reported = [yaml.safe_load(text_of(path)) for path in (ROOT / "experiments/papers").glob("*/reported.yaml")]
    assert {paper["doi"] for paper in reported} == {paper["doi"] for paper in citation["references"]}


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=page_id)
def test_files_of_the_repository_host_are_valid_yaml(path):
    assert isinstance(yaml.safe_load(text_of(path)), dict)


def test_every_message_of_the_troubleshooting_page_is_one_of_the_code():
    page = text_of(ROOT / "docs/troubleshooting.md").partition("| problem |")[0]
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    messages = [piece.strip() for cell in cells for text in re.findall("`(.+?)`", cell) for piece in text.split("...")]
    folders = ("common", "profitnet", "finder", "diffcomp", "esnet", "experiments")
    source = "".join(text_of(path) for folder in folders for path in (ROOT / folder).rglob("*.py"))
    source = re.sub(r'"\s+f?"', "", re.sub(r"\{[^{}]*\}", "{}", source))  # joined literals, open places
    expected = [message.replace("train and in test", "{} and in {}") for message in messages]
    assert len(expected) > 10 and [message for message in expected if message not in source] == []


def test_the_page_of_the_python_interface_explains_every_name():
    import matrepro

    overview = text_of(ROOT / "docs/api.md").partition("## Overview")[2].partition("```")[0]
    cells = " ".join(line.split("|")[1] for line in overview.splitlines() if line.startswith("| `"))
    assert [name for name in matrepro.__all__ if f"`{name}" not in cells] == ["__version__"]
