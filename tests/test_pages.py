"""What pages show runs as it stands there: every block of Python, every command and option."""

import argparse
import contextlib
import re
import shlex
import subprocess
import sys
from itertools import groupby

import pytest
from pages import ROOT, blocks, pages

from cortexsim.__main__ import whole_parser

QUICK = {"README.md", "docs/howto/brainscore.md"}
NOT_RUN = 2  # blocks that say on their page why they are not

YOURS = """
import numpy as np
import scipy.io
import torch
from pathlib import Path
from PIL import Image

from cortexsim.stimuli import load_stimuli


class Loop(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.top = torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, images):
        out = torch.zeros(1)
        for _ in range(3):
            out = torch.relu(self.top(torch.relu(self.stem(images)) + out))
        return out.mean((2, 3))


my_module = Loop()
Path("photos").mkdir()
for name, crop in zip("abcdefghij", load_stimuli("sample", limit=10).source):
    Image.fromarray(crop).save(f"photos/{name}.png")
for subject in "abc":
    rates, ids = np.random.rand(10, 30), [f"{name}.png" for name in "abcdefghij"]
    scipy.io.savemat(f"{subject}.mat", {"rates": rates, "stimulus_id": np.array(ids, object)})
"""
"""What README's reader brings: a module, photographs, the responses of three subjects."""

HOLDS = {
    "CONTRIBUTING.md": "assert net.readout == 8",
    "docs/howto/other_networks.md": """
import torch
steps = net.unroll(3 * torch.rand(1, 3, 64, 64) - 1.5, 2)
assert {t: list(s) for t, s in steps} == {1: ["V1"], 2: ["V1", "V2"]}
""",
    "docs/howto/compare.md": """
import scipy.io
assert it.dims == ("subject", "pair")
assert (mine.rdm.values == scipy.io.loadmat("mine.mat")["rdm"]).all()
assert rates.rates.attrs["units"] == "spikes/s"
assert spikes.responses.sizes["unit"] == 3
""",
    "docs/howto/behaviour.md": "assert fit.attrs['fit_in_declared'] == 'undecided'",
    "docs/howto/similarity.md": """
assert result.evaluation.dims == ("model", "step")
assert result.evaluation.sel(model="IT", step=3).isnull()
assert result.attrs["n"] == 1000
""",
    "docs/howto/masking.md": "assert set(people.mask.values) >= {'none', 'phase'}",
    "docs/howto/record.md": "assert mine.classes == 5 and recording['IT'].sizes['step'] == 8",
    "README.md": "assert Path('figure.pdf').stat().st_size > 1000",
}
"""What must hold of the names of a page when its blocks have run."""

PYTHON = {page: list(of) for page, of in groupby(blocks("python"), lambda block: block.page)}


def script(page):
    """The blocks of a page as one script, each with what is prepared unseen before it.

    What is prepared has names of its own: a page that needs them does not run as it stands there.
    """
    lines = ["import runpy, sys", "from pathlib import Path"]
    if page == "README.md":
        lines += [YOURS.replace("\nmy_module", "\nmodule"), "my_module = module"]
    for k, block in enumerate(PYTHON[page]):
        if block.before:
            lines += [f"Path('before{k}.py').write_text({block.before!r})"]
            lines += [f"_ = runpy.run_path('before{k}.py')"]
        if not block.not_run:
            lines += [block.code]
    return "\n".join([*lines, HOLDS.get(page, "")])


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=() if p in QUICK else pytest.mark.slow) for p in PYTHON],
)
def test_every_block_of_python_runs_as_its_page_shows_it(page, tmp_path, request):
    code = script(page)
    if "neural.load(" in code:
        request.getfixturevalue("data_folder")
    (tmp_path / "page.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr


def test_what_is_not_run_says_why():
    reasons = [block.not_run for of in PYTHON.values() for block in of if block.not_run]
    assert len(reasons) == NOT_RUN
    assert all(len(reason.split()) > 3 for reason in reasons)
    assert sum(map(len, PYTHON.values())) >= 17


def test_pages_have_no_python_in_blocks_that_are_not_called_so():
    nameless = [block for block in blocks("", "py", "python3") if "import " in block.code]
    assert not nameless


def parsers():
    """Of every verb its parser."""
    (verbs,) = (a for a in whole_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(verbs.choices)


PARSERS = parsers()


def commands():
    """Every line of a fenced block that calls a verb, whole."""
    for block in blocks("", "console", "bash", "sh", "{command}", "{explorer} intact-and-lesioned"):
        for line in block.code.replace("\\\n", " ").splitlines():
            line = re.split(r"\s+[12]?>>?\s|\s\|\s", line.removeprefix("$ "))[0]
            called = re.search(r"(?:^|&& |/)cortexsim (.*)|-m cortexsim\.(\w+ .*)", line)
            if called:
                yield block.page, called[1] or called[2]


def inline():
    """Every ``cortexsim VERB ...`` in the text of a page."""
    for page in [*pages(), *sorted((ROOT / "docs").glob("*o*/*.py"))]:
        for text in re.findall(r"``?(cortexsim [^`]+)``?", page.read_text()):
            yield page.relative_to(ROOT).as_posix(), " ".join(text.split())


def test_every_command_of_a_block_parses():
    seen = 0
    for page, words in commands():
        verb, *rest = shlex.split(words, comments=True)
        if "..." not in rest and "--help" not in rest:
            with contextlib.redirect_stderr(sys.stdout):
                try:
                    PARSERS[verb].parse_args(rest)
                except SystemExit:
                    pytest.fail(f"{page}: cortexsim {words}")
            seen += 1
    assert seen > 25


def options(parser):
    """All of a verb, those of its second words too."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options(below)


def test_every_option_in_the_text_of_a_page_is_one():
    everything = {name for parser in PARSERS.values() for name in options(parser)}
    others = {"--nproc-per-node", "--nnodes", "--rdzv-backend", "--rdzv-endpoint"}  # of torchrun
    for page, text in inline():
        verb = text.split()[1]
        known = set(options(PARSERS[verb])) if verb in PARSERS else everything
        assert not set(re.findall(r"--[a-z][\w-]*", text)) - known, (page, text)
    for page in pages():
        for text in re.findall(r"`(--[a-z][^`]*)`", page.read_text()):
            unknown = set(re.findall(r"--[a-z][\w-]*", text)) - everything - others
            assert not unknown, (page.name, text)


def test_readme_is_short_and_leads_to_every_page():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 120
    rooms = ("tutorials", "howto", "explanation", "reference")
    written = [p for room in rooms for p in (ROOT / "docs" / room).iterdir()]
    names = [p.relative_to(ROOT).as_posix() for p in written if p.suffix in (".md", ".py")]
    assert [n for n in names if n not in readme and not n.endswith("index.md")] == []
