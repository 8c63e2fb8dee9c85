"""Model cards, graphs and presentations from a stranger: a JSON with a strange place in it."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import things as t
from judging import Case

import cortexsim
from cortexsim.models import Graph, Spec
from cortexsim.stimuli import backward_mask
from cortexsim.stimuli.presentation import Presentation

STRANGE: list[Any] = [
    *(None, True, -1, 0, 2.5, 10**400, float("nan"), float("inf"), "", "8", [], [[]], {}, [1]),
    *(2**63, "\ud800", "ü" * 300, [None] * 50, {"a": {"a": {}}}, -(10**9), 1e-300, "\x00"),
]


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Every place in a JSON value, from the outermost in."""
    yield path
    inside = value.items() if isinstance(value, dict) else ()
    inside = enumerate(value) if isinstance(value, list) else inside
    for key, part in inside:
        yield from places(part, (*path, key))


def damaged(value: Any, rng: random.Random) -> tuple[str, Any]:
    """The same JSON with a place that is missing, strange, doubled, or swapped with another."""
    value = copy.deepcopy(value)
    where = [p for p in places(value) if p]
    path = rng.choice(where)
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    kind = rng.choice(["without", "strange", "strange", "strange", "another", "more"])
    if kind == "without":
        del holder[path[-1]]
        return f"without {path}", value
    if kind == "another":
        other = value
        for key in rng.choice(where):
            other = other[key]
        holder[path[-1]] = copy.deepcopy(other)
        return f"another thing at {path}", value
    if kind == "more":
        if isinstance(holder, dict):
            holder[rng.choice(["zzz", "", " "])] = rng.choice(STRANGE)
        else:
            holder.append(copy.deepcopy(rng.choice(holder)))
        return f"more beside {path}", value
    holder[path[-1]] = rng.choice(STRANGE)
    return f"{path} = {ascii(holder[path[-1]])[:30]}", value


def written(value: Any, rng: random.Random) -> bytes:
    """As JSON; now and then not quite."""
    text = json.dumps(value).encode()
    if rng.random() < 0.8:
        return text
    k = rng.randrange(1, len(text))
    return rng.choice(
        [
            text[:k],
            text[:k] + b"\xff\xfe" + text[k:],
            text[:k] + b"\x00" + text[k:],
            b"[" * 100_000 + text,
            text[:k] + text[k + 1 :],
            text + b"}",
            b"\xef\xbb\xbf" + text,
            text.decode().encode("utf-16"),
        ]
    )


def case(seed: int, k: int, folder: Path) -> Case:
    """Case k: cards most often, else a graph, a specification, a presentation."""
    rng = random.Random(f"cards {seed} {k}")
    if k % 4 == 1:
        what, value = damaged(json.loads(t.network().spec.graph.to_json()), rng)
        text = written(value, rng).decode("latin-1")
        return Case("Graph.from_json", what, lambda: _run(Graph.from_json(text)))
    if k % 4 == 2:
        what, value = damaged(json.loads(json.dumps(t.network().spec.as_dict())), rng)
        return Case("Spec.from_dict", what, lambda: Spec.from_dict(value))
    if k % 4 == 3:
        shown = backward_mask(25.0, soa_ms=50.0, mask_ms=100.0, kind="pink")
        what, value = damaged(json.loads(shown.to_json()), rng)
        text = written(value, rng).decode("latin-1")
        return Case("Presentation.from_json", what, lambda: Presentation.from_json(text))
    sound = t.weights_path()
    weights = folder / "net.safetensors"
    card = json.loads(sound.with_suffix(".json").read_text())
    card.pop("card_sha256", None)
    for _ in range(1 + (rng.random() < 0.2)):
        what, card = damaged(card, rng)
        if not isinstance(card, dict) or not card:
            break
    text = written(card, rng)

    def work() -> Any:
        shutil.copy(sound, weights)
        weights.with_suffix(".json").write_bytes(text)
        net = cortexsim.load(weights)
        return net, net(net.preprocess(t.pixels(2)))

    return Case("load", what, work, _wrong)


def _run(graph: Graph) -> Any:
    """What a graph that was accepted is good for."""
    from cortexsim.models import schedule

    return schedule(graph, 4)


def _wrong(made: Any) -> str:
    """A network that was accepted answers, with names for all of its answers."""
    net, logits = made
    if tuple(logits.shape) != (2, net.spec.classes) or not bool(logits.isfinite().all()):
        return f"answers of shape {tuple(logits.shape)}, or not finite"
    names = net.card.get("classes")
    return "" if names is None or len(names) == net.spec.classes else f"{len(names)} names"
