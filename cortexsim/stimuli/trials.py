"""What else is shown on the trial of a stimulus: its mask, and the other images of its stream, each
the same whatever the batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from cortexsim.arguments import clear_errors
from cortexsim.errors import StimulusError
from cortexsim.models.network import Network
from cortexsim.models.protocol import Unrolls
from cortexsim.stimuli.images import Preprocessing, Stimuli
from cortexsim.stimuli.masks import IMAGE, MASKS, TEXTURE, check_kind, mask
from cortexsim.stimuli.presentation import Presentation
from cortexsim.stimuli.texture import declared, first_step, texture_mask


@clear_errors
class Masker:
    """Makes masks of the stimuli of a table.

    ``masker(kind, which)`` is a list of ``(y, x, 3)`` uint8, one for each index in ``which``. Kinds
    are those of ``MASKS``; ``image``, another stimulus of the table, of another class if there are
    labels; ``texture:V4`` or ``texture:V4@5``, a texture with the statistics of a state of ``net``
    (see :func:`cortexsim.stimuli.texture.texture_mask`). Masks depend on kind, seed and the
    stimulus' id, and those of ``image`` on the table.

    Parameters
    ----------
    stimuli : Stimuli
        The table.
    net : optional
        The network, for textures.
    preprocessing : Preprocessing, optional
        Of the network, for textures; by default that of its card.
    seed : int
        Of the run.

    Examples
    --------
    >>> from cortexsim.stimuli.images import sample
    >>> masker = Masker(sample(), seed=1)
    >>> masker("phase", [0, 5])[1].shape
    (64, 64, 3)
    """

    def __init__(
        self,
        stimuli: Stimuli,
        net: Unrolls | None = None,
        preprocessing: Preprocessing | None = None,
        *,
        seed: int = 0,
    ) -> None:
        self.stimuli, self.net, self.preprocessing, self.seed = stimuli, net, preprocessing, seed

    def __call__(self, kind: str, which: Sequence[int]) -> list[np.ndarray]:
        self.check(kind)
        ids = [self.stimuli.ids[i] for i in which]
        if kind in MASKS:
            return [
                mask(kind, self.stimuli.read(i), name, seed=self.seed)
                for i, name in zip(which, ids, strict=True)
            ]
        if kind == IMAGE:
            return [self.stimuli.read(other_class(self.stimuli, i, self.seed)) for i in which]
        assert isinstance(self.net, Network)  # by the check
        state, _, step = kind.removeprefix(TEXTURE).partition("@")
        texture = texture_mask(
            self.net,
            [self.stimuli.read(i) for i in which],
            state,
            step=int(step) if step else None,
            ids=ids,
            seed=self.seed,
            preprocessing=self.preprocessing,
        )
        return list(texture.images)

    def check(self, kind: str) -> None:
        """Refuse a kind of mask that cannot be made here.

        Parameters
        ----------
        kind : str
            The kind.

        Raises
        ------
        StimulusError
            If it is none, or cannot be made of this table or network.
        GraphError
            For a state that there is not.
        """
        check_kind(kind)
        if kind == IMAGE:
            other_class(self.stimuli, 0, self.seed)
        if kind.startswith(TEXTURE):
            if not isinstance(self.net, Network):
                network = (
                    "none is given" if self.net is None else f"a {type(self.net).__name__} is given"
                )
                raise StimulusError(
                    f"the mask {kind!r} is made through a network of cortexsim, and {network}; "
                    "choose another mask"
                )
            state, _, step = kind.removeprefix(TEXTURE).partition("@")
            first = first_step(self.net, state)
            if step and int(step) < first:
                raise StimulusError(
                    f"{state} is not populated at step {step}; give a step from {first}"
                )
            if self.preprocessing is None:
                declared(self.net)


def check_trials(masker: Masker, presentation: Presentation) -> None:
    """Raise what :func:`trial_images` would raise on any trial, before the first.

    Parameters
    ----------
    masker : Masker
        Makes the masks.
    presentation : Presentation
        What is shown.

    Raises
    ------
    StimulusError
        As :func:`trial_images`.
    """
    if presentation.mask is not None:
        masker.check(presentation.mask)
    companions(masker.stimuli, 0, presentation.positions - 1, seed=masker.seed)


def trial_images(
    masker: Masker,
    presentation: Presentation | None,
    frames: Sequence[str],
    *,
    which: Sequence[int],
) -> dict[str, list[np.ndarray]]:
    """The pixels of all that trials show, by name, for ``compose``.

    ``image`` is the stimulus, ``mask`` its mask, ``image 1``, ... the others of its stream.

    Parameters
    ----------
    masker : Masker
        Makes the masks, and knows the stimuli.
    presentation : Presentation or None
        What is shown.
    frames : sequence of str
        What the input of each step is, see :meth:`Presentation.frames`.
    which : sequence of int
        The stimuli of the trials.

    Returns
    -------
    dict of str to list of uint8 arrays of shape (y, x, 3)
        For each name one image a trial.

    Examples
    --------
    >>> from cortexsim.stimuli.images import sample
    >>> from cortexsim.stimuli.forms import rsvp
    >>> masker, stream = Masker(sample()), rsvp(2, soa_ms=25)
    >>> sorted(trial_images(masker, stream, ["image", "image 1"], which=[0, 1]))
    ['image', 'image 1']
    """
    table = masker.stimuli
    pixels = {"image": [table.read(i) for i in which]}
    if presentation is None:
        return pixels
    if others := sorted({f for f in frames if f.startswith("image ")}):
        around = [companions(table, i, presentation.positions - 1, seed=masker.seed) for i in which]
        for name in others:
            place = int(name.removeprefix("image ")) - 1
            pixels[name] = [table.read(trial[place]) for trial in around]
    if "mask" in frames:
        pixels["mask"] = masker(str(presentation.mask), which)
    return pixels


def other_class(stimuli: Stimuli, index: int, seed: int = 0) -> int:
    """Another stimulus of the table, of another class if there are labels.

    Drawn by the stimulus' id and the seed.

    Parameters
    ----------
    stimuli : Stimuli
        The table.
    index : int
        The stimulus.
    seed : int
        Of the run.

    Returns
    -------
    int
        Index of the other.

    Raises
    ------
    StimulusError
        Where there is none.
    """
    label = stimuli.labels[index]
    labelled = any(stimuli.labels)
    others = [
        i
        for i in range(len(stimuli))
        if i != index and (not labelled or stimuli.labels[i] != label)
    ]
    if not others:
        raise StimulusError(
            f"a mask of another image{' of another class' if labelled else ''}: {stimuli.name} "
            f"has none beside {stimuli.ids[index]!r}"
            + (f" (class {label!r})" if labelled else "")
            + "; record more stimuli, or choose another kind of mask"
        )
    return others[int(_generator("image", stimuli.ids[index], seed).integers(len(others)))]


def companions(stimuli: Stimuli, index: int, count: int, *, seed: int = 0) -> list[int]:
    """The other stimuli of a stream around a stimulus.

    All different, drawn by its id and the seed.

    Parameters
    ----------
    stimuli : Stimuli
        The table.
    index : int
        The stimulus.
    count : int
        How many others.
    seed : int
        Of the run.

    Returns
    -------
    list of int
        Their indices.

    Raises
    ------
    StimulusError
        If the table has too few.
    """
    others = np.delete(np.arange(len(stimuli)), index)
    if count > len(others):
        raise StimulusError(
            f"a stream of {count + 1} images needs {count} others beside each; {stimuli.name} has "
            f"{len(others)}. Record more stimuli, or a shorter stream"
        )
    return [
        int(i) for i in _generator("stream", stimuli.ids[index], seed).permutation(others)[:count]
    ]


def _generator(what: str, stimulus_id: str, seed: int) -> np.random.Generator:
    key = hashlib.sha256(f"{what}\0{stimulus_id}".encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(key, dtype=np.uint32)])
