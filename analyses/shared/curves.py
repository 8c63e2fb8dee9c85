"""What the memo's training figures have in common: nets side by side, errors by epoch, claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.cli import parse
from cortexsim.models.spec import Spec
from cortexsim.provenance import hardware
from shared.answers import errors_at, trained_time, wrong_at
from shared.budgets import scale_in_words
from shared.claims import Claim, judge
from shared.claims_figure import draw_claims
from shared.common import Report
from shared.runs import NOT_MEMO, Runs, RunsConfig, Trained, Wanted

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
DASHES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D")


@dataclass(frozen=True)
class TrainingFigure:
    """A figure of the memo.

    panels: title to nets by label. claims: of the memo about these nets. memo_parameters,
    memo_error: its numbers by label, where it states them (errors in its plots are not numbers).
    """

    name: str
    claim: str
    panels: Mapping[str, Mapping[str, Wanted]]
    memo_parameters: Mapping[str, int]
    claims: tuple[Claim, ...] = ()
    memo_error: Mapping[str, float] | None = None

    @property
    def nets(self) -> dict[str, Wanted]:
        """The nets of all panels by label."""
        return {label: wanted for panel in self.panels.values() for label, wanted in panel.items()}

    def main(self, arguments: Sequence[str] | None, doc: str | None) -> int:
        """Train what is missing, compare, draw."""
        config = parse(RunsConfig, arguments, f"python analyses/{self.name}.py", doc or "")
        runs = Runs(config)
        by_wanted = runs.get(list(self.nets.values()))
        trained = {label: by_wanted[wanted] for label, wanted in self.nets.items()}
        report = Report(self.name, config, self.claim)
        results = self.results(trained, runs)
        self._draw(report, trained, runs, results)
        report.numbers([source(runs)], results)
        return 0

    def results(self, trained: Mapping[str, list[Trained]], runs: Runs) -> dict[str, Any]:
        """Errors over seeds, the memo's beside them, and what becomes of its claims."""
        rows: dict[str, Any] = {}
        for label, seeds in trained.items():
            errors = [t.error for t in seeds]
            rows[label] = {
                "test_error": spread(errors),
                "test_error_with_statistics_estimated_anew": spread(
                    [final_error(t, runs) for t in seeds]
                ),
                "scale": scale_of(seeds[0]),
                "parameters": {
                    "ours": seeds[0].card["parameters"],
                    "memo": self.memo_parameters.get(label),
                },
                "memo_test_error": (self.memo_error or {}).get(label),
                "runs": [t.summary() for t in seeds],
            }
        return {**stated(runs), "nets": rows, "claims": judged(self.claims, trained, runs)}

    def _draw(
        self,
        report: Report,
        trained: Mapping[str, list[Trained]],
        runs: Runs,
        results: Mapping[str, Any],
    ) -> None:
        """Errors by epoch above; below the last ones, which the claims are of, and the claims."""
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        width, claims = max(8.0, 3.6 * len(self.panels) + 1.5), results["claims"]
        height = 1.0 + 0.42 * max(len(claims), len(results["nets"]))
        figure = Figure(figsize=(width, 6.4 + height), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=[6.4, height])
        grid = above.subplots(2, len(self.panels), squeeze=False, sharex=True, sharey="row")
        last, judged_ = below.subplots(1, 2, width_ratios=[1, 1.1])
        for k, row in enumerate(results["nets"].values()):
            errors = row["test_error_with_statistics_estimated_anew"]["by_seed"]
            last.plot(np.multiply(errors, 100), [k] * len(errors), "o", mfc="none", color="black")
            last.axhline(k, color="0.9", lw=0.8, zorder=0)
        last.set_yticks(range(len(results["nets"])), list(results["nets"]), fontsize="x-small")
        last.set_ylim(len(results["nets"]) - 0.5, -0.5)
        last.set_xlabel("test error, %, statistics estimated anew", fontsize="small")
        last.spines[["top", "right"]].set_visible(False)
        draw_claims(judged_, claims, unit="difference of errors, points")
        for column, (title, nets) in zip(grid.T, self.panels.items()):
            for k, label in enumerate(nets):
                style = {"color": COLOURS[k], "ls": DASHES[k], "lw": 1.2}
                for n, run in enumerate(trained[label]):
                    name = legend(label, run) if n == 0 else None
                    for axes, key in zip(column, ("train_error", "test_error")):
                        x, y = (
                            [e["epoch"] for e in run.epochs if key in e],
                            [e[key] for e in run.epochs if key in e],
                        )
                        mark = MARKS[k] if len(x) < 20 else ""
                        axes.plot(x, y, label=name, marker=mark, ms=4, **style)
            column[0].set_title(title, fontsize="medium")
            column[1].set_xlabel("epoch")
            column[1].xaxis.set_major_locator(MaxNLocator(integer=True))
            column[0].legend(frameon=False, fontsize="x-small")
        grid[0, 0].set_ylabel("training error")
        grid[1, 0].set_ylabel("test error")
        for axes in grid.flat:
            axes.spines[["top", "right"]].set_visible(False)
        figure.suptitle(caption(runs), fontsize="small", wrap=True)
        report.figure(figure)


