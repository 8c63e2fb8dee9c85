"""The scripts of analyses/ as modules, and training runs small enough for a test."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

ANALYSES = Path(__file__).resolve().parents[2] / "analyses"


@pytest.fixture
def script(monkeypatch):
    """``script(name)``: a module of analyses/."""
    monkeypatch.syspath_prepend(str(ANALYSES))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


@pytest.fixture
def legible(script, monkeypatch):
    """Looks at every figure of a report: on a page 800 pixels wide no letter has less than 11, and
    nothing is cut off.
    """
    from matplotlib.text import Text

    report = script("shared.common").Report
    write = report.figure

    def look(self, figure, part=""):
        write(self, figure, part)
        letters = figure.findobj(lambda one: isinstance(one, Text) and one.get_text().strip())
        points = min(one.get_fontsize() for one in letters)
        assert points / 72 * 800 / figure.get_figwidth() > 11
        (left, bottom), (right, top) = figure.get_tightbbox().get_points()
        assert min(left, bottom) > -0.02
        assert right < figure.get_figwidth() + 0.02
        assert top < figure.get_figheight() + 0.02

    monkeypatch.setattr(report, "figure", look)


@pytest.fixture
def results():
    """``results(name)``: of a figure of the repository."""

    def read(name: str) -> dict:
        return json.loads((ANALYSES.parent / "figures" / f"{name}.json").read_text())["results"]

    return read


@pytest.fixture
def runs(script, tmp_path, monkeypatch):
    """The module of the runs with a smaller smoke budget, and ``make(**options)`` for Runs."""
    module = script("shared.runs")
    tiny = dataclasses.replace(module.BUDGETS["smoke"], train=32, test=40)
    monkeypatch.setitem(module.BUDGETS, "smoke", tiny)

    def make(**options):
        defaults = {
            "data": "synthetic",
            "runs": str(tmp_path / "runs"),
            "out": str(tmp_path / "figures"),
            "device": "cpu",
            "threads": 1,
        }
        return module.Runs(module.RunsConfig(**{**defaults, **options}))

    module.make = make
    yield module
    del module.make
