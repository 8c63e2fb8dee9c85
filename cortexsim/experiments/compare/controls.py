"""What a recording is compared against: the same without training, and without recurrence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cortexsim.analysis.movie.while_recording import movie_while_recording
from cortexsim.errors import AnalysisError, CortexsimError
from cortexsim.experiments.compare.recorded import Shown, held, open_shown
from cortexsim.experiments.networks import Choice, control, named
from cortexsim.experiments.stimuli import stimuli_named
from cortexsim.leftovers import scratch
from cortexsim.models.foreign.published import PUBLISHED, published_model
from cortexsim.models.foreign.wrap import weights_sha256
from cortexsim.models.network import Network
from cortexsim.models.preprocessing import preprocessing_of
from cortexsim.models.spec import Spec
from cortexsim.models.weights import bundled, split_seed, with_seed
from cortexsim.models.weights import sha256 as file_sha256
from cortexsim.models.zoo import TWIN, ZOO
from cortexsim.recording.network import recorder_of
from cortexsim.recording.settings import Settings
from cortexsim.stimuli.forms import flash
from cortexsim.stimuli.images import check
from cortexsim.stimuli.presentation import Presentation
from cortexsim.timeaxis import TimeAxis

if TYPE_CHECKING:
    import xarray

INSTEAD = "leave the control out (e.g. --nulls static)"
MEMORY = 2000 << 20  # bytes of activations that the movie of a control holds

CONTROLS = {
    "static": (
        "every step a copy of the first pass: the step at which the state was first populated"
    ),
    "shuffled": "the same steps in random orders",
    "untrained": "the same network with fresh weights",
    "twin": (
        "the feed-forward twin: as many parameters, no lateral or feedback transitions, trained in "
        "the same way"
    ),
}
OWN_WEIGHTS = "are the weights of the recording itself"
NETWORKS = ("untrained", "twin")
NULLS = ("static", *NETWORKS)  # steps in random orders are always there: they cost nothing


def rerun(
    known: dict[str, Any],
    which: str,
    folder: Path,
    *,
    stimuli: str | None,
    measure: str | None,
    seed: int = 0,
) -> Path:
    """Show what a recording showed to the untrained network or to the twin.

    Parameters
    ----------
    known : dict
        The configuration of the recording.
    which : str
        ``untrained`` or ``twin``, or a published network, whose blocks by depth stand for the
        states of the recording.
    folder : Path
        Where the result goes.
    stimuli : str, optional
        Where the images of the recording are, if they are not where they were.
    measure : str, optional
        Of the RDM movie that is made; None: a recording is made.
    seed : int
        Of the weights of the untrained network, unless they are those of the recording
        (:func:`fresh_seed`).

    Returns
    -------
    Path
        The path of the movie or of the recording.

    Raises
    ------
    AnalysisError
        If the images are other images (by sha256), and if there is no such network.
    """
    check_controls(known, (which,))
    if which == "untrained":
        seed = fresh_seed(known, seed)
    images, out = known["stimuli"], folder / f"{which}.zarr"
    choice = _network(known, which, seed)
    try:
        limit = images["count"] + len(images["skipped"])
        shown, sha256 = check(
            stimuli_named(stimuli or images["name"], limit=limit),
            skip_unreadable=bool(images["skipped"]),
        )
        _check_images(sha256, known, which)
        net, preprocessing = choice.ready(shown, known["steps"])
        settings = _settings(known, seed if which == "untrained" else known["seed"])
        recorder = recorder_of(
            net, shown, settings=settings, preprocessing=preprocessing, device="auto"
        )
        if measure is None:
            return recorder.run(out, sha256)
        movie_while_recording(recorder, measure, out, sha256, memory=MEMORY)
    except OtherImagesError:
        raise
    except CortexsimError as error:
        raise AnalysisError(
            f"the {which} network could not be shown the stimuli of the recording: {error}. "
            f"Give --stimuli, or {INSTEAD}"
        ) from error
    return out


class OtherImagesError(AnalysisError):
    """The stimuli of a control are not those of the recording."""


def check_controls(known: dict[str, Any], nulls: Sequence[str]) -> None:
    """AnalysisError for a control that there is not, before anything is run."""
    for which in nulls:
        if reason := why_not(known, which):
            raise AnalysisError(f"{reason}; {INSTEAD}")


def why_not(known: dict[str, Any], which: str) -> str | None:
    """Why a control of a recording cannot be made; None if it can.

    Parameters
    ----------
    known : dict
        The configuration of the recording.
    which : str
        ``static``, ``untrained`` or ``twin``, or a published network.
    """
    if which in PUBLISHED:
        states, most = len(known["states"]), PUBLISHED[which].last + 1
        return (
            f"{which} has {most} blocks to stand for states, the recording {states} states"
            if states > most
            else None
        )
    if which not in NETWORKS:
        return None
    name, described = str(known["model"]), known["network"]
    height, width = known["preprocessing"]["size"]
    ours = which == "untrained" and described.get("pre_net", "custom") != "custom"
    if name not in ZOO and not ours:
        return (
            f"the recording is of {name!r}, which is no network of the zoo, so there is no "
            f"{which} of it"
        )
    if which == "twin" and (reason := _why_no_twin(name, known["weights_sha256"])):
        return reason
    if height != width:
        return (
            f"the recording is of images of {height} x {width} pixels, which a control cannot "
            "repeat"
        )
    return None


def possible_controls(known: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The controls that can be made of a recording, and why each of the others cannot.

    Parameters
    ----------
    known : dict
        The configuration of the recording.

    Returns
    -------
    tuple of str, dict of str to str
        Of ``static``, ``untrained`` and ``twin``.
    """
    reasons = {which: why_not(known, which) for which in NULLS}
    skipped = {which: reason for which, reason in reasons.items() if reason}
    return tuple(which for which in NULLS if which not in skipped), skipped


