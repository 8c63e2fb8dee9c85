"""What a recording will be, before anything is written: shapes, coordinates, configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cortexsim.errors import RecordingError
from cortexsim.models.foreign.external import External
from cortexsim.models.network import Network
from cortexsim.models.protocol import Unrolls
from cortexsim.provenance import provenance
from cortexsim.recording.keep import Reducer, reducer
from cortexsim.recording.settings import Settings
from cortexsim.recording.showing import Showing
from cortexsim.recording.store import Plan, Variable
from cortexsim.recording.workers import Key
from cortexsim.stimuli.images import Preprocessing, Stimuli
from cortexsim.timeaxis import TimeAxis

FIRST = 24
"""Steps of a long run that a plan tries; more where a network has more states than half of it."""


def first_steps(net: Unrolls, steps: int) -> int:
    """How many steps of a run a plan tries: enough for every state to be reached."""
    return min(steps, max(FIRST, 2 * len(net.state_names)))


class Run:
    """One network, one table of stimuli, one way to record: what will be stored of it.

    It knows shapes and size before anything is written. The network is put into evaluation mode and
    onto the device.

    Parameters
    ----------
    net : Unrolls
        With statistics for all steps of the run.
    stimuli : Stimuli
        In the order in which they are recorded.
    preprocessing : Preprocessing
        From their pixels to the input of the network.
    settings : Settings
        How to record.
    device : torch.device, optional
        Default the CPU.
    planned : bool
        For a plan only: the network runs no more than its first steps (``FIRST`` or more), and
        needs statistics for these alone.

    Raises
    ------
    RecordingError
        For states that there are not or that are never populated in the run.
    """

    def __init__(
        self,
        net: Unrolls,
        stimuli: Stimuli,
        preprocessing: Preprocessing,
        settings: Settings,
        *,
        device: torch.device | None = None,
        planned: bool = False,
    ) -> None:
        self.net, self.stimuli, self.preprocessing, self.settings = (
            net.eval(),
            stimuli,
            preprocessing,
            settings,
        )
        self.device = device or torch.device("cpu")
        self.net.to(self.device)
        self.steps = settings.steps or net.readout
        self.tried = first_steps(net, self.steps) if planned else self.steps
        ours = TimeAxis() if isinstance(net, Network) else TimeAxis.of_steps()
        self.axis = settings.time_axis or ours
        self.showing = Showing(
            self.net,
            stimuli,
            preprocessing,
            settings.presentation,
            self.steps,
            self.axis,
            self.device,
            settings.mask_seed,
            settings.round_to_steps,
        )
        names = net.state_names
        if unknown := sorted(set(settings.states or ()) - set(names)):
            raise RecordingError(
                f"no state is called {', '.join(unknown)}; this network has {', '.join(names)}"
            )
        self.states = tuple(n for n in names if settings.states is None or n in settings.states)
        self.variables, self.reducers = self._probe()
        self._check_classes()

    def _probe(self) -> tuple[tuple[Variable, ...], dict[str, Reducer]]:
        """Shapes of all that will be stored, from one grey image through the network."""
        shapes: dict[Key, tuple[int, ...]] = {}
        populated: dict[Key, set[int]] = {}
        with torch.inference_mode():
            for step, maps in self._maps(self.showing.grey(1), self.tried):
                for key, value in maps.items():
                    shapes[key] = tuple(value.shape[1:])
                    populated.setdefault(key, set()).add(step)
        # What the second half of the steps that were tried did is taken to go on: also in a graph
        # whose states take turns.
        half = self.tried // 4 * 2
        for t in range(self.tried + 1, self.steps + 1):
            for steps_of in populated.values():
                if t - half in steps_of:
                    steps_of.add(t)
        reducers: dict[str, Reducer] = {}
        order = self.net.state_names
        for name in self.states:
            if (name, "activation") not in shapes:
                raise RecordingError(
                    f"{name} is never populated in {self.steps} steps of this network (lesions "
                    "included); record more steps, or name the states to store with `states`"
                )
            channel, y, x = shapes[name, "activation"]
            keep, seed = self.settings.keep, self.settings.seed
            reducers[name] = reducer(keep, (channel, y, x), seed=seed, state=order.index(name))
        variables = []
        for key in sorted(shapes, key=self._order):
            group, name = key
            steps = tuple(t in populated[key] for t in range(1, self.steps + 1))
            if group == "readout":
                variables.append(Variable(group, name, ("class",), shapes[key], "float32", steps))
                continue
            r = reducers[group.removeprefix("drive/")]
            variables.append(Variable(group, name, r.dims, r.shape, self.settings.dtype, steps))
        return tuple(variables), reducers

    def _check_classes(self) -> None:
        """RecordingError for a card that names other classes than the readout has."""
        names = self.net.card.get("classes")
        count = next((v.shape[0] for v in self.variables if v.group == "readout"), 0)
        if names and count and len(names) != count:
            raise RecordingError(
                f"the model card names {len(names)} classes, the readout has {count}; name them "
                "all, or leave classes out of the card"
            )

    def _order(self, key: Key) -> tuple[int, int, str]:
        group = key[0].removeprefix("drive/")
        return (
            0 if key[0] == group else 1,
            self.states.index(group) if group in self.states else len(self.states),
            key[1],
        )

    def _maps(
        self, shown: Mapping[str, Tensor], steps: int
    ) -> Iterator[tuple[int, dict[Key, Tensor]]]:
        """Everything to store at each of the first steps, not yet reduced."""
        for step, states, delivered in self._steps(shown, steps):
            maps: dict[Key, Tensor] = {
                (s, "activation"): states[s] for s in self.states if s in states
            }
            if (logits := self.net.logits(states, step)) is not None:
                maps["readout", "logits"] = logits
            if self.settings.drive:
                maps |= {
                    (f"drive/{s}", name): part
                    for s in self.states
                    if s in states
                    for name, part in delivered[s].items()
                }
            yield step, maps

    def _steps(
        self, shown: Mapping[str, Tensor], steps: int
    ) -> Iterator[tuple[int, dict[str, Tensor], dict[str, dict[str, Tensor]]]]:
        """The run: (step, states, what each transition delivered if that is to be stored)."""
        frames = self.showing.input(shown, steps)
        if not self.settings.drive:
            yield from ((step, states, {}) for step, states in self.net.unroll(frames, steps))
        elif isinstance(self.net, Network) or (isinstance(self.net, External) and self.net.drives):
            yield from self.net.unroll(frames, steps, drive=True)
        else:
            raise RecordingError(
                f"the transitions of {self.net.card.get('name', 'this network')} are not known, "
                "so there is no drive to record; leave `drive` out"
            )

    def configuration(self, stimuli_sha256: str) -> dict[str, Any]:
        """All that determines the numbers.

        Two recordings with equal configurations are bit-identical on one machine.
        """
        s, card = self.settings, self.net.card
        configuration = {
            "model": card.get("name", "untrained"),
            "weights_sha256": card.get("weights_sha256"),
            # Of a network never trained: before its statistics were estimated.
            **({"drawn_sha256": card["drawn_sha256"]} if "drawn_sha256" in card else {}),
            "network": self.net.describe(),
            "stimuli": {
                "name": self.stimuli.name,
                "count": len(self.stimuli),
                "sha256": stimuli_sha256,
                "skipped": list(self.stimuli.skipped),
            },
            "preprocessing": self.preprocessing.as_dict(),
            "presentation": self.showing.as_dict(),
            "time_axis": self.axis.as_dict(),
            "steps": self.steps,
            "states": list(self.states),
            "variables": [f"{v.group}/{v.name}" for v in self.variables],
            "keep": s.keep,
            "dtype": s.dtype,
            "drive": s.drive,
            "seed": s.seed,
            "batch_size": s.batch_size,
            "compression": s.compression,
            "device": self.device.type,
            "provenance": provenance("zarr", "xarray"),
        }
        if (source := getattr(self.net, "source", None)) is not None:
            configuration["source"] = source  # of what is not ours: a module, a pre-net
        if "notes" in card:  # what was assumed of a network that was never trained
            configuration["notes"] = card["notes"]
        return json.loads(json.dumps(configuration))  # as it will be read back: tuples are lists

    def plan(self, stimuli_sha256: str) -> Plan:
        """All that a store is created from."""
        axis, steps = self.axis, np.arange(1, self.steps + 1)
        count = next((v.shape[0] for v in self.variables if v.group == "readout"), 0)
        classes = self.net.card.get("classes") or [str(i) for i in range(count)]
        coordinates = {
            g: dict(self.reducers[g.removeprefix("drive/")].coordinates)
            for g in {v.group for v in self.variables}
            if g != "readout"
        }
        if self.showing.frames is not None:
            for group in coordinates:
                coordinates[group]["frame"] = ("step", np.array(self.showing.frames, dtype=object))
        coordinates["readout"] = {"class": ("class", np.array(classes, dtype=object))}
        times = {
            "time_ms": axis.time_ms(steps),
            "time_ms_low": axis.low_ms(steps),
            "time_ms_high": axis.high_ms(steps),
        }
        return Plan(
            self.configuration(stimuli_sha256),
            self.variables,
            {"step": steps, **times},
            coordinates,
            self.stimuli.ids,
            self.stimuli.labels,
            self.settings.batch_size,
            self.settings.compression,
        )
