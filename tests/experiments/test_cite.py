"""Whom to cite: every benchmark by its DOI, every output by what it used."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import cortexsim
from cortexsim.__main__ import main
from cortexsim.errors import AnalysisError
from cortexsim.experiments.cite import citations, entries
from cortexsim.models.weights import weights_folder
from cortexsim.neural.benchmarks.registry import BENCHMARKS


def test_entries_are_whole():
    for key, (text, _) in entries().items():
        assert text.count("{") == text.count("}")
        assert {"author", "year"} <= set(
            re.findall(r"^  (\w+) = ", text, re.M)
        ) or key == "cortexsim"
        assert "keywords" not in text
    assert len(entries()) == len({text for text, _ in entries().values()})


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "latencies"])
def test_every_benchmark_is_cited_by_its_doi_and_years(name):
    record, found = BENCHMARKS[name], citations([name])
    assert len(found) > 1
    text = "\n".join(found.values())
    assert record.doi in text
    first_author = record.citation.split()[0].rstrip(",")
    assert first_author.replace("Henaff", "naff") in text
    for year in set(re.findall(r"year = \{(\d+)\}", text.split("\n}\n", 1)[1])):
        assert year in record.citation


def test_weights_and_results_name_what_they_used(tmp_path):
    assert {"liao2016bridging", "krizhevsky2009learning"} <= set(
        citations([str(weights_folder() / "cortex4.safetensors")])
    )
    said = {"neural_name": "cowley-v4", "configuration": json.dumps({"estimator": "reduced-rank"})}
    path = tmp_path / "numbers.json"
    path.write_text(json.dumps(said))
    found = citations([str(path)])
    assert list(found) == ["cortexsim", "cowley2023compact", "semedo2019cortical"]
    for name in ("cortex4", "cortex4-twin"):
        assert {"liao2016bridging", "krizhevsky2009learning"} <= set(citations([name]))


def test_a_recording_names_what_its_network_was_trained_on(tmp_path):
    path = tmp_path / "r.zarr"
    images = np.zeros((2, 32, 32, 3), np.uint8)
    cortexsim.record_network(cortexsim.load("cortex4"), images, out=path)
    assert "krizhevsky2009learning" in citations([str(path)])


@pytest.mark.parametrize(
    ("images", "key"),
    [
        ("cifar10", "krizhevsky2009learning"),
        ("cifar100", "krizhevsky2009learning"),
        ("tiny-imagenet", "deng2009imagenet"),
    ],
)
def test_images_that_are_trained_on_by_name_are_cited(images, key, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "mine", "data": {"name": images}}))
    assert list(citations([str(path)])) == ["cortexsim", key]


def test_every_benchmark_has_its_row_among_the_data():
    rows = (Path(__file__).parents[2] / "data" / "README.md").read_text().splitlines()
    for name in BENCHMARKS:
        assert sum(f"`{name}`" in row for row in rows) == 1, name


def test_a_network_of_states_of_ones_own_cites_those_who_made_them(tmp_path):
    graph = {"states": [{"name": "A"}], "transitions": [{"source": "A", "target": "A"}]}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"name": "mine", "network": {"graph": graph}}))
    assert "liao2016bridging" in citations([str(path)])
    path.write_text(json.dumps({"name": "mine"}))
    assert "liao2016bridging" not in citations([str(path)])


def test_what_is_no_output_is_said(tmp_path):
    with pytest.raises(AnalysisError, match="no file, no benchmark and no network"):
        citations(["cowley"])
    with pytest.raises(AnalysisError, match="is no output"):
        citations([str(tmp_path)])


def test_the_command_prints_bibtex(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["cortexsim", "cite", "cifar10h"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert printed.startswith("@software{cortexsim")
    assert "@misc{peterson2019human" in printed
