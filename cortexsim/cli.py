"""Command lines generated from frozen dataclasses: one field, one option."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import functools
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from cortexsim.errors import CortexsimError
from cortexsim.refusals import ONLY_WRITING, refusal

Chosen = typing.TypeVar("Chosen")


def option(default: Any = dataclasses.MISSING, text: str = "", **extra: Any) -> Any:
    """A dataclass field with the help text of its option.

    Parameters
    ----------
    default : object
        Without one, the field is an argument by position.
    text : str
        The help of the option.
    **extra : object
        Goes to argparse (choices, metavar, nargs).
    """
    metadata = {"help": text, **extra}
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


PICTURES = (".png", ".pdf", ".svg")  # what a figure can be written as


def picture(path: str) -> str:
    """The value of an option that names a picture.

    Parameters
    ----------
    path : str
        Its suffix is the format.

    Raises
    ------
    argparse.ArgumentTypeError
        For another suffix.

    Examples
    --------
    >>> picture("a.pdf")
    'a.pdf'
    """
    if path.lower().endswith(PICTURES):
        return path
    raise argparse.ArgumentTypeError(f"{path!r} is no picture: it ends in {', '.join(PICTURES)}")


def figure_option(text: str) -> Any:
    """The field of a figure: ``--figure`` beside the output, ``--figure PATH``, ``--no-figure``.

    Parameters
    ----------
    text : str
        What is drawn.
    """
    return option(
        True,
        f"{text}, beside the output or where PATH says (.png, .pdf, .svg)",
        type=picture,
        metavar="PATH",
    )


SHARED: dict[str, dict[str, Any]] = {
    "device": {"default": "auto", "text": "auto, cpu, cuda, cuda:N"},
    "scheduler": {
        "default": None,
        "text": "tcp://HOST:PORT of a dask scheduler, whose workers see the recording under the "
        "same path; default this process",
        "metavar": "ADDRESS",
    },
    "size": {
        "default": None,
        "text": "image side in pixels; default as the model card declares",
    },
}


def shared_option(name: str) -> Any:
    """The field of an option that several commands have in the same words, of ``SHARED``."""
    return option(**SHARED[name])


class Parser(argparse.ArgumentParser):
    """An argument parser that names the nearest option where one is mistyped."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Without argparse's reading of ``--option=--`` as an option with no value at all."""
        for word in sys.argv[1:] if args is None else args:
            if word.startswith("--") and word.endswith("=--"):
                self.error(f"{word}: -- is no value; give one behind the =")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Exit status 2, with the usage, what is wrong, and what may have been meant."""
        unknown = message.partition("unrecognized arguments: ")[2].split()
        known = [name for action in self._actions for name in action.option_strings]
        near = [
            f"{close[0]} for {word}"
            for word in unknown
            if word.startswith("-")
            and (close := difflib.get_close_matches(word.partition("=")[0], known, 1))
        ]
        super().error(message + (f"; did you mean {', '.join(near)}?" if near else ""))


def parser_for(config: type, prog: str, description: str) -> argparse.ArgumentParser:
    """An argument parser with one option for each field of a dataclass."""
    parser = Parser(
        prog=prog,
        description=description.replace("``", ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        _add_option(parser, field, hints[field.name])
    return parser


def _add_option(parser: argparse.ArgumentParser, field: dataclasses.Field, hint: Any) -> None:
    """The option, or the argument by position, of one field."""
    extra = {key: value for key, value in field.metadata.items() if key != "help"}
    extra["help"] = _help(field)
    kind, many = _kind(hint)
    positional = field.default is dataclasses.MISSING
    if hint == bool | str:
        _add_switch_with_value(parser, field, extra)
        return
    # A field whose name would be a word of Python ends in _, its option does not.
    name = field.name if positional else "--" + field.name.rstrip("_").replace("_", "-")
    if field.name.endswith("_"):
        extra["dest"] = field.name
    if kind is bool and field.default is False:
        parser.add_argument(name, action="store_true", help=extra["help"])
        return
    if kind is bool:
        extra = {"help": extra["help"], "action": argparse.BooleanOptionalAction}
    else:
        extra["type"] = kind
    if many:
        extra.setdefault("nargs", "+")
    if many or not positional:
        extra["default"] = field.default
    parser.add_argument(name, **extra)


def _add_switch_with_value(
    parser: argparse.ArgumentParser, field: dataclasses.Field, extra: dict[str, Any]
) -> None:
    """``--name``, ``--name VALUE`` and ``--no-name`` of a field that is a bool or a text."""
    name = field.name.replace("_", "-")
    switch: dict[str, Any] = {"dest": field.name, "default": field.default}
    parser.add_argument(f"--{name}", nargs="?", const=True, **switch, **extra)
    parser.add_argument(
        f"--no-{name}", action="store_false", help=f"the opposite of --{name}", **switch
    )


def _help(field: dataclasses.Field) -> str:
    """The help of a field, with its default."""
    text = field.metadata.get("help", "")
    if field.default not in (None, dataclasses.MISSING, ()) and field.default is not False:
        default = field.default
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        text += f" (default: {shown})"
    return text.replace("%", "%%")


def _kind(hint: Any) -> tuple[Callable[[str], Any], bool]:
    """The converter of an annotation, and whether it takes several values.

    ``int | None`` is int, ``tuple[int, ...]`` several.
    """
    if isinstance(hint, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True
    return hint, False


def parse(config: type, arguments: Sequence[str] | None, prog: str, description: str) -> Any:
    """The dataclass filled from the command line."""
    values = vars(parser_for(config, prog, description).parse_args(arguments))
    return config(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def settings_of(kind: Callable[..., Chosen], config: Any, **resolved: Any) -> Chosen:
    """A dataclass of settings, its fields taken from the options of the same names.

    Parameters
    ----------
    kind : type
        The dataclass.
    config : object
        The options.
    **resolved : object
        The other fields: what options name in words, and what is no option.
    """
    names = {field.name for field in dataclasses.fields(typing.cast(Any, kind))} - set(resolved)
    return kind(**{name: getattr(config, name) for name in names}, **resolved)


def arguments_of(config: Any) -> list[str]:
    """The command line that says what a configuration says, settings at their default left out."""
    arguments: list[str] = []
    for field in dataclasses.fields(config):
        value, option = getattr(config, field.name), "--" + field.name.replace("_", "-")
        if value is None or value == field.default:
            continue
        if isinstance(value, bool):
            arguments.append(option if value else option.replace("--", "--no-", 1))
        else:
            arguments += [option, *map(str, value if isinstance(value, tuple) else (value,))]
    return arguments


def in_options(text: str) -> str:
    """A message in which parameters are options: the library names those in backticks.

    Parameters
    ----------
    text : str
        With ```name``` or ```name=value``` of parameters.

    Examples
    --------
    >>> in_options("lower `batch_size`, or give `dtype='float32'` and `resume=True`")
    'lower --batch-size, or give --dtype float32 and --resume'
    >>> in_options("give `compile=False`")
    'give --no-compile'
    """
    return re.sub("`([a-z][a-z_]*)(?:=([^`]*))?`", _as_option, text)


def _as_option(match: re.Match[str]) -> str:
    """One parameter, perhaps with a value, as an option."""
    name, value = match[1].rstrip("_").replace("_", "-"), match[2]
    if value in (None, "True"):
        return f"--{name}"
    if value == "False":
        return f"--no-{name}"
    return f"--{name} {value.strip(chr(39))}"


def command(main: Callable[..., int]) -> Callable[..., int]:
    """A door, whose errors name options where those of the library name parameters."""

    @functools.wraps(main)
    def door(arguments: Sequence[str] | None = None) -> int:
        try:
            return main(arguments)
        except CortexsimError as error:
            error.args = (in_options(str(error)),)
            raise
        except BrokenPipeError:
            raise  # of what reads our output, see run
        except (OSError, MemoryError) as error:
            raise CortexsimError(in_options(_of_the_system(error))) from error
        except RuntimeError as error:  # of torch, which has no MemoryError
            if re.search("can't allocate memory|out of memory", str(error)):
                raise CortexsimError(in_options(_of_the_system(MemoryError(error)))) from error
            raise

    return door


def _of_the_system(error: OSError | MemoryError) -> str:
    """What the system refused and nobody below told in words of ours."""
    if isinstance(error, MemoryError):
        said = f" ({error})" if str(error) else ""
        return (
            f"this machine's memory is used up{said}; ask for fewer stimuli, states or steps at "
            "a time, or lower `batch_size`"
        )
    named = str(error.filename) if error.filename is not None else ""
    if named and error.errno in ONLY_WRITING:
        return refusal(Path(named), error)
    said = error.strerror or str(error) or type(error).__name__
    what = named or "what was to be written or printed"
    return f"{what}: {said}; the system refuses to read or write it"


def run(main: Callable[[], int]) -> None:
    """Run a command: an error of ours is one message and exit status 1, not a traceback."""
    try:
        status = main()
        sys.stdout.flush()
        sys.exit(status)
    except CortexsimError as error:
        print(f"error: {error}", file=sys.stderr)
        _drop_output()
        sys.exit(1)
    except BrokenPipeError:  # who reads what we print has seen enough
        _drop_output()
        sys.exit(1)
    except OSError as error:
        print(f"error: what is printed cannot be written: {error.strerror}", file=sys.stderr)
        _drop_output()
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _drop_output() -> None:
    """What is still to be printed and cannot be is dropped; the interpreter would complain."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
