"""Two commands that begin the same output at the same instant, and readers beside a writer.

One of two runs, and the other says who holds the output (or, where it comes too late for that,
that the output exists): then what is there is whole, and nothing temporary is left. A reader that
opens a recording again and again while it is written gets whole batches and no alarm.
"""

from __future__ import annotations

import functools
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from children import begun, ended, warm
from doing import commands, prepared
from outputs import COUNT, quietly
from table import Row

import cortexsim
from cortexsim.errors import RecordingError
from cortexsim.experiments.verify.outputs import Verdict, verified

GOOD = ("one ran and the other said who holds it", "one after the other")
BAD = ("both ran", "none ran", "damaged", "leftovers", "other error", "hang")
READER = "a reader beside record"
HELD = r"is being (written|trained into) by process (\d+) on \S+, since "


def rows(rounds: int = 50, seed: int = 0, *, of: str = "") -> Iterator[Row]:
    """So many rounds of each pair of commands.

    seed: of when a reader opens. of: only pairs with this text in their name.
    """
    torch.set_num_threads(1)  # a child of a fork has no threads of its parent
    with tempfile.TemporaryDirectory() as folder:
        doing = commands(prepared(Path(folder)))
        warm({name: work for name, work in doing.items() if name in of or not of}, Path(folder))
        pairs = [(name, name) for name in doing] + [("record", "record --rdm"), ("record", "rdm")]
        named = {f"{a} and {b}": (a, b) for a, b in pairs}
        for name, (first, second) in named.items():
            if of not in name:
                continue
            row = Row("race", name, GOOD, BAD)
            for k in range(rounds):
                with tempfile.TemporaryDirectory() as place:
                    outcome, why = _race(doing[first], doing[second], Path(place))
                    row.add(outcome, f"round {k}: {why}")
            yield row
        if of in READER:
            yield _reading(doing["record"], rounds, seed)


def _race(
    first: Callable[[str], int], second: Callable[[str], int], place: Path
) -> tuple[str, str]:
    """Both, in processes of their own that begin together."""
    out, (gate, opener) = place / "out", os.pipe()
    children = [
        begun(work, str(out), place / f"said-{k}", gate, opener)
        for k, work in enumerate((first, second))
    ]
    os.close(gate)
    os.close(opener)  # both read its end now
    statuses = [ended(child) for child in children]
    said = [(place / f"said-{k}").read_text() for k in range(2)]
    for k in range(2):
        (place / f"said-{k}").unlink()
    return _judged(children, statuses, said, place)


def _judged(
    children: list[int], statuses: list[int | None], said: list[str], place: Path
) -> tuple[str, str]:
    """What came of a race, and what was said."""
    why = f"exits {statuses}: " + " / ".join(" ".join(text.split())[-300:] for text in said)
    if None in statuses:
        return "hang", why
    if left := [
        p.name
        for p in place.rglob("*")
        if re.search(r"\.(lock|tmp|part|creating|replaced)$", p.name)
    ]:
        return "leftovers", f"{left}; {why}"
    if statuses == [1, 1]:
        return "none ran", why
    if not all(v.is_sound for path in place.iterdir() for v in _verdicts(path)):
        return "damaged", why
    if statuses == [0, 0]:
        # Of training, the second finds the first's run complete.
        late = any("is complete" in text for text in said)
        return ("one after the other" if late else "both ran"), why
    if sorted(map(str, statuses)) != ["0", "1"]:
        return "other error", why
    loser = statuses.index(1)
    if found := re.search(HELD, said[loser]):
        named = int(found[2]) == children[1 - loser]
        return (GOOD[0] if named else "other error"), why
    if re.search(r"exists", said[loser]):
        return GOOD[1], why
    return "other error", why


def _verdicts(path: Path) -> list:
    if path.suffix in (".png", ".pdf"):
        return []
    if path.suffix == ".csv":  # as long as those who write it say, and no line is cut
        lines = path.read_text().splitlines()
        whole = len(lines) > 1 and len({line.count(",") for line in lines}) == 1
        return [Verdict(path, "table", damaged=() if whole else ("a line is cut",))]
    return quietly(lambda: verified(path))


def _reading(write: Callable[[str], int], rounds: int, seed: int) -> Row:
    """A recording that is opened and read again and again while it is written."""
    row = Row("race", READER, ("whole batches",), ("false alarm", "wrong"))
    rng = np.random.default_rng(seed)
    truth: dict[str, np.ndarray] = {}
    for k in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            out, (gate, opener) = Path(place) / "out", os.pipe()
            child = begun(write, str(out), Path(place) / "said", gate, opener)
            os.close(gate)
            os.close(opener)
            outcome, why, running = "whole batches", "", True
            while running:
                done, _ = os.waitpid(child, os.WNOHANG)
                running = not done
                time.sleep(rng.random() * 0.01)
                store = out.with_suffix(".zarr")
                if not (store / "zarr.json").is_file():
                    continue
                try:
                    seen = quietly(functools.partial(_seen, store))
                except Exception as error:
                    outcome, why = "false alarm", repr(error)
                    continue
                if not running:
                    truth = truth or seen
                if truth and any(
                    not np.array_equal(v, truth[s][: len(v)], equal_nan=True)
                    for s, v in seen.items()
                ):
                    outcome = "wrong"
            row.add(outcome, f"round {k}: {why}")
    return row


def _seen(path: Path) -> dict[str, np.ndarray]:
    """The activations that are committed."""
    tree = cortexsim.open_recording(path, partial=True)
    seen = {s: tree[s].activation.values for s in ("V1", "IT")}
    if len({len(v) for v in seen.values()}) != 1 or len(seen["V1"]) not in (0, 8, 16, COUNT):
        raise RecordingError(f"parts of batches: {[len(v) for v in seen.values()]}")
    return seen
