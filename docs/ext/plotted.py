"""Figures of pages: the block draws one with matplotlib while the pages are built.

    ```{plotted}
    figure, axes = plt.subplots()
    ```

The last figure is shown; the code is folded away below it.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class Plotted(SphinxDirective):
    """Draw a figure and show it."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot as plt

        code = "\n".join(self.content)
        name = f"plotted-{hashlib.sha256(code.encode()).hexdigest()[:12]}.png"
        folder = Path(self.env.srcdir) / "gallery"  # not committed
        folder.mkdir(exist_ok=True)
        with contextlib.chdir(folder.parents[1]):  # paths in the code are those of the checkout
            exec(compile(code, self.get_location(), "exec"), {"plt": plt})
        plt.gcf().savefig(folder / name, dpi=150)
        plt.close("all")
        return [nodes.image(uri=f"/gallery/{name}", alt="drawn by the code of this page")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("plotted", Plotted)
    return {"parallel_read_safe": False}
