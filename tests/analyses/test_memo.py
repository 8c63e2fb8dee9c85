"""The figures of the memo and the two blog posts: each script runs, and its arithmetic."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from cortexsim.errors import CortexsimError
from cortexsim.models import State, adjacent, build, calibrate
from cortexsim.models.zoo import spec

TRAINING = (
    "fig06_weight_sharing",
    "fig07_few_parameters",
    "fig08_readout_time",
    "fig09_states_and_connections",
    "fig10_readout_generalisation",
    "fig13_inhomogeneous",
    "coarse_to_fine",
    "depth_efficiency",
)


# The quickest of them is in make test; the others differ in the nets they ask for.
FIRST = ("fig10_readout_generalisation",)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in FIRST)) for n in TRAINING]
)
def test_every_figure_runs_on_the_smallest_budget(name, script, runs, tmp_path):
    arguments = [
        "--data",
        "synthetic",
        "--runs",
        str(tmp_path / "runs"),
        "--out",
        str(tmp_path / "figures"),
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    assert script(name).main(arguments) == 0
    found = json.loads((tmp_path / "figures" / f"{name}.json").read_text())
    assert [(tmp_path / "figures" / f).stat().st_size > 5000 for f in found["figures"]] == [
        True,
        True,
    ]
    results = found["results"]
    assert "smoke" in results["budget"]
    assert results["comparable_with_the_memo"] is False
    assert "not comparable" in results["note"]
    words = [claim["verdict"] for claim in results["claims"]]
    assert words
    assert set(words) <= {"supported", "against", "undecided"}
    assert all(claim["scale"] and claim["interval"] for claim in results["claims"])
    assert found["data"][0]["name"] == "synthetic"
    errors = [
        r["test_error"] for row in results.get("nets", {"": results}).values() for r in row["runs"]
    ]
    assert all(0 <= e <= 1 for e in errors)


def test_the_memos_parameter_counts_are_those_of_the_nets(script):
    from cortexsim.models.twin import parameter_count

    for name in (
        "fig06_weight_sharing",
        "fig07_few_parameters",
        "fig08_readout_time",
        "fig09_states_and_connections",
        "fig13_inhomogeneous",
    ):
        figure = script(name).FIGURE
        nets = {label: w for panel in figure.panels.values() for label, w in panel.items()}
        assert nets.keys() == figure.memo_parameters.keys()
        assert {label: parameter_count(spec(w.model)) for label, w in nets.items()} == dict(
            figure.memo_parameters
        )
        assert figure.claims
        assert {label for claim in figure.claims for label in claim.nets} <= nets.keys()


def test_a_claimed_difference_is_that_of_the_nets_named(script, runs, monkeypatch):
    curves, claims = script("shared.curves"), script("shared.claims")
    figure = curves.TrainingFigure(
        "x",
        "",
        {"": {"a": runs.Wanted.of("rnn2-t2"), "b": runs.Wanted.of("rnn2")}},
        {},
        claims=(claims.better("a is better", "a", "b"),),
    )
    card = {
        "parameters": 1,
        "test_error_by_readout": {},
        "seconds": 0,
        "weights_sha256": "",
        "network": spec("rnn2-t2").as_dict(),  # read out at step 2
    }
    errors = {"a": (0.1, 0.3), "b": (0.2, 0.3)}
    trained = {
        label: [
            runs.Trained(figure.nets[label], k, Path("r/rnn2"), {**card, "test_error": e}, [])
            for k, e in enumerate(values)
        ]
        for label, values in errors.items()
    }

    def wrong_at(seeds, runs, times):
        assert times == (2,)
        return np.stack([(np.arange(10) < 10 * t.error)[:, None] for t in seeds]).astype(float)

    monkeypatch.setattr(curves, "final_error", lambda one, runs: one.error)
    monkeypatch.setattr(curves, "wrong_at", wrong_at)
    (result,) = figure.results(trained, runs.make())["claims"]
    assert result["difference"] == pytest.approx(0.05)
    assert result["seeds"] == {"a": 2, "b": 2}
    assert "64 features at 32 x 32 units" in result["scale"]["a"]


# ------------------------------------------------------------------------------------- appendices


@pytest.mark.parametrize("depth", [2, 5])
def test_the_residual_network_equals_the_recurrent_one_exactly(script, depth):
    appendix = script("appendix_a_equivalence")
    row = appendix.compare(depth, appendix.crops()[:3])
    assert [v for k, v in row.items() if "difference" in k] == [0.0] * 4
    assert row["largest_state_evaluation"] > 1
    assert row["parameters_recurrent"] == row["parameters_residual"] == 76426
    assert row["parameters_untied"] == 76426 + (depth - 2) * 2 * (9 * 64 * 64 + 64)


def test_the_comparison_of_the_residual_network_sees_a_changed_weight(script, monkeypatch):
    appendix = script("appendix_a_equivalence")
    original = appendix.residual_network

    def spoilt(net, depth):
        plain = original(net, depth)
        plain.second.weight.data[0, 0, 0, 0] += 1e-4
        return plain

    monkeypatch.setattr(appendix, "residual_network", spoilt)
    row = appendix.compare(3, appendix.crops()[:2])
    assert all(v > 0 for k, v in row.items() if "difference" in k)


def test_the_linear_net_is_the_loop_h_equals_kh_plus_x(script, monkeypatch):
    appendix = script("appendix_b_fixed_point")
    monkeypatch.setattr(appendix, "STEPS", 30)
    net, k = appendix.linear_net(0.9, inhomogeneous=True)
    assert np.abs(np.linalg.eigvals(k)).max() == pytest.approx(0.9)
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        given = net.pre_net(x, use_batch=False).flatten(1).numpy()
        states = appendix.run_states(net, x)
    h = np.zeros_like(given)
    for step in range(30):
        h = h @ k.T + given
        np.testing.assert_allclose(states[step], h, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("radius", [0.5, 0.9, 1.1])
def test_the_distance_to_the_fixed_point_has_the_predicted_rate(script, radius):
    found = script("appendix_b_fixed_point").settle(radius)
    assert found["rate_measured"] == pytest.approx(radius, rel=0.03)
    assert (found["distance_at_step"][200] < 1e-9) == (radius < 1)
    assert found["sum_of_homogeneous_states_less_inhomogeneous_state"] < 1e-12


# ------------------------------------------------------------------------------------- blog posts


def test_superclasses_partition_the_classes(script):
    module = script("coarse_to_fine")
    assert Counter(module.superclasses(100).tolist()) == dict.fromkeys(range(20), 5)
    names = [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ]
    assert [n for n, v in zip(names, module.superclasses(10)) if v] == [
        "airplane",
        "automobile",
        "ship",
        "truck",
    ]
    with pytest.raises(CortexsimError, match="7 classes"):
        module.superclasses(7)


def test_the_lead_is_measured_against_chance(script, monkeypatch):
    module = script("coarse_to_fine")
    monkeypatch.setattr(module, "TIMES", (1, 2, 3))
    seeds = [{"fine": np.array([0.1, 0.3, 0.5]), "coarse": np.array([0.88, 0.89, 0.9])}]
    found = module.described(seeds, {"fine": 0.1, "coarse": 0.6})
    assert found["fine"]["reached_at_step"] == [pytest.approx(2.8)]  # 0.9 lies between 0.5 and 1
    assert found["coarse"]["reached_at_step"] == [1]
    np.testing.assert_allclose(np.ravel(found["fine"]["share_of_the_final_gain"]), [0, 0.5, 1])
    never = module.described(
        [{k: np.full(3, 0.05) for k in ("fine", "coarse")}], {"fine": 0.1, "coarse": 0.6}
    )
    assert np.isnan(never["fine"]["reached_at_step"]).all()


def test_a_lead_has_an_interval_over_images_and_one_seed_decides_nothing(script, monkeypatch):
    module, rng = script("coarse_to_fine"), np.random.default_rng(0)
    monkeypatch.setattr(module, "TIMES", (1, 2, 3, 4))
    chance = {"fine": 0.1, "coarse": 0.5}

    def hits(fine, coarse):
        return {
            kind: rng.random((3000, 4)) < np.array(p)
            for kind, p in (("fine", fine), ("coarse", coarse))
        }

    ahead = hits((0.1, 0.3, 0.5, 0.9), (0.5, 0.9, 0.95, 0.95))
    lead = module.lead_interval(ahead, chance, draws=200)
    # fine: 0.9 of 0.8 between 0.4 at step 3 and 0.8 at 4; coarse: 0.9 of 0.45 at 2.01.
    assert lead["value"] == pytest.approx(3.8 - 2.01, abs=0.1)
    assert lead["interval"][0] < lead["value"] < lead["interval"][1]
    assert "one seed decides nothing" in module.sentence("net", [lead])
    assert "coarse answers lead in every seed" in module.sentence("net", [lead, lead])
    alike = (0.1, 0.5, 0.7, 0.9), (0.5, 0.7, 0.8, 0.9)
    same = module.lead_interval(hits(*alike), chance, draws=200)
    assert same["interval"][0] < 0 < same["interval"][1]
    assert "no lead is shown" in module.sentence("net", [lead, same])
    never = module.lead_interval(hits((0.05,) * 4, (0.4,) * 4), chance, draws=50)
    assert "not defined" in module.sentence("net", [never])


def test_leads_of_both_measures_are_claimed_apart(script, monkeypatch):
    module = script("coarse_to_fine")
    monkeypatch.setattr(module, "TIMES", (1, 2, 3, 4, 5))
    chance = {"fine": 0.1, "coarse": 0.5}

    def wrong(fine, coarse):
        return 1 - np.array([*fine, *coarse])

    late = (0.1, 0.1, 0.1, 0.5, 0.9)  # shares of the gain 0, 0, 0, 0.5, 1: 90 % at step 4.8
    soon = (0.5, 0.5, 0.9, 0.9, 0.9)  # shares 0, 0, 1, 1, 1: 90 % at step 2.9
    means = {
        f"{kind}, {how}": wrong(late, coarse)
        for kind in ("recurrent", "feed-forward")
        for how, coarse in (("last step", [v / 2 + 0.45 for v in late]), ("every step", soon))
    }
    found = {c.text: float(c.number(means)) for c in module.claims(chance) if "lead" in c.text}
    by_share, in_steps = (
        f"recurrent net: with the loss at every step, coarse answers lead by more ({how})."
        for how in ("mean share of the gain, steps 2 to 9", "steps to 90 % of the gain")
    )
    assert found[by_share] == pytest.approx((0 + 1 + 0.5) / 3)
    assert found[in_steps] == pytest.approx(4.8 - 2.9)
    assert len(found) == 5


def test_costs_are_those_counted_by_hand(script, runs):
    module, made = script("depth_efficiency"), runs.make()
    wanted = {kind: runs.Wanted.of(model, readout=(3,)) for kind, model in module.KINDS.items()}
    found = made.get(list(wanted.values()))
    cost = {kind: module.cost(found[w][0], kind) for kind, w in wanted.items()}
    layer = 32 * 32 * 64
    work = (
        32 * 32 * 9 * 3 * 64 + 2 * 2 * 32 * 32 * 9 * 64 * 64 + 640
    )  # pre-net, two blocks of two convolutions, linear
    assert cost["recurrent"] == {"parameters": 76426, "units": layer, "multiply_adds": work}
    assert cost["feed-forward"] == {
        "parameters": 76426 + 73856,
        "units": 3 * layer,
        "multiply_adds": work,
    }


def small_net(count: int, *, steps: int):
    """Images, and three states with statistics of them at so many steps."""
    graph = adjacent([State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5)])
    x = torch.randn(count, 3, 8, 8)
    return x, calibrate(build("cortex4", graph=graph, readout=6), x, steps)


def test_the_parts_of_a_state_add_up(script, monkeypatch):
    module = script("local_recurrence")
    monkeypatch.setattr(module, "STEPS", 7)
    x, net = small_net(6, steps=7)
    found = module.delivered(net, x)
    for parts in found.values():
        for step, total in parts["state"].items():
            pieces = [
                parts[p][step] for p in ("x + F(x)", "feed-forward", "feedback") if step in parts[p]
            ]
            np.testing.assert_allclose(sum(pieces), total, rtol=1e-5, atol=1e-5)
            if step in parts["x"]:
                np.testing.assert_array_equal(parts["x"][step], parts["state"][step - 1])
                np.testing.assert_allclose(
                    parts["x"][step] + parts["F(x)"][step], parts["x + F(x)"][step]
                )
    assert sorted(found["IT"]["state"]) == [3, 4, 5, 6, 7]
    assert not found["IT"]["feedback"]
    silent = module.delivered(net.lesioned("lateral", keep_shortcut=True), x)
    assert all(not parts["F(x)"] and parts["x"] for parts in silent.values())


@pytest.fixture
def pictures32(tmp_path, script) -> Path:
    """Synthetic images enlarged to 32 x 32, as an .npz."""
    images = script("shared.pictures").synthetic()
    x = (
        torch.cat([images.train_x, images.test_x])
        .repeat_interleave(2, 2)
        .repeat_interleave(2, 3)
        .permute(0, 2, 3, 1)
    )
    np.savez(
        tmp_path / "set.npz", x=x.numpy(), y=torch.cat([images.train_y, images.test_y]).numpy()
    )
    return tmp_path / "set.npz"


@pytest.mark.slow
def test_the_script_of_the_dynamics_runs(script, pictures32, tmp_path):
    module = script("dynamics")
    arguments = [
        "--data",
        str(pictures32),
        "--train-count",
        "300",
        "--images",
        "4",
        "--calibration",
        "20",
        "--steps",
        "9",
        "--out",
        str(tmp_path),
    ]
    module.KRYLOV, before = 5, module.KRYLOV
    try:
        assert module.main(arguments) == 0
    finally:
        module.KRYLOV = before
    nets = json.loads((tmp_path / "dynamics.json").read_text())["results"]["nets"]
    assert nets.keys() == set(module.NETS)
    assert [
        nets["cortex4-twin"]["effective_depth"]["0.01"][s]["median_nominal_ms"]
        for s in ("V1", "V2", "V4", "IT")
    ] == [25, 50, 75, 100]
    assert nets["cortex4-twin"]["held_map"]["statistics of step 8"]["share_converged"] == 1


@pytest.mark.slow
def test_the_script_of_local_recurrence_runs(script, pictures32, tmp_path, monkeypatch):
    module = script("local_recurrence")
    monkeypatch.setattr(module, "STEPS", 5)
    monkeypatch.setattr(module, "REDUCE", "projection:16")
    arguments = [
        "--data",
        str(pictures32),
        "--train-count",
        "300",
        "--images",
        "60",
        "--lesion-images",
        "50",
        "--out",
        str(tmp_path),
    ]
    assert module.main(arguments) == 0
    found = json.loads((tmp_path / "local_recurrence.json").read_text())["results"]
    assert found["intact"]["V1"]["norm"]["x"][0] is None
    assert found["intact"]["V1"]["norm"]["x"][1] > 0
    assert set(found["accuracy_of_the_readout"]["intact"]) == {"4", "5"}
    assert found["accuracy_with_statistics_of_the_lesion"].keys() == (
        found["accuracy_of_the_readout"].keys()
    )


def test_lesioned_nets_get_statistics_of_their_own(script, monkeypatch):
    module = script("local_recurrence")
    monkeypatch.setattr(module, "STEPS", 6)
    x, net = small_net(40, steps=6)
    nets = module.lesioned(net)
    assert len(nets) == 7  # V1, V2, IT, all of them, shortcuts too, feedback
    before = [b.clone() for b in net.buffers()]
    own = module.on_their_own(nets, x)
    assert all(torch.equal(a, b) for a, b in zip(before, net.buffers(), strict=True))
    for name, one in own.items():
        assert one.is_lesioned == (name != "intact")
        assert all(p is q for p, q in zip(one.parameters(), net.parameters(), strict=True))
    *_, (_, theirs) = own["feedback blocked"].unroll(x, 6)
    *_, (_, lent) = nets["feedback blocked"].unroll(x, 6)
    assert not torch.allclose(theirs["V1"], lent["V1"])  # F of V1 sees another state than it did


def test_intervals_of_shares_hold_the_share(script):
    low, high = script("local_recurrence").share_interval(0.5, 100)
    assert (low, high) == pytest.approx((0.404, 0.596), abs=1e-3)  # Wilson 1927