def controls_of(known: dict[str, Any], nulls: Sequence[str], seed: int) -> dict[str, str]:
    """What each control is, in words; of the untrained network also its seed.

    Parameters
    ----------
    known : dict
        The configuration of the recording.
    nulls : sequence of str
        Of ``CONTROLS``.
    seed : int
        That was asked for.
    """
    said = {which: CONTROLS[which] for which in nulls}
    if "untrained" in said:
        drawn = fresh_seed(known, seed)
        said["untrained"] += f", seed {drawn}"
        if drawn != seed:
            said["untrained"] += f" (those of seed {seed} {OWN_WEIGHTS})"
    return said


def fresh_seed(known: dict[str, Any], seed: int) -> int:
    """The seed of the untrained control: the first from ``seed`` on with other weights.

    A network that was never trained is itself drawn from a seed; from the same one its control
    would be the network once more.

    Parameters
    ----------
    known : dict
        The configuration of the recording.
    seed : int
        That was asked for.

    Raises
    ------
    AnalysisError
        If no seed gives other weights.
    """
    own = (str(known["model"]), known.get("drawn_sha256"))
    for drawn in range(seed, seed + 10):
        net = _network(known, "untrained", drawn).net
        named_so = own[0].endswith(f", untrained, seed {drawn}")
        if not named_so and own[1] != weights_sha256(cast("Network", net)):
            return drawn
    raise AnalysisError(
        f"the weights of {own[0]} are the same whatever the seed, so an untrained control would be "
        f"the network itself; {INSTEAD}"
    )


def _network(known: dict[str, Any], which: str, seed: int) -> Choice:
    """The network of a control: published, of the zoo, or the recording's own, untrained."""
    name, size = str(known["model"]), known["preprocessing"]["size"][0]
    if which in PUBLISHED:
        net = published_model(which, known["states"])
        return Choice(net, preprocessing_of(net)[0])
    if which == "twin":
        return named(_twin_of(name), steps=known["steps"], size=size)
    if name in ZOO:
        return named(name, size=size, untrained=True, seed=seed)
    return control(Spec.from_dict(known["network"]), name, size=size, seed=seed)


