"""Commands of pages, run while the pages are built, with what they print.

    ```{command}
    cortexsim models --trained
    ```

Each line is run in a folder of that page, one after the other, so that a later one finds what an
earlier one wrote. A command that fails ends the build. ``:show: N`` keeps the first N lines.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

LIMIT_S = 600
COLUMNS = "88"

SILENCED = re.compile(r" *2?> */dev/null.*$")
"""What keeps a line quiet on its page, and is not shown there."""


class Command(SphinxDirective):
    """Run the lines of the block and show them with their output."""

    has_content = True
    option_spec: ClassVar[dict] = {
        "show": directives.positive_int,
        "expect": directives.nonnegative_int,
    }

    def run(self) -> list[nodes.Node]:
        folder = Path(self.env.app.outdir).parent / "work" / self.env.docname.replace("/", "_")
        if not self.env.temp_data.get("commands_begun"):  # of this page, in this build
            shutil.rmtree(folder, ignore_errors=True)
            self.env.temp_data["commands_begun"] = True
        folder.mkdir(parents=True, exist_ok=True)
        environment = dict(os.environ, COLUMNS=COLUMNS, NO_COLOR="1")
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        root = str(Path(self.env.srcdir).parent)
        environment["PYTHONPATH"] = root
        shown = []
        for line in "\n".join(self.content).replace("\\\n", " ").splitlines():
            done = subprocess.run(
                ["bash", "-c", line],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
            )
            if done.returncode != self.options.get("expect", 0):
                raise self.severe(
                    f"{line} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
                )
            printed = (done.stdout + done.stderr).replace(f"{folder}/", "")
            lines = re.sub(r".*\r", "", printed).strip("\n").splitlines()
            if (most := self.options.get("show")) and len(lines) > most:
                lines = [*lines[:most], "..."]
            shown += [f"$ {SILENCED.sub('', line)}", *lines]
        text = "\n".join(shown)
        return [nodes.literal_block(text, text, language="console")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("command", Command)
    return {"parallel_read_safe": True}
