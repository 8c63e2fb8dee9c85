"""Comparison by decoding: when a property of the images can be read, from states and brain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.analysis.statistics.settings import CrossValidation, Inference
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain import described
from cortexsim.experiments.compare.controls import (
    NETWORKS,
    beside_controls,
    check_controls,
    controls_of,
)
from cortexsim.experiments.compare.recorded import Shown, features_of, one_frame, timed
from cortexsim.experiments.compare.settings import Plan, Settings
from cortexsim.experiments.timing import seconds

if TYPE_CHECKING:
    import xarray

FEWEST = 5  # stimuli of a class, one for each fold


class DecodingJob:
    """One comparison of decoders. properties: name -> label of each stimulus."""

    def __init__(
        self, shown: Shown, brain: xarray.Dataset, name: str | None, *, settings: Settings
    ) -> None:
        self.shown, self.brain, self.settings = shown, brain, settings
        if self.shown.is_movie:
            raise AnalysisError(
                f"{shown.path} is an RDM movie; decoding needs activations, so give a recording"
            )
        self.shown.check_stimuli(self.brain)
        self.measured = _measured(self.brain, name)
        self.properties = label_properties(self.brain, self.measured)
        check_controls(self.shown.known, settings.nulls)

    def plan(self) -> Plan:
        """What would be done."""
        from cortexsim.analysis import decode

        known, c = self.shown.known, self.settings
        first, frame = next(iter(self.properties.values())), one_frame(self.shown, self.brain)
        each = seconds(
            lambda k: decode(
                frame,
                first,
                estimator=c.estimator or "ridge",
                inference=Inference(n=c.n, permutations=k),
                cv=CrossValidation(folds=c.folds),
            ),
            c.permutations,
        )
        networks = 1 + sum(n in NETWORKS for n in c.nulls)
        frames = known["steps"] * len(known["states"]) * len(self.properties) * networks
        return Plan(
            method="decoding",
            known=known,
            neural=str(self.brain.attrs.get("name")),
            target=self.measured,
            sizes={"stimulus": self.brain.sizes["stimulus"]},
            settings=c,
            frames=frames,
            seconds=each * frames,
            properties=tuple(self.properties),
        )

    def run(self) -> xarray.Dataset:
        """The result with what it came from."""
        result = self._beside()
        return (
            timed(result, self.shown.axis)
            .assign(self._brain())
            .assign_attrs(
                method="decoding",
                quantity="balanced accuracy",
                model=self.shown.name,
                conditions=self.brain.sizes["stimulus"],
                resample="stimuli",
                time_axis=json.dumps(self.shown.axis.as_dict()),
                recording=json.dumps(self.shown.known),
                controls=json.dumps(
                    controls_of(self.shown.known, self.settings.nulls, self.settings.seed)
                ),
                **described(self.brain, self.brain[self.measured]),
            )
        )

    def _beside(self) -> xarray.Dataset:
        """The fits of the recording and of its controls."""
        c = self.settings
        return beside_controls(
            self.shown, self._network, nulls=c.nulls, stimuli=c.stimuli, seed=c.seed
        )

    def _network(self, shown: Any) -> xarray.Dataset:
        """Accuracy of every property by state and step."""
        import xarray

        from cortexsim.analysis import decode

        c, by_property = self.settings, []
        features = features_of(shown, self.brain)
        for labels in self.properties.values():
            result = decode(
                features,
                labels,
                estimator=c.estimator or "ridge",
                progress=True,
                inference=Inference(n=c.n, permutations=c.permutations or 0, rng=c.seed),
                cv=CrossValidation(folds=c.folds),
            )
            del result.attrs["analysis"]  # with other names it is not what decode returns
            names = {
                "accuracy": "evaluation",
                "p_corrected": "p_permutation_corrected",
                "p": "p_permutation",
            }
            keep = [
                v
                for v in ("accuracy", "interval", "null_high", "p", "p_corrected", "chance")
                if v in result
            ]
            by_property.append(result[keep].rename({k: v for k, v in names.items() if k in keep}))
        whole = xarray.concat(
            by_property,
            dim="feature",
            data_vars="all",
            coords="minimal",
            compat="override",
            join="outer",
            combine_attrs="override",
        )
        return whole.assign_coords(feature=list(self.properties))

    def _brain(self) -> dict[str, Any]:
        """What was measured in people, with the onset of significance over subjects."""
        from cortexsim.analysis import significance_onset

        y = self.brain[self.measured]
        chance = float(y.attrs["chance"])
        y = y.rename(time_ms="neural_time_ms", subject="neural_subject")
        lead = [d for d in y.dims if d not in ("neural_subject", "neural_time_ms")]
        y = y.transpose(*lead, "neural_subject", "neural_time_ms")
        sizes = [y.sizes[d] for d in lead]
        onsets, intervals = np.full(sizes, np.nan), np.full((*sizes, 2), np.nan)
        for at in np.ndindex(*sizes):
            onset = significance_onset(
                y.values[at],
                y.neural_time_ms.values,
                chance=chance,
                bins=2,
                inference=Inference(n=self.settings.n, rng=self.settings.seed),
            )
            onsets[at], intervals[at] = float(onset.onset_ms), onset.interval.values
        return {
            "neural_accuracy": y.drop_vars([c for c in y.coords if c not in y.dims]),
            "neural_chance": chance,
            "neural_onset_ms": (
                lead,
                onsets,
                {"units": "ms", "test": "sign flips over subjects, maximum over times, two bins"},
            ),
            "neural_onset_interval": ((*lead, "bound"), intervals),
        }


def _measured(brain: xarray.Dataset, name: str | None) -> str:
    """The variable of decoding accuracies."""
    accuracies = [
        str(k)
        for k, v in brain.data_vars.items()
        if v.attrs.get("kind") == "decoding" and {"feature", "subject", "time_ms"} <= set(v.dims)
    ]
    if name is None and len(accuracies) == 1:
        return accuracies[0]
    if name in accuracies:
        return str(name)
    called = brain.attrs.get("name", "the neural data")
    if not accuracies:
        raise AnalysisError(
            f"{called} holds no decoding accuracies (feature, subject, time_ms); for your own "
            "responses use cortexsim.analysis.decode on both sides, or --method rsa"
        )
    raise AnalysisError(
        f"{called} has no decoding {name!r}; choose --target from {', '.join(accuracies)}"
    )


def label_properties(brain: xarray.Dataset, measured: str) -> dict[str, np.ndarray]:
    """The label of each stimulus for every property that was decoded from the brain."""
    names = [str(f) for f in brain[measured].feature.values]
    missing = [n for n in names if n not in brain.coords or brain[n].dims != ("stimulus",)]
    if missing:
        raise AnalysisError(
            f"{brain.attrs.get('name')} decodes {', '.join(missing)}, but has no such coordinate "
            "of its stimuli"
        )
    by_name = {n: brain[n].values.astype(str) for n in names}
    for n, labels in by_name.items():
        if np.unique(labels, return_counts=True)[1].min() < FEWEST:
            raise AnalysisError(f"{n}: a class has fewer than {FEWEST} stimuli")
    return by_name
