"""What the memo's training figures have in common: nets side by side, training and test error by epoch, the memo's numbers beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cortexsim.cli import parse
from shared.common import Report
from shared.runs import NOT_MEMO, Runs, RunsConfig, Trained, Wanted, errors_at

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
DASHES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class TrainingFigure:
    """A figure of the memo. panels: title to nets by label. better: pairs of labels (the better, the worse) that the memo claims.

    memo_parameters, memo_error: the memo's numbers by label, where it states them (errors in its plots are not numbers).
    """

    name: str
    claim: str
    panels: Mapping[str, Mapping[str, Wanted]]
    memo_parameters: Mapping[str, int]
    better: tuple[tuple[str, str], ...] = ()
    memo_error: Mapping[str, float] | None = None

    def main(self, arguments: Sequence[str] | None, doc: str | None) -> int:
        """Train what is missing, compare, draw."""
        config = parse(RunsConfig, arguments, f"python analyses/{self.name}.py", doc or "")
        runs = Runs(config)
        nets = {label: wanted for panel in self.panels.values() for label, wanted in panel.items()}
        found = runs.get(list(nets.values()))
        trained = {label: found[wanted] for label, wanted in nets.items()}
        report = Report(self.name, config, self.claim)
        self._draw(report, trained, runs)
        report.numbers([source(runs)], self.results(trained, runs))
        return 0

    def results(self, trained: Mapping[str, list[Trained]], runs: Runs) -> dict[str, Any]:
        """The numbers: errors over seeds, the memo's beside them, and the differences that the memo claims."""
        rows: dict[str, Any] = {}
        for label, seeds in trained.items():
            errors = [t.error for t in seeds]
            rows[label] = {
                "test_error": spread(errors),
                "test_error_with_statistics_estimated_anew": spread(
                    [final_error(t, runs) for t in seeds]
                ),
                "parameters": {
                    "ours": seeds[0].card["parameters"],
                    "memo": self.memo_parameters.get(label),
                },
                "memo_test_error": (self.memo_error or {}).get(label),
                "runs": [t.summary() for t in seeds],
            }
        differences = {
            f"{worse} - {better}": spread(
                [b.error - a.error for a, b in zip(trained[better], trained[worse], strict=True)]
            )
            for better, worse in self.better
        }
        return {**stated(runs), "nets": rows, "claimed_to_be_positive": differences}

    def _draw(self, report: Report, trained: Mapping[str, list[Trained]], runs: Runs) -> None:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(max(7.0, 3.6 * len(self.panels) + 1.5), 6.4), layout="constrained")
        grid = figure.subplots(2, len(self.panels), squeeze=False, sharex=True, sharey="row")
        for column, (title, nets) in zip(grid.T, self.panels.items()):
            for k, label in enumerate(nets):
                style = {"color": COLOURS[k], "ls": DASHES[k], "lw": 1.2}
                for n, run in enumerate(trained[label]):
                    name = f"{label}\n{run.card['parameters']:,} parameters" if n == 0 else None
                    for axes, key in zip(column, ("train_error", "test_error")):
                        x, y = (
                            [e["epoch"] for e in run.epochs if key in e],
                            [e[key] for e in run.epochs if key in e],
                        )
                        axes.plot(
                            x, y, label=name, marker="o" if len(x) < 10 else "", ms=4, **style
                        )
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


def final_error(one: Trained, runs: Runs) -> float:
    """The test error at the trained readout time, its statistics estimated with the final weights (in short runs those of training lag behind)."""
    time = one.card["network"]["readout"][-1]
    return errors_at(one, runs, "test", (time,))[time]


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
    from cortexsim.provenance import hardware

    paper = runs.budget.name == "paper"
    note = None if paper else NOT_MEMO.format(budget=runs.budget.name)
    return {
        "budget": runs.describe(),
        "device": str(runs.device),
        "trained_here_on": hardware(runs.device),
        "comparable_with_the_memo": paper,
        "note": note,
        "seeds": list(range(runs.budget.seeds)),
    }


def caption(runs: Runs) -> str:
    """The budget and the data, above a figure."""
    return runs.describe() + (
        ""
        if runs.budget.name == "paper"
        else "\nnot the memo's recipe: errors are not comparable with the memo's"
    )


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
