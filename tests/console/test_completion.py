"""What real shells complete behind real options, key by key in a terminal."""

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import pytest

from cortexsim.__main__ import whole_parser
from cortexsim.console.completion import FREE, known_values, options_of, script

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set bell-style none'; "),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; "),
}
TYPED = {  # and a tab
    "rec": "record",
    "record --presen": "record --presentation",
    "models --tr": "models --trained",
    "completion zs": "completion zsh",
    "record --model cortex4-tw": "record --model cortex4-twin",
    "record --dtype float1": "record --dtype float16",
    "record --stimuli krieg": "record --stimuli kriegeskorte92",
    "record --stimuli my-ph": "record --stimuli my-photos",
    "record --model mine": "record --model mine.py",
    "compare r.zarr --neural cich": "compare r.zarr --neural cichy92-fmri",
    "compare r.zarr --method enc": "compare r.zarr --method encoding",
    "compare r.zarr --comparator spea": "compare r.zarr --comparator spearman",
    "compare r.zarr --nulls static tw": "compare r.zarr --nulls static twin",
    "mask --lesion feedback lat": "mask --lesion feedback lateral",
    "mask --model cortex4 cortex4-tw": "mask --model cortex4 cortex4-twin",
    "mask --model cortex4 --so": "mask --model cortex4 --soa-ms",
    "train --data cifar100 --suite pap": "train --data cifar100 --suite paper",
    "table r.zarr --states TE": "table r.zarr --states TEO",
    "table r.zarr --states TEO re": "table r.zarr --states TEO readout",
    "show other.zarr --state I": "show other.zarr --state IT",
    "neural fetch tang": "neural fetch tang-masking",
    "cite mine.py cortex4-tw": "cite mine.py cortex4-twin",
}


@pytest.fixture(scope="module", params=SHELLS)
def terminal(request, tmp_path_factory):
    """A shell that has read the completion, among files; what it would run is printed."""
    if not shutil.which(request.param):
        pytest.skip(f"there is no {request.param}")
    command = [sys.executable, "-m", "cortexsim", "completion", request.param]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    folder = tmp_path_factory.mktemp("files")
    (folder / "r.zarr" / "TEO" / "activation").mkdir(parents=True)
    (folder / "my-photos").mkdir()
    (folder / "mine.py").touch()
    (folder / "script").write_text(printed.stdout)
    words, first = SHELLS[request.param]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "PS1": "$ ", "HISTFILE": "", "COLUMNS": "200"}
    shell = subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=environment,
        close_fds=True,
    )
    os.write(ours, f'{first}eval "$(cat script)"; cortexsim() {{ echo "<$@>"; }}\n'.encode())
    yield ours
    shell.kill()
    shell.wait()
    for end in (ours, theirs):
        with contextlib.suppress(OSError):
            os.close(end)


def would_run(terminal, typed):
    """What stands on the line after a tab and is run with return."""
    os.write(terminal, f"cortexsim {typed}\t\n".encode())
    seen, deadline = "", time.monotonic() + 600
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 10_000).decode(errors="replace")
        if ran := re.search(r"^<(.*)>\r?$", seen, re.MULTILINE):
            return ran[1].strip().rstrip("/")  # zsh takes the slash of a folder away
    raise AssertionError(f"the shell did not run it within ten minutes: {seen!r}")


@pytest.mark.parametrize("typed", TYPED)
def test_a_tab_completes_verbs_options_and_their_values(terminal, typed):
    assert would_run(terminal, typed) == TYPED[typed]


def test_every_option_that_takes_text_is_completed_or_known_to_be_free():
    known, seen, parser = known_values(), set(), whole_parser()
    script(parser, "bash")
    for verb, action in options_of(parser):
        keys = {f"{verb} {action.dest}", action.dest}
        seen |= keys
        if action.nargs != 0 and action.type not in (int, float) and action.dest not in FREE:
            assert action.choices or hasattr(action, "complete"), (verb, action.dest)
    assert {*known, *FREE} <= seen  # nothing of an option that is no more


def test_every_verb_can_be_completed():
    from cortexsim.__main__ import VERBS

    (verbs,) = (a for a in whole_parser()._actions if a.choices)
    assert list(verbs.choices) == [verb for group in VERBS.values() for verb in group]
