"""What other software gets: pairs in the order of their stimuli, and no milliseconds that nobody
declared.
"""

import json

import numpy as np
import pytest
import xarray

from cortexsim import TimeAxis, open_recording
from cortexsim.analysis import rdm_movie
from cortexsim.errors import AnalysisError
from cortexsim.interop import to_mne_rsa, to_neuroid_assembly, to_rsatoolbox
from cortexsim.interop.measured import measured, ordered_rdms
from cortexsim.labelled.rdms import pair_coords
from cortexsim.neural import from_rdms
from cortexsim.pairs import pairs_among
from cortexsim.plotting import movie as drawn_movie

IDS = np.array([f"s{k}" for k in range(5)], dtype=object)
RDMS = np.arange(20.0).reshape(2, 10)
ORDERS = np.array([[3, 1, 0, 4, 2], [0, 1, 2, 3, 4]])


def the_same_in_other_orders() -> xarray.Dataset:
    """Two subjects, the pairs of the first by another order of the stimuli."""
    data = from_rdms(RDMS, stimulus_id=IDS, subject=["a", "b"])
    each = [pair_coords(IDS[order]) for order in ORDERS]
    values = np.stack([r[pairs_among(o, 5)] for r, o in zip(RDMS, ORDERS, strict=True)])
    ids = {
        name: (("subject", "pair"), np.stack([e[name][1] for e in each]))
        for name in ("first_id", "second_id")
    }
    kept = data.drop_vars(["rdm", "first", "second", "first_id", "second_id"], errors="ignore")
    return kept.assign(rdm=(("subject", "pair"), values)).assign_coords(ids)


def test_every_subjects_pairs_are_those_of_the_stimulus_ids():
    data = the_same_in_other_orders()
    np.testing.assert_array_equal(ordered_rdms(data, "rdm").values, RDMS)
    np.testing.assert_array_equal(to_rsatoolbox(data).dissimilarities, RDMS)
    np.testing.assert_array_equal(to_mne_rsa(data)[0]["rdm_model"], RDMS)
    turned = data.transpose("pair", "subject", "stimulus")
    np.testing.assert_array_equal(to_rsatoolbox(turned).dissimilarities, RDMS)


def test_pairs_of_other_stimuli_are_refused():
    data = the_same_in_other_orders()
    other = data.assign_coords(stimulus_id=("stimulus", np.array(["t", *IDS[1:]], dtype=object)))
    for convert in (to_rsatoolbox, to_mne_rsa):
        with pytest.raises(AnalysisError, match="the stimulus_id"):
            convert(other)
        with pytest.raises(AnalysisError, match="comes without stimulus_id"):
            convert(data.drop_vars("stimulus_id"))


@pytest.fixture
def undeclared(recorded):
    """The recording as that of somebody else's network, whose steps have no duration."""
    tree = open_recording(recorded)
    known = json.loads(tree.attrs["configuration"])
    known["time_axis"] = TimeAxis.of_steps().as_dict()
    tree.attrs["configuration"] = json.dumps(known)
    for state in known["states"]:
        steps = tree[state].step
        columns = ("time_ms", "time_ms_low", "time_ms_high")
        coords = {c: ("step", steps.values.astype(float)) for c in columns}
        tree[state] = tree[state].to_dataset().assign_coords(coords)
    return tree


def test_steps_become_no_time_bins_until_milliseconds_are_declared(undeclared, recorded):
    assert measured(undeclared, "IT").bins_ms is None
    with pytest.raises(AnalysisError, match=r"no milliseconds were declared.*TimeAxis"):
        to_neuroid_assembly(undeclared, "IT")
    assert "time_bin_start" in to_neuroid_assembly(recorded, "IT").coords


@pytest.mark.slow
def test_a_movie_of_undeclared_steps_is_in_steps(undeclared, recorded):
    of_steps, of_ms = (rdm_movie(r, progress=False) for r in (undeclared, recorded))
    assert of_steps.time_ms.attrs["units"] == "steps (no ms declared)"
    assert of_ms.time_ms.attrs["units"] == "ms after image onset"
    titles = [axes.get_title() for axes in drawn_movie(of_steps).axes]
    assert "step 1" in titles
    assert not any("ms" in title for title in titles)
    assert any("ms" in axes.get_title() for axes in drawn_movie(of_ms).axes)
