"""The figures of the memo and the two blog posts: runs that are shared and never half done, and the arithmetic of each script."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from cortexsim.cli import parse
from cortexsim.errors import CortexsimError
from cortexsim.models import State, adjacent, build, calibrate

ANALYSES = Path(__file__).resolve().parents[2] / "analyses"
TRAINING = (
    "fig06_weight_sharing", "fig07_few_parameters", "fig08_readout_time", "fig09_states_and_connections", "fig10_readout_generalisation",
    "fig13_inhomogeneous", "coarse_to_fine", "depth_efficiency",
)  # fmt: skip


@pytest.fixture
def script(monkeypatch):
    """``script(name)``: a module of analyses/."""
    import importlib

    monkeypatch.syspath_prepend(str(ANALYSES))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


@pytest.fixture
def runs(script, tmp_path, monkeypatch):
    """The module of the runs, its smoke budget made smaller still, and ``make(**options)`` for Runs in this test's folder."""
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


SMALL = "cortex4-adjacent"


def test_a_run_is_trained_once_and_shared(runs, monkeypatch, capsys):
    wanted = runs.Wanted.of(SMALL)
    first = runs.make().get([wanted, wanted])[wanted]
    said = capsys.readouterr().err
    assert "to be trained" in said
    assert SMALL in said
    monkeypatch.setattr(
        "cortexsim.training.trainer.train", lambda *a, **k: pytest.fail("trained again")
    )
    again = runs.make(out="elsewhere", threads=2).get([wanted])[wanted]
    assert "to be trained" not in capsys.readouterr().err
    assert [t.weights for t in again] == [t.weights for t in first]
    assert len(first) == 1
    assert first[0].error == first[0].card["test_error"] == first[0].epochs[-1]["test_error"]


def test_the_numbers_say_which_command_gave_them(runs, script, tmp_path):
    (data := tmp_path / "images.npz").write_bytes(b"")
    config = runs.RunsConfig(
        budget="cpu", data=str(data), train_count=50000, runs=str(tmp_path), out=str(tmp_path)
    )
    said = script("shared.common").command("fig06_weight_sharing", config)
    assert said == (
        "CORTEXSIM_DATA=FOLDER python analyses/fig06_weight_sharing.py --budget cpu --data images.npz --train-count 50000 --out figures"
    )
    asked = said.split("fig06_weight_sharing.py ")[1].split()
    again = parse(runs.RunsConfig, asked, "", "")
    assert (again.budget, again.train_count, again.out) == ("cpu", 50000, "figures")


def test_everything_that_determines_a_run_is_in_its_name(runs, monkeypatch):
    base = runs.make()
    names = {w: base._configured(w, 0).folder for w in (
        runs.Wanted.of(SMALL), runs.Wanted.of(SMALL, lr=0.02), runs.Wanted.of(SMALL, readout=(6,)), runs.Wanted.of(SMALL, norm="shared"),
        runs.Wanted.of(SMALL, longer=2), runs.Wanted.of(SMALL, supervise=("all",)), runs.Wanted.of("cortex4-full"),
    )}  # fmt: skip
    folders = {*names.values(), base._configured(runs.Wanted.of(SMALL), 1).folder}
    assert len(folders) == len(names) + 1
    other = runs.make()
    other.sha256 = "0" * 64
    assert other._configured(runs.Wanted.of(SMALL), 0).folder not in folders
    monkeypatch.setattr("cortexsim.__version__", "999")
    assert base._configured(runs.Wanted.of(SMALL), 0).folder not in folders


def test_a_readout_that_the_net_has_anyway_is_not_another_network(runs):
    made = runs.make()

    def key(**settings):
        return made._determinants(made._configured(runs.Wanted.of("resnet1", **settings), 0))

    assert key()["network"] == key(readout=(10,))["network"]


def test_an_unfinished_run_is_not_taken_for_a_finished_one(runs):
    wanted = runs.Wanted.of(SMALL)
    (done,) = runs.make().get([wanted])[wanted]
    before = done.weights.read_bytes()
    done.weights.with_suffix(".json").unlink()
    (again,) = runs.make().get([wanted])[wanted]
    assert again.card["test_error"] == done.error
    assert again.weights.read_bytes() == before


