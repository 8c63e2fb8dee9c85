"""Training runs of the figures: shared, never half done, named by what determines them."""

from __future__ import annotations

import json

import pytest
import torch

from cortexsim.cli import parse
from cortexsim.errors import CortexsimError

SMALL = "cortex4-adjacent"


def test_a_run_is_trained_once_and_shared(runs, monkeypatch, capsys):
    wanted = runs.Wanted.of(SMALL)
    first = runs.make().get([wanted, wanted])[wanted]
    said = capsys.readouterr().err
    assert "to be trained" in said
    assert SMALL in said
    monkeypatch.setattr(
        "shared.runs.train", lambda *a, **k: pytest.fail("trained again")
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
