"""What is written for readers: README, docs/, the gallery's questions and answers."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
MADE = {"_build", "auto_tutorials", "auto_howto", "gallery", "api"}  # written by make docs


def pages():
    """The files."""
    docs = sorted(
        path
        for path in (ROOT / "docs").rglob("*")
        if path.suffix in {".md", ".toml"} and not MADE & set(path.parts)
    )
    return [ROOT / "README.md", *docs]


@cache
def everything():
    """All of them on one line."""
    return " ".join(" ".join(path.read_text().split()) for path in pages())


def example(holds):
    """The one Python block of the pages that holds a text."""
    blocks = [b for p in pages() for b in re.findall(r"```python\n(.*?)```", p.read_text(), re.S)]
    (code,) = (block for block in blocks if holds in block)
    return code
