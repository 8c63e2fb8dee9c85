"""Named networks: those of Liao & Poggio 2016 and the project's default, ``cortex4``."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from cortexsim.arguments import clear_errors
from cortexsim.errors import CortexsimError, GraphError
from cortexsim.models.graph import Graph, adjacent, full
from cortexsim.models.network import Network
from cortexsim.models.scaling import scaled, split_scale
from cortexsim.models.spec import Spec
from cortexsim.models.states import State, Transition, whole
from cortexsim.models.twin import twin_spec
from cortexsim.models.weights import (
    bundled,
    bundled_seeds,
    load_weights,
    split_seed,
    with_seed,
)

V = ("V1", "V2", "V4", "IT")
TWIN = "-twin"
MOST_SEED = (1 << 63) - 1


def _states(
    names: tuple[str, ...], sizes: tuple[int, ...], features: tuple[int, ...]
) -> tuple[State, ...]:
    return tuple(State(*s) for s in zip(names, sizes, features, strict=True))


def _h(sizes: tuple[int, ...], features: tuple[int, ...]) -> tuple[State, ...]:
    return _states(tuple(f"h{i + 1}" for i in range(len(sizes))), sizes, features)


def _resnet3(features: tuple[int, int, int], operator: str) -> Graph:
    """Three locally recurrent states in sequence: each hands over once, at steps 4 and 8.

    Source: Liao & Poggio 2016, Figures 3 D and 4 D.
    """
    states = _h((32, 16, 8), features)
    lateral = [Transition(s.name, s.name, shortcut="identity") for s in states]
    forward = [
        Transition("h1", "h2", operator, only_at=(4,)),
        Transition("h2", "h3", operator, only_at=(8,)),
    ]
    return Graph(states, (lateral[0], forward[0], lateral[1], forward[1], lateral[2]))


def _rnn2(readout: int, tying: str = "time") -> Spec:
    return Spec(full(_h((32, 32), (64, 64))), (readout,), tying=tying)


def _resnet1(tying: str) -> Spec:
    return Spec(full(_h((32,), (64,))), (10,), tying=tying)


def _tiny(features: int) -> Spec:
    return Spec(_resnet3((features,) * 3, "maxpool"), (12,), tying="all", norm_affine=True)


def _rnn3(graph: Callable[..., Graph], readout: int = 5, **options: Any) -> Spec:
    return Spec(graph(_h((32, 16, 8), (64, 128, 256)), **options), (readout,), pre_net="conv3")


def _cortex4(graph: Callable[..., Graph], readout: int) -> Spec:
    return Spec(graph(_states(V, (32, 16, 8, 4), (8, 16, 32, 64))), (readout,), pre_net="conv3")


def _imagenet() -> Spec:
    """cortex4 behind a pre-net of stride 4, for photographs.

    About as many multiply-adds as a ResNet-18, on maps of the same sizes.
    """
    return Spec(
        adjacent(_states(V, (56, 28, 14, 7), (32, 64, 128, 256))),
        (8,),
        classes=1000,
        pre_net="conv3-stride4",
    )


ZOO: dict[str, tuple[str, Callable[[], Spec]]] = {
    "cortex4": (
        "V1, V2, V4, IT with lateral and feedback transitions between neighbours, "
        "T = 8 (the default)",
        lambda: _cortex4(adjacent, 8),
    ),
    "cortex4-twin": (
        "the feed-forward twin of cortex4: as many parameters, no lateral or feedback transitions "
        "(any NAME-twin can be built)",
        lambda: twin_spec(_cortex4(adjacent, 8)),
    ),
    "cortex4-masked": (
        "cortex4 trained with brief images, blanks and masks, read out at steps 4 to 12, T = 12",
        lambda: _cortex4(adjacent, 12),
    ),
    "cortex4-imagenet": (
        "V1 to IT of cortex4 for photographs of 224 x 224 pixels and 1000 classes, "
        "32 to 256 features, T = 8",
        _imagenet,
    ),
    "cortex4-adjacent": (
        "the memo's 4-state adjacent net, T = 5 (no feedback is live)",
        lambda: _cortex4(adjacent, 5),
    ),
    "cortex4-full": ("the memo's 4-state full net, T = 5", lambda: _cortex4(full, 5)),
    "resnet1": ("1-state ResNet, weights shared over time, T = 10", lambda: _resnet1("time")),
    "resnet1-unshared": ("1-state ResNet, T = 10", lambda: _resnet1("none")),
    "rnn2": ("2-state fully recurrent net, T = 10", lambda: _rnn2(10)),
    "rnn2-t2": ("2-state fully recurrent net, T = 2", lambda: _rnn2(2)),
    "rnn2-t3": ("2-state fully recurrent net, T = 3", lambda: _rnn2(3)),
    "rnn2-t5": ("2-state fully recurrent net, T = 5", lambda: _rnn2(5)),
    "rnn2-unshared": (
        "2-state fully recurrent net, no weight sharing, T = 10",
        lambda: _rnn2(10, "none"),
    ),
    "resnet3": (
        "3-state ResNet, weights shared over time, T = 12",
        lambda: Spec(_resnet3((16, 32, 64), "conv"), (12,)),
    ),
    "resnet3-unshared": (
        "3-state ResNet, T = 12",
        lambda: Spec(_resnet3((16, 32, 64), "conv"), (12,), tying="none"),
    ),
    "tiny30": (
        "few-parameter ResNet, 30 features, one convolution for all layers, T = 12",
        lambda: _tiny(30),
    ),
    "tiny64": (
        "few-parameter ResNet, 64 features, one convolution for all layers, T = 12",
        lambda: _tiny(64),
    ),
    "rnn3-full": ("3-state fully recurrent net, T = 5", lambda: _rnn3(full)),
    "rnn3-adjacent": ("3-state net, neighbours only, T = 5", lambda: _rnn3(adjacent)),
    "rnn3-adjacent-inhomogeneous": (
        "the same, input at every step",
        lambda: _rnn3(adjacent, inhomogeneous=True),
    ),
    # Without self transitions a homogeneous net populates the third state at odd steps only, so a
    # readout at T = 10 (Figure 10) needs the input at every step; the memo does not say so.
    "rnn3-generalize": (
        "3-state net, neighbours only, no self transitions, input at every step, T = 10",
        lambda: _rnn3(adjacent, 10, lateral=False, inhomogeneous=True),
    ),
}


@clear_errors
def zoo() -> dict[str, str]:
    """The names of the zoo with one line on each.

    >>> "cortex4" in zoo()
    True
    """
    return {name: text for name, (text, _) in ZOO.items()}


def spec(name: str, **overrides: Any) -> Spec:
    """The architecture of a named network.

    Parameters
    ----------
    name : str
        A name of the zoo, one with ``-twin`` behind it, or one with a scale: ``"rnn2@f32p16"`` has
        32 features and maps of 16 x 16 units in its first state (:func:`scaled`).
    **overrides : object
        Replace fields of :class:`Spec` or of its graph (``inhomogeneous=True``).

    Raises
    ------
    GraphError
        For names that are not known (with the nearest), and fields that there are not.

    Examples
    --------
    >>> spec("rnn2@f32p16").graph.states[0].features
    32
    """
    full_name, (name, scale) = name, split_scale(name)
    if name not in ZOO and name.removesuffix(TWIN) in ZOO:
        base = twin_spec(spec(name.removesuffix(TWIN)))
    elif name in ZOO:
        base = ZOO[name][1]()
    else:
        close = difflib.get_close_matches(name, ZOO, 3)
        raise GraphError(
            f"no network is called {name!r}"
            + (f"; did you mean {' or '.join(close)}?" if close else ".")
            + f" The zoo: {', '.join(ZOO)}"
        )
    base = scaled(base, **scale) if scale else base
    of_graph = {f.name for f in dataclasses.fields(Graph)}
    of_spec = {f.name for f in dataclasses.fields(Spec)}
    unknown = sorted(set(overrides) - of_graph - of_spec)
    if unknown:
        raise GraphError(
            f"cannot override {', '.join(unknown)} of {full_name}; these can be: "
            f"{', '.join(sorted(of_graph | of_spec))}"
        )
    if isinstance(overrides.get("readout"), int):
        overrides["readout"] = (overrides["readout"],)
    graph = overrides.pop("graph", base.graph)
    graph = dataclasses.replace(graph, **{k: v for k, v in overrides.items() if k in of_graph})
    return dataclasses.replace(
        base, graph=graph, **{k: v for k, v in overrides.items() if k in of_spec}
    )


@clear_errors
def build(
    name: str, *, seed: int = 0, pre_net: nn.Module | None = None, **overrides: Any
) -> Network:
    """A named network with fresh weights.

    Parameters
    ----------
    name : str
        A name of the zoo, or one with ``-twin`` behind it.
    seed : int
        Of the weights.
    pre_net : torch.nn.Module, optional
        A pre-net of your own.
    **overrides : object
        As of :func:`spec`.

    Examples
    --------
    >>> net = build("rnn2", readout=3)
    >>> sum(p.numel() for p in net.parameters())
    224138
    """
    return Network(spec(name, **overrides), pre_net=pre_net, seed=seed)


@clear_errors
def load(name_or_path: str | Path = "cortex4", *, seed: int | None = None) -> Network:
    """A trained network in evaluation mode.

    Parameters
    ----------
    name_or_path : str or Path
        The name of bundled weights, or any ``.safetensors`` with its model card beside it.
    seed : int, optional
        From which the network of this name was trained, where weights of several are bundled
        (``cortexsim models --trained`` lists them); default 0. ``load("cortex4", seed=1)`` is
        ``load("cortex4-seed1")``.

    Raises
    ------
    CortexsimError
        If there are no such weights, or they are not what their card describes.

    Examples
    --------
    >>> load("cortex4").readout, load("cortex4", seed=0).card["recipe"]["seed"]
    (8, 0)
    """
    path = Path(name_or_path)
    if path.suffix == ".safetensors":
        if seed is not None:
            raise CortexsimError(
                f"{path} is a weights file, of one seed: leave seed={seed} out, or give the name "
                "of a network whose weights are bundled"
            )
        return load_weights(path)
    name = str(name_or_path)
    network, told = split_seed(name)
    if seed is not None:
        seed = whole(seed, "`seed` is", least=0, most=MOST_SEED, error=CortexsimError)
        if told and told != seed:
            raise CortexsimError(f"{name} names seed {told} and seed={seed} is given; give one")
        told = seed
    if not bundled_seeds(network):
        spec(network)  # raises for a name that is none, with those there are
    return load_weights(bundled(with_seed(network, told)))
