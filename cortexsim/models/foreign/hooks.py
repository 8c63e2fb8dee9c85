"""What the submodules of any torch module return in one pass: every call, not only the last."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from cortexsim.errors import CortexsimError, ExternalError

GRAMMAR = re.compile(
    r"(?P<path>[^\[\]@]*)(?P<items>(?:\[[^\[\]]+\])*)(?:@(?P<calls>last|[1-9][0-9]*-?))?"
)


EVERY = "*"
"""The item that means every element of a list, one a step."""


@dataclass(frozen=True)
class Address:
    """Where a tensor comes out of a module: ``path[item]@calls``.

    As text, ``@3`` is the third call of the submodule, ``@last`` the last, ``@2-`` the second and
    all later ones; without it all of them. ``[*]`` is every element of a list with one element a
    step, each of which counts as a call: ``[*][V1]`` of a module that returns a dictionary a step.

    Parameters
    ----------
    path : str
        Name of a submodule, as ``named_modules`` has it; empty is the module itself.
    items : tuple of str
        Which element of a tuple, list or dictionary; ``*`` every one, once.
    first : int
        The first call, counted from 1.
    last : int, optional
        The last call; None: no end, -1: only the last.

    Examples
    --------
    >>> Address.parse("decoder.V4[0]@2-")
    Address(path='decoder.V4', items=('0',), first=2, last=None)
    """

    path: str
    items: tuple[str, ...] = ()
    first: int = 1
    last: int | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that a text means; ExternalError that shows how one is written."""
        match = GRAMMAR.fullmatch(text)
        if not match:
            raise ExternalError(
                f"cannot read the address {text!r}; write the name of a submodule, 'V4', with "
                "'V4[0]' for the first of several outputs, and 'V4@3', 'V4@2-' or 'V4@last' for "
                "the third, the second and later, or the last of its calls"
            )
        items, calls = tuple(re.findall(r"\[([^\[\]]+)\]", match["items"])), match["calls"]
        if items.count(EVERY) > 1:
            raise ExternalError(
                f"the address {text!r} has [*] twice; only one list has an element a step"
            )
        if calls is None:
            return cls(match["path"], items)
        if calls == "last":
            return cls(match["path"], items, 1, -1)
        number = int(calls.rstrip("-"))
        return cls(match["path"], items, number, None if calls.endswith("-") else number)

    def takes(self, call: int) -> bool:
        """Whether the call of that number (from 1) is asked for; every one may be ``@last``."""
        return self.first <= call and (self.last in (None, -1) or call <= (self.last or 0))

    def elements(self, output: Any, what: str) -> list[Tensor | None]:
        """The tensors of an output that the items name: one, or one of every step with ``[*]``.

        None, or a dictionary without the name, is a step before the first at which it is there.
        """
        if EVERY not in self.items:
            return [self.pick(output, what, self.items)]
        place = self.items.index(EVERY)
        listed = self.inside(output, what, self.items[:place])
        if not isinstance(listed, (tuple, list)) or not listed:
            raise ExternalError(
                f"{what}: [*] takes every element of a list, one a step, and this is "
                f"{_described(listed)}; leave [*] out"
            )
        rest = self.items[place + 1 :]
        tensors = [
            None if _is_absent(element, rest) else self.pick(element, f"{what}, step {n}", rest)
            for n, element in enumerate(listed, start=1)
        ]
        first = next((n for n, x in enumerate(tensors) if x is not None), None)
        if first is None:
            name = "".join(f"[{item}]" for item in rest)
            raise ExternalError(f"{what}: no step has {name or 'a tensor'} in {_described(listed)}")
        if gone := [n for n, x in enumerate(tensors, start=1) if x is None and n > first]:
            raise ExternalError(
                f"{what}: it is there at step {first + 1} and gone at step {gone[0]}; a state that "
                "is populated stays so"
            )
        return tensors

    def inside(self, output: Any, what: str, items: Sequence[str]) -> Any:
        """What the items lead to in an output."""
        for item in items:
            try:
                output = output[int(item) if isinstance(output, (tuple, list)) else item]
            except (KeyError, IndexError, ValueError, TypeError):
                raise ExternalError(f"{what}: [{item}] is not in {_described(output)}") from None
        return output

    def pick(self, output: Any, what: str, items: Sequence[str]) -> Tensor:
        """The one tensor that the items lead to."""
        output = self.inside(output, what, items)
        if isinstance(output, Tensor):
            return _dense(output, what)
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


def _is_absent(element: Any, items: Sequence[str]) -> bool:
    """Whether a step has nothing in the place of a state yet."""
    if element is None:
        return True
    if items and isinstance(element, Mapping):
        return items[0] not in element or _is_absent(element[items[0]], items[1:])
    return False


def _dense(x: Tensor, what: str) -> Tensor:
    """The tensor, if it holds plain real numbers; ExternalError that names what it holds."""
    kinds = {
        "on the device meta, without numbers": x.is_meta,
        "nested": x.is_nested,
        "sparse": x.layout != torch.strided,
        "quantised": x.is_quantized,
        "complex": x.is_complex(),
        "of truth values": x.dtype == torch.bool,
        "of whole numbers": not x.is_floating_point(),
    }
    if kind := next((kind for kind, so in kinds.items() if so), None):
        raise ExternalError(
            f"{what}: its output is {kind} ({str(x.dtype).removeprefix('torch.')}, "
            f"{str(x.layout).removeprefix('torch.')}); activations are dense tensors of real "
            "numbers: choose a submodule that returns one, or wrap a module that converts it"
        )
    return x


