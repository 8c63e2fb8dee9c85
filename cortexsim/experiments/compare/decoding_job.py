"""The decoding job of ``python -m cortexsim.compare``: when a property of the images can be read, from each state and from the brain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from cortexsim.console import duration
from cortexsim.errors import AnalysisError
from cortexsim.experiments.compare.brain import described, load_brain
from cortexsim.experiments.compare.recorded import features_of, one_frame, open_shown, timed
from cortexsim.experiments.controls import CONTROLS, NETWORKS
from cortexsim.experiments.fits import beside_controls
from cortexsim.experiments.timing import seconds

if TYPE_CHECKING:
    import xarray

    from cortexsim.experiments.compare.config import CompareConfig

FEWEST = 5  # stimuli of a class, one for each fold


class Job:
    """One comparison of decoders. properties: name -> label of each stimulus."""

    def __init__(self, config: CompareConfig) -> None:
        self.config = config
        self.shown = open_shown(config.recording)
        if self.shown.is_movie:
            raise AnalysisError(
                f"{config.recording} is an RDM movie; decoding needs activations, so give a recording"
            )
        self.brain = load_brain(config.neural or "")
        self.shown.check_stimuli(self.brain)
        self.measured = _measured(self.brain, config.target)
        self.properties = label_properties(self.brain, self.measured)

    def plan(self) -> None:
        """What would be done."""
        s, c = self.shown.known, self.config
        from cortexsim.analysis import decode

        first, frame = next(iter(self.properties.values())), one_frame(self.shown, self.brain)
        each = seconds(
            lambda k: decode(
                frame, first, estimator=c.estimator or "ridge", folds=c.folds, n=c.n, permutations=k
            ),
            c.permutations or 0,
        )
        frames = (
            s["steps"]
            * len(s["states"])
            * len(self.properties)
            * (1 + sum(n in NETWORKS for n in c.nulls))
        )
        print(
            f"{s['model']}, states {', '.join(s['states'])}, {s['steps']} steps, beside {self.brain.attrs.get('name')}: {', '.join(self.properties)} of "
            f"{self.brain.sizes['stimulus']} stimuli\n{c.estimator or 'ridge'} classifiers, {c.folds} folds, {c.n} resamples of stimuli, "
            f"{c.permutations} permutations of labels, {frames} times: about {duration(each * frames)}. Nothing was written."
        )

    def run(self) -> xarray.Dataset:
        """The result with what it came from."""
        result = beside_controls(self.shown, self.config, self._network)
        return (
            timed(result, self.shown.axis)
            .assign(self._brain())
            .assign_attrs(
                method="decoding",
                quantity="balanced accuracy",
                model=self.shown.known["model"],
                conditions=self.brain.sizes["stimulus"],
                resample="stimuli",
                time_axis=json.dumps(self.shown.axis.as_dict()),
                recording=json.dumps(self.shown.known),
                controls=json.dumps({k: CONTROLS[k] for k in self.config.nulls}),
                **described(self.brain, self.brain[self.measured]),
            )
        )

    def report(self, result: xarray.Dataset) -> None:
        """Onsets of the states and of the brain."""
        for name in self.properties:
            one = result.sel(feature=name).isel(network=0)
            print(f"  {name}")
            for state in one.state.values:
                y = one.evaluation.sel(state=state)
                above = (
                    one.p_permutation_corrected.sel(state=state) < 0.05
                    if "p_permutation_corrected" in one
                    else one.interval.sel(state=state, bound="lower") > float(one.chance)
                )
                best = one.isel(step=int(np.nanargmax(y.values))).sel(state=state)
                when = float(y.time_ms.values[np.argmax(above.values)])
                since = f"from {when:g} ms" if above.values.any() else "never above chance"
                print(
                    f"    {state:4s} {since}, best {float(best.evaluation):.3f} at {float(best.time_ms):g} ms"
                )
            if "neural_onset_ms" in one:
                for label, row in _each(one.neural_onset_ms):
                    low, high = (float(v) for v in one.neural_onset_interval.sel(label).values)
                    which = "".join(
                        f", {k.removesuffix('_ms').upper()} {v:g} ms" for k, v in label.items()
                    )
                    print(f"    brain{which}: from {float(row):g} ms [{low:g}, {high:g}]")

    def _network(self, shown: Any) -> xarray.Dataset:
        """Accuracy of every property by state and step."""
        import xarray

        from cortexsim.analysis import decode

        c, found = self.config, []
        features = features_of(shown, self.brain)
        for labels in self.properties.values():
            result = decode(
                features,
                labels,
                estimator=c.estimator or "ridge",
                folds=c.folds,
                n=c.n,
                permutations=c.permutations or 0,
                rng=c.seed,
                progress=True,
            )
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
            found.append(result[keep].rename({k: v for k, v in names.items() if k in keep}))
        whole = xarray.concat(
            found, dim="feature", data_vars="all", coords="minimal", compat="override", join="outer", combine_attrs="override"
        )  # fmt: skip
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
            found = significance_onset(
                y.values[at],
                y.neural_time_ms.values,
                chance=chance,
                n=self.config.n,
                rng=self.config.seed,
                bins=2,
            )
            onsets[at], intervals[at] = float(found.onset_ms), found.interval.values
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
    there = [
        str(k)
        for k, v in brain.data_vars.items()
        if v.attrs.get("kind") == "decoding" and {"feature", "subject", "time_ms"} <= set(v.dims)
    ]
    if name is None and len(there) == 1:
        return there[0]
    if name in there:
        return str(name)
    called = brain.attrs.get("name", "the neural data")
    if not there:
        raise AnalysisError(
            f"{called} holds no decoding accuracies (feature, subject, time_ms); for your own responses use cortexsim.analysis.decode on both sides, "
            "or --method rsa"
        )
    raise AnalysisError(
        f"{called} has no decoding {name!r}; choose --target from {', '.join(there)}"
    )


def label_properties(brain: xarray.Dataset, measured: str) -> dict[str, np.ndarray]:
    """The label of each stimulus for every property that was decoded from the brain."""
    names = [str(f) for f in brain[measured].feature.values]
    missing = [n for n in names if n not in brain.coords or brain[n].dims != ("stimulus",)]
    if missing:
        raise AnalysisError(
            f"{brain.attrs.get('name')} decodes {', '.join(missing)}, but has no such coordinate of its stimuli"
        )
    found = {n: brain[n].values.astype(str) for n in names}
    for n, labels in found.items():
        if np.unique(labels, return_counts=True)[1].min() < FEWEST:
            raise AnalysisError(f"{n}: a class has fewer than {FEWEST} stimuli")
    return found


def _each(values: xarray.DataArray) -> list[tuple[dict[str, Any], Any]]:
    """Every entry with its coordinates."""
    return [
        ({str(d): values[d].values[k] for d, k in zip(values.dims, at)}, values.values[at])
        for at in np.ndindex(*values.shape)
    ]
