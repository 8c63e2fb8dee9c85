"""The gallery of analyses/: one page a script, from its header, its figures and its numbers.

Question and answer stand in docs/gallery.toml; the figures and their JSON are those committed in
figures/, drawn by the command that the page gives. Nothing is run here: the scripts take seconds
to hours.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

OPTION = re.compile(r"(?<![\w`-])--[a-z][a-z-]*")
IMAGES = {
    "cifar10": {
        "title": "CIFAR-10",
        "licence": "none stated by its authors, research use with citation",
        "citation": "Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    },
    "sample": {
        "title": "china.jpg and flower.jpg as shipped by scikit-learn",
        "licence": "CC BY 2.0",
        "citation": "Flickr users danielbuechele and vultilion",
    },
}
"""Images whose terms no benchmark of cortexsim states (data/README.md)."""

NO_PAGE = ("train_runs",)


def header(script: Path) -> str:
    """The docstring of a script, as reStructuredText: its commands become a block."""
    text = ast.get_docstring(ast.parse(script.read_text())) or ""
    return text.replace(":\n\n    ", "::\n\n    ") if "::\n" not in text else text


def one_line(text: str) -> str:
    """Text of several lines as one."""
    return " ".join(text.split())


def claims(numbers: dict[str, Any]) -> list[str]:
    """What a figure claims of trained nets, claim by claim, in points of test error."""
    found = numbers["results"].get("claims", [])
    if not found:
        return []
    lines = ["## Claim by claim", "", "| claim | true if | found [95 %] | |", "|---|---|---|---|"]
    for one in found:
        low, high = one["interval"]
        verdict = f"{one['verdict']} ({one['note']})" if one["note"] else one["verdict"]
        lines += [
            f"| {one['claim']} | {one['true_if']} | {one['difference']:.3f} "
            f"[{low:.3f}, {high:.3f}] | {verdict} |"
        ]
    seeds = min(n for one in found for n in one["seeds"].values())
    said = (
        f"Seeds: {seeds} a net; test images: {found[0]['images']:,}. *Found*: a difference of test "
        "error (0.01 is one point) or of what the claim names; the verdict is whether all of its "
        "interval, none of it or a part lies where the claim is true. Each interval is of its own: "
        "of all claims of these figures, some would be decided by chance. Errors here are with "
        "normalisation statistics estimated anew from the final weights."
    )
    return [*lines, "", said, ""]


def over_trainings(name: str, seeds: dict[str, Any]) -> list[str]:
    """What over_seeds.json says of the numbers of a figure, which itself is of one training."""
    results = seeds["results"]
    pairs = zip(results["quantities"].values(), results["sentences"], strict=True)
    said = [f"- {sentence}" for one, sentence in pairs if one["figure"] == name]
    if not said:
        return []
    return [
        "## Over trainings",
        "",
        "The figure is of one training of each net. Mean ± standard deviation over all that are "
        "bundled, p corrected over all numbers of [other trainings](over_seeds.md); in brackets "
        "without the first seed, of which an earlier training was known when these numbers were "
        "chosen:",
        "",
        *said,
        "",
    ]


def page(
    name: str,
    entry: dict[str, str],
    script: Path,
    numbers: dict[str, Any],
    seeds: dict[str, Any],
) -> str:
    """The page of a script, Markdown; seeds: over_seeds.json."""
    first, *rest = header(script).split("\n\n")
    lines = [f"# {entry['title']}", "", f"**Question.** {entry['question']}", ""]
    lines += [f"**Answer.** {one_line(entry['answer'])}", ""]
    for figure in numbers["figures"]:
        if figure.endswith(".png"):
            lines += [f"![{entry['title']}]({figure})", ""]
    if "caption" in entry:
        lines += [f"*{one_line(entry['caption'])}*".replace(" * ", r" \* "), ""]
    lines += claims(numbers) + over_trainings(name, seeds)
    lines += [f"## How: `analyses/{name}.py`", "", first, ""]
    for paragraph in rest:
        if paragraph.startswith("    "):
            code = "\n".join(line.removeprefix("    ") for line in paragraph.splitlines())
            lines += ["```", code, "```", ""]
        else:
            lines += [OPTION.sub(r"`\g<0>`", paragraph.replace("*", r"\*").replace("_", r"\_")), ""]
    made = numbers["provenance"]
    lines += ["## The numbers", ""]
    lines += [
        f"{{download}}`{name}.json <{name}.json>`: every number of the figure, with intervals, n, "
        "seeds and versions.",
        "",
        "| | |",
        "|---|---|",
        f"| command | `{numbers['command']}` |",
        f"| commit | {made['git_commit']} |",
        f"| took | {numbers['seconds']:,.0f} s |",
    ]
    sources = [IMAGES.get(source.get("name"), source) for source in numbers["data"]]
    lines += [
        f"| data | {source['title']} ({source['licence']}). {source['citation']} |"
        for source in sources
    ]
    return "\n".join([*lines, ""])


def write(app: Sphinx, config: Config) -> None:
    """Write the pages and the table of all."""
    docs = Path(app.srcdir)
    root, folder = docs.parent, docs / "gallery"
    folder.mkdir(exist_ok=True)
    with open(docs / "gallery.toml", "rb") as f:
        entries = tomllib.load(f)
    scripts = {
        path.stem: path
        for path in sorted((root / "analyses").glob("*.py"))
        if path.stem not in NO_PAGE
    }
    if unlike := sorted(set(scripts) ^ set(entries)):
        raise ValueError(f"docs/gallery.toml and analyses/*.py differ in {', '.join(unlike)}")
    table = [
        "# Gallery: questions, figures, answers",
        "",
        (docs / "gallery_intro.md").read_text(),
        "",
    ]
    table += ["| question | figure | answer |", "|---|---|---|"]
    seeds = json.loads((root / "figures" / "over_seeds.json").read_text())
    for name, entry in entries.items():
        numbers = json.loads((root / "figures" / f"{name}.json").read_text())
        for figure in numbers["figures"]:
            if figure.endswith(".png"):
                shutil.copyfile(root / "figures" / figure, folder / figure)
        shutil.copyfile(root / "figures" / f"{name}.json", folder / f"{name}.json")
        (folder / f"{name}.md").write_text(page(name, entry, scripts[name], numbers, seeds))
        picture = next(figure for figure in numbers["figures"] if figure.endswith(".png"))
        table += [
            f"| [{entry['question']}]({name}.md) | [![{entry['title']}]({picture})]({name}.md) "
            f"| {one_line(entry['answer'])} |"
        ]
    pages = "\n".join(entries)
    table += ["", "```{toctree}", ":hidden:", "", pages, "```", ""]
    (folder / "index.md").write_text("\n".join(table))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", write)
    return {"parallel_read_safe": True}
