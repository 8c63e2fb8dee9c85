"""What is said where CIFAR is neither there nor to be had."""

import pytest

from cortexsim.errors import StimulusError
from cortexsim.stimuli import cifar
from cortexsim.stimuli.images import load_stimuli


def test_no_option_is_advised_that_the_caller_may_not_have(monkeypatch, tmp_path):
    from torchvision import datasets

    def offline(*_, **__):
        raise OSError("no connection")

    monkeypatch.delenv("CORTEXSIM_DATA", raising=False)
    monkeypatch.setenv("CORTEXSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(datasets.CIFAR10, "download", offline)
    for load in (lambda: load_stimuli("cifar10"), lambda: cifar.cifar("cifar10")):
        with pytest.raises(StimulusError, match=r"an \.npz in place of cifar10") as error:
            load()
        assert "--" not in str(error.value)


def test_what_is_no_benchmark_is_not_advised_as_one():
    with pytest.raises(StimulusError, match="no stimuli at 'cifar100'") as error:
        load_stimuli("cifar100")
    assert "load('cifar100')" not in str(error.value)
