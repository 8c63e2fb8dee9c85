"""Bars: lines where nobody looks, one a state; nothing where none is wanted."""

import io
import sys

from cortexsim import progress
from cortexsim.progress import Lines, bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_whole_lines_and_no_carriage_return(capsys, monkeypatch):
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0)
    assert list(bar("abc", doing="reading", unit="images")) == ["a", "b", "c"]
    text = capsys.readouterr().err
    assert "\r" not in text
    assert text.endswith("\n")
    lines = text.splitlines()
    assert all(line.startswith("reading") for line in lines)
    assert "3/3" in lines[-1]
    assert "images/s" in lines[-1]


def test_between_the_lines_of_a_log_ten_seconds_pass(capsys):
    """Those at the beginning and at the end stand alone, however many steps lie between."""
    with bar(total=10_000, unit="images") as shown:
        for _ in range(10_000):
            shown.update()
    first, *between, last = capsys.readouterr().err.splitlines()
    assert "0/10000" in first
    assert "10000/10000" in last
    assert len(between) * 10 <= shown.format_dict["elapsed"]


def test_a_terminal_has_one_line_that_is_drawn_over(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    list(bar("abc", unit="images"))
    assert "\r" in terminal.getvalue()
    assert terminal.getvalue().count("\n") == 1


def test_no_bar_where_none_is_wanted(capsys):
    assert list(bar("abc", shown=False)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_what_only_clears_is_no_line():
    stream = io.StringIO()
    lines = Lines(stream)
    lines.write("\r" + " " * 40 + "\r")
    lines.write("\rhalf done   ")
    lines.write("\n")
    lines.flush()
    assert stream.getvalue() == "half done\n"
