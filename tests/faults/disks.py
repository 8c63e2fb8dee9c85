"""Places that take no output: full and read-only disks, no permission, something in the way.

Every command that writes is to say one true sentence and to leave nothing temporary; when the
place is put right, the same command (``--resume`` where there is such) ends as if nothing had been.
Disks are small ones in memory, which take the system's administrator; elsewhere a limit on the
size of files stands for the full disk.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from children import begun, ended, warm
from doing import ENDINGS, commands, prepared
from outputs import quietly
from table import Row

from cortexsim.experiments.verify.outputs import verified

GOOD = ("one true sentence, then made good", "it fitted", "the folder was made")
BAD = ("untrue or no sentence", "raw error", "leftovers", "not made good", "accepted", "hang")
TEMPORARY = re.compile(r"\.(lock|tmp|part|creating|partial|probe)(\.\w+)?$")
NOBODY = 65534  # the user without rights


def rows(rounds: int = 8, seed: int = 0, *, of: str = "") -> Iterator[Row]:
    """Each command in each place; with so many different amounts of space left on a disk.

    of: only commands with this text in their name.
    """
    rng = np.random.default_rng(seed)
    torch.set_num_threads(1)  # a child of a fork has no threads of its parent
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        doing = {k: v for k, v in commands(prepared(folder)).items() if of in k}
        warm(doing, folder)
        whole = {k: whole_of(work, folder / f"whole-{n}", k) for n, (k, work) in _numbered(doing)}
        for place, (arrange, said) in PLACES.items():
            row = Row("disk", place, GOOD, BAD)
            for command, work in doing.items():
                if command == "figures" and arrange is _file_in_the_way:
                    continue  # scripts draw their figures again
                for k in range(rounds if arrange is _full else 1):
                    with tempfile.TemporaryDirectory() as where:
                        Path(where).chmod(0o755)
                        trial = Trial(command, work, Path(where), whole[command])
                        outcome, why = trial.run(arrange, said, rng.random())
                    row.add(outcome, f"{command}, round {k}: {why}")
            if row.rounds:
                yield row


def _numbered(doing: dict[str, Callable[[str], int]]) -> Iterator[tuple[int, tuple]]:
    yield from enumerate(doing.items())


@dataclass(frozen=True)
class Whole:
    """What a command writes where nothing is in its way: bytes, and what of it is repeatable."""

    size: int
    content: dict[str, bytes]


def whole_of(work: Callable[[str], int], folder: Path, command: str) -> Whole:
    """What a command writes into a folder of its own."""
    folder.mkdir()
    said = folder.with_name("said")
    assert ended(begun(work, str(folder / "out"), said)) == 0, said.read_text()
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    return Whole(size, repeatable(folder, command))


def repeatable(folder: Path, command: str) -> dict[str, bytes]:
    """Of what a command wrote, the files that are the same each time, with their bytes."""
    files = [f for f in folder.rglob("*") if f.is_file()]
    if command == "train":
        files = [f for f in files if f.suffix == ".safetensors"]
    elif ENDINGS[command] == ".zarr":
        files = [f for f in files if f.name.startswith("c.") or f.parent.name == "c"]
    elif command != "table":
        files = []
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


@dataclass(frozen=True)
class Trial:
    """One command in one place.

    command: its name. work: it. where: a folder of this trial alone. whole: what it writes.
    """

    command: str
    work: Callable[[str], int]
    where: Path
    whole: Whole

    def run(self, arrange: Callable, said: str, amount: float) -> tuple[str, str]:
        """The outcome, and what was said."""
        (self.where / "scratch").mkdir(mode=0o777)
        (self.where / "scratch").chmod(0o777)
        (self.where / "disk").mkdir()
        with contextlib.ExitStack() as stack:
            out, limited, put_right = arrange(self, amount, stack)
            status, text = self.once(out, limited)
            outcome = self._judged(status, text, said)
            if outcome == "" and status == 0:
                if arrange is _no_folder:
                    return self._ended(out, GOOD[2], text)
                return self._ended(out, GOOD[1] if arrange is _full else BAD[4], text)
            if outcome:
                return outcome, text
            put_right()
            status, again = self.once(out, None)
            if status != 0:
                return BAD[3], f"{text} / then: {again}"
            return self._ended(out, GOOD[0], text)

    def once(self, out: Path, limited: Callable[[], None] | None) -> tuple[int | None, str]:
        """Run the command in a process of its own; its exit status and what it said."""
        said = self.where / "said"
        said.unlink(missing_ok=True)
        resume = self.command == "record" and out.with_name("out.zarr").is_dir()
        more = ("--resume",) if resume else ()
        status = ended(begun(self.in_scratch(limited, *more), str(out), said))
        return status, " ".join(said.read_text(errors="replace").split())[-600:]

    def in_scratch(
        self, limited: Callable[[], None] | None = None, *more: str
    ) -> Callable[[str], int]:
        """The command, with a folder of its own for temporary files."""

        def work(name: str) -> int:
            tempfile.tempdir = str(self.where / "scratch")
            if limited is not None:
                limited()
            return self.work(name, *more)

        return work

    def _judged(self, status: int | None, text: str, said: str) -> str:
        if status is None:
            return "hang"
        if "raw:" in text or "Traceback" in text or status not in (0, 1):
            return "raw error"
        if self.left():
            return "leftovers"
        if status == 1 and (text.count("error: ") != 1 or not re.search(said, text)):
            return "untrue or no sentence"
        return ""

    def left(self) -> list[str]:
        """What is temporary and still there."""
        return [f.name for f in (self.where / "disk").rglob("*") if TEMPORARY.search(f.name)] + [
            f.name for f in (self.where / "scratch").iterdir()
        ]

    def _ended(self, out: Path, good: str, text: str) -> tuple[str, str]:
        """Whether what is there now is what an undisturbed run writes."""
        if left := self.left():
            return "leftovers", f"{left}: {text}"
        if problem := self.problem(out):
            return "not made good", f"{problem}: {text}"
        return good, text

    def problem(self, out: Path) -> str:
        """What is wrong with the output; nothing if it is whole."""
        path = out.with_name(out.name + ENDINGS[self.command])
        if not path.exists():
            return f"there is no {path.name}"
        if repeatable(out.parent, self.command) != self.whole.content:
            return f"{path.name} is not what an undisturbed run writes"
        if path.suffix in (".png", ".csv"):
            return ""
        if bad := [v for v in quietly(lambda: verified(path)) if not v.is_sound]:
            return str(bad[0].damaged)
        return ""


def _mounted(trial: Trial, size: int, stack: contextlib.ExitStack) -> Callable[[str], None]:
    """A small disk in memory; mounts it again with other options."""
    disk = str(trial.where / "disk")
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", disk], check=True
    )
    stack.callback(subprocess.run, ["umount", "-l", disk], check=True)
    return lambda how: subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True) and None


def _may_mount() -> bool:
    """Whether this process may mount a disk."""
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        with contextlib.suppress(OSError):
            if subprocess.run(mount, capture_output=True).returncode == 0:
                subprocess.run(["umount", folder], check=True)
                return True
    return False


MAY_MOUNT = _may_mount()


def _full(trial: Trial, amount: float, stack: contextlib.ExitStack) -> tuple:
    """A disk with room for a part of the output, or a little more than all of it."""
    size = 4096 * max(1, int(1.2 * amount * trial.whole.size / 4096))
    if MAY_MOUNT:
        again = _mounted(trial, size, stack)
        return trial.where / "disk" / "out", None, lambda: again("size=256m")
    most = max(16384, int(amount * trial.whole.size))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return trial.where / "disk" / "out", limited, lambda: None


def _read_only(trial: Trial, amount: float, stack: contextlib.ExitStack) -> tuple:
    again = _mounted(trial, 256 << 20, stack)
    again("ro")
    return trial.where / "disk" / "out", None, lambda: again("rw")


def _forbidden(trial: Trial, amount: float, stack: contextlib.ExitStack) -> tuple:
    disk = trial.where / "disk"
    disk.chmod(0o555)

    def limited() -> None:
        if os.getuid() == 0:  # who may write everywhere
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

    return disk / "out", limited, lambda: disk.chmod(0o755)


def _file_on_the_way(trial: Trial, amount: float, stack: contextlib.ExitStack) -> tuple:
    file = trial.where / "disk" / "folder"
    file.write_text("words")
    return file / "deep" / "out", None, file.unlink


def _folder_in_the_way(trial: Trial, amount: float, stack: contextlib.ExitStack) -> tuple:
    out = trial.where / "disk" / "out"
    path = out.with_name(out.name + ENDINGS[trial.command])
    (path / "something").mkdir(parents=True)
    if trial.command == "train":  # its output is a folder, in which its card is a file
        (path / "something").rename(path / "config.json")
        return out, None, (path / "config.json").rmdir
    return out, None, lambda: ((path / "something").rmdir(), path.rmdir())


def _file_in_the_way(trial: Trial, amount: float, stack: contextlib.ExitStack) -> tuple:
    """Where the output is a folder; elsewhere a file that is there is refused as what exists."""
    out = trial.where / "disk" / "out"
    path = out.with_name(out.name + ENDINGS[trial.command])
    path.write_text("words")
    return out, None, path.unlink


def _no_folder(trial: Trial, amount: float, stack: contextlib.ExitStack) -> tuple:
    return trial.where / "disk" / "a" / "b" / "out", None, lambda: None


PLACES = {
    "full disk": (_full, r"is full|no file may become|are free at"),
    **({"read-only disk": (_read_only, r"read-only|not writable")} if MAY_MOUNT else {}),
    "no permission": (_forbidden, r"permission|not writable"),
    "a file where a folder must be": (_file_on_the_way, r"is a file|no folder"),
    "a folder of the output's name": (_folder_in_the_way, r"folder|exists"),
    "a file of the output's name": (_file_in_the_way, r"is a file|exists"),
    "no folder yet": (_no_folder, r"$^"),
}
"""How each is arranged, and the words that are true of it."""
