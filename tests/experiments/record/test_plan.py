"""Plans: what a long run takes is told from its first steps, and agrees with what is recorded."""

import re

import pytest
import torch

import cortexsim
from cortexsim import record
from cortexsim.errors import CalibrationError, RecordingError
from cortexsim.experiments.networks import named
from cortexsim.experiments.record.plan import recording_plan
from cortexsim.models.network import Network
from cortexsim.recording.network import recorder_of
from cortexsim.recording.settings import Settings
from cortexsim.stimuli.images import load_stimuli


@pytest.fixture
def run_steps(monkeypatch):
    """How many steps networks have run, batch by batch."""
    counted = []
    original = Network.unroll

    def unroll(self, images, steps=None, **how):
        counted.append(self.readout if steps is None else steps)
        return original(self, images, steps, **how)

    monkeypatch.setattr(Network, "unroll", unroll)
    return counted


def test_a_plan_of_ten_thousand_steps_runs_a_few_and_says_so(run_steps, capsys):
    arguments = ["--plan", "--untrained", "--steps", "10000", "--keep", "mean"]
    assert record.main(arguments) == 0
    assert max(run_steps) <= 24
    assert len(run_steps) <= 8
    said = capsys.readouterr().out
    assert "V1/activation                    float32  10000 steps (1-10000) x 8" in said
    assert "measured on one small batch and 24 of 10,000 steps" in said


@pytest.mark.sampled(1)
@pytest.mark.parametrize("lesion", [(), ("lateral",)])
def test_shapes_and_bytes_are_those_of_the_whole_run(lesion):
    """In a graph without transitions of a state to itself states take turns."""
    stimuli, settings = load_stimuli("sample"), Settings(steps=40, keep="mean")
    net = cortexsim.load("cortex4")
    net = cortexsim.calibrate(net, _images(stimuli, net), steps=40)
    for kind in lesion:
        net = net.lesioned(kind, steps=40)
    whole = recorder_of(net, stimuli, settings=settings)
    planned = recorder_of(net, stimuli, settings=settings, planned=True)
    assert planned.tried == 24
    assert planned.variables == whole.variables
    assert recording_plan(planned).bytes == whole.plan("").bytes()


def _images(stimuli, net):
    return net.preprocess([stimuli.read(k) for k in range(8)])


def test_a_short_run_is_measured_whole(run_steps, capsys):
    assert record.main(["--plan", "--keep", "mean"]) == 0
    assert "(measured on one small batch)" in capsys.readouterr().out
    assert set(run_steps) <= {6, 8}


def test_statistics_of_a_plan_are_of_its_first_steps_alone():
    net, preprocessing = named("cortex4", untrained=True, steps=10_000).tried(
        load_stimuli("sample"), 10_000
    )
    grey = torch.zeros(2, 3, *preprocessing.size)
    assert [step for step, _ in net.unroll(grey, 24)][-1] == 24
    with pytest.raises(CalibrationError):
        list(net.unroll(grey, 25))


def test_more_steps_than_a_run_can_have_are_refused_before_anything_is_allocated(tmp_path):
    with pytest.raises(RecordingError, match=re.escape("2,147,483,648 steps; a run has at most")):
        record.main(["--untrained", "--steps", "2147483648", "--out", str(tmp_path / "a.zarr")])
    assert not list(tmp_path.iterdir())


def test_bytes_count_the_last_batch_as_the_store_holds_it():
    """Chunks are whole: of 48 images in batches of 20 the third takes as much as the first."""
    stimuli = load_stimuli("sample")
    settings = Settings(keep="mean", batch_size=20)
    plan = recorder_of(cortexsim.load("cortex4"), stimuli, settings=settings).plan("")
    each = sum(v.bytes_per_stimulus() for v in plan.variables)
    assert (len(plan.stimulus_id), plan.bytes()) == (48, 60 * each)