def _settings(known: dict[str, Any], seed: int) -> Settings:
    """How the recording was made, its batches and its compression apart.

    The twin has the image on at every step; where the recording flashed it or masked it, so does
    the twin.
    """
    axis, presented = TimeAxis.from_dict(known["time_axis"]), known["presentation"]
    return Settings(
        steps=known["steps"],
        states=tuple(known["states"]),
        keep=known["keep"],
        dtype=known["dtype"],
        presentation=repeated(presented, axis.step_ms),
        time_axis=axis,
        seed=seed,
        round_to_steps=presented.get("round_to_steps", False),
        mask_seed=presented.get("mask_seed", 0),
    )


def repeated(presented: dict[str, Any], step_ms: float) -> Presentation | None:
    """The presentation that a recording stored; those of earlier versions have steps of a flash.

    >>> repeated({"on_steps": 2}, 25.0).events[0].duration_ms, repeated({}, 25.0)
    (50.0, None)
    """
    if on := presented.get("on_steps"):
        return flash(on * step_ms)
    return Presentation.from_dict(presented) if "events" in presented else None


def _twin_of(name: str) -> str:
    """The feed-forward twin of bundled weights, trained from the same seed.

    >>> _twin_of("cortex4-seed2")
    'cortex4-twin-seed2'
    """
    network, seed = split_seed(name)
    return with_seed(f"{network}{TWIN}", seed)


def _why_no_twin(name: str, weights: str | None) -> str | None:
    """Why there is no twin that was trained as the network of these weights was, if so."""
    try:
        bundled(_twin_of(name))
    except CortexsimError as error:
        network, seed = split_seed(name)
        how = f" --seed {seed} --name {_twin_of(name)}" if seed else ""
        return (
            f"there are no weights of the feed-forward twin of {name} ({error}): train them with "
            f"'cortexsim train --model {network}{TWIN}{how}' and copy them beside the others"
        )
    if weights != file_sha256(bundled(name)):
        return (
            f"the recording is of other weights of {name} than the bundled ones, and a twin is a "
            "control only if it was trained in the same way"
        )
    return None


def _check_images(sha256: str, known: dict[str, Any], which: str) -> None:
    """OtherImagesError unless the images are those of the recording."""
    recorded = known["stimuli"]["sha256"]
    if sha256 != recorded:
        raise OtherImagesError(
            f"the {which} network saw other images than the recording (sha256 {sha256[:12]}... "
            f"instead of {recorded[:12]}...); give the folder or file that was recorded with "
            "--stimuli"
        )


def beside_controls(
    shown: Shown,
    fitted: Callable[[Shown], xarray.Dataset],
    *,
    nulls: Sequence[str],
    stimuli: str | None,
    seed: int,
) -> xarray.Dataset:
    """What ``fitted`` makes of a recording and of its controls, along ``network``.

    Parameters
    ----------
    shown : Shown
        The recording, which comes first.
    fitted : callable
        Of a recording: a Dataset with ``evaluation``.
    nulls : sequence of str
        The controls, of ``static`` and ``NETWORKS``.
    stimuli : str, optional
        See :func:`rerun`.
    seed : int
        See :func:`rerun`.
    """
    import xarray

    networks = {shown.name: fitted(shown)}
    if "static" in nulls:
        networks["static"] = held(next(iter(networks.values())))
    with scratch() as folder:
        for which in (n for n in nulls if n in NETWORKS):
            path = rerun(shown.known, which, folder, stimuli=stimuli, measure=None, seed=seed)
            networks[which] = fitted(open_shown(str(path)))
    together = xarray.concat(
        list(networks.values()),
        dim="network",
        data_vars="all",
        coords="minimal",
        compat="override",
        join="outer",
        combine_attrs="override",
    )
    return together.assign_coords(network=list(networks))
