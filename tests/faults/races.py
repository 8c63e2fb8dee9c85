"""Two commands that begin the same output at the same instant, and readers beside a writer.

One of two runs, and the other says who holds the output (or, where it comes too late for that,
that the output exists): then what is there is whole, and nothing temporary is left. A reader that
opens a recording again and again while it is written gets whole batches and no alarm.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from outputs import COUNT, images, quietly
from table import Row

import cortexsim
from cortexsim import cli, compare, mask, rdm, record, train
from cortexsim.brainscore import __main__ as score
from cortexsim.errors import RecordingError
from cortexsim.experiments.verify.outputs import verified
from cortexsim.provenance import provenance
from cortexsim.recording.settings import Settings

GOOD = ("one ran and the other said who holds it", "one after the other")
BAD = ("both ran", "none ran", "damaged", "leftovers", "other error", "hang")
READER = "a reader beside record"
LONGEST = 120  # seconds a round may take
HELD = r"is being (written|trained into) by process (\d+) on \S+, since "


def commands(inputs: Path) -> dict[str, Callable[[str], int]]:
    """Of each command: a small run of it that writes to a path without a suffix."""

    def recording(out: str, *more: str) -> int:
        return record.main(
            [
                *("--stimuli", str(inputs / "images.npz"), "--keep", "mean", "--batch-size", "8"),
                *("--no-figure", "--out", f"{out}.zarr", *more),
            ]
        )

    return {
        "record": recording,
        "record --rdm": lambda out: recording(out, "--rdm", "correlation"),
        "rdm": lambda out: rdm.main(
            [str(inputs / "r.zarr"), "--out", f"{out}.zarr", "--no-figure"]
        ),
        "compare": lambda out: compare.main(
            [
                *(str(inputs / "r.zarr"), "--neural", str(inputs / "brain.npz"), "--n", "20"),
                *("--permutations", "0", "--nulls", "--no-figure", "--out", f"{out}.nc"),
            ]
        ),
        "mask": lambda out: mask.main(
            [
                *("--stimuli", str(inputs / "images.npz"), "--soa-ms", "25", "--steps", "6"),
                *("--compared", "10", "--decoded", str(COUNT), "--n", "20", "--permutations", "20"),
                *("--mask", "phase", "--no-figure", "--out", f"{out}.nc"),
            ]
        ),
        "package": lambda out: score.main(["package", "--out", f"{out}.zip"]),
        "train": lambda out: train.main(
            [
                *("--model", "cortex4", "--data", str(inputs / "images.npz"), "--epochs", "1"),
                *("--train-count", "12", "--batch-size", "4", "--out", out),
            ]
        ),
        "figures": _figure,
    }


def _figure(out: str) -> int:
    """What a script of analyses/ does."""
    sys.path.insert(0, str(Path(cortexsim.__file__).parents[1] / "analyses"))
    import matplotlib
    from shared.common import Config, Report

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    path = Path(out)
    report = Report(path.name, Config(out=str(path.parent)), "a claim")
    report.figure(Figure(figsize=(1, 1)))
    report.numbers([], {"onset_ms": [50.0, 60.0]})
    return 0


def prepared(folder: Path) -> Path:
    """What the commands read."""
    rng = np.random.default_rng(0)
    np.savez(folder / "images.npz", x=images(), y=np.arange(COUNT) % 3)
    cortexsim.record_network(
        cortexsim.load("cortex4"),
        str(folder / "images.npz"),
        keep="mean",
        out=folder / "r.zarr",
        settings=Settings(batch_size=8),
    )
    ids = cortexsim.open_recording(folder / "r.zarr")["IT"].stimulus_id.values.astype(object)
    pairs = COUNT * (COUNT - 1) // 2
    np.savez(folder / "brain.npz", rdm=rng.random((4, pairs)), stimulus_id=ids.astype(str))
    return folder


def rows(rounds: int = 50, seed: int = 0, *, of: str = "") -> Iterator[Row]:
    """So many rounds of each pair of commands.

    seed: of when a reader opens. of: only pairs with this text in their name.
    """
    torch.set_num_threads(1)  # a child of a fork has no threads of its parent
    with tempfile.TemporaryDirectory() as folder:
        doing = commands(prepared(Path(folder)))
        _warm({name: work for name, work in doing.items() if name in of or not of}, Path(folder))
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


def _warm(doing: dict[str, Callable[[str], int]], folder: Path) -> None:
    """Import here what the commands import, so that a child of a fork need not."""
    provenance()
    for k, work in enumerate(doing.values()):
        names = folder / f"modules-{k}"

        def listed(out: str, work: Callable[[str], int] = work, names: Path = names) -> int:
            status = work(out)
            names.write_text("\n".join(list(sys.modules)))
            return status

        gate, opener = os.pipe()
        child = _begun(listed, str(folder / f"warm-{k}"), folder / "said", gate, opener)
        os.close(gate)
        os.close(opener)
        assert _ended(child) == 0, (folder / "said").read_text()
        for name in names.read_text().split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def _race(
    first: Callable[[str], int], second: Callable[[str], int], place: Path
) -> tuple[str, str]:
    """Both, in processes of their own that begin together."""
    out, (gate, opener) = place / "out", os.pipe()
    children = [
        _begun(work, str(out), place / f"said-{k}", gate, opener)
        for k, work in enumerate((first, second))
    ]
    os.close(gate)
    os.close(opener)  # both read its end now
    statuses = [_ended(child) for child in children]
    said = [(place / f"said-{k}").read_text() for k in range(2)]
    for k in range(2):
        (place / f"said-{k}").unlink()
    return _judged(children, statuses, said, place)


def _begun(work: Callable[[str], int], out: str, said: Path, gate: int, opener: int) -> int:
    """A child that waits for the gate."""
    if child := os.fork():
        return child
    status = 99
    try:
        os.close(opener)
        handle = os.open(said, os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(handle, stream)
        os.read(gate, 1)
        with contextlib.suppress(SystemExit):
            try:
                cli.run(lambda: work(out))
            except SystemExit as end:
                status = int(end.code or 0)
                raise
    except BaseException as error:
        print(f"raw: {error!r}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _ended(child: int) -> int | None:
    """Its exit status; None if it had to be killed."""
    limit = time.monotonic() + LONGEST
    while time.monotonic() < limit:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


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
    return quietly(lambda: verified(path))


def _reading(write: Callable[[str], int], rounds: int, seed: int) -> Row:
    """A recording that is opened and read again and again while it is written."""
    row = Row("race", READER, ("whole batches",), ("false alarm", "wrong"))
    rng = np.random.default_rng(seed)
    truth: dict[str, np.ndarray] = {}
    for k in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            out, (gate, opener) = Path(place) / "out", os.pipe()
            child = _begun(write, str(out), Path(place) / "said", gate, opener)
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
