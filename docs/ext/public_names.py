"""The reference: one page a room, with every public name of it, taken from the package itself.

The pages are written before the others are read, so that a name that is new today is in the
reference today; they are not committed.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.config import Config

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


def page(room: str) -> str:
    """The page of a room, reStructuredText."""
    lines = [room, "=" * len(room), "", f".. currentmodule:: {room}", ""]
    lines += [f"{ROOMS[room][0].upper()}{ROOMS[room][1:]}.", ""]
    for kind, names in public(room).items():
        if names:
            lines += [kind, "-" * len(kind), ""]
            lines += [".. autosummary::", "   :toctree: generated", ""]
            lines += [f"   {name}" for name in names] + [""]
    return "\n".join(lines)


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
    return {"parallel_read_safe": True}
