"""``cortexsim mask --people``: trials of your own beside the network, in words and drawn."""

import numpy as np
import pytest

import cortexsim.provenance
from cortexsim.errors import CortexsimError
from cortexsim.experiments.mask.config import MaskConfig
from cortexsim.mask import mask

SOA = (25.0, 50.0, 75.0, 100.0)


@pytest.fixture
def config(monkeypatch, tmp_path):
    """A run of seconds, and a table of trials."""
    monkeypatch.setattr(cortexsim.provenance, "git_commit", lambda: None)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (24, 32, 32, 3)).astype(np.uint8)
    np.savez(tmp_path / "set.npz", x=x, y=np.arange(24) % 3)
    rows = ["participant,soa_ms,mask,correct"]
    for k in range(1200):
        soa, masked = SOA[k % 4], k // 4 % 2
        share = 0.1 + 0.8 * (1 - np.exp(-((soa / (20 + 40 * masked)) ** 2)))
        rows.append(f"p{k // 400},{soa:g},{masked},{int(rng.random() < share)}")
    (tmp_path / "mine.csv").write_text("\n".join(rows))
    return MaskConfig(
        stimuli=str(tmp_path / "set.npz"),
        calibrate_on=str(tmp_path / "set.npz"),
        soa_ms=SOA,
        steps=8,
        compared=0,
        decoded=0,
        n=20,
        permutations=20,
        out=str(tmp_path / "masking.nc"),
        people=str(tmp_path / "mine.csv"),
        people_chance=0.1,
    )


@pytest.mark.slow
def test_trials_of_your_own_are_set_beside(config, capsys, tmp_path):
    mask(config)
    said = capsys.readouterr().out
    assert "people (mine.csv, 3 participants): masked threshold" in said
    lines = said[said.index("people (mine.csv") :].splitlines()
    assert lines[1] == "  cortex4, phase, readout at step 8"
    assert [line.split(":")[0] for line in lines[2:]] == [
        "    20 ms a step",
        "    25 ms a step",
        "    50 ms a step",
    ]
    # 50 ms a step: the shortest SOA of the network is the second of the people.
    assert "SOAs in common, too few to compare" in lines[4]
    assert "[" in lines[3]
    assert (tmp_path / "masking.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"people_chance": None}, "chance is not known"),
        ({"people": None}, "--people-chance is of the trials of --people"),
        ({"people": "no.csv"}, "there is no file no.csv"),
        ({"people": "geirhos-behaviour"}, "has no trials by SOA and mask"),
    ],
)
def test_what_is_wrong_with_the_people_is_told_before_anything_runs(
    change, message, config, monkeypatch, tmp_path
):
    import dataclasses

    monkeypatch.setattr(
        "cortexsim.experiments.mask.subject.masked", lambda *a, **k: pytest.fail("it ran")
    )
    with pytest.raises(CortexsimError, match=message):
        mask(dataclasses.replace(config, **change))
    assert not (tmp_path / "masking.nc").exists()
