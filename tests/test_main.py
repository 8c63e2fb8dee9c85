"""What the doors answer to a mistyped verb or option, and what they list."""

import subprocess
import sys

import pytest

from cortexsim import __version__
from cortexsim.models.weights import weights_folder


def cortexsim(*arguments):
    command = [sys.executable, "-m", "cortexsim", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def test_the_version_is_one_line():
    done = cortexsim("--version")
    assert (done.returncode, done.stdout) == (0, __version__ + "\n")


def test_a_mistyped_verb_gets_a_suggestion():
    done = cortexsim("recrod")
    assert done.returncode == 2
    assert "there is no verb 'recrod'; did you mean record?" in done.stderr
    assert "did you mean" not in cortexsim("xyzzy").stderr


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("record", "--stimli", "sample"), "--stimuli for --stimli"),
        (("train", "--epocs=3"), "--epochs for --epocs=3"),
        (("models", "--traned"), "--trained for --traned"),
    ],
)
def test_a_mistyped_option_gets_a_suggestion(arguments, meant):
    done = cortexsim(*arguments)
    assert done.returncode == 2
    assert f"did you mean {meant}?" in done.stderr


@pytest.mark.slow
def test_trained_models_are_those_whose_weights_are_bundled():
    done = cortexsim("models", "--trained")
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == sorted(f.stem for f in weights_folder().glob("*.safetensors"))
    assert {"cortex4", "cortex4-twin"} <= set(names)
    assert len(cortexsim("models").stdout.splitlines()) > len(names)
