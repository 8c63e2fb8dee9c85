"""The reference: one page a room, with every public name of it, taken from the package itself.

The pages are written before the others are read, so that a name that is new today is in the
reference today; they are not committed.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.config import Config

TOP = "cortexsim"
ROOMS = {
    "cortexsim": "the names that most people need",
    "cortexsim.models": "graphs, networks, the zoo, twins, other people's networks",
    "cortexsim.stimuli": "images, presentations, masks, distortions",
    "cortexsim.recording": "what every state does at every step, stored",
    "cortexsim.training": "recipes, settings, runs",
    "cortexsim.analysis": "similarity, encoding, decoding, latency, behaviour, dynamics",
    "cortexsim.neural": "brains and people: benchmarks, and data of your own",
    "cortexsim.plotting": "figures",
    "cortexsim.interop": "to and from rsatoolbox, Brain-Score, MNE, netCDF",
    "cortexsim.brainscore": "a network as a subject of Brain-Score",
}


def public(room: str) -> dict[str, list[str]]:
    """The public names of ``room`` in the order of its stub: functions, classes, constants."""
    package = importlib.import_module(room)
    kinds: dict[str, list[str]] = {"Functions": [], "Classes": [], "Constants": []}
    for name in package.__all__:
        value = getattr(package, name)
        if name.startswith("_") or isinstance(value, ModuleType):
            continue
        if inspect.isclass(value):
            kinds["Classes"].append(name)
        elif callable(value):
            kinds["Functions"].append(name)
        else:
            kinds["Constants"].append(name)
    return kinds


def elsewhere(name: str) -> str | None:
    """The room below the top that has a name of the top too."""
    rooms = (room for room in ROOMS if room != TOP)
    return next((room for room in rooms if name in importlib.import_module(room).__all__), None)


def page(room: str) -> str:
    """The page of a room, reStructuredText; what another room has too is a link there."""
    lines = [room, "=" * len(room), "", f"{ROOMS[room][0].upper()}{ROOMS[room][1:]}.", ""]
    for kind, names in public(room).items():
        homes = {name: elsewhere(name) if room == TOP else None for name in names}
        own = [name for name in names if not homes[name]]
        if not names:
            continue
        lines += [kind, "-" * len(kind), ""]
        for name, home in homes.items():
            if home:
                lines += [f"- :obj:`{room}.{name} <{home}.{name}>`"]
        lines += ["", f".. currentmodule:: {room}", ""]
        if own:
            lines += [".. autosummary::", "   :toctree: generated", ""]
            lines += [f"   {name}" for name in own] + [""]
    return "\n".join(lines)


def readable(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Docstrings as they were meant: equations keep their form, bars are not substitutions."""
    out: list[str] = []
    in_equation, in_head = False, True
    for k, line in enumerate(lines):
        if k + 1 < len(lines) and lines[k + 1].startswith("---"):
            in_head = False  # the sections of numpydoc
        equation = in_head and line.startswith("    ") and not line.lstrip().startswith(">>>")
        if equation and not in_equation and (not out or not out[-1].strip()):
            out += ["::", ""]
            in_equation = True
        elif line.strip() and not line.startswith("    "):
            in_equation = False
        if not in_equation and not line.lstrip().startswith((">>>", "...")):
            parts = re.split(r"(``.*?``)", line)
            line = "".join(p if p.startswith("``") else p.replace("|", r"\|") for p in parts)
        out.append(line)
    lines[:] = out


def write(app: Sphinx, config: Config) -> None:
    """Write the pages, those that changed."""
    folder = Path(app.srcdir) / "reference" / "api"
    folder.mkdir(parents=True, exist_ok=True)
    for room in ROOMS:
        path, text = folder / f"{room}.rst", page(room)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", write)
    app.connect("autodoc-process-docstring", readable, priority=100)  # before numpydoc
    return {"parallel_read_safe": True}
