"""Images of another precision than the network's are refused in words."""

import pytest
import torch

import cortexsim
from cortexsim.errors import GraphError


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_another_precision_is_named(dtype):
    net = cortexsim.build("rnn2").train()
    images = torch.zeros(2, 3, 32, 32, dtype=dtype)
    with pytest.raises(GraphError, match=rf"images are {dtype}.*give images.to\(torch.float32\)"):
        list(net.unroll(images, 2))
    with pytest.raises(GraphError, match=r"the weights of the network torch\.float32"):
        net(images)


def test_a_network_in_double_precision_takes_double_images():
    net = cortexsim.build("rnn2").double()
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    assert next(net.unroll(images, 2))[1]["h1"].dtype == torch.float64


def test_autocast_sees_to_it_itself():
    net = cortexsim.build("rnn2")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(net(torch.rand(2, 3, 32, 32))).all()
