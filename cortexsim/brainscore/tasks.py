"""Behaviour: Brain-Score's own readouts on our units, and labels from the network's own readout."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from brainscore_core.supported_data_standards.brainio.assemblies import (
    BehavioralAssembly,
    NeuroidAssembly,
)
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_helpers.brain_transformation import behavior
from brainscore_vision.model_interface import BrainModel as Interface

from cortexsim.brainscore.commitment import Commitment
from cortexsim.brainscore.table import presentations, stimulus_table
from cortexsim.errors import BrainScoreError


class Subject(Protocol):
    """What a task asks of the model that does it."""

    commitment: Commitment

    @property
    def identifier(self) -> str:
        """Its name in Brain-Score."""

    def features(self, table: StimulusSet) -> NeuroidAssembly:
        """What behaviour is read from.

        Parameters
        ----------
        table : StimulusSet
            The images.

        Returns
        -------
        NeuroidAssembly
            ``(presentation, neuroid)``.
        """

    def logits(self, table: StimulusSet) -> np.ndarray:
        """Its own readout.

        Parameters
        ----------
        table : StimulusSet
            The images.

        Returns
        -------
        array of shape (presentation, class)
            The logits.
        """


class Task(Protocol):
    """Something to do with images."""

    def start(self, *args: Any, **kwargs: Any) -> None:
        """Prepare: labels to choose from, images to learn from.

        Parameters
        ----------
        *args : Any
            What the task needs.
        **kwargs : Any
            What the task needs by name.
        """

    def look_at(self, table: StimulusSet) -> BehavioralAssembly:
        """The behaviour of each trial.

        Parameters
        ----------
        table : StimulusSet
            The images.

        Returns
        -------
        BehavioralAssembly
            The behaviour.
        """


class Label:
    """Of the labels to choose from, the one with the largest logit at the readout step.

    Parameters
    ----------
    model : Subject
        Who chooses.
    """

    def __init__(self, model: Subject) -> None:
        self.model = model
        self.labels: list[str] = []
        self.columns: list[int] = []

    def start(self, choice_labels: str | Sequence[str], aggregation: str = "mean") -> None:
        """Say which labels there are to choose from.

        Parameters
        ----------
        choice_labels : str or sequence of str
            Each must be a class that the network was trained on.
        aggregation : str
            Of several classes in one label, which there are none of.

        Raises
        ------
        BrainScoreError
            For labels that the readout does not know.
        """
        known = {_plain(name): index for index, name in enumerate(self.model.commitment.classes)}
        domain = isinstance(choice_labels, str)
        labels = (
            [choice_labels]
            if isinstance(choice_labels, str)
            else [str(label) for label in choice_labels]
        )
        unknown = labels if domain else [label for label in labels if _plain(label) not in known]
        if unknown or not labels:
            raise BrainScoreError(
                f"{self.model.identifier} cannot choose from "
                f"{'the labels of ' if domain else ''}{', '.join(unknown[:5]) or 'no labels'}"
                f"{', ...' if len(unknown) > 5 else ''}: its readout knows "
                f"{', '.join(self.model.commitment.classes) or 'no class by name'}. Ask for some "
                "of these, or use the task 'probabilities', which fits a readout of any labels"
            )
        self.labels, self.columns = labels, [known[_plain(label)] for label in labels]

    def look_at(self, table: StimulusSet) -> BehavioralAssembly:
        """The label of each image.

        Parameters
        ----------
        table : StimulusSet
            The images.

        Returns
        -------
        BehavioralAssembly
            ``(choice, presentation)``, as Brain-Score's own.
        """
        best = self.model.logits(table)[:, self.columns].argmax(1)
        choices = [self.labels[k] for k in best]
        coords = {**presentations(table), "label": ("presentation", choices)}
        return BehavioralAssembly([choices], coords=coords, dims=["choice", "presentation"])


class Probabilities:
    """Probabilities of a logistic readout fitted to labelled images.

    Brain-Score's own readout (standardised, L2, C = 0.001).

    Parameters
    ----------
    model : Subject
        Whose features are read.
    """

    def __init__(self, model: Subject) -> None:
        self.readout = behavior.ProbabilitiesMapping(
            model.identifier, _activations(model), layer="IT"
        )

    def start(self, fitting_stimuli: StimulusSet, number_of_trials: int = 1) -> None:
        """Fit to the labels ``image_label`` of a stimulus set.

        Parameters
        ----------
        fitting_stimuli : StimulusSet
            Images with ``stimulus_id`` and ``image_label``.
        number_of_trials : int
            Of no effect: networks are deterministic.

        Raises
        ------
        BrainScoreError
            For a set without these columns, with ids that repeat, or with one label.
        """
        columns = getattr(fitting_stimuli, "columns", ())
        if "image_label" not in columns or "stimulus_id" not in columns:
            raise BrainScoreError(
                "the task 'probabilities' learns from a stimulus set with columns 'stimulus_id' "
                "and 'image_label'; found "
                f"{', '.join(map(str, columns)) or type(fitting_stimuli).__name__}"
            )
        if fitting_stimuli["stimulus_id"].duplicated().any():
            raise BrainScoreError(
                "the fitting stimuli contain one stimulus_id more than once; drop the duplicates"
            )
        if fitting_stimuli["image_label"].nunique() < 2:
            raise BrainScoreError(
                "the fitting stimuli have a single image_label; a readout needs at least two to "
                "tell apart"
            )
        # Scikit-learn announces changes of what Brain-Score asks of it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self.readout.start_task(Interface.Task.probabilities, fitting_stimuli)

    def look_at(self, table: StimulusSet) -> BehavioralAssembly:
        """The probabilities of each image.

        Parameters
        ----------
        table : StimulusSet
            The images.

        Returns
        -------
        BehavioralAssembly
            ``(presentation, choice)``.
        """
        return self.readout.look_at(table)


class OddOneOut:
    """Of every three consecutive stimuli the one that is not of the most similar pair.

    Similar is a large dot product. The choice is the stimulus_id, as Brain-Score's own models
    answer and its benchmark expects; the text of the interface says an index 0, 1, 2.

    Parameters
    ----------
    model : Subject
        Whose features are read.
    """

    def __init__(self, model: Subject) -> None:
        self.choice = behavior.OddOneOut(model.identifier, _activations(model), layer="IT")

    def start(self) -> None:
        """Nothing to learn."""
        self.choice.start_task(Interface.Task.odd_one_out)

    def look_at(self, table: StimulusSet) -> BehavioralAssembly:
        """The choice of each triplet.

        Parameters
        ----------
        table : StimulusSet
            The images, three rows a triplet.

        Returns
        -------
        BehavioralAssembly
            ``(choice, presentation)``.

        Raises
        ------
        BrainScoreError
            If the rows are no whole number of triplets.
        """
        if len(table) % 3:
            raise BrainScoreError(
                f"odd-one-out takes triplets, three rows each; {len(table)} rows are no whole "
                "number of triplets"
            )
        return self.choice.look_at(table)


def _activations(model: Subject) -> Any:
    """The features of a model as Brain-Score's readouts ask for them."""

    def activations(stimuli: StimulusSet, layers: Any, **trials: Any) -> Any:
        return model.features(stimulus_table(stimuli))

    return activations


def _plain(label: str) -> str:
    """Labels are compared without case and spaces, as Brain-Score does."""
    return label.lower().replace(" ", "")