def legend(label: str, run: Trained) -> str:
    """A net with its parameters and its scale."""
    return "\n".join([label, f"{run.card['parameters']:,} parameters", scale_of(run)])


def scale_of(run: Trained) -> str:
    """The size of the net of a run: also of one that is read out at another time than its own."""
    return scale_in_words(Spec.from_dict(run.card["network"]))


def judged(
    claims: Sequence[Claim],
    trained: Mapping[str, list[Trained]],
    runs: Runs,
    *,
    wrong: Mapping[str, np.ndarray] | None = None,
) -> list[dict[str, Any]]:
    """Every claim with its difference, interval and verdict, and the scale of its nets.

    wrong: what of the nets is compared, ``(seed, image, quantity)`` by label; by default which test
    images they get wrong at the trained readout time.
    """
    rows = []
    for claim in claims:
        seeds = {label: trained[label] for label in claim.nets}
        mistakes = wrong or {k: wrong_at(v, runs, (trained_time(v[0]),)) for k, v in seeds.items()}
        models = [v[0].wanted.model for v in seeds.values()]
        scales = {k: scale_of(v[0]) for k, v in seeds.items()}
        result = judge(claim, mistakes, unlike=runs.budget.unlike(models))
        rows.append({**result, "scale": scales, "budget": runs.budget.name})
    return rows


def final_error(one: Trained, runs: Runs) -> float:
    """The test error at the trained readout time, with statistics estimated from final weights.

    In short runs those of training lag behind.
    """
    time = trained_time(one)
    return errors_at(one, runs, "test", times=(time,))[time]


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation and n over seeds, and the values themselves."""
    return {
        "mean": np.mean(values),
        "sd": np.std(values, ddof=1) if len(values) > 1 else None,
        "n": len(values),
        "by_seed": list(values),
    }


def stated(runs: Runs) -> dict[str, Any]:
    """What every figure of trained nets says about itself."""
    paper = runs.budget.name == "paper"
    note = None if paper else NOT_MEMO.format(budget=runs.budget.name)
    return {
        "budget": runs.describe(),
        "device": str(runs.device),
        "trained_here_on": hardware(runs.device),
        "comparable_with_the_memo": paper,
        "note": note,
        "seeds": "1 or 3" if runs.budget.seeds is None else list(range(runs.budget.seeds)),
    }


def caption(runs: Runs, claims: Sequence[Mapping[str, Any]] = ()) -> str:
    """The budget and the data, above a figure, and the scales of the nets of its claims."""
    scales = dict.fromkeys(scale for one in claims for scale in one["scale"].values())
    lines = [runs.describe(), *(["; ".join(scales)] if scales else [])]
    if runs.budget.name != "paper":
        lines.append("not the memo's recipe: errors are not comparable with the memo's")
    return "\n".join(lines)


def source(runs: Runs) -> dict[str, str]:
    """The images, for the JSON."""
    i = runs.images
    return {
        "name": i.name,
        "train": str(len(i.train_x)),
        "test": str(len(i.test_x)),
        "sha256": runs.sha256,
        "notes": "; ".join(i.notes),
    }
