"""The door for other people's networks: any torch module becomes a network of states."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cortexsim.arguments import clear_errors
from cortexsim.errors import ExternalError, StimulusError
from cortexsim.models.foreign.external import External
from cortexsim.models.foreign.hooks import EVERY
from cortexsim.models.foreign.layouts import without_time
from cortexsim.models.foreign.timing import READOUT, Steps
from cortexsim.models.preprocessing import Preprocessing

IMAGENET = {"size": (224, 224), "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@clear_errors
def wrap(
    module: nn.Module,
    states: Mapping[str, str],
    *,
    as_: str | None = None,
    steps: Steps | None = None,
    readout: str | None = "",
    layouts: Mapping[str, str] | str | None = None,
    arguments: Mapping[str, Any] | None = None,
    drives: Mapping[str, Mapping[str, str]] | None = None,
    preprocessing: Mapping[str, Any] | Any = IMAGENET,
    name: str | None = None,
    classes: Sequence[str] | None = None,
) -> External:
    """Any torch module as a network of states, recorded, masked and compared as our own are.

    Call n of the submodule behind state s arrives at a step ``t(s, n)``, and s keeps it until its
    next call, as the module itself does:

    ========= ============================= ==============================================
    ``as_``   t(s, n)                       for
    ========= ============================= ==============================================
    static    1, and n can only be 1        feed-forward nets, which have no time
    staircase 1, 2, 3, ... over all calls   feed-forward nets, one area a step; areas that
              in the order of computation   iterate one after the other
    calls     n, and all states have as     nets that unroll themselves in time
              many, unless ``steps`` says
              when those of a state are
    ========= ============================= ==============================================

    A module that returns every step at once is unrolled as well: ``layouts="batch time channel y
    x"`` for tensors with an axis of time, ``"[*][V1]"`` as the place of V1 for a list with a
    dictionary a step, ``arguments={"T": 8}`` for what its forward takes besides the images.

    **Steps and milliseconds.** How long a step of somebody else's network is, nobody knows: times
    in ms are labels of steps until you declare a ``TimeAxis``.

    **Time.** If every state has one call (a feed-forward net), the image stays on: a state is held
    for as many steps as are asked for, and a sequence of frames is a pipeline: state s shows at
    step t what the frame of step ``t - t(s, 1) + 1`` does, and is not populated where that was a
    blank; no frame acts on another. A module that iterates itself has run its steps when it
    returns: more steps, and frames that differ, are refused. Modules that take films are not
    supported.

    Parameters
    ----------
    module : torch.nn.Module
        Put into evaluation mode, and run on one grey image, alone and beside another: activations
        that depend on others of the batch, or on chance, are warned of (``DependenceWarning``).
        Hooks are only there while it runs, and the images that it gets are copies.
    states : mapping of str to str
        Name of each state, in the order of computation -> where it comes out,
        ``submodule[item]@calls`` (see :class:`Address`).
    as_ : str, optional
        How calls become steps, see above; default static, or calls where ``layouts`` or an address
        says that there is time.
    steps : mapping of str to int or sequence of int, optional
        Of some states, other steps: of the first call (a number) or of every call.
    readout : str, optional
        Where the logits ``(batch, class)`` come out; default the module's own output; None: no
        readout.
    layouts : mapping of str to str, or str, optional
        Of a state (or ``readout``), the meaning of the axes of its tensor; a text is that of all
        states. Default by their number: ``batch channel``, ``batch token channel``,
        ``batch channel y x``; e.g. ``batch y x channel``, ``batch time channel y x``. Tokens become
        ``(batch, channel, token, 1)``.
    arguments : mapping of str to Any, optional
        Given to the module's forward by name, besides the images.
    drives : mapping of str to mapping of str to str, optional
        Of some states, the parts that they are made of: name of the part -> where it comes out,
        as often as the state. ``record`` with ``drive`` stores them apart, e.g. what a residual
        block passes on and what it adds.
    preprocessing : mapping or Preprocessing
        Size (pixels), mean and std of the images; default those of ImageNet nets.
    name : str, optional
        Default that of the class.
    classes : sequence of str, optional
        Names of the classes of the readout.

    Raises
    ------
    ExternalError
        For submodules that do not exist (naming the nearest) or are never called, outputs that are
        not one tensor of real numbers, several calls where one was wanted, unequal numbers of calls
        side by side, modules that fail, and other names than there are classes.

    Examples
    --------
    >>> import numpy as np
    >>> convolved = nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True)
    >>> module = nn.Sequential(*convolved, nn.Flatten(), nn.Linear(144, 2))
    >>> small = {"size": (8, 8), "mean": (0.5,) * 3, "std": (1,) * 3}
    >>> net = wrap(module, {"V1": "0", "IT": "2"}, as_="staircase", preprocessing=small)
    >>> images = net.preprocess(np.zeros((5, 8, 8, 3), np.uint8))
    >>> for step, states in net.unroll(images):
    ...     print(step, {s: tuple(states[s].shape) for s in net.state_names if s in states})
    1 {'V1': (5, 4, 6, 6)}
    2 {'V1': (5, 4, 6, 6), 'IT': (5, 144, 1, 1)}
    """
    declared = preprocessing.as_dict() if hasattr(preprocessing, "as_dict") else preprocessing
    if not isinstance(declared, Mapping):
        raise ExternalError(
            f"the preprocessing is a {type(declared).__name__}; a dictionary is needed, e.g. "
            f"{IMAGENET}"
        )
    if missing := [k for k in ("size", "mean", "std") if k not in declared]:
        raise ExternalError(f"the preprocessing lacks {', '.join(missing)}; give e.g. {IMAGENET}")
    try:
        checked = Preprocessing.from_dict(declared)
    except StimulusError as error:
        raise ExternalError(f"{error}; give e.g. {IMAGENET}") from error
    declared = {k: list(getattr(checked, k)) for k in ("size", "mean", "std")}
    if not states or READOUT in states:
        raise ExternalError(
            f"states={dict(states)!r}: give at least one, e.g. {{'V1': 'layer1'}}, "
            f"and none called {READOUT!r}"
        )
    axes = dict.fromkeys(states, layouts) if isinstance(layouts, str) else dict(layouts or {})
    if unknown := sorted(set(axes) - {*states, READOUT}):
        raise ExternalError(
            f"layouts are given for {', '.join(unknown)}; the states are {', '.join(states)}"
        )
    written = {**states, **({} if readout is None else {READOUT: readout})}
    if wrong := [s for s, address in written.items() if not isinstance(address, str)]:
        raise ExternalError(
            f"the address of {wrong[0]} is {written[wrong[0]]!r}; give the name of a submodule, "
            "e.g. 'layer1'"
        )
    timed = any(without_time(layout)[1] is not None for layout in axes.values()) or any(
        f"[{EVERY}]" in address for address in written.values()
    )
    empty = [
        key for key, value in (*module.named_parameters(), *module.named_buffers()) if value.is_meta
    ]
    if empty:
        raise ExternalError(
            f"{len(empty)} weights of {type(module).__name__} hold no numbers (they are on the "
            f"device meta), e.g. {empty[0]}: load them first (module.to_empty(device='cpu'), "
            "module.load_state_dict(...))"
        )
    card = {
        "name": name or type(module).__name__,
        "preprocessing": declared,
        "weights_sha256": weights_sha256(module),
    }
    card |= {} if classes is None else {"classes": list(classes)}
    if not isinstance(steps, (Mapping, type(None))):
        raise ExternalError(
            f"steps is a {type(steps).__name__}; give a dictionary, e.g. {{'V1': 1, 'IT': [2, 4]}}"
        )
    net = External(
        module,
        written,
        card=card,
        layouts=axes,
        how=as_ or ("calls" if timed else "static"),
        steps=steps or {},
        arguments=arguments or {},
        drives=drives,
    )
    if classes is not None and net.classes not in (0, len(card["classes"])):
        raise ExternalError(
            f"{len(card['classes'])} names of classes are given, the readout has {net.classes} "
            "outputs; name them all, or leave classes out"
        )
    return net


def weights_sha256(module: nn.Module) -> str:
    """Of the names, types, shapes and bytes of a module's state, in the order of their names.

    >>> weights_sha256(nn.ReLU())[:12]
    'e3b0c44298fc'
    """
    return tensors_sha256(module.state_dict())


def tensors_sha256(state: Mapping[str, Any]) -> str:
    """Of the names, types, shapes and bytes of tensors, in the order of their names."""
    digest = hashlib.sha256()
    for key, value in sorted(state.items()):
        if isinstance(value, Tensor):
            digest.update(f"{key}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
            digest.update(
                value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
            )
    return digest.hexdigest()
