"""Single damages to finished outputs: a flipped bit, a cut, a file that is gone.

Each is read as people read it, verified, and (every fourth recording) continued. It may be read as
what was written (the damage is where nothing is read), or be one clear error; it must never be
other numbers without a word, nor an error from deep inside.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from outputs import OUTPUTS, Output, quietly, same
from table import Row

from cortexsim.errors import CortexsimError
from cortexsim.experiments.verify.outputs import verified

KINDS = ("bit flip", "cut", "deleted file")
GOOD = ("clear error", "read right")
BAD = ("silent", "raw error", "not verified", "not repaired")
REPAIRED = 4  # every so many damages to a recording


def rows(count: int = 500, seed: int = 0, *, of: str = "") -> Iterator[Row]:
    """``count`` damages, shared out evenly among kinds of output and of damage.

    of: only outputs with this text in their name.
    """
    rng = np.random.default_rng(seed)
    outputs = [output for output in OUTPUTS if of in output.name]
    for k, output in enumerate(outputs):
        share = len(range(k, count, len(outputs)))
        with tempfile.TemporaryDirectory() as folder:
            yield _damaged(output, Path(folder), share, rng)


def _damaged(output: Output, folder: Path, count: int, rng: np.random.Generator) -> Row:
    """So many damages to one output, one after the other, each undone."""
    quietly(lambda: output.make(folder))
    whole = quietly(lambda: output.read(folder))
    before = _hashes(folder)
    row = Row("damage", output.name, GOOD, BAD)
    for k in range(count):
        kind = KINDS[k % len(KINDS)]
        file = _picked(folder, rng)
        original = file.read_bytes()
        which = f"{kind} of {file.relative_to(folder)}{_damage(file, kind, rng)}"
        outcome, error = _outcome(output, folder, whole)
        if outcome in GOOD and (missed := _missed(folder)):
            outcome, error = "not verified", missed
        if outcome in GOOD and output.resume and k % REPAIRED == 0 and not _is_root(file):
            outcome, error = _repaired(output, folder, before, outcome)
        row.add(outcome, f"{which} ({error})")
        _undo(folder, file, original, output)
    return row


def _picked(folder: Path, rng: np.random.Generator) -> Path:
    """A file; those of one folder and one beginning are a kind, so that chunks are not all."""
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    kinds: dict[str, list[Path]] = {}
    for file in files:
        chunk = "activation" in file.parts or "logits" in file.parts or "rdm" in file.parts
        name = "root" if _is_root(file) else "chunk" if chunk else file.name
        kinds.setdefault(name, []).append(file)
    chosen = kinds[sorted(kinds)[rng.integers(len(kinds))]]
    return chosen[rng.integers(len(chosen))]


def _is_root(file: Path) -> bool:
    return file.parent.name.endswith(".zarr") and file.name == "zarr.json"


def _damage(file: Path, kind: str, rng: np.random.Generator) -> str:
    """Do it; where in the file."""
    size = file.stat().st_size
    if kind == "deleted file":
        file.unlink()
        return ""
    if kind == "cut":
        keep = int(rng.integers(size))
        with open(file, "r+b") as handle:
            handle.truncate(keep)
        return f" to {keep} of {size} bytes"
    bit = int(rng.integers(size * 8))
    data = bytearray(file.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)
    return f", bit {bit}"


def _outcome(output: Output, folder: Path, whole: object) -> tuple[str, str]:
    try:
        read = quietly(lambda: output.read(folder))
    except CortexsimError as error:
        return "clear error", str(error)
    except Exception as error:
        return "raw error", repr(error)[:200]
    return ("read right", "") if same(read, whole) else ("silent", "")


def _missed(folder: Path) -> str:
    """Why verifying did not find the damage; nothing if it did."""
    targets = [
        p for p in sorted(folder.iterdir()) if p.suffix != ".json" or len(_names(folder)) < 2
    ]
    try:
        verdicts = quietly(lambda: [v for path in targets for v in verified(path)])
    except CortexsimError:
        return ""
    except Exception as error:
        return repr(error)[:200]
    if not targets or any(not v.is_sound or not v.checked for v in verdicts):
        return ""
    return "sound"


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _repaired(output: Output, folder: Path, before: Counter, outcome: str) -> tuple[str, str]:
    """Whether continuing makes every byte what it was."""
    assert output.resume is not None
    try:
        quietly(lambda: output.resume(folder))
    except Exception as error:
        return "not repaired", repr(error)[:300]
    if changed := [name for name, _ in (before - _hashes(folder))]:
        return "not repaired", f"{changed} differ"
    return outcome, ""


def _hashes(folder: Path) -> Counter:
    return Counter(
        (f.relative_to(folder).as_posix(), hashlib.sha256(f.read_bytes()).hexdigest())
        for f in folder.rglob("*")
        if f.is_file()
    )


def _undo(folder: Path, file: Path, original: bytes, output: Output) -> None:
    if not file.parent.is_dir():
        shutil.rmtree(folder)
        folder.mkdir()
        quietly(lambda: output.make(folder))
    file.write_bytes(original)
