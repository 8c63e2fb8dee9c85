"""Other people's networks through the door of our own: any torch module, its submodules as states, its calls as steps."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cortexsim.errors import ExternalError
from cortexsim.models.foreign.hooks import Address, Calls, run
from cortexsim.models.foreign.timing import READOUT, Steps, several, timing
from cortexsim.models.frames import Frames, by_step
from cortexsim.models.preprocessing import preprocessing_of

IMAGENET = {"size": (224, 224), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
LAYOUTS = {2: "batch channel", 3: "batch token channel", 4: "batch channel y x"}
_RUNNING = (
    threading.RLock()
)  # a stranger's module may change itself while it runs, as CORnet-S does with a stride


def wrap(
    module: nn.Module,
    states: Mapping[str, str],
    *,
    as_: str = "static",
    steps: Steps | None = None,
    readout: str | None = "",
    layouts: Mapping[str, str] | None = None,
    preprocessing: Mapping[str, Any] | Any = IMAGENET,
    name: str | None = None,
    classes: Sequence[str] | None = None,
) -> External:
    """Any torch module as a network of states: what its submodules return is recorded, masked and compared as our own networks are.

    Call n of the submodule behind state s arrives at a step ``t(s, n)``, and s keeps it until its next call, as the module itself does:

    ========= ======================================================== =======================================================================
    as_       t(s, n)                                                  for
    ========= ======================================================== =======================================================================
    static    1, and n can only be 1                                   feed-forward nets, which have no time
    staircase 1, 2, 3, ... over all calls in the order of computation  feed-forward nets, one area a step; areas that iterate one after the other
    calls     n                                                        nets that unroll themselves in time
    ========= ======================================================== =======================================================================

    module: put into evaluation mode, and run once on one grey image. Hooks are only there while it runs.
    states: name of each state, in the order of computation -> where it comes out, ``submodule[item]@calls`` (see :class:`Address`).
    steps: of some states, other steps: of the first call (a number) or of every call. readout: where the logits ``(batch, class)`` come out; default
        the module's own output; None: no readout.
    layouts: of a state, the meaning of the axes of its tensor. Default by their number: ``batch channel``, ``batch token channel``, ``batch channel y x``;
        e.g. ``batch y x channel``. Tokens become ``(batch, channel, token, 1)``.
    preprocessing: size, mean and std of the images, or a ``Preprocessing``; default those of ImageNet nets. name: default that of the class.

    **Time.** If every state has one call (a feed-forward net), the image stays on: a state is held for as many steps as are asked for, and a sequence of
    frames is a pipeline: state s shows at step t what the frame of step ``t - t(s, 1) + 1`` does, and is not populated where that was a blank; no frame
    acts on another. A module that iterates itself has run its steps when it returns: more steps, and frames that differ, are refused. Modules that
    take films are not supported.

    Raises ExternalError for submodules that do not exist (naming the nearest) or are never called, outputs that are not one tensor, several calls where
    one was wanted, modules that fail.

    >>> module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 2))
    >>> net = wrap(module, {"V1": "0", "IT": "2"}, as_="staircase", preprocessing={"size": (8, 8), "mean": (0.5,) * 3, "std": (1,) * 3})
    >>> {step: {s: tuple(x.shape) for s, x in states.items() if s in net.state_names} for step, states in net.unroll(torch.rand(5, 3, 8, 8))}
    {1: {'V1': (5, 4, 6, 6)}, 2: {'V1': (5, 4, 6, 6), 'IT': (5, 144, 1, 1)}}
    """
    declared = preprocessing.as_dict() if hasattr(preprocessing, "as_dict") else preprocessing
    if missing := [k for k in ("size", "mean", "std") if k not in declared]:
        raise ExternalError(f"the preprocessing lacks {', '.join(missing)}; give e.g. {IMAGENET}")
    declared = {k: list(declared[k]) for k in ("size", "mean", "std")}
    if not states or READOUT in states:
        raise ExternalError(
            f"states={dict(states)!r}: give at least one, e.g. {{'V1': 'layer1'}}, and none called {READOUT!r}"
        )
    addresses = {s: Address.parse(text) for s, text in states.items()}
    if readout is not None:
        addresses[READOUT] = Address.parse(readout)
    if unknown := sorted(set(layouts or {}) - set(states)):
        raise ExternalError(
            f"layouts are given for {', '.join(unknown)}; the states are {', '.join(states)}"
        )
    card = {
        "name": name or type(module).__name__,
        "preprocessing": declared,
        "weights_sha256": weights_sha256(module),
    }
    card |= {} if classes is None else {"classes": list(classes)}
    written = {**states, **({} if readout is None else {READOUT: readout})}
    return External(module, addresses, layouts or {}, as_, steps or {}, card, written)


class External(nn.Module):
    """Somebody else's module as a network of states; see :func:`wrap`. It has what :class:`Unrolls` asks for.

    module: the module itself. steps: the step of each call, of each state and of the readout. feed_forward: whether every state has one call.
    """

    thread_safe = False

    def __init__(
        self, module: nn.Module, addresses: dict[str, Address], layouts: Mapping[str, str], how: str, steps: Steps, card: dict[str, Any],
        written: dict[str, str],
    ) -> None:  # fmt: skip
        super().__init__()
        self.module, self.card = module, card
        self.eval()
        self._addresses, self._layouts, self._how, self._written = (
            addresses,
            dict(layouts),
            how,
            written,
        )
        self.state_names = tuple(s for s in addresses if s != READOUT)
        self.channels = len(card["preprocessing"]["mean"])
        with torch.no_grad():
            found = self._run(
                torch.zeros(
                    1, self.channels, *card["preprocessing"]["size"], device=_device(module)
                )
            )
        self._counts = {s: c.count for s, c in found.items()}
        self.steps = timing(found, self.state_names, how, steps)
        self.readout = max(s[-1] for s in self.steps.values())
        self.feed_forward = all(len(self.steps[s]) == 1 for s in self.state_names)
        first = {s: self._shaped(calls.tensors[0], s, 1) for s, calls in found.items()}
        self.classes = first[READOUT].shape[1] if READOUT in first else 0

    def readable(self, steps: int) -> tuple[int, ...]:
        """The steps up to ``steps`` at which an image that is shown from step 1 on can be read out; none without a readout."""
        return tuple(range(self.steps[READOUT][0], steps + 1)) if READOUT in self.steps else ()

    def unroll(
        self, images: Any, steps: int | None = None
    ) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """Yield ``(step, states)`` for steps 1..``steps`` (default: all): state name -> ``(batch, channel, y, x)``, and ``readout`` -> logits.

        images: one batch, or for a feed-forward net a sequence of batches and None (blanks), one a step. All activations of a batch are held at once.
        Raises ExternalError for more steps than the module has run, images of the wrong kind, a module in training mode.

        >>> net = wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), {"V1": "0"})
        >>> [step for step, _ in net.unroll(torch.rand(1, 3, 9, 9))]
        [1]
        """
        steps = self.readout if steps is None else steps
        if steps < 1 or (steps > self.readout and not self.feed_forward):
            raise ExternalError(
                f"{steps} steps are asked for; {self.card['name']} iterates by itself and makes {self.readout}: ask for 1 to {self.readout}, or set the "
                "module's own number of iterations before wrapping it"
            )
        frames = self._frames(images, steps)
        done: dict[int, dict[str, list[Tensor]]] = {}
        delay = max(s[0] for s in self.steps.values()) - 1
        for now in range(1, steps + 1):
            states = {}
            for name, when in self.steps.items():
                arrived = [k for k, step in enumerate(when) if step <= now]
                frame = frames.get(now - when[0] + 1 if self.feed_forward else 1)
                if not arrived or frame is None:
                    continue
                if id(frame) not in done:
                    done[id(frame)] = self._look(frame)
                states[name] = done[id(frame)][name][arrived[-1]]
            coming = {
                id(frame) for t, frame in frames.items() if t > now - delay or not self.feed_forward
            }
            done = {key: value for key, value in done.items() if key in coming}
            yield now, states

    def logits(self, states: dict[str, Tensor], step: int) -> Tensor | None:
        """The readout ``(batch, class)`` at a step that ``unroll`` yielded; None before there is one."""
        return states.get(READOUT)

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """The one tensor ``(batch, channel, y, x)`` of each state; ExternalError that says how to choose where there are several.

        >>> net = wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), {"V1": "0"})
        >>> net.activations(torch.rand(2, 3, 9, 9))["V1"].shape
        torch.Size([2, 4, 7, 7])
        """
        self._check_images(images)
        found = self._run(images)
        for s in self.state_names:
            if len(found[s].numbers) > 1:
                raise ExternalError(several(found[s], s))
        return {s: self._shaped(found[s].tensors[0], s, len(images)) for s in self.state_names}

    def preprocess(self, images: Any) -> Tensor:
        """What ``unroll`` takes, ``(batch, channel, y, x)``, of paths, PIL images or uint8 arrays.

        Arrays are ``(n, y, x, 3)``; images are resized, cropped and normalised as was declared.

        >>> import numpy as np
        >>> net = wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), {"V1": "0"})
        >>> net.preprocess(np.zeros((1, 300, 400, 3), np.uint8)).shape
        torch.Size([1, 3, 224, 224])
        """
        from cortexsim.models.pictures import pixels_of  # needs Pillow, which models need not

        return preprocessing_of(self)[0](pixels_of(images))

    def describe(self) -> dict[str, Any]:
        """The module's class, a hash of its architecture, where the states come out, and when."""
        kind = type(self.module)
        return {
            "external": f"{kind.__module__}.{kind.__qualname__}",
            "architecture": hashlib.sha256(repr(self.module).encode()).hexdigest(),
            "states": self._written,
            "layouts": self._layouts,
            "as": self._how,
            "steps": {s: list(t) for s, t in self.steps.items()},
        }

    def forward(self, images: Tensor) -> Any:
        """What the module itself returns."""
        with _RUNNING:
            return self.module(images)

    # ------------------------------------------------------------------------------------------------ running

    def _run(self, images: Tensor) -> dict[str, Calls]:
        """One pass, all of whose states were called."""
        with _RUNNING:
            found = run(self.module, self._addresses, images)
        for s, calls in found.items():
            if not calls.numbers:
                path = self._addresses[s].path
                what = (
                    f"is called {calls.count} times, and none of these is asked for"
                    if calls.count
                    else "is never called in a forward pass"
                )
                raise ExternalError(
                    f"{s}: the submodule {path!r} {what}; choose another (a module's functions, and submodules that another path "
                    "bypasses, cannot be watched)"
                )
        return found

    def _look(self, frame: Tensor) -> dict[str, list[Tensor]]:
        """What one image batch gives, call by call."""
        found = self._run(frame)
        counts = {s: c.count for s, c in found.items()}
        if differ := [s for s in counts if counts[s] != self._counts[s]]:
            s = differ[0]
            raise ExternalError(
                f"{s}: its submodule was called {counts[s]} times now and {self._counts[s]} times when the module was wrapped; wrap it again"
            )
        return {s: [self._shaped(x, s, len(frame)) for x in c.tensors] for s, c in found.items()}

    def _shaped(self, x: Tensor, state: str, batch: int) -> Tensor:
        """Logits as they are; a state as ``(batch, channel, y, x)``."""
        if state == READOUT:
            if x.dim() != 2 or len(x) != batch:
                raise ExternalError(
                    f"the readout is of shape {tuple(x.shape)} for {batch} images; (batch, class) is needed: readout='submodule', or None for none"
                )
            return x
        layout = self._layouts.get(state) or LAYOUTS.get(x.dim(), "")
        axes = layout.split()
        known = {
            ("batch", "channel"),
            ("batch", "channel", "token"),
            ("batch", "channel", "x", "y"),
        }
        if (
            tuple(sorted(axes)) not in known
            or len(axes) != x.dim()
            or x.shape[axes.index("batch")] != batch
        ):
            raise ExternalError(
                f"{state} has shape {tuple(x.shape)} for {batch} images, which is not {layout or 'understood'!r}; say what its axes are, e.g. "
                f"layouts={{{state!r}: 'token batch channel'}} (batch and channel, and y and x, or token)"
            )
        order = [axes.index(a) for a in ("batch", "channel", "y", "x", "token") if a in axes]
        x = x.permute(order)
        return x.reshape(*x.shape, *[1] * (4 - x.dim()))

    def _frames(self, images: Frames, steps: int) -> dict[int, Tensor]:
        """The image batch of each step; blanks are absent."""
        frames = by_step(images, steps, always=True, error=ExternalError)
        one = {id(frame): frame for frame in frames.values()}
        if not self.feed_forward and (len(one) > 1 or len(frames) < steps):
            raise ExternalError(
                f"{self.card['name']} iterates by itself over one image, so that no other frame or blank can be shown to it while it runs; give "
                "one batch (a presentation in which the image stays on)"
            )
        for frame in one.values():
            self._check_images(frame)
        return frames

    def _check_images(self, images: Tensor) -> None:
        if self.module.training or any(m.training for m in self.module.modules()):
            raise ExternalError(
                f"{self.card['name']} is in training mode, where the images of a batch act on each other; call net.eval() first"
            )
        if not images.is_floating_point() or images.dim() != 4 or images.shape[1] != self.channels:
            raise ExternalError(
                f"images are {images.dtype} {tuple(images.shape)}; expected a float tensor (batch, {self.channels}, y, x), preprocessed (cortexsim.stimuli)"
            )


def weights_sha256(module: nn.Module) -> str:
    """Of the names, types, shapes and bytes of a module's state, in the order of their names.

    >>> weights_sha256(nn.ReLU())[:12]
    'e3b0c44298fc'
    """
    digest = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        if isinstance(value, Tensor):
            digest.update(f"{key}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
            digest.update(
                value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
            )
    return digest.hexdigest()


def _device(module: nn.Module) -> torch.device:
    """Where the module is."""
    return next((p.device for p in module.parameters()), torch.device("cpu"))
