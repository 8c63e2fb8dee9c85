"""Raw errors name the argument that does not fit; errors that are our own fault stay."""

import inspect
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import cortexsim
from cortexsim import analysis, models, plotting, stimuli
from cortexsim.arguments import clear_errors
from cortexsim.errors import AnalysisError, CortexsimError, GraphError, StimulusError


@clear_errors
def halved(count: int, names: tuple[str, ...] = (), *, values=None):
    """Half of it.

    Parameters
    ----------
    count : int
        A number.
    names : tuple of str
        Names.
    values : array of shape (n,), optional
        Numbers.
    """
    return count / 2 + sum(map(len, names)) + (0 if values is None else float(values[0][0]))


@pytest.mark.parametrize(
    ("arguments", "named", "said"),
    [
        (("2",), {}, r"halved: count is '2'; a whole number is needed"),
        ((None,), {}, r"halved: count is None; a whole number is needed"),
        ((2, 5), {}, r"halved: names is 5; a tuple is needed"),
        ((2, ("a", 5)), {}, r"names is a list whose entry 1 is 5; a text is needed"),
        ((2,), {"values": object()}, r"values is no array of numbers"),
        ((2,), {"values": np.zeros((0,))}, r"values is empty: its shape is \(0,\)"),
        ((2,), {"values": torch.zeros(2, device="meta")}, r"values is no array of numbers"),
    ],
)
def test_the_argument_is_named(arguments, named, said):
    with pytest.raises(AnalysisError, match=said) as raised:
        halved(*arguments, **named)
    assert raised.value.__cause__ is not None, "the raw error is kept"


def test_what_fits_and_fails_is_a_fault_of_ours_and_stays():
    with pytest.raises(IndexError):
        halved(2, values=np.ones(3))


def test_sound_calls_and_signatures_are_as_before():
    assert halved(4, ("a",)) == 3
    assert list(inspect.signature(halved).parameters) == ["count", "names", "values"]
    assert halved.__doc__.startswith("Half of it.")


def test_python_says_itself_which_argument_is_missing():
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        halved()


def test_settings_are_looked_into():
    @clear_errors
    @dataclass(frozen=True)
    class Pair:
        first: int
        second: int = 3

        def __post_init__(self):
            if self.first < self.second:
                raise AnalysisError("first is below second")

    assert Pair(4).first == 4
    with pytest.raises(AnalysisError, match="first is below second"):
        Pair(2)
    with pytest.raises(AnalysisError, match="Pair: second is '3'; a whole number is needed"):
        Pair(4, "3")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: analysis.jacobian([], 3, [3]), AnalysisError, "net is"),
        (lambda: models.twin(3), GraphError, "twin: net is 3; a Network or a Spec is needed"),
        (lambda: stimuli.flash("50"), StimulusError, "on_ms is '50'; a number is needed"),
        (lambda: plotting.mds(None), CortexsimError, "the RDMs are of type object"),
        (lambda: cortexsim.open_recording(5), CortexsimError, "path is 5"),
        (lambda: analysis.softmax(np.array(["2020"], "M8[D]")), AnalysisError, "real numbers"),
        (lambda: analysis.comparable_taus(), AnalysisError, "it was given none"),
    ],
)
def test_public_functions_say_it(call, error, said):
    with pytest.raises(error, match=said):
        call()
