"""What is written for readers: README, docs/, the gallery's questions and answers."""

import re
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its lines, what a comment above it says."""

    page: str
    language: str
    code: str
    before: str  # run before it, unseen: it makes the files that the block reads
    not_run: str  # why


FENCED = re.compile(
    r"(?:<!-- (?P<word>before|not run:)\s(?P<said>.*?)-->\n+)?"
    r"^```(?P<language>[^\n]*)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(*languages):
    """The fenced blocks of all pages in their order, of some languages."""
    found = [
        Block(
            page=page.relative_to(ROOT).as_posix(),
            language=match["language"].strip(),
            code=match["code"],
            before=match["said"] if match["word"] == "before" else "",
            not_run=match["said"].strip() if match["word"] == "not run:" else "",
        )
        for page in [*pages(), ROOT / "CONTRIBUTING.md"]
        if page.suffix == ".md"
        for match in FENCED.finditer(page.read_text())
    ]
    return [block for block in found if block.language in languages]
