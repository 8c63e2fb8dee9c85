"""analyses/over_seeds.py: every training is measured once, and no more is said than is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from cortexsim.checksums import with_digest
from cortexsim.errors import AnalysisError
from cortexsim.models.weights import bundled_seeds

ROOT = Path(__file__).parents[2]
VALUES = {
    "cortex4": 1.0,
    "cortex4-seed1": 1.2,
    "cortex4-seed2": 1.1,
    "cortex4-twin": 3.0,
    "cortex4-twin-seed1": 3.1,
    "cortex4-twin-seed2": 3.3,
}


@pytest.fixture
def over_seeds(script):
    return script("over_seeds")


def test_every_training_is_measured_once_and_what_a_net_shares_is_computed_once(over_seeds):
    shared, computed, measured = over_seeds.Shared(over_seeds.SeedsConfig()), [], []

    def value(name, shared):
        measured.append(name)
        return shared.of_net("x", lambda: computed.append(name) or VALUES[name])

    quantity = over_seeds.Quantity("a", "points", "masking", value)
    chosen = {"a": quantity, "b": quantity, "c": quantity._replace(of_twin=False)}
    names = {
        net: [n for n in VALUES if ("twin" in n) == ("twin" in net)] for net in over_seeds.NETS
    }
    found = over_seeds.measured(chosen, names, shared)
    assert computed == list(VALUES)
    assert len(measured) == 2 * 6 + 3
    assert (
        found["a"]
        == found["b"]
        == {
            "cortex4": [1.0, 1.2, 1.1],
            "cortex4-twin": [3.0, 3.1, 3.3],
        }
    )
    assert list(found["c"]) == ["cortex4"]


COST = {"what": "cost", "unit": "points", "figure": "masking"}


def judged(over_seeds, values):
    return over_seeds.judged({"a": COST}, {"a": values})["sentences"][0]


def test_sentences_say_no_more_than_the_test(over_seeds):
    apart = {"cortex4": [1.0, 1.2, 1.1], "cortex4-twin": [3.0, 3.1, 3.3]}
    assert judged(over_seeds, apart).endswith("differ over trainings.")
    assert "difference -2.03 [" in judged(over_seeds, apart)
    later = scipy.stats.ttest_ind([1.2, 1.1], [3.1, 3.3], equal_var=False).pvalue
    assert f" ({later:.2g} without the first seed): differ" in judged(over_seeds, apart)
    two = {net: values[:2] for net, values in apart.items()}
    assert judged(over_seeds, two).endswith(": differ over trainings.")
    assert "without the first" not in judged(over_seeds, two)
    mixed = {"cortex4": [1.0, 4.0, 2.0], "cortex4-twin": [3.0, 1.1, 3.3]}
    assert judged(over_seeds, mixed).endswith("not told apart.")
    single = {"cortex4": [1.0], "cortex4-twin": [3.0, 3.1, 3.3]}
    assert judged(over_seeds, single).endswith("nothing is said of other trainings.")
    alone = {"cortex4": [5.0, 5.5, 5.2]}
    assert judged(over_seeds, alone).endswith("differs from zero over trainings.")
    assert judged(over_seeds, {"cortex4": [1.0, -1.0, 0.3]}).endswith("not told from zero.")


def test_retelling_tests_the_numbers_of_the_file_again(over_seeds, tmp_path, capsys):
    kept = json.loads((ROOT / "figures" / "over_seeds.json").read_text())
    (tmp_path / "over_seeds.json").write_text(json.dumps(kept))
    assert over_seeds.main(["--retell", "--out", str(tmp_path)]) == 0
    told = json.loads((tmp_path / "over_seeds.json").read_text())
    assert told["provenance"] == kept["provenance"]
    for name, one in kept["results"]["quantities"].items():
        again = told["results"]["quantities"][name]
        assert again["test"]["p_holm"] == pytest.approx(one["test"]["p_holm"], rel=0.01)
        assert again["cortex4"]["values"] == one["cortex4"]["values"]
    v4 = kept["results"]["quantities"]["v4"]
    later = scipy.stats.ttest_ind(
        v4["cortex4"]["values"][1:], v4["cortex4-twin"]["values"][1:], equal_var=False
    )
    found = told["results"]["quantities"]["v4"]["test"]["without_the_first_seed"]
    assert found["p"] == pytest.approx(later.pvalue, rel=1e-3)
    assert capsys.readouterr().out.splitlines() == told["results"]["sentences"]


def test_of_the_cards_alone_in_a_moment(over_seeds, tmp_path, capsys):
    from cortexsim import load

    over_seeds.main(["--quantities", "accuracy", "--out", str(tmp_path)])
    found = json.loads((tmp_path / "over_seeds.json").read_text())["results"]
    for net in over_seeds.NETS:
        cards = [load(net, seed=k).card for k in bundled_seeds(net)]
        assert found["quantities"]["accuracy"][net]["values"] == pytest.approx(
            [100 * (1 - c["test_error"]) for c in cards], rel=1e-4
        )
    assert (tmp_path / "over_seeds.png").stat().st_size > 1000
    assert "accuracy, readout step 8" in capsys.readouterr().out


def test_numbers_of_the_same_weights_are_reused_and_new_weights_are_measured(
    over_seeds, tmp_path, monkeypatch
):
    measured = []
    real = over_seeds.card

    def accuracy(name, shared):
        shared.brain("kriegeskorte92")  # whose source a run names that measured something
        measured.append(name)
        return 100.0 * len(name)

    quantity = over_seeds.QUANTITIES["accuracy"]._replace(measure=accuracy)
    monkeypatch.setitem(over_seeds.QUANTITIES, "accuracy", quantity)
    images = {"name": "cifar10", "sha256": 64 * "0", "notes": ""}
    monkeypatch.setattr(over_seeds.Shared, "source_of_images", images)
    asked = ["--quantities", "accuracy", "--out", str(tmp_path)]
    over_seeds.main(asked)
    first = json.loads((tmp_path / "over_seeds.json").read_text())
    count = len(measured)
    with pytest.raises(AnalysisError, match="has the numbers of all 10; use --retell"):
        over_seeds.main([*asked, "--reuse"])
    new = {"cortex4": {"weights_sha256": "new"}}
    monkeypatch.setattr(over_seeds, "card", lambda name: real(name) | new.get(name, {}))
    measured.clear()
    over_seeds.main([*asked, "--reuse"])
    again = json.loads((tmp_path / "over_seeds.json").read_text())
    assert (count, measured) == (10, ["cortex4"])
    for part in ("quantities", "trainings", "sentences"):
        assert again["results"][part] == first["results"][part]
    assert again["command"] == first["command"]
    # Of the data, too, the numbers must be.
    moved = [s | ({"source": "elsewhere"} if "source" in s else {}) for s in again["data"]]
    content = with_digest(first | {"data": moved}, "sha256")
    (tmp_path / "over_seeds.json").write_text(json.dumps(content))
    with pytest.raises(AnalysisError, match=r"^kriegeskorte92: from elsewhere than when"):
        over_seeds.main([*asked, "--reuse"])
    with pytest.raises(AnalysisError, match=r"was made by .*: its numbers are others"):
        over_seeds.main([*asked, "--shown", "500", "--reuse"])
    (tmp_path / "over_seeds.json").write_text(json.dumps(again | {"claim": "another"}))
    with pytest.raises(AnalysisError, match="is not as it was written"):
        over_seeds.main([*asked, "--reuse"])


def test_trainings_by_other_recipes_are_refused(over_seeds, tmp_path, monkeypatch):
    real = over_seeds.card
    other = lambda name: real(name) | ({"epochs": 3} if "twin" in name else {})  # noqa: E731
    monkeypatch.setattr(over_seeds, "card", other)
    with pytest.raises(AnalysisError, match="not alike in recipe and epochs"):
        over_seeds.main(["--quantities", "accuracy", "--out", str(tmp_path)])


def test_a_quantity_that_there_is_not_is_refused(over_seeds, tmp_path):
    with pytest.raises(AnalysisError, match="no quantity is called speed; there are accuracy"):
        over_seeds.main(["--quantities", "speed", "--out", str(tmp_path)])


@pytest.mark.slow
def test_the_numbers_of_the_first_training_are_those_of_its_figures(over_seeds, results, tmp_path):
    """On all images; the figures are those of the repository, of the same weights."""
    wanted = ["human_it", "human_it_slope", "mask_8", "mask_12", "deadlines"]
    over_seeds.main(["--seeds", "0", "--quantities", *wanted, "--out", str(tmp_path)])
    found = json.loads((tmp_path / "over_seeds.json").read_text())["results"]
    ours = {k: one["cortex4"]["mean"] for k, one in found["quantities"].items()}
    it = results("rsa_timecourse")["IT, human (15 subjects)"]
    mask = results("masking")["networks"]["cortex4"]["losses"]
    at = dict(zip(mask["readout_steps"], mask["loss"], strict=True))
    fit = results("speed_accuracy")["networks"]["cortex4"]["mapping"]["free"]
    assert ours["human_it"] == pytest.approx(it["models"]["IT"]["evaluation"][7], rel=1e-3)
    assert ours["human_it_slope"] == pytest.approx(it["slope_per_100_ms"]["IT"]["slope"], rel=1e-2)
    assert ours["mask_8"] == pytest.approx(100 * at[8], abs=0.31)  # 1,000 images, another machine
    assert ours["mask_12"] == pytest.approx(100 * at[12], abs=0.31)
    assert ours["deadlines"] == pytest.approx(100 * fit["rmse"], rel=5e-3)


@pytest.mark.slow
def test_of_the_first_training_flashes_gratings_and_distortions_are_as_in_their_figures(
    over_seeds, results, tmp_path
):
    wanted = [
        *("mask_it", "movement", "rise_4_8", "rise_8_12", "orientation"),
        *("distorted", "gain_distorted", "gain_distorted_odds"),
    ]
    over_seeds.main(["--seeds", "0", "--quantities", *wanted, "--out", str(tmp_path)])
    found = json.loads((tmp_path / "over_seeds.json").read_text())["results"]
    ours = {k: one["cortex4"]["mean"] for k, one in found["quantities"].items()}
    rows = {
        (r["prediction"], r["what"]): r["effect"]
        for r in results("predictions")["table"]
        if r["network"] == "cortex4"
    }
    points = pytest.approx
    # 1,000 images, decoders of other folds (they are drawn after the resamples, of which there are
    # fewer here): the figure's own interval is four points wide.
    low, high = next(
        r["interval"]
        for r in results("predictions")["table"]
        if (r["prediction"], r["what"], r["network"]) == (3, "IT", "cortex4")
    )
    assert 100 * low < ours["mask_it"] < 100 * high
    assert ours["movement"] == points(rows[1, "IT"] - 0.05, rel=1e-3)
    assert ours["rise_4_8"] == points(100 * rows[2, "step 4 to 8"], abs=0.31)
    assert ours["rise_8_12"] == points(100 * rows[2, "step 8 to 12"], abs=0.31)
    stream = results("rsvp_features")["networks"]["cortex4, SOA 150 ms"]["orientation"]
    v1 = dict(zip(stream["step"], stream["accuracy"][0], strict=True))
    assert ours["orientation"] == points(100 * np.mean([v1[t] for t in range(1, 7)]), abs=0.6)
    kinds = results("behavior_distortions")["nets"]["cortex4"].values()
    accuracy = [np.mean([level[4] for level in one["accuracy"][1:]]) for one in kinds]
    gains = [one["interaction_with_the_first_level"] for one in kinds]
    assert ours["distorted"] == points(100 * np.mean(accuracy), abs=0.3)
    for name, key, scale in (
        ("gain_distorted", "interaction", 100),
        ("gain_distorted_odds", "log_odds_interaction", 1),
    ):
        mean = np.mean([np.mean([level[key] for level in one]) for one in gains])
        assert ours[name] == points(scale * mean, rel=0.02)