def _described(output: Any) -> str:
    """An output in words: its type, and the shapes in it."""
    if isinstance(output, Tensor):
        return f"a tensor {tuple(output.shape)}"
    if isinstance(output, Mapping):
        return (
            "a dictionary {" + ", ".join(f"{k}: {_described(v)}" for k, v in output.items()) + "}"
        )
    if isinstance(output, (tuple, list)):
        more = ", ..." * (len(output) > 4)
        return (
            f"a {type(output).__name__} of {len(output)} ("
            + ", ".join(map(_described, output[:4]))
            + more
            + ")"
        )
    return f"a {type(output).__name__}"


def submodule(module: nn.Module, path: str, what: str) -> nn.Module:
    """The submodule of that name; ExternalError with the nearest names if there is none."""
    submodules = dict(module.named_modules(remove_duplicate=False))
    if path in submodules:
        return submodules[path]
    names = [n for n in submodules if n]
    near = difflib.get_close_matches(path, names, 5, 0.4) or names[:8]
    raise ExternalError(
        f"{what}: {type(module).__name__} has no submodule {path!r}; the nearest of its "
        f"{len(names)}: {', '.join(near) or 'it has none'}"
    )


def _over_time(elements: list[Tensor | None], axis: int | None, what: str) -> list[Tensor | None]:
    """The elements of each step: of a list, or along an axis of a tensor."""
    if axis is None:
        return elements
    if len(elements) != 1 or elements[0] is None or elements[0].dim() <= axis:
        shapes = ", ".join(_described(x) for x in elements[:4])
        raise ExternalError(
            f"{what}: its layout has time as axis {axis + 1}, and its output is {shapes}"
        )
    return list(elements[0].unbind(axis))


@dataclass
class Calls:
    """The calls of one address in one pass.

    Parameters
    ----------
    count : int
        How many there were; of a list with an element a step, or a tensor with an axis of time, how
        many steps.
    numbers : list of int
        The numbers, from 1, of those asked for.
    places : list of int
        Their places in the order of all calls.
    tensors : list of Tensor
        What they returned.
    """

    count: int = 0
    numbers: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)


def run(
    module: nn.Module,
    addresses: Mapping[str, Address],
    images: Tensor,
    *,
    arguments: Mapping[str, Any] | None = None,
    times: Mapping[str, int] | None = None,
) -> dict[str, Calls]:
    """One forward pass, and what came out at each address; hooks are always removed.

    Tensors are copies, since later in-place operations write into outputs; so are the images, which
    a module may write into. Gradients are kept only if the images ask for them.

    Parameters
    ----------
    module : torch.nn.Module
        Somebody else's.
    addresses : mapping of str to Address
        Where each state comes out.
    images : Tensor of shape (batch, channel, y, x)
        What it is shown.
    arguments : mapping of str to Any, optional
        What else its forward takes.
    times : mapping of str to int, optional
        Of some states, the axis of their tensor that is time.

    Raises
    ------
    ExternalError
        For submodules that do not exist, outputs that are not one tensor, modules that fail.
    """
    by_output = {name: Calls() for name in addresses}
    place = 0

    def hook(name: str) -> Any:
        address, calls = addresses[name], by_output[name]
        what = f"{name} ({address.path or 'the module itself'})"

        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            nonlocal place
            place += 1
            if name not in (times or {}) and EVERY not in address.items:
                calls.count += 1
                if not address.takes(calls.count):
                    return
                taken = [(calls.count, address.elements(output, what)[0])]
            else:
                taken = []
                for x in _over_time(address.elements(output, what), (times or {}).get(name), what):
                    calls.count += 1
                    if x is not None and address.takes(calls.count):
                        taken.append((calls.count, x))
                taken = taken[-1:] if address.last == -1 else taken
            if address.last == -1:
                calls.numbers, calls.places, calls.tensors = [], [], []
            for number, x in taken:
                assert x is not None
                calls.numbers.append(number)
                calls.places.append(place)
                calls.tensors.append(x.clone())

        return keep

    handles = []
    try:
        for name, address in addresses.items():
            handles.append(submodule(module, address.path, name).register_forward_hook(hook(name)))
        with torch.set_grad_enabled(torch.is_grad_enabled() and images.requires_grad):
            module(images.clone(), **(arguments or {}))
    except CortexsimError:
        raise
    except Exception as error:  # whatever a stranger's code raises
        why = (str(error).strip().splitlines() or [""])[0]
        needed = re.findall("'([^']+)'", why) if "required positional argument" in why else []
        named = ", ".join(f"{n!r}: ..." for n in needed)
        ask = (
            f"give it arguments={{{named}}}"
            if needed
            else "are size, channels and device what it was made for?"
        )
        raise ExternalError(
            f"{type(module).__name__} fails on images {tuple(images.shape)} "
            f"({type(error).__name__}: {why}); {ask}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return by_output
