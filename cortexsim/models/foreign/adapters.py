"""Ready adapters for other people's networks: CORnet, torchvision, timm, and a function of your own in a Python file.

Which layer stands for which area is a convention, not a measurement: each assignment has its source beside it, and ``states=`` takes another.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cortexsim.errors import CortexsimError, ExternalError
from cortexsim.models.foreign.external import External, wrap
from cortexsim.models.foreign.timing import AS, Steps
from cortexsim.models.protocol import Unrolls

V = ("V1", "V2", "V4", "IT")
STAGES = {"V1": "layer1", "V2": "layer2", "V4": "layer3", "IT": "layer4"}
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
AREAS: dict[str, tuple[dict[str, str], str]] = {
    # Brain-Score picked these layers by their scores on its public benchmarks: as a control for those data they are flattered.
    "alexnet": (
        {"V1": "features.2", "V2": "features.7", "V4": "features.7", "IT": "features.12"},
        "Brain-Score (brainscore-vision 2.4.2), models/alexnet/region_layer_map/alexnet.json; layers chosen by score",
    ),
    **dict.fromkeys(
        RESNETS,
        (
            STAGES,
            "one stage an area, as in brainscore-vision 2.4.2, models/resnet18_fair; by depth",
        ),
    ),
}
"""torchvision model -> (state -> submodule, source)."""

CORNETS: dict[str, tuple[dict[str, str], str]] = {
    "Z": ({s: f"{s}.output" for s in V}, "staircase"),
    "S": ({s: f"{s}.output" for s in V}, "staircase"),
    # The first calls of R and RT have no image behind them: V2 and later areas begin with zeros, and in RT the image needs a step for each area.
    "R": ({"V1": "V1.output", **{s: f"{s}.output@2-" for s in V[1:]}}, "calls"),
    "RT": ({s: f"{s}.output" + (f"@{k + 1}-" if k else "") for k, s in enumerate(V)}, "calls"),
}
PUBLISHED_MS = {"V1": (50,), "V2": (70, 170), "V4": (90, 140, 190, 240), "IT": (100, 200)}
"""Start of each call of CORnet-S in ms after image onset, as its authors committed it to Brain-Score (models/cornet_s of brainscore-vision 2.4.2)."""
GRID_MS = 10


def cornet(module: nn.Module, kind: str, *, as_: str | None = None, **options: Any) -> External:
    """CORnet-Z, -R, -RT or -S of Kubilius et al.; you bring the module (github.com/dicarlolab/CORnet; ``cornet`` on PyPI is something else).

    V1, V2, V4 and IT are the submodules ``output`` of the four areas. Z: one area a step. S: areas one after the other, V2 in 2 calls, V4 in 4, IT
    in 2: V1 at step 1, V2 at 2-3, V4 at 4-7, IT at 8-9, each held afterwards. R and RT: call n is step n, from the first call that the image reaches
    (R: all areas but V1 from step 2; RT: V2, V4, IT from steps 2, 3, 4).

    kind: Z, R, RT or S. as_: another way than these, or ``"published"`` for S: steps of 10 ms from 50 ms on, at the times that its authors
    declared (``PUBLISHED_MS``); record it with ``TimeAxis(step_ms=10, step_ms_low=10, step_ms_high=10, onset_ms=50)``. options: of :func:`wrap`.

    Raises ExternalError if the module is not that CORnet. Source: Kubilius et al. 2018 (bioRxiv 408385), 2019 (NeurIPS; -S).
    """
    if kind not in CORNETS:
        raise ExternalError(f"there is no CORnet-{kind}; choose from {', '.join(CORNETS)}")
    module = module.module if isinstance(module, nn.DataParallel) else module
    states, how = CORNETS[kind]
    there = dict(module.named_modules())
    if absent := [s for s in V if f"{s}.output" not in there]:
        raise ExternalError(
            f"that is no CORnet: {', '.join(f'{s}.output' for s in absent)} are not in it; it has {', '.join(list(there)[1:9])}, ..."
        )
    steps: Steps = {}
    if as_ == "published":
        if kind != "S":
            raise ExternalError(
                f"times of its calls were published for CORnet-S, not for -{kind}; leave as_ out, or give steps="
            )
        steps = {
            s: [(t - PUBLISHED_MS["V1"][0]) // GRID_MS + 1 for t in times]
            for s, times in PUBLISHED_MS.items()
        }
        as_ = "calls"
    return wrap(
        module, states, as_=as_ or how, **{"name": f"CORnet-{kind}", "steps": steps, **options}
    )


def torchvision_model(
    name: str, states: Mapping[str, str] | None = None, *, as_: str = "staircase", weights: str | None = "DEFAULT", seed: int = 0, **options: Any
) -> External:  # fmt: skip
    """A classifier of torchvision as a feed-forward control; ``AREAS`` has documented assignments of layers to areas, with sources.

    weights: name of torchvision's weights (downloaded by torchvision), or None for fresh ones drawn from ``seed``. states: needed where ``AREAS`` has
    none. options: of :func:`wrap`. Images are resized to the network's size as a whole, where torchvision crops the outer eighth.

    Raises ExternalError for unknown names, models without an assignment, and weights that cannot be had.

    >>> net = torchvision_model("resnet18", weights=None)
    >>> net.card["name"], net.readout, net.steps["IT"]
    ('torchvision:resnet18, untrained, seed 0', 4, (4,))
    """
    from torchvision import models

    if name not in models.list_models(models):
        raise ExternalError(
            f"torchvision has no model {name!r}; e.g. {', '.join(AREAS)} (torchvision.models.list_models() has all)"
        )
    if states is None and name not in AREAS:
        raise ExternalError(
            f"no assignment of {name}'s layers to areas is documented here (there are: {', '.join(AREAS)}); give states={{'V1': 'submodule', ...}}"
        )
    listed = models.get_model_weights(name)
    chosen = listed.DEFAULT
    if weights not in (None, "DEFAULT"):
        if weights not in listed.__members__:
            have = ", ".join(w.name for w in listed)
            raise ExternalError(
                f"{name} has no weights {weights!r}; choose from {have}, DEFAULT or None"
            )
        chosen = listed[weights]
    options = {
        "classes": chosen.meta.get("categories"),
        "preprocessing": _of_transforms(chosen.transforms()),
        **options,
    }
    module = _made(
        lambda: models.get_model(name, weights=chosen if weights else None),
        f"torchvision:{name}",
        seed,
    )
    suffix = f", {chosen.name}" if weights else f", untrained, seed {seed}"
    net = wrap(
        module,
        states or AREAS[name][0],
        as_=as_,
        **{"name": f"torchvision:{name}{suffix}", **options},
    )
    net.card["areas"] = "the caller's" if states else AREAS[name][1]
    return net


def timm_model(
    name: str, states: Mapping[str, str] | None = None, *, as_: str = "staircase", pretrained: bool = True, seed: int = 0, **options: Any
) -> External:  # fmt: skip
    """Any model of timm; without ``states`` V1, V2, V4 and IT are four of its stages, evenly spaced in depth, the last one included.

    That assignment is by depth alone and fitted to no data. pretrained: timm's weights (downloaded by timm), else fresh ones from ``seed``.
    Raises ExternalError if timm is not installed, does not know the name, or lists fewer than four stages.
    """
    try:
        import timm  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ExternalError(
            f"timm:{name} needs timm, which is not installed: pip install timm"
        ) from None
    if not timm.is_model(name):
        near = timm.list_models(f"*{name[:6]}*")[:5]
        raise ExternalError(
            f"timm {timm.__version__} has no model {name!r}; e.g. {', '.join(near) or ', '.join(timm.list_models()[:5])}"
        )
    module = _made(lambda: timm.create_model(name, pretrained=pretrained), f"timm:{name}", seed)
    stages = list(getattr(module, "feature_info", []))
    if states is None and len(stages) < len(V):
        raise ExternalError(
            f"timm lists {len(stages)} stages of {name}, four are needed; give states={{'V1': 'submodule', ...}}"
        )
    config = timm.data.resolve_model_data_config(module)
    declared = {"size": config["input_size"][-2:], "mean": config["mean"], "std": config["std"]}
    chosen = (
        [stages[len(stages) - 1 - (len(V) - 1 - k) * len(stages) // len(V)] for k in range(len(V))]
        if states is None
        else []
    )
    named = (
        {s: str(stage["module"]) for s, stage in zip(V, chosen)} if states is None else dict(states)
    )
    # timm says itself where its maps have the channels last.
    layouts = (
        dict.fromkeys(named, "batch y x channel")
        if getattr(module, "output_fmt", "NCHW") == "NHWC"
        else {}
    )
    label = f"timm:{name}" + ("" if pretrained else f", untrained, seed {seed}")
    net = wrap(
        module,
        named,
        as_=as_,
        **{"name": label, "preprocessing": declared, "layouts": layouts, **options},
    )
    net.card["areas"] = "by depth" if states is None else "the caller's"
    return net


def from_file(text: str) -> Unrolls:
    """What a function of yours returns: ``file.py:function`` is imported (its code runs) and the function called without arguments.

    It must return a network of cortexsim, e.g. ``wrap(CORnet_S(), ...)``. This is how a module whose code you have comes to the command line.
    """
    path, _, function = text.rpartition(":")
    if not Path(path).is_file():
        raise ExternalError(f"there is no file {path!r}; give FILE.py:FUNCTION")
    spec = importlib.util.spec_from_file_location(f"cortexsim_user_{Path(path).stem}", path)
    assert spec is not None
    assert spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(code)
        make = getattr(code, function, None)
        if not callable(make):
            functions = [
                n
                for n, f in vars(code).items()
                if inspect.isfunction(f) and f.__module__ == code.__name__
            ]
            raise ExternalError(
                f"{path} has no function {function!r}; it has {', '.join(functions) or 'none'}"
            )
        net = make()
    except CortexsimError:
        raise
    except Exception as error:  # whatever the user's code raises
        raise ExternalError(f"{text} failed ({type(error).__name__}: {error})") from error
    if not isinstance(net, Unrolls):
        raise ExternalError(
            f"{text} returned a {type(net).__name__}; return cortexsim.wrap(module, {{'V1': 'submodule', ...}})"
        )
    return net


SOURCES: dict[str, str] = {
    "torchvision:NAME": "a classifier of torchvision, e.g. torchvision:resnet18",
    "timm:NAME": "a model of timm",
    "FILE.py:FUNCTION": "what a function of yours returns; its code is run",
}


def is_external(name: str) -> bool:
    """Whether a name means somebody else's network: ``torchvision:NAME``, ``timm:NAME`` or ``FILE.py:FUNCTION``.

    >>> is_external("torchvision:resnet18"), is_external("cortex4")
    (True, False)
    """
    return bool(re.match(r"(torchvision|timm):", name) or re.search(r"\.py:[^:/\\]+$", name))


def external(
    name: str, *, as_: str | None = None, untrained: bool = False, seed: int = 0
) -> Unrolls:
    """The network that a name on the command line means (``SOURCES``). as_: ``static`` or ``staircase``; default staircase.

    Raises ExternalError for names that are none, and for ``as_`` and ``untrained`` where a function of the user's decides.
    """
    if as_ is not None and as_ not in AS:
        raise ExternalError(f"as_={as_!r} is not known; choose from {', '.join(AS)}")
    library, _, which = name.partition(":")
    if library == "torchvision":
        return torchvision_model(
            which, as_=as_ or "staircase", weights=None if untrained else "DEFAULT", seed=seed
        )
    if library == "timm":
        return timm_model(which, as_=as_ or "staircase", pretrained=not untrained, seed=seed)
    if not is_external(name):
        raise ExternalError(
            f"{name!r} names nobody's network; give "
            + ", ".join(f"{k} ({v})" for k, v in SOURCES.items())
        )
    if as_ is not None or untrained:
        raise ExternalError(
            f"{name}: the function decides how the module is wrapped and which weights it has; leave {'--as' if as_ else '--untrained'} out"
        )
    return from_file(name)


def _made(make: Callable[[], nn.Module], what: str, seed: int) -> nn.Module:
    """A module, its fresh weights drawn from ``seed`` and from nobody's global state."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return make()
    except Exception as error:  # a name that is unknown, no connection, a file that is damaged
        raise ExternalError(
            f"{what} could not be made ({type(error).__name__}: {error}); its weights are downloaded from their public source: without a connection put "
            "them into the library's cache, or ask for fresh weights (--untrained)"
        ) from error


def _of_transforms(transforms: Any) -> dict[str, Any]:
    """Size, mean and std that weights of torchvision declare."""
    return {"size": (transforms.crop_size[0],) * 2, "mean": transforms.mean, "std": transforms.std}
