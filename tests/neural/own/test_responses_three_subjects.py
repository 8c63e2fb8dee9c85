"""From three subjects' responses in .mat to time-resolved RSA beside a recording: eight lines."""

import mat73
import matplotlib as mpl
import numpy as np
import pytest
import scipy.io
import scipy.spatial.distance
import scipy.stats

import cortexsim
from cortexsim import neural
from cortexsim.analysis import rdm_movie
from cortexsim.stimuli.images import Stimuli

SUBJECTS = ("anna", "ben", "cleo")
IDS = [f"image {k}" for k in range(8)]
TIMES = np.array([50.0, 100.0, 150.0])

OF_THREE_FILES = """
import matplotlib.pyplot as plt
from cortexsim import analysis, neural, plotting
dims = ("trial", "unit", "time_ms")
data = {s: neural.from_responses(f"{s}.mat", dims=dims) for s in ("anna", "ben", "cleo")}
brain = neural.stack({s: neural.response_rdms(neural.average(d)) for s, d in data.items()})
movie = analysis.rdm_movie("recording.zarr", steps=4, progress=False).sel(step=4)
plotting.curves(plt.gca(), result := analysis.evaluate(movie.rdm, brain.rdm))
plt.savefig("rsa.png", bbox_inches="tight")
"""

OF_ONE_FILE = """
import matplotlib.pyplot as plt
from cortexsim import analysis, neural, plotting
data = neural.from_responses("all.mat", dims=("subject", "trial", "unit", "time_ms"))
brain = neural.response_rdms(neural.average(data))
movie = analysis.rdm_movie("recording.zarr", steps=4, progress=False).sel(step=4)
plotting.curves(plt.gca(), result := analysis.evaluate(movie.rdm, brain.rdm))
plt.savefig("rsa.png", bbox_inches="tight")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recording of eight images, and three subjects who saw them twice, each in another order."""
    folder = tmp_path_factory.mktemp("three")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    table = Stimuli("eight", tuple(IDS), ("",) * 8, images)
    net = cortexsim.load("cortex4")
    cortexsim.record_network(net, table, steps=4, keep="mean", out=folder / "recording.zarr")
    structs = np.empty((1, 3), dtype=object)
    for k, name in enumerate(SUBJECTS):
        order = rng.permutation(16)
        ids = [(IDS * 2)[i] for i in order]
        content = {"rates": rng.normal(size=(16, 6, 3)), "stimulus_id": ids, "time_ms": TIMES}
        structs[0, k] = {**content, "name": name}
        cell = np.array(ids, dtype=object)
        scipy.io.savemat(folder / f"{name}.mat", {**content, "stimulus_id": cell})
    mat73.save(folder / "all.mat", {"data": structs})
    return folder


@pytest.mark.parametrize("code", [OF_THREE_FILES, OF_ONE_FILE], ids=["three files", "one file"])
def test_eight_lines_from_files_to_the_figure(code, folder, monkeypatch):
    assert len([line for line in code.splitlines() if line.strip()]) <= 8
    monkeypatch.chdir(folder)
    mpl.use("Agg")
    names: dict = {}
    exec(code, names)  # what a user types
    names["plt"].close("all")
    result = names["result"]
    assert result.evaluation.sizes["time_ms"] == 3
    assert result.attrs["subjects"] == 3
    assert np.isfinite(result.ceiling).all()
    assert (folder / "rsa.png").stat().st_size > 5000
    # The same by hand, with the stimuli in the order of the recording.
    movie = rdm_movie(folder / "recording.zarr", progress=False).sel(state="IT", step=4)
    for k, name in enumerate(SUBJECTS):
        raw = scipy.io.loadmat(folder / f"{name}.mat", simplify_cells=True)
        means = np.stack([raw["rates"][raw["stimulus_id"] == s].mean(0) for s in IDS])
        for t in range(3):
            rdm = scipy.spatial.distance.pdist(means[..., t], "correlation")
            rho = scipy.stats.spearmanr(rdm, movie.rdm.values).statistic
            got = result.by_subject.sel(model="IT").isel(subject=k, time_ms=t)
            np.testing.assert_allclose(got, rho, atol=1e-6)


def test_averages_of_subjects_are_those_of_each():
    x = np.random.default_rng(1).normal(size=(3, 2, 7, 4))  # subject, session, trial, unit
    ids = ["a", "b", "a", "c", "b", "a", "d"]
    data = neural.from_responses(
        x, dims=("subject", "session", "trial", "unit"), stimulus_id=ids, subject=SUBJECTS
    )
    means = neural.average(data)
    assert means.responses.dims == ("subject", "session", "stimulus", "unit")
    assert means.subject.values.tolist() == list(SUBJECTS)
    for s in range(3):
        for d in range(2):
            one = neural.average(data.isel(subject=s, session=d))
            np.testing.assert_array_equal(means.responses[s, d], one.responses)
            np.testing.assert_array_equal(means.trials[s, d], one.trials)
    assert neural.response_rdms(means).rdm.dims == ("subject", "session", "pair")
