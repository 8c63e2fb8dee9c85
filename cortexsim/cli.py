"""Command lines generated from frozen dataclasses: one field, one option."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

from cortexsim.errors import CortexsimError


def option(default: Any = dataclasses.MISSING, text: str = "", **extra: Any) -> Any:
    """A dataclass field with the help text of its option; ``extra`` goes to argparse (choices, metavar, nargs)."""
    metadata = {"help": text, **extra}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def parser_for(config: type, prog: str, description: str) -> argparse.ArgumentParser:
    """An argument parser with one option for each field of a dataclass."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=description.replace("``", ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        extra = dict(field.metadata)
        text = extra.pop("help", "")
        kind, many = _kind(hints[field.name])
        positional = field.default is dataclasses.MISSING
        # A field whose name would be a word of Python ends in _, its option does not.
        name = field.name if positional else "--" + field.name.rstrip("_").replace("_", "-")
        if field.name.endswith("_"):
            extra["dest"] = field.name
        if field.default not in (None, dataclasses.MISSING, ()) and field.default is not False:
            shown = (
                " ".join(map(str, field.default))
                if isinstance(field.default, tuple)
                else field.default
            )
            text += f" (default: {shown})"
        text = text.replace("%", "%%")
        if kind is bool and field.default is False:
            parser.add_argument(name, action="store_true", help=text)
        elif kind is bool:
            parser.add_argument(
                name, action=argparse.BooleanOptionalAction, default=field.default, help=text
            )
        elif many:
            parser.add_argument(
                name,
                type=kind,
                nargs=extra.pop("nargs", "+"),
                default=field.default,
                help=text,
                **extra,
            )
        elif positional:
            parser.add_argument(name, type=kind, help=text, **extra)
        else:
            parser.add_argument(name, type=kind, default=field.default, help=text, **extra)
    return parser


def _kind(hint: Any) -> tuple[Callable[[str], Any], bool]:
    """The converter of an annotation and whether it takes several values: ``int | None`` is int, ``tuple[int, ...]`` several."""
    if isinstance(hint, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    return hint, False


def parse(config: type, arguments: Sequence[str] | None, prog: str, description: str) -> Any:
    """The dataclass filled from the command line."""
    values = vars(parser_for(config, prog, description).parse_args(arguments))
    return config(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def run(main: Callable[[], int]) -> None:
    """Run a command: an error of ours is one message and exit status 1, not a traceback."""
    try:
        sys.exit(main())
    except CortexsimError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
