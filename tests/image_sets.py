"""What the tests of image sets share."""

import numpy as np
import torch

from cortexsim.stimuli.datasets import ImageSet


def holds(images: ImageSet, x: np.ndarray, y: np.ndarray, split: int) -> bool:
    """Whether a set holds the images ``x`` (n, y, x, 3) and labels ``y``, the first ``split`` of
    them for training.
    """
    parts = [
        (images.train_x, images.train_y, slice(0, split)),
        (images.test_x, images.test_y, slice(split, None)),
    ]
    return all(
        bx.dtype == torch.uint8
        and by.dtype == torch.int64
        and np.array_equal(np.moveaxis(bx.numpy(), 1, 3), x[part])
        and np.array_equal(by.numpy(), y[part])
        for bx, by, part in parts
    )
