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
