"""Any frozen dataclass is a command line; our errors are a message and a status."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cortexsim.cli import option, parse, parser_for, run
from cortexsim.errors import CortexsimError


@dataclass(frozen=True)
class Toy:
    where: str = option(text="a 50 % share")
    count: int = option(3, "how many")
    size: float | None = option(None, "how large")
    names: tuple[str, ...] = option((), "called what", metavar="NAME")
    loud: bool = option(False, "or not")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("here", Toy("here")),
        ("here --count 4 --size 2", Toy("here", 4, 2.0)),
        ("--names a b --loud -- here", Toy("here", names=("a", "b"), loud=True)),
    ],
)
def test_any_dataclass_is_a_command_line(line, expected):
    assert parse(Toy, line.split(), "toy", "") == expected


def test_a_field_without_default_is_a_required_argument(capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(Toy, [], "toy", "")
    assert "required: where" in capsys.readouterr().err
    shown = parser_for(Toy, "toy", "").format_help()
    assert "a 50 % share" in shown
    assert "how many (default: 3)" in shown
    assert "NAME" in shown


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (CortexsimError("three found, two expected"), 1, "error: three found, two expected\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_our_errors_are_a_message_and_a_status(error, status, message, capsys):
    def fail():
        raise error

    with pytest.raises(SystemExit) as ended:
        run(fail)
    assert (ended.value.code, capsys.readouterr().err) == (status, message)


def test_errors_that_are_not_ours_keep_their_traceback():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(fail)


def test_two_dashes_are_no_value(capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(Toy, ["here", "--count=--"], "toy", "A toy.")
    assert stopped.value.code == 2
    assert "--count=--: -- is no value" in capsys.readouterr().err
