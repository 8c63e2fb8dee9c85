"""Ready adapters for other people's networks: CORnet, torchvision, timm.

Which layer stands for which area is a convention, not a measurement: each assignment has its source
beside it, and ``states=`` takes another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from cortexsim.errors import ExternalError
from cortexsim.models.foreign.external import External
from cortexsim.models.foreign.timing import Steps
from cortexsim.models.foreign.wrap import wrap

V = ("V1", "V2", "V4", "IT")
STAGES = {"V1": "layer1", "V2": "layer2", "V4": "layer3", "IT": "layer4"}
RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
AREAS: dict[str, tuple[dict[str, str], str]] = {
    # Brain-Score picked these layers by their scores on its public benchmarks: as a control for
    # those data they are flattered.
    "alexnet": (
        {"V1": "features.2", "V2": "features.7", "V4": "features.7", "IT": "features.12"},
        "Brain-Score (brainscore-vision 2.4.2), models/alexnet/region_layer_map/alexnet.json; "
        "layers chosen by score",
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
    # The first calls of R and RT have no image behind them: V2 and later areas begin with zeros,
    # and in RT the image needs a step for each area.
    "R": ({"V1": "V1.output", **{s: f"{s}.output@2-" for s in V[1:]}}, "calls"),
    "RT": ({s: f"{s}.output" + (f"@{k + 1}-" if k else "") for k, s in enumerate(V)}, "calls"),
}
PUBLISHED_MS = {"V1": (50,), "V2": (70, 170), "V4": (90, 140, 190, 240), "IT": (100, 200)}
"""Start of each call of CORnet-S in ms after image onset, as its authors declared it.

