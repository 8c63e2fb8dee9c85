"""Behaviour: Brain-Score's own readouts on our units, and labels from the network's own readout."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from brainscore_core.supported_data_standards.brainio.assemblies import BehavioralAssembly
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision.model_helpers.brain_transformation import behavior
from brainscore_vision.model_interface import BrainModel as Interface

from cortexsim.errors import BrainScoreError

if TYPE_CHECKING:
    from cortexsim.brainscore.model import BrainModel


class Task(Protocol):
    """Something to do with images."""

    def start(self, *args: Any, **kwargs: Any) -> None:
        """Prepare: labels to choose from, images to learn from."""

    def look_at(self, table: StimulusSet) -> BehavioralAssembly:
        """The behaviour of each trial."""


class Label:
    """The label, of those to choose from, whose class has the largest logit at the readout step: ``(choice, presentation)``, as Brain-Score's own."""

    def __init__(self, model: BrainModel) -> None:
        self.model = model
        self.labels: list[str] = []
        self.columns: list[int] = []

    def start(self, choice_labels: str | Sequence[str], aggregation: str = "mean") -> None:
        """Every label must be a class that the network was trained on. aggregation: of several classes in one label, which there are none of."""
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
                f"{self.model.identifier} cannot choose from {'the labels of ' if domain else ''}{', '.join(unknown[:5]) or 'no labels'}"
                f"{', ...' if len(unknown) > 5 else ''}: its readout knows {', '.join(self.model.commitment.classes) or 'no class by name'}. "
                "Ask for some of these, or use the task 'probabilities', which fits a readout of any labels"
            )
        self.labels, self.columns = labels, [known[_plain(label)] for label in labels]

    def look_at(self, table: StimulusSet) -> BehavioralAssembly:
        from cortexsim.brainscore.table import presentations

        best = self.model.logits(table)[:, self.columns].argmax(1)
        choices = [self.labels[k] for k in best]
        coords = {**presentations(table), "label": ("presentation", choices)}
        return BehavioralAssembly([choices], coords=coords, dims=["choice", "presentation"])


class Probabilities:
    """Probabilities ``(presentation, choice)`` of a logistic readout fitted to labelled images: Brain-Score's (standardised, L2, C = 0.001)."""

    def __init__(self, model: BrainModel) -> None:
        self.readout = behavior.ProbabilitiesMapping(
            model.identifier, _activations(model), layer="IT"
        )

    def start(self, fitting_stimuli: StimulusSet, number_of_trials: int = 1) -> None:
        """Fit to the labels ``image_label`` of a stimulus set."""
        columns = getattr(fitting_stimuli, "columns", ())
        if "image_label" not in columns or "stimulus_id" not in columns:
            raise BrainScoreError(
                "the task 'probabilities' learns from a stimulus set with columns 'stimulus_id' and 'image_label'; "
                f"found {', '.join(map(str, columns)) or type(fitting_stimuli).__name__}"
            )
        if fitting_stimuli["stimulus_id"].duplicated().any():
            raise BrainScoreError(
                "the fitting stimuli contain one stimulus_id more than once; drop the duplicates"
            )
        if fitting_stimuli["image_label"].nunique() < 2:
            raise BrainScoreError(
                "the fitting stimuli have a single image_label; a readout needs at least two to tell apart"
            )
        with (
            warnings.catch_warnings()
        ):  # scikit-learn announces changes of what Brain-Score asks of it
            warnings.simplefilter("ignore", FutureWarning)
            self.readout.start_task(Interface.Task.probabilities, fitting_stimuli)

    def look_at(self, table: StimulusSet) -> BehavioralAssembly:
        return self.readout.look_at(table)


class OddOneOut:
    """Of every three consecutive stimuli the one that is not of the most similar pair (dot product), ``(choice, presentation)``.

    The choice is the stimulus_id, as Brain-Score's own models answer and its benchmark expects; the text of the interface says an index 0, 1, 2.
    """

    def __init__(self, model: BrainModel) -> None:
        self.choice = behavior.OddOneOut(model.identifier, _activations(model), layer="IT")

    def start(self) -> None:
        """Nothing to learn."""
        self.choice.start_task(Interface.Task.odd_one_out)

    def look_at(self, table: StimulusSet) -> BehavioralAssembly:
        if len(table) % 3:
            raise BrainScoreError(
                f"odd-one-out takes triplets, three rows each; {len(table)} rows are no whole number of triplets"
            )
        return self.choice.look_at(table)


def _activations(model: BrainModel) -> Any:
    """The features of a model as Brain-Score's readouts ask for them."""

    def activations(stimuli: StimulusSet, layers: Any, **trials: Any) -> Any:
        from cortexsim.brainscore.table import stimulus_table

        return model.features(stimulus_table(stimuli))

    return activations


def _plain(label: str) -> str:
    """Labels are compared without case and spaces, as Brain-Score does."""
    return label.lower().replace(" ", "")
