"""The table of latencies: sources, standing, and those of a benchmark."""

import numpy as np
import pytest

from cortexsim import neural


@pytest.fixture(scope="module")
def loaded(data_folder):
    """Benchmarks, each loaded once."""
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = neural.load(name)
        return kept[name]

    return get


def test_every_latency_has_a_source_and_a_standing():
    from cortexsim.neural.benchmarks.latencies import STATUSES

    table = neural.load("latencies")
    for name in ("area", "source", "preparation", "stimulus", "note"):
        assert all(table[name].values), name
    assert set(table.status.values) <= set(STATUSES)
    assert set(table.spread_status.values) <= {"", *STATUSES}
    assert ((table.spread_status == "") == np.isnan(table.spread_ms)).all()
    known = table.mean_ms.dropna("row")
    assert ((known > 20) & (known < 200)).all()
    schmolesky = table.isel(row=[s.startswith("Schmolesky") for s in table.source.values])
    means = dict(zip(schmolesky.area.values, schmolesky.mean_ms.values))
    assert (means["V1"], means["V2"], means["V4"]) == (66, 84.2, 104)
    secondary = table.status.values == "secondary source"
    assert secondary.any()
    assert all("https://" in note for note in table.note.values[secondary])


def test_latencies_of_henaff_are_those_of_the_benchmark(loaded):
    sessions = loaded("henaff-v1").session_latency_ms.values
    table = neural.load("latencies")
    row = table.isel(row=[s.startswith("Henaff") for s in table.source.values]).squeeze("row")
    assert float(row.mean_ms) == pytest.approx(sessions.mean(), abs=0.05)
    assert float(row.spread_ms) == pytest.approx(sessions.std(ddof=1), abs=0.05)
