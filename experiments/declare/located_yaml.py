"""YAML whose mappings know the file and the lines of their keys, so that an error can name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.io.files import refuse_special

#: What PyYAML raises besides its own errors for values such as a number of 5,000 digits or the date 2020-99-99.
MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class Located(dict[Any, Any]):
    """A mapping with the file that it was read from and the line of each key."""

    path: Path
    lines: dict[Any, int]


@lru_cache
def _loader() -> Any:
    """The loader of YAML, which a machine that only trains may lack."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses duplicate keys and makes `Located` mappings."""

        path: Path

        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            # Checked here, where each node is met once and its merged keys (`<<`) are not yet in it.
            node: yaml.MappingNode = super().compose_mapping_node(anchor)
            first: dict[str, int] = {}
            for key, _ in node.value:
                line = _line(key)
                if not isinstance(key, yaml.ScalarNode):
                    raise UserError(f"{self.path}:{line}: a key must be a word or a number")
                if key.value in first:
                    raise UserError(
                        f"{self.path}:{line}: duplicate key {key.value!r}, first in line {first[key.value]}; keep one"
                    )
                first[key.value] = line
            return node

        def located(self, node: yaml.MappingNode) -> Iterable[Located]:
            made = Located()
            made.path, made.lines = self.path, {}
            yield made
            made.update(self.construct_mapping(node))
            made.lines.update({self.construct_object(key): _line(key) for key, _ in node.value})

    Loader.add_constructor("tag:yaml.org,2002:map", Loader.located)
    return Loader


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def read(path: Path) -> Located:
    """The mapping in a YAML file; syntax errors and duplicate keys name the line."""
    import yaml

    refuse_special(path)
    try:
        loader = _loader()(path.read_text(encoding="utf-8"))
        loader.path = path
        found = loader.get_single_data()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UserError(f"{path}:{mark.line + 1 if mark else 1}: {error.problem or error.context}") from None
    except (yaml.YAMLError, *MALFORMED) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, Located):
        raise UserError(f"{path}:1: the file must hold a mapping, such as `paper: name`")
    return found


def at(mapping: Mapping[Any, Any], key: object = None) -> str:
    """`file:line: ` of a key, as the start of an error message; empty for mappings that were made by the program."""
    if not isinstance(mapping, Located) or not hasattr(mapping, "path"):
        return ""
    line = mapping.lines.get(key, min(mapping.lines.values(), default=0))
    return f"{mapping.path}:{line}: " if line else f"{mapping.path}: "
