"""Pages of ``cortexsim explore`` in a page of the documentation.

    ```{explorer} intact-and-lesioned
    cortexsim record --out r.zarr --overwrite > /dev/null 2>&1
    cortexsim explore r.zarr --out explorer.html --overwrite 2> /dev/null
    ```

The commands are run and shown as those of ``{command}``; the ``explorer.html`` that they write is
embedded under the name that is given.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from commands import Command
from docutils import nodes
from sphinx.application import Sphinx


class Explorer(Command):
    """Run the lines of the block, show them with their output, and embed the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        shown = super().run()
        name, docname = f"{self.arguments[0]}.html", self.env.docname
        outdir = Path(self.env.app.outdir)
        written = outdir.parent / "work" / docname.replace("/", "_") / "explorer.html"
        folder = outdir / "_static" / "explorer"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written, folder / name)
        link = "../" * docname.count("/") + f"_static/explorer/{name}"
        frame = (
            f'<p><a href="{link}">The page on its own</a></p>'
            f'<iframe class="explorer" src="{link}" title="cortexsim explorer"></iframe>'
        )
        return [*shown, nodes.raw(frame, frame, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("explorer", Explorer)
    return {"parallel_read_safe": True}
