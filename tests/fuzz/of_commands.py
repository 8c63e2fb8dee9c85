"""Command lines: options that there are not, without a value, with a strange one, or too many.

The options are those of the parsers, so that a new one is fuzzed the day it is written.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import io
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import things as t
from judging import Case, Refused
from strange import COUNTS

from cortexsim import cli
from cortexsim.__main__ import VERBS

# No folder above this one: verify would read all of it, and rightly.
UNENDING = ("--serve",)
"""Options that serve until they are interrupted."""
WORDS = [
    *("", "-1", "0", "1.5", "nan", "inf", "1e999", "99999999999999999999", "abc", "é", " ", "--"),
    *("nowhere", "nowhere.zarr", ".", "none.nc", "a,b", "a:b", "1:2:3", "true", "None"),
    *("x" * 300, "a/b/c", "own.py:net", "torchvision:nothing", "*", "%s", "{}", "-", "cuda:99"),
    *("/dev/null", "flash:0", "rsvp:9,0", "\udcff", "readonly.txt/x", "notes.txt"),
]
SLOW = {
    "train": ["--data", "nowhere"],
    "mask": ["--stimuli", "nowhere"],
    "compare": ["--neural", "nowhere"],
    "fetch": ["nowhere"],
}
"""What ends a command at the latest where all else was accepted: these take minutes."""


def _bases() -> dict[str, list[str]]:
    """A sound command line of each verb, that is done in a moment."""
    recording, movie = str(t.recording_path()), str(t.movie_path())
    small = ["--limit", "1", "--steps", "2", "--no-figure", "--overwrite"]
    return {
        "record": ["--out", "new.zarr", "--model", str(t.weights_path()), *small],
        "rdm": [recording, "--out", "new-movie.zarr", "--no-figure", "--overwrite"],
        "table": [movie, "--out", "table.csv", "--overwrite"],
        "show": [recording, "--out", "one.png", "--overwrite"],
        "verify": [movie],
        "explore": [recording, "--out", "page.html", "--overwrite"],
        "cite": [recording],
        "completion": ["bash"],
        "models": [],
        "neural": ["list"],
        "brainscore": ["package", "--model", "cortex4", "--out", "new.zip"],
        "train": [],
        "mask": [],
        "compare": [recording],
    }


@functools.cache
def verbs() -> tuple[str, ...]:
    """All that the console script knows."""
    return tuple(sorted(verb for group in VERBS.values() for verb in group))


def _door(verb: str) -> Callable[[list[str]], int]:
    if verb in ("models", "completion"):
        return getattr(importlib.import_module("cortexsim.__main__"), verb)
    within = ".__main__" if verb in ("neural", "brainscore") else ""
    return importlib.import_module(f"cortexsim.{verb}{within}").main


@functools.cache
def options(verb: str) -> tuple[argparse.Action, ...]:
    """The options of a verb, as its parser has them."""
    seen: list[argparse.ArgumentParser] = []

    class Seen(Exception):
        pass

    def parse(self: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        seen.append(self)
        raise Seen

    plain = argparse.ArgumentParser.parse_args
    argparse.ArgumentParser.parse_args = parse  # type: ignore[assignment, method-assign]
    try:
        with contextlib.suppress(Seen):
            _door(verb)({"brainscore": ["package"]}.get(verb, []))
    finally:
        argparse.ArgumentParser.parse_args = plain  # type: ignore[method-assign]
    return tuple(
        a
        for a in (seen[0]._actions if seen else ())
        if a.dest != "help" and not set(a.option_strings) & set(UNENDING)
    )


def case(seed: int, k: int, folder: Path) -> Case:
    """Case k: every verb in turn."""
    rng = random.Random(f"commands {seed} {k}")
    verb = verbs()[k % len(verbs())]
    words = list(_bases().get(verb, []))
    below: list[str] = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        words, negative = _changed(rng, words, options(verb))
        below += negative
    words += SLOW.get(verb, [])
    (folder / "notes.txt").write_text("notes")

    def work() -> int:
        spoken = io.StringIO()
        kept = sys.stderr
        sys.stderr = spoken
        try:
            cli.run(lambda: _door(verb)(words))
        except SystemExit as end:
            status = end.code or 0
        finally:
            sys.stderr = kept
        if status in (1, 2) and _last(spoken.getvalue()):
            raise Refused(spoken.getvalue())
        if status:
            raise RuntimeError(f"exit status {status} without a word: {spoken.getvalue()[-200:]}")
        return 0

    def wrong(_: int) -> str:
        return f"accepts {', '.join(below)}" if below and verb not in SLOW else ""

    return Case(verb, " ".join(ascii(word)[1:-1][:60] for word in words), work, wrong)


def _last(text: str) -> bool:
    """Whether a command ended with words, not with a traceback."""
    return bool(text.strip()) and "Traceback" not in text


def _changed(
    rng: random.Random, words: list[str], known: tuple[argparse.Action, ...]
) -> tuple[list[str], list[str]]:
    """Other words, and the numbers below 0 that must be refused."""
    words = list(words)
    named = [a for a in known if a.option_strings]
    how = rng.choice(["option", "option", "option", "option", "place", "unknown", "lost", "bare"])
    word = rng.choice(WORDS)
    if how == "option" and named:
        action = rng.choice(named)
        name = action.option_strings[0]
        if isinstance(action.choices, (list, tuple)) and rng.random() < 0.5:
            word = str(rng.choice(action.choices)) + rng.choice(["", "x", " "])
        if action.nargs == 0:
            return [*words, name + rng.choice(["", "=1", "x"])], []
        count = action.nargs if isinstance(action.nargs, int) else 1
        given = [f"{name}={word}"] if rng.random() < 0.3 else [name, *[word] * count]
        negative = word == "-1" and action.dest in COUNTS
        return [*words, *given], [f"{name} -1"] if negative else []
    if how == "place":
        at = rng.randrange(len(words) + 1)
        return [*words[:at], word, *words[at + (rng.random() < 0.5) :]], []
    if how == "unknown":
        return [*words, rng.choice(["--zzz", "-z", "--", "---", "--out-of", "--"]), word], []
    if how == "lost" and words:
        at = rng.randrange(len(words))
        return [*words[:at], *words[at + 1 :]], []
    if named:
        return [*words, rng.choice(named).option_strings[0]], []
    return [*words, word], []
