"""Other people's networks as networks of states: submodules are states, calls are steps."""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from cortexsim.arguments import outside
from cortexsim.errors import DependenceWarning, ExternalError
from cortexsim.models.describe import Description, as_html, as_text, describe_external
from cortexsim.models.foreign.alone import not_its_own
from cortexsim.models.foreign.hooks import Address, Calls, run
from cortexsim.models.foreign.layouts import as_logits, as_maps, without_time
from cortexsim.models.foreign.timing import AS, READOUT, Steps, several, timing
from cortexsim.models.frames import Frames, by_step
from cortexsim.models.limits import Limits
from cortexsim.models.preprocessing import preprocessing_of
from cortexsim.models.source import source_sha256
from cortexsim.models.states import whole

# A stranger's module may change itself while it runs, as CORnet-S does with a stride.
_RUNNING = threading.RLock()
AXES = ("stimulus", "step", "channel", "y", "x", "unit")  # of what is recorded


class External(nn.Module):
    """Somebody else's module as a network of states: made by :func:`wrap`, is an ``Unrolls``.

    Parameters
    ----------
    module : torch.nn.Module
        The module itself.
    written : mapping of str to str
        Where each state, and ``readout`` if there is one, comes out.
    card : dict
        Its name, the preprocessing of its images, the hash of its weights.
    layouts : mapping of str to str
        The meaning of the axes of some states.
    how : str
        How calls become steps.
    steps : mapping
        Other steps for some states.
    arguments : mapping, optional
        What the module's forward takes besides the images, by name.
    drives : mapping of str to mapping of str to str, optional
        Of some states, where the parts come out that they are made of, by the names of the parts.

    Attributes
    ----------
    source : str
        Hash of the source text of the module's classes, as it was when the module was wrapped.
    checks_images : bool
        Refuse images with values that the declared preprocessing cannot give; True.
    steps : dict of str to tuple of int
        The step of each call, of each state and of the readout.
    feed_forward : bool
        Whether every state has one call.
    """

    thread_safe = False

    def __init__(
        self,
        module: nn.Module,
        written: Mapping[str, str],
        *,
        card: dict[str, Any],
        layouts: Mapping[str, str],
        how: str,
        steps: Steps,
        arguments: Mapping[str, Any] | None = None,
        drives: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__()
        self.module, self.card = module, card
        self.arguments = dict(arguments or {})
        self.checks_images = True
        self._limits = Limits(ExternalError)
        self.source = source_sha256(module)
        self.eval()
        self._written, self._layouts, self._how = dict(written), dict(layouts), how
        split = {name: without_time(layout) for name, layout in layouts.items()}
        self._maps = {name: layout for name, (layout, _) in split.items()}
        self._times = {name: axis for name, (_, axis) in split.items() if axis is not None}
        self._addresses = {s: Address.parse(text) for s, text in written.items()}
        self.state_names = tuple(s for s in written if s != READOUT)
        self.drives = {s: dict(parts) for s, parts in (drives or {}).items()}
        self._parts = {
            f"{s}: {part}": (s, part, Address.parse(text))
            for s, parts in self.drives.items()
            for part, text in parts.items()
        }
        self.channels = len(card["preprocessing"]["mean"])
        grey = torch.zeros(1, self.channels, *card["preprocessing"]["size"], device=_device(module))
        with torch.no_grad():
            calls = self._run(grey)
        self._counts = {s: c.count for s, c in calls.items()}
        self.steps = timing(calls, self.state_names, how=how, steps=steps)
        self._check_parts(grey, calls)
        self.readout = max(s[-1] for s in self.steps.values())
        self.feed_forward = all(len(self.steps[s]) == 1 for s in self.state_names)
        first = {s: self._shaped(c.tensors[0], s, 1) for s, c in calls.items()}
        self.classes = first[READOUT].shape[1] if READOUT in first else 0
        if text := not_its_own(self._look, grey):
            warnings.warn(text, DependenceWarning, stacklevel=outside())

    def __repr__(self) -> str:
        return as_text(self._description())

    def _repr_html_(self) -> str:
        return as_html(self._description())

    def _description(self) -> Description:
        """What is printed of this network."""
        return describe_external(
            self.card,
            self._written,
            self.steps,
            states=len(self.state_names),
            parameters=sum(p.numel() for p in self.module.parameters()),
            how=f"{self._how}, {AS[self._how]}",
        )

    def readable(self, steps: int) -> tuple[int, ...]:
        """The steps up to ``steps`` at which an image shown from step 1 on can be read out.

        None without a readout.
        """
        return tuple(range(self.steps[READOUT][0], steps + 1)) if READOUT in self.steps else ()

    def _check_parts(self, grey: Tensor, calls: Mapping[str, Calls]) -> None:
        """ExternalError unless the parts of each state are there whenever it is."""
        if unknown := sorted(set(self.drives) - set(self.state_names)):
            raise ExternalError(
                f"drives are given for {', '.join(unknown)}; the states are "
                f"{', '.join(self.state_names)}"
            )
        if not self._parts:
            return
        if axes := sorted({part for _, part, _ in self._parts.values()} & set(AXES)):
            raise ExternalError(
                f"a part is called {', '.join(axes)}, as an axis of every recording is; give it "
                "another name"
            )
        with torch.no_grad():
            parts = self._run(grey, drive=True)
        for key, (state, _, _) in self._parts.items():
            if parts[key].numbers != calls[state].numbers:
                raise ExternalError(
                    f"{key} comes out at the calls {parts[key].numbers}, {state} itself at "
                    f"{calls[state].numbers}; give the parts of every call"
                )
            shapes = [tuple(c[name].tensors[0].shape) for c, name in ((parts, key), (calls, state))]
            if shapes[0] != shapes[1]:
                raise ExternalError(
                    f"{key} has shape {shapes[0]}, {state} itself {shapes[1]}; the parts of a "
                    "state are as large as it"
                )

    def unroll(
        self, images: Any, steps: int | None = None, *, drive: bool = False
    ) -> Iterator[Any]:
        """Yield ``(step, states)``: state -> ``(batch, channel, y, x)``, ``readout`` -> logits.

        All activations of a batch are held at once.

        Parameters
        ----------
        images : Tensor or sequence
            One batch, or for a feed-forward net a sequence of batches and None (blanks), one a
            step.
        steps : int, optional
            Steps 1..``steps``; default: all.
        drive : bool
            Yield ``(step, states, delivered)``, where ``delivered[state][part]`` are the parts of
            the ``drives`` that were given when the module was wrapped, of the call that the state
            shows.

        Raises
        ------
        ExternalError
            For more steps than the module has run, images of the wrong kind, a module in training
            mode.

        Examples
        --------
        >>> import numpy as np
        >>> from cortexsim import wrap
        >>> net = wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), {"V1": "0"})
        >>> images = net.preprocess(np.zeros((1, 256, 256, 3), np.uint8))
        >>> [step for step, _ in net.unroll(images)]
        [1]
        """
        steps = self.readout if steps is None else steps
        steps = whole(steps, "steps", least=0, error=ExternalError)
        if steps < 1 or (steps > self.readout and not self.feed_forward):
            raise ExternalError(
                f"{steps} steps are asked for; {self.card['name']} iterates by itself and makes "
                f"{self.readout}: ask for 1 to {self.readout}, or set the module's own number of "
                "iterations before wrapping it"
            )
        if drive and not self.drives:
            raise ExternalError(
                f"the parts of the states of {self.card['name']} are not known; wrap it with "
                "drives={'V1': {'x': 'submodule', ...}}, or leave drive out"
            )
        frames = self._frames(images, steps)
        done: dict[int, dict[str, list[Tensor]]] = {}
        delay = max(s[0] for s in self.steps.values()) - 1
        for now in range(1, steps + 1):
            states: dict[str, Tensor] = {}
            delivered: dict[str, dict[str, Tensor]] = {s: {} for s in self.state_names}
            for name, when in self.steps.items():
                arrived = [k for k, step in enumerate(when) if step <= now]
                frame = frames.get(now - when[0] + 1 if self.feed_forward else 1)
                if not arrived or frame is None:
                    continue
                if id(frame) not in done:
                    done[id(frame)] = self._look(frame, drive)
                looked = done[id(frame)]
                states[name] = looked[name][arrived[-1]]
                for part in self.drives.get(name, ()) if drive else ():
                    delivered[name][part] = looked[f"{name}: {part}"][arrived[-1]]
            coming = {
                id(frame) for t, frame in frames.items() if t > now - delay or not self.feed_forward
            }
            done = {key: value for key, value in done.items() if key in coming}
            yield (now, states, delivered) if drive else (now, states)

    def logits(self, states: dict[str, Tensor], step: int) -> Tensor | None:
        """The readout ``(batch, class)`` at a step of ``unroll``; None before the first."""
        return states.get(READOUT)

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """The one tensor ``(batch, channel, y, x)`` of each state.

        ExternalError that says how to choose where there are several.

        >>> import numpy as np
        >>> from cortexsim import wrap
        >>> net = wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), {"V1": "0"})
        >>> net.activations(net.preprocess(np.zeros((2, 256, 256, 3), np.uint8)))["V1"].shape
        torch.Size([2, 4, 222, 222])
        """
        self._check_images(images)
        calls = self._run(images)
        for s in self.state_names:
            if len(calls[s].numbers) > 1:
                raise ExternalError(several(calls[s], s))
        return {s: self._shaped(calls[s].tensors[0], s, len(images)) for s in self.state_names}

    def preprocess(self, images: Any) -> Tensor:
        """What ``unroll`` takes, ``(batch, channel, y, x)``, of paths, PIL images or uint8 arrays.

        Arrays are ``(n, y, x, 3)``; images are resized, cropped and normalised as was declared.

        >>> import numpy as np
        >>> from cortexsim import wrap
        >>> net = wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), {"V1": "0"})
        >>> net.preprocess(np.zeros((1, 300, 400, 3), np.uint8)).shape
        torch.Size([1, 3, 224, 224])
        """
        from cortexsim.models.pictures import pixels_of  # needs Pillow, which models need not

        return preprocessing_of(self)[0](pixels_of(images))

    def describe(self) -> dict[str, Any]:
        """The module's class, hashes of its architecture and of its source text, where the states
        come out, and when.
        """
        kind = type(self.module)
        return {
            "external": f"{kind.__module__}.{kind.__qualname__}",
            "architecture": hashlib.sha256(repr(self.module).encode()).hexdigest(),
            "states": self._written,
            "layouts": self._layouts,
            "as": self._how,
            "steps": {s: list(t) for s, t in self.steps.items()},
            "source": self.source,
            **({"arguments": repr(self.arguments)} if self.arguments else {}),
            **({"drives": self.drives} if self.drives else {}),
        }

    def forward(self, images: Tensor) -> Any:
        """What the module itself returns."""
        with _RUNNING:
            return self.module(images.clone(), **self.arguments)

    def _run(self, images: Tensor, *, drive: bool = False) -> dict[str, Calls]:
        """One pass, all of whose states (and their parts, if asked for) were called."""
        parts = {key: address for key, (_, _, address) in self._parts.items()} if drive else {}
        addresses = {**self._addresses, **parts}
        with _RUNNING:
            by_output = run(
                self.module,
                addresses,
                images,
                arguments=self.arguments,
                times=self._times,
            )
        for s, calls in by_output.items():
            if not calls.numbers:
                path = addresses[s].path
                what = (
                    f"is called {calls.count} times, and none of these is asked for"
                    if calls.count
                    else "is never called in a forward pass"
                )
                raise ExternalError(
                    f"{s}: the submodule {path!r} {what}; choose another (a module's functions, "
                    "and submodules that another path bypasses, cannot be watched)"
                )
        return by_output

    def _look(self, frame: Tensor, drive: bool = False) -> dict[str, list[Tensor]]:
        """What one image batch gives, call by call."""
        by_output = self._run(frame, drive=drive)
        counts = {s: c.count for s, c in by_output.items() if s in self._counts}
        if differ := [s for s in counts if counts[s] != self._counts[s]]:
            s = differ[0]
            raise ExternalError(
                f"{s}: its submodule was called {counts[s]} times now and {self._counts[s]} times "
                "when the module was wrapped; wrap it again"
            )
        return {
            s: [self._shaped(x, s, len(frame)) for x in c.tensors] for s, c in by_output.items()
        }

    def _shaped(self, x: Tensor, state: str, batch: int) -> Tensor:
        """Logits as they are; a state as ``(batch, channel, y, x)``."""
        if state == READOUT:
            return as_logits(x, batch, layout=self._maps.get(state))
        return as_maps(x, state, batch, layout=self._maps.get(state))

    def _frames(self, images: Frames, steps: int) -> dict[int, Tensor]:
        """The image batch of each step; blanks are absent."""
        frames = by_step(images, steps, always=True, error=ExternalError)
        distinct = {id(frame): frame for frame in frames.values()}
        if not self.feed_forward and (len(distinct) > 1 or len(frames) < steps):
            raise ExternalError(
                f"{self.card['name']} iterates by itself over one image, so that no other frame or "
                "blank can be shown to it while it runs; give one batch (a presentation in which "
                "the image stays on)"
            )
        for frame in distinct.values():
            self._check_images(frame)
        return frames

    def _check_images(self, images: Tensor) -> None:
        """ExternalError unless a batch can be shown, each image by itself."""
        if self.module.training or any(m.training for m in self.module.modules()):
            raise ExternalError(
                f"{self.card['name']} is in training mode, where the images of a batch act on each "
                "other; call net.eval() first"
            )
        if not isinstance(images, Tensor):
            raise ExternalError(
                f"images are a {type(images).__name__}; a tensor is needed: "
                "net.preprocess(pictures)"
            )
        if not images.is_floating_point() or images.dim() != 4 or images.shape[1] != self.channels:
            raise ExternalError(
                f"images are {images.dtype} {tuple(images.shape)}; expected a float tensor "
                f"(batch, {self.channels}, y, x): give pixels and paths through "
                "net.preprocess(pictures), which resizes and normalises them"
            )
        if self.checks_images:
            self._limits.check([images], self.card)


def _device(module: nn.Module) -> torch.device:
    """Where the module is."""
    return next((p.device for p in module.parameters()), torch.device("cpu"))
