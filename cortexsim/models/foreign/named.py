"""Other people's networks by a name on the command line."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from torch import nn

from cortexsim.errors import CortexsimError, ExternalError
from cortexsim.models.foreign.adapters import timm_model, torchvision_model
from cortexsim.models.foreign.published import published_model
from cortexsim.models.foreign.timing import AS
from cortexsim.models.graph import Graph
from cortexsim.models.own import network_of
from cortexsim.models.protocol import Unrolls
from cortexsim.models.spec import Spec


def from_file(text: str) -> Unrolls:
    """What a file of yours has, as a network: see :func:`made_in`.

    A ``Graph`` or a ``Spec`` becomes an untrained :class:`Network`.
    """
    made = made_in(text)
    return network_of(made) if isinstance(made, Graph | Spec) else made


def made_in(text: str) -> Unrolls | Spec | Graph:
    """What a file of yours has: how a network whose code you have comes to a command line.

    Parameters
    ----------
    text : str
        ``file.py:name``: the file is imported (its code runs; it may import files beside it). The
        name is that of a network of cortexsim (ours or ``wrap(CORnet_S(), ...)``), of the ``Spec``
        or ``Graph`` of one, or of a function that returns one of these without arguments.

    Raises
    ------
    ExternalError
        If there is no such file or name, if it fails, and if it is something else.
    """
    path, _, function = text.rpartition(":")
    if not Path(path).is_file():
        raise ExternalError(f"there is no file {path!r}; give FILE.py:NAME")
    spec = importlib.util.spec_from_file_location(f"cortexsim_user_{Path(path).stem}", path)
    assert spec is not None
    assert spec.loader is not None
    code = importlib.util.module_from_spec(spec)
    try:
        with _beside(Path(path)):
            spec.loader.exec_module(code)
            net = made = getattr(code, function, None)
            if not isinstance(made, Unrolls | Spec | Graph):
                if not callable(made) or isinstance(made, nn.Module):
                    raise ExternalError(_without(code, path, function))
                net = made()
    except CortexsimError:
        raise
    except Exception as error:  # whatever the user's code raises
        raise ExternalError(f"{text} failed ({type(error).__name__}: {error})") from error
    if not isinstance(net, Unrolls | Spec | Graph):
        raise ExternalError(
            f"{text} returned a {type(net).__name__}; return cortexsim.wrap(module, "
            "{'V1': 'submodule', ...}), or a Network, a Spec or a Graph of cortexsim"
        )
    return net


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[None]:
    """While a file of the user's runs, it can import those in its folder."""
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)


def _without(code: ModuleType, path: str, name: str) -> str:
    """What a file has instead of a network of that name, in words."""
    functions = [
        n for n, f in vars(code).items() if inspect.isfunction(f) and f.__module__ == code.__name__
    ]
    objects = [n for n, v in vars(code).items() if isinstance(v, Unrolls | Spec | Graph)]
    if hasattr(code, name):
        kind = type(getattr(code, name)).__name__
        return (
            f"{path}: {name} is a {kind}; give cortexsim.wrap(module, {{'V1': 'submodule', ...}}), "
            "a Network, a Spec or a Graph of cortexsim, or a function that returns one"
        )
    return (
        f"{path} has no network and no function {name!r}; it has "
        f"{', '.join([*functions, *objects]) or 'none'}"
    )


SOURCES: dict[str, str] = {
    "torchvision:NAME": "a classifier of torchvision, e.g. torchvision:resnet18",
    "timm:NAME": "a model of timm",
    "published:NAME": "efficientnet-lite0 (ImageNet), resnet20 or resnet56 (CIFAR-10), as trained "
    "and published by others",
    "FILE.py:NAME": "a network of yours, or a function that returns one; the file is run",
}


def is_external(name: str) -> bool:
    """Whether a name means somebody else's network: one of the forms of ``SOURCES``.

    >>> is_external("torchvision:resnet18"), is_external("cortex4")
    (True, False)
    """
    return bool(
        re.match(r"(torchvision|timm|published):", name) or re.search(r"\.py:[^:/\\]+$", name)
    )


def external(
    name: str, *, as_: str | None = None, untrained: bool = False, seed: int = 0
) -> Unrolls:
    """The network that a name on the command line means.

    Parameters
    ----------
    name : str
        One of the forms of ``SOURCES``.
    as_ : str, optional
        ``static`` or ``staircase``; default staircase (of the published ResNets: their own steps).
    untrained : bool
        Fresh weights.
    seed : int
        Of fresh weights.

    Raises
    ------
    ExternalError
        For names that are none, and for ``as_`` and ``untrained`` where a function of the user's
        decides.
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
    if library == "published":
        return published_model(which, as_=as_, untrained=untrained, seed=seed)
    if not is_external(name):
        raise ExternalError(
            f"{name!r} names nobody's network; give "
            + ", ".join(f"{k} ({v})" for k, v in SOURCES.items())
        )
    if as_ is not None or untrained:
        raise ExternalError(
            f"{name}: the function decides how the module is wrapped and which weights it has; "
            f"leave {'--as' if as_ else '--untrained'} out"
        )
    return from_file(name)