def test_an_interrupted_figure_goes_on_where_it_stopped(runs, monkeypatch, tmp_path):
    from cortexsim.training.session import Session

    wanted, end_epoch = runs.Wanted.of(SMALL, longer=3), Session._end_epoch
    (whole,) = runs.make(runs=str(tmp_path / "other")).get([wanted])[wanted]
    ended: list[int] = []

    def interrupted(session, *arguments):
        if session.epoch == 3 and 3 not in ended:
            ended.append(3)
            raise KeyboardInterrupt
        ended.append(session.epoch)
        return end_epoch(session, *arguments)

    monkeypatch.setattr(Session, "_end_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runs.make().get([wanted])
    (resumed,) = runs.make().get([wanted])[wanted]
    assert ended == [1, 2, 3, 3]
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()
    assert [e["epoch"] for e in resumed.epochs] == [1, 2, 3]


def test_what_determined_a_run_is_written_beside_it(runs):
    made, wanted = runs.make(), runs.Wanted.of(SMALL)
    (one,) = made.get([wanted])[wanted]
    kept = json.loads((one.weights.parent / "determined_by.json").read_text())
    assert kept["data_sha256"] == made.images.sha256() == one.card["data"]["sha256"]
    assert kept["settings"]["epochs"] == 1
    assert not {"device", "out", "data"} & kept["settings"].keys()


def test_images_are_the_first_ones_averaged(runs):
    whole = runs.synthetic()
    small = runs.make().images
    assert small.train_x.shape == (32, 3, 8, 8)
    expected = whole.train_x[:32].double().reshape(32, 3, 8, 2, 8, 2).mean((3, 5))
    assert (small.train_x - expected).abs().max() <= 0.5
    assert torch.equal(small.train_y, whole.train_y[:32])
    with pytest.raises(CortexsimError, match="16 x 16 pixels cannot be averaged to 5 x 5"):
        runs.averaged(whole.train_x, 5)


def test_an_unknown_budget_is_refused(runs):
    with pytest.raises(CortexsimError, match="'huge'; choose from smoke, cpu, paper"):
        runs.make(budget="huge")


def test_only_the_paper_budget_is_the_memos_recipe(runs):
    whole = {
        name
        for name, b in runs.BUDGETS.items()
        if (b.train, b.test, b.epochs, b.pixels) == (None,) * 4
    }
    assert whole == {"paper"}
    assert runs.BUDGETS["paper"].seeds >= 3


@pytest.mark.parametrize("name", TRAINING)
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
    assert found["data"][0]["name"] == "synthetic"
    errors = [
        r["test_error"] for row in results.get("nets", {"": results}).values() for r in row["runs"]
    ]
    assert all(0 <= e <= 1 for e in errors)


def test_the_memos_parameter_counts_are_those_of_the_nets(script):
    from cortexsim.models.twin import parameter_count
    from cortexsim.models.zoo import spec

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
        assert {label for pair in figure.better for label in pair} <= nets.keys()


def test_a_claimed_difference_is_that_of_the_same_seeds(script, runs, monkeypatch):
    curves = script("shared.curves")
    figure = curves.TrainingFigure(
        "x",
        "",
        {"": {"a": runs.Wanted.of("a"), "b": runs.Wanted.of("b")}},
        {},
        better=(("a", "b"),),
    )
    card = {"parameters": 1, "test_error_by_readout": {}, "seconds": 0, "weights_sha256": ""}
    trained = {
        label: [
            runs.Trained(runs.Wanted.of(label), k, Path("r/w"), {**card, "test_error": e}, [])
            for k, e in enumerate(errors)
        ]
        for label, errors in (("a", (0.1, 0.3)), ("b", (0.2, 0.3)))
    }
    monkeypatch.setattr(curves, "final_error", lambda one, runs: one.error)
    result = figure.results(trained, runs.make())["claimed_to_be_positive"]["b - a"]
    assert result["by_seed"] == pytest.approx([0.1, 0.0])
    assert result["mean"] == pytest.approx(0.05)
    assert result["sd"] == pytest.approx(np.std([0.1, 0.0], ddof=1))


# ---------------------------------------------------------------------------------------------------- appendices


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


# ---------------------------------------------------------------------------------------------------- blog posts


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


def test_coarse_answers_add_the_probabilities_of_their_classes(script, monkeypatch):
    module = script("coarse_to_fine")
    monkeypatch.setattr(module, "TIMES", (1, 2))
    coarse = np.array([0, 0, 1])
    p = np.array(
        [[0.35, 0.25, 0.4], [0.1, 0.2, 0.7]]
    )  # the first: class 2 is likeliest, superclass 0 as a whole
    found = module.accuracies({1: np.log(p), 2: np.log(p) + 5.0}, np.array([0, 2]), coarse)
    assert found["fine"].tolist() == [0.5, 0.5]
    assert found["coarse"].tolist() == [1.0, 1.0]


def test_the_lead_is_measured_against_chance(script, monkeypatch):
    module = script("coarse_to_fine")
    monkeypatch.setattr(module, "TIMES", (1, 2, 3))
    seeds = [{"fine": np.array([0.1, 0.3, 0.5]), "coarse": np.array([0.88, 0.89, 0.9])}]
    found = module.described(seeds, {"fine": 0.1, "coarse": 0.6})
    assert found["fine"]["reached_at_step"] == [3]
    assert found["coarse"]["reached_at_step"] == [1]
    assert found["lead_of_coarse_in_steps"] == [2]
    np.testing.assert_allclose(np.ravel(found["fine"]["share_of_the_final_gain"]), [0, 0.5, 1])
    never = module.described(
        [{k: np.full(3, 0.05) for k in ("fine", "coarse")}], {"fine": 0.1, "coarse": 0.6}
    )
    assert never["lead_of_coarse_in_steps"] == [None]


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


def test_the_parts_of_a_state_add_up(script, monkeypatch):
    module = script("local_recurrence")
    monkeypatch.setattr(module, "STEPS", 7)
    graph = adjacent([State("V1", 8, 3), State("V2", 4, 4), State("IT", 2, 5)])
    x = torch.randn(6, 3, 8, 8)
    net = calibrate(build("cortex4", graph=graph, readout=6), x, 7)
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
    images = script("shared.runs").synthetic()
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
