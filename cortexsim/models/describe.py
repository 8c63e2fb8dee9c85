"""What is printed of a network: facts and a table of its transitions, as text and as HTML."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cortexsim.models.graph import PLUS, Graph
from cortexsim.models.liveness import first_readouts, schedule
from cortexsim.models.preprocessing import MEAN, STD
from cortexsim.models.spec import Spec
from cortexsim.models.states import ALWAYS, MOST_STEPS, Transition, ranges
from cortexsim.models.transitions import conv_specs

WIDTH = 100
FAINT = ' style="opacity:0.65"'
CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0;background:none"


@dataclass(frozen=True)
class Row:
    """One line of the table; a faint one is of something that does not act."""

    cells: tuple[str, ...]
    faint: bool = False


@dataclass(frozen=True)
class Description:
    """A network in words: what it is, facts by name, and a table."""

    title: str
    facts: dict[str, str]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def live_steps(spec: Spec) -> dict[str, list[int]]:
    """The departure steps at which each transition acts on a trained readout; dead ones are absent.

    A readout time that a lesion has cut off counts for nothing here, and is no error.

    >>> from cortexsim.models.zoo import spec
    >>> live_steps(spec("rnn2-t2"))["h1->h2"]
    [1]
    """
    last = max(spec.readout)
    reached = schedule(spec.graph, last).populated
    readouts = [t for t in spec.readout if (spec.graph.output_state, t) in reached]
    live: dict[str, list[int]] = {}
    for t, departed in schedule(spec.graph, last, readouts=readouts).instances():
        live.setdefault(t.name, []).append(departed)
    return live


def dead_transitions(spec: Spec) -> dict[str, int | None]:
    """Transitions that act on no trained readout, each with the first readout at which it would.

    None: at no readout. What a lesion removed for good is not named.

    >>> from cortexsim.models.zoo import spec
    >>> dead_transitions(spec("cortex4-adjacent"))
    {'V2->V1': 6, 'V4->V2': 6, 'IT->V4': 6}
    """
    live = live_steps(spec)
    dead = [
        t.name
        for t in spec.graph.transitions
        if t.name not in live and not any(a <= 1 and b >= ALWAYS[1] for a, b in t.blocked)
    ]
    first = first_readouts(spec.graph) if dead else {}
    return {name: first.get(name) for name in dead}


def dead_in_words(spec: Spec) -> str:
    """What :func:`dead_transitions` found, and what to do; empty if every transition is live.

    >>> from cortexsim.models.zoo import spec
    >>> dead_in_words(spec("cortex4"))
    ''
    """
    dead = dead_transitions(spec)
    if not dead:
        return ""
    by_readout: dict[int | None, list[str]] = {}
    for name, readout in dead.items():
        by_readout.setdefault(readout, []).append(name)
    words = [
        f"{', '.join(names)} ({'dead at every readout' if at is None else f'live from {at}'})"
        for at, names in sorted(by_readout.items(), key=lambda item: item[0] or MOST_STEPS)
    ]
    steps = f"step{'s' * (len(spec.readout) > 1)} {ranges(list(spec.readout))}"
    return (
        f"{len(dead)} of {len(spec.graph.transitions)} transitions cannot act on the readout at "
        f"{steps}, so they have no weights and never run: {'; '.join(words)}. Read out later, or "
        "leave them out of the graph"
    )


def describe_network(
    spec: Spec,
    *,
    parameters: int,
    card: Mapping[str, Any],
    estimated: Sequence[int],
    taken_out: Sequence[str],
) -> Description:
    """A network of ours in words.

    Parameters
    ----------
    spec : Spec
        Its architecture, from which transitions are found live or dead.
    parameters : int
        How many there are.
    card : mapping
        Its model card; empty for fresh weights.
    estimated : sequence of int
        Steps at which the readout has normalisation statistics.
    taken_out : sequence of str
        What lesions took out of the graph that its weights were made for.
    """
    graph, live = spec.graph, live_steps(spec)
    size = None if spec.pre_net == "custom" else graph.states[0].size * spec.stride
    name = f"Network {card['name']}" if card.get("name") else "Network"
    title = (
        f"{name}: {_count(len(graph.states), 'state')}, "
        f"{_count(len(graph.transitions), 'transition')} ({len(live)} live), "
        f"T = {spec.readout[-1]}, {parameters:,} parameters" + ", lesioned" * bool(taken_out)
    )
    settings = spec.settings()
    facts = {
        "images": _images(card, spec.channels, size)
        + (", shown at every step" if graph.inhomogeneous else ", shown at step 1"),
        "states": ", ".join(
            f"{s.name} {s.shape}" + f" (leaky, tau {s.tau_steps:g})" * (s.update == "leaky")
            for s in graph.states
        ),
        "readout": f"{spec.classes} classes from {graph.output_state}, {settings[0]}",
        "design": ", ".join(settings[3:]),
        "trained": _trained(card, estimated),
        "live": _live_by_kind(graph, live),
        **({"lesioned": "; ".join(taken_out)} if taken_out else {}),
    }
    columns = ("kind", "transition", "operator", "delay", "departs at steps")
    first = first_readouts(graph) if len(live) < len(graph.transitions) else {}
    rows = []
    for kind, transitions in graph.by_kind().items():
        for t in transitions:
            when = ranges(live[t.name]) if t.name in live else _dead(first.get(t.name))
            notes = "".join(f" ({note})" for note in t.conditions())
            cells = (kind, t.name, operator_in_words(graph, t), str(t.delay), when + notes)
            rows.append(Row(cells, faint=t.name not in live))
    return Description(title, facts, columns, tuple(rows))


def describe_external(
    card: Mapping[str, Any],
    addresses: Mapping[str, str],
    steps: Mapping[str, Sequence[int]],
    *,
    states: int,
    parameters: int,
    how: str,
) -> Description:
    """Somebody else's network in words: what is known of it; its graph is not.

    Parameters
    ----------
    card : mapping
        Its name, the preprocessing of its images, the hash of its weights.
    addresses : mapping of str to str
        Where each state, and the readout, comes out.
    steps : mapping of str to sequence of int
        The steps at which these arrive.
    states : int
        How many of them are states.
    parameters : int
        How many there are.
    how : str
        How calls became steps.
    """
    last = max(max(when) for when in steps.values())
    title = (
        f"External {card['name']}: {_count(states, 'state')}, "
        f"{'a' if len(addresses) > states else 'no'} readout, T = {last}, {parameters:,} parameters"
    )
    facts = {
        "images": _images(card, len(card["preprocessing"]["mean"]), None),
        "time": how,
        "trained": f"not known; weights {card['weights_sha256'][:12]}",
        "graph": "not known: the transitions are inside the module (net.module)",
    }
    if areas := card.get("areas"):
        facts["areas"] = str(areas)
    rows = tuple(
        Row((name, address or "the module's own output", ranges(list(steps[name]))))
        for name, address in addresses.items()
    )
    return Description(title, facts, ("state", "comes out at", "steps"), rows)


def operator_in_words(graph: Graph, t: Transition) -> str:
    """F of a transition as the memo writes it: ``BRCx2``, ``BRDx2`` where it enlarges, ``+I``."""
    words = t.operator
    if t.operator == "brc":
        letters = "BRD" if graph.levels(t) < 0 else "BRC"
        words = f"{letters}x{len(conv_specs(graph, t))}"
    return words + PLUS[t.shortcut]


def as_text(description: Description) -> str:
    """For a terminal of 100 columns."""
    lines = textwrap.wrap(description.title, WIDTH, subsequent_indent="  ")
    names = max(map(len, description.facts))
    for name, text in description.facts.items():
        lines += _hanging(f"  {name:<{names}}  ", text)
    table = [description.columns, *(row.cells for row in description.rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines.append("")
    for cells in table:
        start = "".join(f"{cell:<{w}}  " for cell, w in zip(cells[:-1], widths, strict=False))
        lines += _hanging("  " + start, cells[-1])
    return "\n".join(lines)


def as_html(description: Description) -> str:
    """For a notebook, light or dark: every colour is inherited."""
    facts = "".join(
        f"<tr>{_cell('th', name)}{_cell('td', text)}</tr>"
        for name, text in description.facts.items()
    )
    head = "".join(_cell("th", name) for name in description.columns)
    body = "".join(
        f"<tr{FAINT * row.faint}>{''.join(_cell('td', c) for c in row.cells)}</tr>"
        for row in description.rows
    )
    table = '<table style="border-collapse:collapse;margin:6px 0 0 0">'
    line = "border-bottom:1px solid currentColor"
    return (
        f"<div><strong>{html.escape(description.title)}</strong>{table}{facts}</table>"
        f'{table}<thead><tr style="{line}">{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(tag: str, text: str) -> str:
    """One cell of a table."""
    return f'<{tag} style="{CELL}">{html.escape(text)}</{tag}>'


def _hanging(start: str, text: str) -> list[str]:
    """Lines that begin with ``start``, and continue below where the text began."""
    room = max(WIDTH - len(start), 20)
    first, *more = textwrap.wrap(text, room) or [""]
    return [start + first, *(" " * len(start) + line for line in more)]


def _count(number: int, what: str) -> str:
    """``1 state``, ``4 states``."""
    return f"{number} {what}" + "s" * (number != 1)


def _live_by_kind(graph: Graph, live: Mapping[str, list[int]]) -> str:
    """How many transitions of each kind are live."""
    words = []
    for kind, transitions in graph.by_kind().items():
        alive = sum(t.name in live for t in transitions)
        words.append(f"{alive} of {len(transitions)} {kind}")
    return ", ".join(words) or "there are no transitions"


def _dead(readout: int | None) -> str:
    """What a transition that does not act would need."""
    if readout is None:
        return "dead at every readout"
    return f"dead; first live for a readout at step {readout}"


def _images(card: Mapping[str, Any], channels: int, size: int | None) -> str:
    """The images a network takes, and how they are prepared."""
    declared = card.get("preprocessing")
    if not isinstance(declared, Mapping):
        if size is None:
            return f"{_count(channels, 'channel')}, preprocessing not declared"
        return (
            f"{channels} x {size} x {size}, no preprocessing declared: mean {MEAN:g}, std {STD:g}"
        )
    pixels = " x ".join(str(n) for n in (channels, *declared["size"]))
    mean, std = (" ".join(f"{v:.3g}" for v in declared[key]) for key in ("mean", "std"))
    return f"{pixels}, mean {mean}, std {std}"


def _trained(card: Mapping[str, Any], estimated: Sequence[int]) -> str:
    """Whether the weights are trained, on what, and how good they are."""
    steps = f"statistics of the readout at steps {ranges(list(estimated))}" if estimated else ""
    if not card:
        return f"no model card; {steps}" if steps else "no: fresh weights, no statistics"
    data, recipe = (card.get(key) for key in ("data", "recipe"))
    words = []
    if isinstance(data, Mapping) and "name" in data:
        words.append(f"on {data['name']}")
    if isinstance(recipe, Mapping) and "epochs" in recipe:
        words.append(f"{recipe['epochs']} epochs")
    for of in ("test", "held_out"):
        if isinstance(error := card.get(f"{of}_error"), float):
            words.append(f"{of.replace('_', '-')} error {100 * error:.1f} %")
    words += [steps] if steps else []
    words.append(f"weights {str(card.get('weights_sha256', 'not named'))[:12]}")
    return "yes: " + ", ".join(words)
