"""Training runs of the figures: shared, never half done, named by what determines them."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch

from cortexsim.cli import parse
from cortexsim.errors import CortexsimError
from cortexsim.models.scaling import multiply_adds
from cortexsim.models.twin import parameter_count
from cortexsim.models.zoo import spec

SMALL = "cortex4-adjacent"
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


def test_a_run_is_trained_once_and_shared(runs, monkeypatch, capsys):
    wanted = runs.Wanted.of(SMALL)
    first = runs.make().get([wanted, wanted])[wanted]
    said = capsys.readouterr().err
    assert "to be trained" in said
    assert SMALL in said
    monkeypatch.setattr("shared.runs.train", lambda *a, **k: pytest.fail("trained again"))
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
        "CORTEXSIM_DATA=FOLDER python analyses/fig06_weight_sharing.py --budget cpu "
        "--data images.npz --train-count 50000 --out figures"
    )
    asked = said.split("fig06_weight_sharing.py ")[1].split()
    again = parse(runs.RunsConfig, asked, "", "")
    assert (again.budget, again.train_count, again.out) == ("cpu", 50000, "figures")


def test_everything_that_determines_a_run_is_in_its_name(runs, monkeypatch):
    base = runs.make()
    wanted = (
        runs.Wanted.of(SMALL),
        runs.Wanted.of(SMALL, lr=0.02),
        runs.Wanted.of(SMALL, readout=(6,)),
        runs.Wanted.of(SMALL, norm="shared"),
        runs.Wanted.of(SMALL, longer=2),
        runs.Wanted.of(SMALL, supervise=("all",)),
        runs.Wanted.of("cortex4-full"),
    )
    names = {w: base.configured(w, 0).folder for w in wanted}
    folders = {*names.values(), base.configured(runs.Wanted.of(SMALL), 1).folder}
    assert len(folders) == len(names) + 1
    other = runs.make()
    other.sha256 = "0" * 64
    assert other.configured(runs.Wanted.of(SMALL), 0).folder not in folders
    monkeypatch.setattr("cortexsim.__version__", "999")
    assert base.configured(runs.Wanted.of(SMALL), 0).folder not in folders


def test_a_readout_that_the_net_has_anyway_is_not_another_network(runs):
    made = runs.make()

    def key(**settings):
        return made.determinants(made.configured(runs.Wanted.of("resnet1", **settings), 0))

    assert key()["network"] == key(readout=(10,))["network"]


def test_an_unfinished_run_is_not_taken_for_a_finished_one(runs):
    wanted = runs.Wanted.of(SMALL)
    (done,) = runs.make().get([wanted])[wanted]
    before = done.weights.read_bytes()
    done.weights.with_suffix(".json").unlink()
    (again,) = runs.make().get([wanted])[wanted]
    assert again.card["test_error"] == done.error
    assert again.weights.read_bytes() == before


@pytest.mark.slow
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


def test_images_are_the_first_ones_averaged(script, runs):
    pictures = script("shared.pictures")
    whole = pictures.synthetic()
    small = runs.make().images
    assert small.train_x.shape == (32, 3, 8, 8)
    expected = whole.train_x[:32].double().reshape(32, 3, 8, 2, 8, 2).mean((3, 5))
    assert (small.train_x - expected).abs().max() <= 0.5
    assert torch.equal(small.train_y, whole.train_y[:32])
    with pytest.raises(CortexsimError, match="16 x 16 pixels cannot be averaged to 5 x 5"):
        pictures.averaged(whole.train_x, 5)


def test_an_unknown_budget_is_refused(runs):
    with pytest.raises(CortexsimError, match="'huge'; choose from smoke, cpu, reduced, paper"):
        runs.make(budget="huge")


def test_only_the_paper_budget_is_the_memos_recipe(runs):
    whole = {
        name
        for name, b in runs.BUDGETS.items()
        if (b.train, b.test, b.epochs, b.pixels) == (None,) * 4 and not b.nets
    }
    assert whole == {"paper"}
    assert runs.BUDGETS["paper"].seeds >= 3


# --------------------------------------------------------------------------------- where they lie


def moved(runs, source, target):
    """The runs of a folder after it was moved."""
    shutil.move(source, target)
    return runs.make(runs=str(target))


def test_finished_runs_are_read_where_they_are_moved_to(script, runs, tmp_path, monkeypatch):
    wanted = runs.Wanted.of(SMALL)
    before = runs.make().get([wanted])[wanted][0].summary()
    monkeypatch.setattr("shared.runs.train", lambda *a, **k: pytest.fail("trained again"))
    (after,) = moved(runs, tmp_path / "runs", tmp_path / "elsewhere").get([wanted])[wanted]
    assert after.weights.parent.parent == tmp_path / "elsewhere"
    assert after.summary() == before


def test_a_begun_run_goes_on_where_it_is_moved_to(script, runs, tmp_path, monkeypatch):
    from cortexsim.training.session import Session

    wanted, end_epoch = runs.Wanted.of(SMALL, longer=2), Session._end_epoch
    (whole,) = runs.make(runs=str(tmp_path / "other")).get([wanted])[wanted]
    with monkeypatch.context() as patch:

        def interrupted(session, *arguments):
            if session.epoch == 2:
                raise KeyboardInterrupt
            end_epoch(session, *arguments)

        patch.setattr(Session, "_end_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            runs.make().get([wanted])
    made = moved(runs, tmp_path / "runs", tmp_path / "elsewhere")
    assert [run.begun for run in made.plan([wanted])] == [True]
    (resumed,) = made.get([wanted])[wanted]
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()


def test_a_run_says_its_command_commit_seed_duration_and_machine(script, runs, tmp_path):
    wanted = runs.Wanted.of(SMALL, lr=0.02)
    made = runs.make()
    (done,) = made.get([wanted])[wanted]
    said = done.summary()
    assert said["seed"] == 0
    assert said["seconds"] > 0
    assert all(said[k] for k in ("commit", "machine"))
    assert str(tmp_path) not in json.dumps(said)
    words = said["command"].split()
    assert words[:3] == ["python", "-m", "cortexsim.train"]
    again = parse(type(made.plan([wanted])[0].config), words[3:], "", "")
    assert made.determinants(again) == made.determinants(made.configured(wanted, 0))


def test_the_precision_makes_another_run_and_the_threads_do_not(runs):
    def name(**options):
        return runs.make(**options).plan([runs.Wanted.of(SMALL)])[0].folder.name

    assert len({name(), name(precision="bfloat16"), name(compile=True)}) == 3
    assert name() == name(threads=2) == name(out="elsewhere")


def test_keys_do_not_change_between_versions_of_the_code(runs, monkeypatch):
    monkeypatch.setattr("cortexsim.__version__", "0.1.0")
    made = runs.make()
    made.sha256 = "0" * 64
    keys = {
        wanted: made._key(made.configured(wanted, 0))[:12]
        for wanted in (
            runs.Wanted.of("rnn2"),
            runs.Wanted.of("resnet1", readout=(3,)),
            runs.Wanted.of("resnet1", supervise=("all",)),
        )
    }
    assert list(keys.values()) == ["ffe5cca0cafa", "06d33708698c", "bb412c60429d"]


def test_answers_are_computed_once(script, runs, monkeypatch):
    answers, wanted = script("shared.answers"), runs.Wanted.of(SMALL)
    made = runs.make()
    (done,) = made.get([wanted])[wanted]
    first, labels = answers.answers_at(done, made, "test", times=(5,))
    more, _ = answers.answers_at(done, made, "test", times=(5, 7))
    monkeypatch.setattr(answers, "_computed", lambda *a, **k: pytest.fail("computed again"))
    again, _ = answers.answers_at(done, made, "test", times=(7, 5))
    assert (again[5] == first[5]).all()
    assert (again[7] == more[7]).all()
    wrong = answers.wrong_at([done], made, (5,))
    assert wrong.shape == (1, 40, 1)
    assert wrong.mean() == answers.errors_at(done, made, "test", times=(5,))[5]
    assert ((again[5].argmax(1) != labels) == wrong[0, :, 0]).all()


# --------------------------------------------------------------------------------- budget reduced


@pytest.fixture
def reduced(script, runs):
    """The budget ``reduced``, and every net that a figure wants of it."""
    return runs.BUDGETS["reduced"], script("train_runs").wanted_by(script("train_runs").FIGURES)


def test_reduced_takes_all_images_and_nets_of_at_most_160_million_multiply_adds(script, reduced):
    budget, wanted = reduced
    assert (budget.train, budget.test, budget.pixels) == (None,) * 3
    architecture = script("shared.budgets").architecture
    for w in wanted:
        net = architecture(budget.network(w.model), dict(w.settings))
        assert multiply_adds(net) < 160e6, w
        assert net.graph.states[0].size * net.stride == 32
        assert (budget.plan(w.model).epochs or 0) >= 5


def test_reduced_divides_the_nets_of_a_claim_alike(script, runs, reduced):
    budget, _ = reduced
    for name in TRAINING:
        module = script(name)
        figure = getattr(module, "FIGURE", None)
        for claim in figure.claims if figure else ():
            unlike = budget.unlike([figure.nets[label].model for label in claim.nets])
            assert bool(unlike) == ("than 4" in claim.text), claim.text
    assert runs.BUDGETS["paper"].unlike(["rnn3-full", "cortex4-full"]) == []


def test_reduced_keeps_the_parameters_of_the_few_parameter_nets(reduced):
    budget, _ = reduced
    for name in ("tiny30", "tiny64", "cortex4-full", "cortex4-adjacent"):
        assert parameter_count(spec(budget.network(name))) == parameter_count(spec(name))
    for name in ("cortex4-full", "cortex4-adjacent"):
        assert budget.network(name) == name
        assert (budget.plan(name).epochs, budget.plan(name).recipe) == (6, "fast")


def test_quick_nets_get_three_seeds(script, reduced, monkeypatch):
    budget, _ = reduced
    budgets = script("shared.budgets")
    name = budgets.label(budget.network("rnn2"), {})
    epochs = budget.plan("rnn2").epochs
    for minutes, seeds in ((44, 3), (46, 1)):
        speed = epochs * 50_000 * budgets.TESTING / 60 / minutes
        monkeypatch.setitem(budgets.MEASURED, name, speed)
        assert budget.minutes("rnn2", {}) == pytest.approx(minutes)
        assert budget.seeds_of("rnn2", {}) == seeds


def test_every_net_of_reduced_was_measured(script, reduced):
    budget, wanted = reduced
    budgets = script("shared.budgets")
    names = {budgets.label(budget.network(w.model), dict(w.settings)) for w in wanted}
    assert names == budgets.MEASURED.keys()


def test_reduced_is_one_precision_so_that_every_machine_asks_for_the_same_runs(runs):
    made = runs.make(budget="reduced")
    config = made.configured(runs.Wanted.of("rnn2"), 0)
    assert (config.precision, config.compile) == ("bfloat16", False)
    asked = runs.make(budget="reduced", precision="float32")
    assert asked.configured(runs.Wanted.of("rnn2"), 0).precision == "float32"
    assert "nets made smaller" in made.describe()


def test_a_figure_says_the_epochs_of_its_own_nets(script):
    reduced = script("shared.budgets").BUDGETS["reduced"]
    said = {tuple(m): reduced.describe(m) for m in (["rnn2"], ["tiny64"], ["rnn2", "tiny64"])}
    few, more = (reduced.plan(m).epochs for m in ("rnn2", "tiny64"))
    assert few < more
    lengths = [f"{few} epochs", f"{more} epochs", f"{few} to {more} epochs"]
    for (_, words), length in zip(said.items(), lengths, strict=True):
        assert f"all images, {length}, nets made smaller" in words


def test_fewer_seeds_can_be_asked_for(runs):
    wanted = [runs.Wanted.of("rnn2-t2")]
    whole, two = (runs.make(budget="reduced", **k).plan(wanted) for k in ({}, {"seeds": 2}))
    assert [r.seed for r in two] == [0, 1]
    assert [r.folder for r in two] == [r.folder for r in whole[:2]]
    assert runs.make(budget="reduced", seeds=2).describe().endswith("nets made smaller, 2 seeds")
    with pytest.raises(runs.TrainingError, match="--seeds 0: at least one"):
        runs.make(budget="reduced", seeds=0)


# ---------------------------------------------------------------------------------------- the queue


@pytest.fixture
def queued(script, runs, monkeypatch, tmp_path):
    """The module of the queue, with two nets and two seeds."""
    module = script("train_runs")
    smoke = runs.BUDGETS["smoke"]
    monkeypatch.setitem(runs.BUDGETS, "smoke", dataclasses.replace(smoke, seeds=2))
    wanted = [runs.Wanted.of(SMALL), runs.Wanted.of("cortex4-full")]
    monkeypatch.setattr(module, "wanted_by", lambda figures: wanted)
    module.common = [
        *("--budget", "smoke", "--data", "synthetic", "--device", "cpu"),
        *("--runs", str(tmp_path / "runs")),
    ]
    return module


def test_those_that_wait_longest_come_first(queued, runs, monkeypatch):
    made = runs.make()
    now = [100.0]
    monkeypatch.setattr(queued.time, "time", lambda: now[0])
    first = made.plan([runs.Wanted.of("cortex4-full")])
    queued.queue(made, first)
    now[0] = 200.0
    plan = made.plan([runs.Wanted.of(SMALL), runs.Wanted.of("cortex4-full")])
    order = [(r.wanted.model, r.seed) for r in queued.queue(made, plan)]
    assert order == [("cortex4-full", 0), (SMALL, 0), ("cortex4-full", 1), (SMALL, 1)]
    begun = next(r for r in plan if (r.wanted.model, r.seed) == (SMALL, 1))
    begun.folder.mkdir(parents=True)
    (begun.folder / "checkpoint.pt").write_bytes(b"")
    assert str(queued.queue(made, plan)[0]) == f"{SMALL}, seed 1"


@pytest.mark.slow
def test_the_queue_trains_all_and_goes_on_after_a_failure(queued, runs, monkeypatch, capsys):
    assert queued.main([*queued.common, "--list"]) == 0
    assert "4 of 4 runs missing" in capsys.readouterr().out
    train = runs.train

    def failing(config, log):
        if (config.model, config.seed) == (SMALL, 0):
            raise queued.TrainingError("no")
        return train(config, log=log)

    with monkeypatch.context() as patch:
        patch.setattr("shared.runs.train", failing)
        assert queued.main(queued.common) == 0
    said = capsys.readouterr()
    assert "1 of 4 runs missing" in said.out
    assert f"{SMALL}, seed 0: passed over: no" in said.err
    assert queued.main(queued.common) == 0
    said = capsys.readouterr().out
    assert "0 of 4 runs missing" in said
    assert "median" in said


def test_a_signal_ends_the_queue(queued, runs, monkeypatch):
    def stopped(config, log):
        raise queued.TrainingError("stopped by a signal at step 1")

    monkeypatch.setattr("shared.runs.train", stopped)
    with pytest.raises(CortexsimError, match="stopped by a signal"):
        queued.main(queued.common)


def test_a_run_of_the_trainer_is_adopted(queued, runs, tmp_path, capsys):
    made, wanted = runs.make(), runs.Wanted.of(SMALL)
    (run, other) = made.plan([wanted])
    made._write_data()
    own = dataclasses.replace(run.config, out=str(tmp_path / "own"))
    weights = runs.train(own, log=lambda text: None)
    assert queued.main([*queued.common, "--list", "--adopt", str(tmp_path / "own")]) == 0
    assert "3 of 4 runs missing" in capsys.readouterr().out
    assert (run.folder / weights.name).read_bytes() == weights.read_bytes()
    strange = dataclasses.replace(other.config, out=str(tmp_path / "strange"), lr=0.5)
    runs.train(strange, log=lambda text: None)
    with pytest.raises(CortexsimError, match="no run of this budget: it differs in lr"):
        queued.main([*queued.common, "--adopt", str(tmp_path / "strange")])


def test_an_unknown_figure_is_refused(script):
    module = script("train_runs")
    with pytest.raises(CortexsimError, match="no figure is called fig99; choose from fig06"):
        module.wanted_by(["fig99"])


def test_the_queue_knows_every_figure_that_trains(script):
    assert set(script("train_runs").FIGURES) == set(TRAINING)
