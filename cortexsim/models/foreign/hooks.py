"""What the submodules of any torch module return in one forward pass: every call, not only the last."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from cortexsim.errors import CortexsimError, ExternalError

GRAMMAR = re.compile(
    r"(?P<path>[^\[\]@]*)(?P<items>(?:\[[^\[\]]+\])*)(?:@(?P<calls>last|[1-9][0-9]*-?))?"
)


@dataclass(frozen=True)
class Address:
    """Where a tensor comes out of a module: ``path[item]@calls``.

    path: name of a submodule, as ``named_modules`` has it; empty is the module itself. items: which element of a tuple, list or dictionary.
    calls: ``@3`` the third call of the submodule, ``@last``, ``@2-`` the second and all later ones; without it all of them.

    >>> Address.parse("decoder.V4[0]@2-")
    Address(path='decoder.V4', items=('0',), first=2, last=None)
    """

    path: str
    items: tuple[str, ...] = ()
    first: int = 1
    last: int | None = None  # -1: only the last call

    @classmethod
    def parse(cls, text: str) -> Address:
        match = GRAMMAR.fullmatch(text)
        if not match:
            raise ExternalError(
                f"cannot read the address {text!r}; write the name of a submodule, 'V4', with 'V4[0]' for the first of several outputs, and "
                "'V4@3', 'V4@2-' or 'V4@last' for the third, the second and later, or the last of its calls"
            )
        items, calls = tuple(re.findall(r"\[([^\[\]]+)\]", match["items"])), match["calls"]
        if calls is None:
            return cls(match["path"], items)
        if calls == "last":
            return cls(match["path"], items, 1, -1)
        number = int(calls.rstrip("-"))
        return cls(match["path"], items, number, None if calls.endswith("-") else number)

    def takes(self, call: int) -> bool:
        """Whether the call of that number (from 1) is asked for; of ``@last`` every one may be it."""
        return self.first <= call and (self.last in (None, -1) or call <= (self.last or 0))

    def pick(self, output: Any, what: str) -> Tensor:
        """The one tensor of an output that the items name."""
        for item in self.items:
            try:
                output = output[int(item) if isinstance(output, (tuple, list)) else item]
            except (KeyError, IndexError, ValueError, TypeError):
                raise ExternalError(f"{what}: [{item}] is not in {_described(output)}") from None
        if isinstance(output, Tensor):
            return output
        parts = (
            output
            if isinstance(output, Mapping)
            else range(len(output))
            if isinstance(output, (tuple, list))
            else ()
        )
        choose = (
            f"; choose one: {', '.join(repr(f'{self.path}[{k}]') for k in parts)}" if parts else ""
        )
        raise ExternalError(
            f"{what}: one tensor is needed, its output is {_described(output)}{choose}"
        )


def _described(output: Any) -> str:
    """An output in words: its type, and the shapes in it."""
    if isinstance(output, Tensor):
        return f"a tensor {tuple(output.shape)}"
    if isinstance(output, Mapping):
        return (
            "a dictionary {" + ", ".join(f"{k}: {_described(v)}" for k, v in output.items()) + "}"
        )
    if isinstance(output, (tuple, list)):
        return (
            f"a {type(output).__name__} of {len(output)} ("
            + ", ".join(map(_described, output))
            + ")"
        )
    return f"a {type(output).__name__}"


def submodule(module: nn.Module, path: str, what: str) -> nn.Module:
    """The submodule of that name; ExternalError with the nearest names if there is none."""
    there = dict(module.named_modules(remove_duplicate=False))
    if path in there:
        return there[path]
    names = [n for n in there if n]
    near = difflib.get_close_matches(path, names, 5, 0.4) or names[:8]
    raise ExternalError(
        f"{what}: {type(module).__name__} has no submodule {path!r}; the nearest of its {len(names)}: {', '.join(near) or 'it has none'}"
    )


@dataclass
class Calls:
    """The calls of one address in one pass: how many there were, and number, place in the order of all calls, and tensor of those asked for."""

    count: int = 0
    numbers: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)


def run(module: nn.Module, addresses: Mapping[str, Address], images: Tensor) -> dict[str, Calls]:
    """One forward pass, and what came out at each address. Copies, since later in-place operations write into outputs; hooks are always removed.

    Gradients are kept only if the images ask for them.
    """
    found = {name: Calls() for name in addresses}
    place = 0

    def hook(name: str) -> Any:
        address, calls = addresses[name], found[name]

        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            nonlocal place
            place += 1
            calls.count += 1
            if not address.takes(calls.count):
                return
            if address.last == -1:
                calls.numbers, calls.places, calls.tensors = [], [], []
            picked = address.pick(output, f"{name} ({address.path or 'the module itself'})")
            calls.numbers.append(calls.count)
            calls.places.append(place)
            calls.tensors.append(picked.clone())

        return keep

    handles = []
    try:
        for name, address in addresses.items():
            handles.append(submodule(module, address.path, name).register_forward_hook(hook(name)))
        with torch.set_grad_enabled(torch.is_grad_enabled() and images.requires_grad):
            module(images)
    except CortexsimError:
        raise
    except Exception as error:  # whatever a stranger's code raises
        why = (str(error).strip().splitlines() or [""])[0]
        raise ExternalError(
            f"{type(module).__name__} fails on images {tuple(images.shape)} ({type(error).__name__}: {why}); are size, channels and device what it "
            "was made for?"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return found