Source: their commitment to Brain-Score, models/cornet_s of brainscore-vision 2.4.2.
"""
GRID_MS = 10


def cornet(module: nn.Module, kind: str, *, as_: str | None = None, **options: Any) -> External:
    """CORnet-Z, -R, -RT or -S of Kubilius et al.; you bring the module.

    It is at github.com/dicarlolab/CORnet; ``cornet`` on PyPI is something else.

    V1, V2, V4 and IT are the submodules ``output`` of the four areas. Z: one area a step. S: areas
    one after the other, V2 in 2 calls, V4 in 4, IT in 2: V1 at step 1, V2 at 2-3, V4 at 4-7, IT at
    8-9, each held afterwards. R and RT: call n is step n, from the first call that the image
    reaches (R: all areas but V1 from step 2; RT: V2, V4, IT from steps 2, 3, 4).

    Parameters
    ----------
    module : torch.nn.Module
        The network, in ``DataParallel`` or not.
    kind : str
        Z, R, RT or S.
    as_ : str, optional
        Another way than these, or ``"published"`` for S: steps of 10 ms from 50 ms on, at the times
        that its authors declared (``PUBLISHED_MS``); record it with
        ``TimeAxis(step_ms=10, step_ms_low=10, step_ms_high=10, onset_ms=50)``.
    **options
        Of :func:`wrap`.

    Raises
    ------
    ExternalError
        If the module is not that CORnet.

    References
    ----------
    Kubilius et al. 2018 (bioRxiv 408385), 2019 (NeurIPS; -S).
    """
    if kind not in CORNETS:
        raise ExternalError(f"there is no CORnet-{kind}; choose from {', '.join(CORNETS)}")
    module = module.module if isinstance(module, nn.DataParallel) else module
    states, how = CORNETS[kind]
    submodules = dict(module.named_modules())
    if absent := [s for s in V if f"{s}.output" not in submodules]:
        raise ExternalError(
            f"that is no CORnet: {', '.join(f'{s}.output' for s in absent)} are not in it; "
            f"it has {', '.join(list(submodules)[1:9])}, ..."
        )
    steps: Steps = {}
    if as_ == "published":
        if kind != "S":
            raise ExternalError(
                f"times of its calls were published for CORnet-S, not for -{kind}; "
                "leave as_ out, or give steps="
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
    name: str,
    states: Mapping[str, str] | None = None,
    *,
    as_: str = "staircase",
    weights: str | None = "DEFAULT",
    seed: int = 0,
    **options: Any,
) -> External:
    """A classifier of torchvision as a feed-forward control.

    Images are resized to the network's size as a whole, where torchvision crops the outer eighth.

    Parameters
    ----------
    name : str
        As torchvision calls it.
    states : mapping of str to str, optional
        State -> submodule; default the documented assignment of ``AREAS``, needed where it has
        none.
    as_ : str
        How calls become steps.
    weights : str, optional
        Name of torchvision's weights (downloaded by torchvision), or None for fresh ones.
    seed : int
        Of fresh weights.
    **options
        Of :func:`wrap`.

    Raises
    ------
    ExternalError
        For unknown names, models without an assignment, and weights that cannot be had.

    Examples
    --------
    >>> net = torchvision_model("resnet18", weights=None)
    >>> net.card["name"], net.readout, net.steps["IT"]
    ('torchvision:resnet18, untrained, seed 0', 4, (4,))
    """
    from torchvision import models

    if name not in models.list_models(models):
        raise ExternalError(
            f"torchvision has no model {name!r}; e.g. {', '.join(AREAS)} "
            "(torchvision.models.list_models() has all)"
        )
    if states is None and name not in AREAS:
        raise ExternalError(
            f"no assignment of {name}'s layers to areas is documented here (there are: "
            f"{', '.join(AREAS)}); give states={{'V1': 'submodule', ...}}"
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
    label = f"torchvision:{name}"
    module = _made(
        lambda: models.get_model(name, weights=chosen if weights else None), label, seed=seed
    )
    suffix = f", {chosen.name}" if weights else f", untrained, seed {seed}"
    net = wrap(
        module,
        states or AREAS[name][0],
        as_=as_,
        **{"name": label + suffix, **options},
    )
    net.card["areas"] = "the caller's" if states else AREAS[name][1]
    return net


def timm_model(
    name: str,
    states: Mapping[str, str] | None = None,
    *,
    as_: str = "staircase",
    pretrained: bool = True,
    seed: int = 0,
    **options: Any,
) -> External:
    """Any model of timm; V1, V2, V4 and IT are four of its stages.

    Parameters
    ----------
    name : str
        As timm calls it.
    states : mapping of str to str, optional
        State -> submodule; default four stages evenly spaced in depth, the last one included: by
        depth alone, fitted to no data.
    as_ : str
        How calls become steps.
    pretrained : bool
        timm's weights (downloaded by timm), else fresh ones.
    seed : int
        Of fresh weights.
    **options
        Of :func:`wrap`.

    Raises
    ------
    ExternalError
        If timm is not installed, does not know the name, or lists fewer than four stages.
    """
    try:
        import timm  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise ExternalError(
            f"timm:{name} needs timm, which is not installed: pip install timm"
        ) from None
    if not timm.is_model(name):
        near = timm.list_models(f"*{name[:6]}*")[:5] or timm.list_models()[:5]
        raise ExternalError(
            f"timm {timm.__version__} has no model {name!r}; e.g. {', '.join(near)}"
        )
    module = _made(
        lambda: timm.create_model(name, pretrained=pretrained), f"timm:{name}", seed=seed
    )
    stages = list(getattr(module, "feature_info", []))
    if states is None and len(stages) < len(V):
        raise ExternalError(
            f"timm lists {len(stages)} stages of {name}, four are needed; "
            "give states={'V1': 'submodule', ...}"
        )
    config = timm.data.resolve_model_data_config(module)
    declared = {"size": config["input_size"][-2:], "mean": config["mean"], "std": config["std"]}
    if states is None:
        deepest = len(stages) - 1
        chosen = [stages[deepest - (len(V) - 1 - k) * len(stages) // len(V)] for k in range(len(V))]
        named = {s: str(stage["module"]) for s, stage in zip(V, chosen)}
    else:
        named = dict(states)
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


def _made(make: Callable[[], nn.Module], what: str, *, seed: int) -> nn.Module:
    """A module, its fresh weights drawn from ``seed`` and from nobody's global state."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return make()
    except Exception as error:  # a name that is unknown, no connection, a file that is damaged
        raise ExternalError(
            f"{what} could not be made ({type(error).__name__}: {error}); its weights are "
            "downloaded from their public source: without a connection put them into the library's "
            "cache, or ask for fresh weights (--untrained)"
        ) from error


def _of_transforms(transforms: Any) -> dict[str, Any]:
    """Size, mean and std that weights of torchvision declare."""
    return {"size": (transforms.crop_size[0],) * 2, "mean": transforms.mean, "std": transforms.std}
