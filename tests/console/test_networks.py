"""cortexsim models: what a line says of weights."""

from __future__ import annotations

import json
import shutil

from cortexsim.console.networks import models
from cortexsim.models import weights


def test_weights_with_a_name_of_their_own_say_what_they_are_of(tmp_path, monkeypatch, capsys):
    here = weights.weights_folder()
    for name in ("cortex4", "cortex4-seed1", "mine", "stray"):
        source = "cortex4-seed1" if name == "stray" else "cortex4"
        shutil.copy(here / f"{source}.safetensors", tmp_path / f"{name}.safetensors")
    for name in ("cortex4", "cortex4-seed1", "mine"):
        card = json.loads((here / "cortex4.json").read_text())
        card["data"]["name"] = "pictures"
        del card["card_sha256"]
        (tmp_path / f"{name}.json").write_text(json.dumps(card))
    monkeypatch.setattr(weights, "weights_folder", lambda: tmp_path)
    assert models(["--trained"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["mine"] == "cortex4, trained on pictures"
    assert lines["cortex4-seed1"] == "cortex4, trained from seed 1"
    assert "(the default)" in lines["cortex4"]
    assert lines["stray"] == "weights of your own in this folder"  # no card
