"""A multi-state recurrent network: images in, states and logits out.

Everything that runs a network (training, recording, masking, Brain-Score) consumes
:meth:`Network.unroll`.
"""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn

from cortexsim.arguments import clear_errors, outside
from cortexsim.errors import CalibrationError, DeadTransitionWarning, GraphError
from cortexsim.models import lesions
from cortexsim.models.describe import (
    Description,
    as_html,
    as_text,
    dead_in_words,
    describe_network,
)
from cortexsim.models.frames import Frames
from cortexsim.models.memory import States
from cortexsim.models.preprocessing import preprocessing_of
from cortexsim.models.source import source_sha256
from cortexsim.models.spec import Spec
from cortexsim.models.states import Window
from cortexsim.models.unrolled import Unrolled
from cortexsim.shapes import Float


@clear_errors
class Network(Unrolled):
    """States joined by transitions and unrolled in time, trained to classify from the last state.

    ``h_j(t) = sum over live (i, j) of F_ij(h_i(t - delay)) [+ h_i(t - delay) with +I]
    [+ prenet(x) in the first state]``

    Images are float tensors ``(batch, channel, y, x)``; sizes are those of ``spec.graph`` scaled
    with the image, which must be divisible by the ratio of the largest to the smallest state. In
    training mode normalisation uses the batch; in evaluation mode the stored statistics, and a time
    without statistics is an error (see :func:`calibrate`).

    Parameters
    ----------
    spec : Spec
        The architecture.
    pre_net : torch.nn.Module, optional
        A pre-net of your own, ``(batch, channel, y, x)`` to the maps of the first state.
    seed : int
        Of the fresh weights.
    warn : bool
        Warn (``DeadTransitionWarning``) of transitions that cannot act on the readout.

    Attributes
    ----------
    checks_images : bool
        Refuse images with values that the preprocessing of the model card cannot give; True.

    Raises
    ------
    GraphError
        For a specification whose weights cannot be tied, whose readout is never populated, or
        whose pre-net is missing.

    References
    ----------
    Liao & Poggio 2016 (CBMM Memo 047), sections 3.1-3.7.

    Examples
    --------
    >>> import numpy as np, cortexsim
    >>> net = cortexsim.load("cortex4")
    >>> sum(p.numel() for p in net.parameters())
    209530
    >>> net(net.preprocess(np.zeros((2, 48, 64, 3), np.uint8))).shape
    torch.Size([2, 10])
    """

    def __init__(
        self, spec: Spec, *, pre_net: nn.Module | None = None, seed: int = 0, warn: bool = True
    ) -> None:
        super().__init__(spec, pre_net=pre_net, seed=seed)
        if warn and (text := dead_in_words(self.spec)):
            warnings.warn(text, DeadTransitionWarning, stacklevel=outside())
        self.taken_out: tuple[str, ...] = ()  # by lesions, each in words

    def __repr__(self) -> str:
        return as_text(self._description())

    def _repr_html_(self) -> str:
        return as_html(self._description())

    def _description(self) -> Description:
        """What is printed of this network."""
        estimated = self.post_net.statistics.estimated
        return describe_network(
            self.spec,
            parameters=sum(p.numel() for p in self.parameters()),
            card=self.card,
            estimated=[step for step, known in enumerate(estimated, start=1) if known],
            taken_out=self.taken_out,
        )

    @property
    def is_lesioned(self) -> bool:
        """Whether anything was taken out of this network."""
        return bool(self.taken_out)

    @property
    def readout(self) -> int:
        """The (last) trained readout time, in steps."""
        return self.spec.readout[-1]

    # What cortexsim.models.protocol.Unrolls asks for.

    thread_safe = True

    @property
    def state_names(self) -> tuple[str, ...]:
        """The states, in the order of the graph."""
        return tuple(s.name for s in self.spec.graph.states)

    @property
    def channels(self) -> int:
        """Channels of the images."""
        return self.spec.channels

    @property
    def classes(self) -> int:
        """How many classes the readout tells apart."""
        return self.spec.classes

    def logits(self, states: States, step: int) -> Tensor | None:
        """The logits of what ``unroll`` yielded at a step.

        Parameters
        ----------
        states : dict of str to Tensor of shape (batch, channel, y, x)
            State -> its maps; a state that is not populated is absent.
        step : int
            Their step, from 1.

        Returns
        -------
        Tensor of shape (batch, class), or None
            None where the last state is not populated.
        """
        last = states.get(self.spec.graph.output_state)
        return None if last is None else self.read(last, step)

    def describe(self) -> dict[str, Any]:
        """The specification as JSON."""
        return self.spec.as_dict()

    @property
    def source(self) -> str | None:
        """Hash of the source text of what is the user's own: a pre-net, or a class of networks.

        None for a network of ours, whose specification and version say all.
        """
        own = [self.pre_net] if self.spec.pre_net == "custom" else []
        own += [self] if type(self) is not Network else []
        return " ".join(source_sha256(module) for module in own) or None

    @clear_errors
    def preprocess(self, images: Any) -> Float[Tensor, "batch channel y x"]:
        """What ``unroll`` takes, of paths, PIL images or uint8 arrays ``(n, y, x, 3)``.

        Resized, cropped and normalised as the model card declares. A network without a declaration
        (one that was not trained) gets the default of its size, mean 0.5 and std 0.25, with a
        warning.

        Parameters
        ----------
        images : sequence or array of uint8 of shape (n, y, x, 3)
            Paths, PIL images, or pixels.

        Returns
        -------
        Tensor of shape (batch, channel, y, x)

        Examples
        --------
        >>> import numpy as np, cortexsim
        >>> net = cortexsim.load("cortex4")
        >>> net.preprocess(np.zeros((2, 48, 64, 3), np.uint8)).shape
        torch.Size([2, 3, 32, 32])
        """
        from cortexsim.models.pictures import pixels_of  # needs Pillow, which models need not

        preprocessing, note = preprocessing_of(self)
        if note:
            warnings.warn(note, stacklevel=outside())
        return preprocessing(pixels_of(images))

    def lesioned(
        self,
        which: str,
        times: Window | None = None,
        *,
        keep_shortcut: bool = False,
        steps: int | None = None,
    ) -> Network:
        """This network with a transition or a kind lesioned; weights and statistics are shared.

        The statistics are those of the intact network and do not fit what is left, so that answers
        lose more than the transition gives. ``cortexsim mask`` estimates them under each lesion.

        Parameters
        ----------
        which : str
            A transition (``"V4->V2"``) or a kind (``"feedback"``).
        times : (int, int), optional
            First and last departure step of the lesion; default: always.
        keep_shortcut : bool
            Silence F(x) but still deliver x.
        steps : int, optional
            Of the run in which it must remove something; default: any run.

        Raises
        ------
        GraphError
            If nothing is called that, or nothing that runs would be removed.

        Examples
        --------
        >>> import numpy as np, cortexsim
        >>> net = cortexsim.load("cortex4")
        >>> pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
        >>> x = net.preprocess(pixels)
        >>> bool((net(x) == net.lesioned("feedback")(x)).all())
        False
        """
        graph = self.spec.graph.lesion(which, times, keep_shortcut=keep_shortcut)
        lesioned = self.with_spec(dataclasses.replace(self.spec, graph=graph))
        run = steps or lesions.horizon(self.spec, times)
        before, after = (lesions.running(net.owned(run, None, None)) for net in (self, lesioned))
        if before == after:
            raise GraphError(lesions.nothing(self.spec, before, which, times=times, steps=steps))
        lesioned.taken_out = (*self.taken_out, lesions.taken_out(before, after))
        return lesioned

    def with_spec(self, spec: Spec, *, pre_net: nn.Module | None = None) -> Network:
        """This network run by another specification, or behind another pre-net; all else is shared.

        Nothing is built: the specification must not ask for weights that are not there.

        Parameters
        ----------
        spec : Spec
            The other specification.
        pre_net : nn.Module, optional
            The other pre-net; default this one's.

        Returns
        -------
        Network
        """
        view = copy.copy(self)
        view.spec = spec
        view._schedules = {}
        if pre_net is not None:
            view._modules = dict(self._modules)
            view.pre_net = pre_net
        return view

    def forward(self, images: Frames) -> Float[Tensor, "batch class"]:
        """Logits ``(batch, class)`` at the trained readout time, the last if there are several.

        Parameters
        ----------
        images : Tensor or sequence
            As in :meth:`unroll`.

        Returns
        -------
        Tensor of shape (batch, class)
        """
        return self.readouts(images, (self.readout,))[self.readout]

    def readouts(self, images: Frames, at: Iterable[int]) -> dict[int, Tensor]:
        """The logits at each of the steps ``at``, computing only what these need.

        Parameters
        ----------
        images : Tensor or sequence
            As in :meth:`unroll`.
        at : iterable of int
            Readout times, in steps from 1.

        Returns
        -------
        dict of int to Tensor of shape (batch, class)
            Step -> logits.

        Raises
        ------
        GraphError
            If ``at`` is empty.
        CalibrationError
            As :meth:`read`.

        Examples
        --------
        >>> import numpy as np, cortexsim
        >>> net = cortexsim.load("cortex4")
        >>> images = net.preprocess(np.zeros((1, 32, 32, 3), np.uint8))
        >>> sorted(net.readouts(images, at=(4, 8)))
        [4, 8]
        """
        at = tuple(sorted(set(at)))
        if not at:
            raise GraphError(
                "asked for the readout at no step at all; give at least one, e.g. at=(8,)"
            )
        last = self.spec.graph.output_state
        return {
            step: self.read(states[last], step)
            for step, states in self.run_steps(images, at[-1], at)
            if step in at
        }

    def read(
        self, state: Float[Tensor, "batch feature y x"], step: int
    ) -> Float[Tensor, "batch class"]:
        """Logits of the post-net for the last state at a step, with that step's statistics.

        Parameters
        ----------
        state : Tensor of shape (batch, feature, y, x)
            Maps of the last state.
        step : int
            Their step, from 1.

        Returns
        -------
        Tensor of shape (batch, class)

        Raises
        ------
        CalibrationError
            In evaluation mode, for a step without normalisation statistics.
        """
        if not self.training and not self.post_net.statistics.has(step):
            raise CalibrationError(
                f"the readout has no normalisation statistics for step {step}; estimate them on "
                f"training images with cortexsim.calibrate(net, images, steps={step})"
            )
        return self.post_net(state, step, use_batch=self.training)

    def unroll(
        self, images: Frames, steps: int | None = None, *, drive: bool = False
    ) -> Iterator[Any]:
        """Yield ``(step, states)``, where states is a dict of name to ``(batch, channel, y, x)``.

        A state that is not populated at a step is absent.

        Parameters
        ----------
        images : Tensor or sequence
            As :meth:`preprocess` makes them. One batch, shown at step 1 (homogeneous) or at every
            step (inhomogeneous), or a sequence with one batch or None (a blank: nothing arrives)
            per step.
        steps : int, optional
            Steps 1..``steps`` are run; default: the readout time.
        drive : bool
            Yield ``(step, states, delivered)``, where ``delivered[state][transition]`` is what each
            transition brought, the shortcut's part apart (``"V1->V1 shortcut"``); they sum to the
            state.

        Raises
        ------
        GraphError
            For images of another type, size or number of channels, with values that are not finite,
            or, in evaluation mode, beyond what the preprocessing of the model card makes of black
            and white.
        CalibrationError
            For steps without normalisation statistics.

        Examples
        --------
        >>> import numpy as np, cortexsim
        >>> net = cortexsim.load("cortex4")
        >>> images = net.preprocess(np.zeros((1, 32, 32, 3), np.uint8))
        >>> {step: list(states) for step, states in net.unroll(images, steps=3)}
        {1: ['V1'], 2: ['V1', 'V2'], 3: ['V1', 'V2', 'V4']}
        """
        steps = self.readout if steps is None else steps
        if drive:
            delivered: dict[str, States] = {}
            for step, states in self.run_steps(images, steps, None, delivered=delivered):
                yield step, states, dict(delivered)
        else:
            yield from self.run_steps(images, steps, None)
