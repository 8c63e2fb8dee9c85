"""What a network must have so that everything here takes it: recorded, masked, compared, timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Unrolls(Protocol):
    """A network whose states can be watched step by step.

    :class:`Network`, or somebody else's module through :func:`wrap`.

    Attributes
    ----------
    card : dict
        About the weights: ``name``, ``weights_sha256``, ``preprocessing`` (size, mean, std),
        ``classes``; what is unknown is absent.
    thread_safe : bool
        Whether several threads may run it at once.
    state_names : tuple of str
        The states, from the image on.
    channels : int
        Of the images.
    readout : int
        The step at which it is read out, and how many steps are run if nobody says.
    classes : int
        How many classes the readout tells apart; 0 without a readout.

    Examples
    --------
    >>> import cortexsim
    >>> isinstance(cortexsim.build("cortex4"), Unrolls)
    True
    """

    card: dict[str, Any]
    thread_safe: bool

    @property
    def state_names(self) -> tuple[str, ...]:
        """The states, from the image on."""

    @property
    def channels(self) -> int:
        """Channels of the images."""

    @property
    def readout(self) -> int:
        """The step at which it is read out, and how many steps are run if nobody says."""

    @property
    def classes(self) -> int:
        """How many classes the readout tells apart; 0 without a readout."""

    def readable(self, steps: int) -> tuple[int, ...]:
        """The steps up to ``steps`` at which an image shown from step 1 on can be read out."""

    def unroll(
        self, images: Any, steps: int | None = None
    ) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """``(step, {state: (batch, channel, y, x)})`` for steps 1..``steps``.

        A state that is not populated at a step is absent. images: one batch
        ``(batch, channel, y, x)``, or a sequence with one batch or None (a blank) for each step.
        """

    def logits(self, states: dict[str, Tensor], step: int) -> Tensor | None:
        """The readout ``(batch, class)`` of what ``unroll`` yielded at a step; None: none yet."""

    def describe(self) -> dict[str, Any]:
        """The architecture as JSON; equal ones with equal weights compute the same."""

    def eval(self) -> Any:
        """Into evaluation mode."""

    def to(self, device: Any) -> Any:
        """Onto a device."""
