"""The order of labelled images: whether they lie class by class, and an order in which they do not.

What is done with the first so many images (a trial on few, statistics of normalisation) or the last
(held out) means images of all classes; files of folders and sorted arrays lie class by class.
"""

from __future__ import annotations

import numpy as np


def class_by_class(labels: np.ndarray) -> bool:
    """Whether neighbours differ in their label less than half as often as in a mixed order.

    In a mixed order of n images, of which class c has the share p_c, (n - 1) (1 - sum p_c^2) of the
    neighbours differ. Also true where each class lies in one piece, however few its images are.

    Parameters
    ----------
    labels : array of shape (image,)
        The class of each image: numbers or names.

    Returns
    -------
    bool
        False for images of one class, and for fewer than three.

    Examples
    --------
    >>> class_by_class(np.repeat([0, 1, 2], 5)), class_by_class(np.tile([0, 1, 2], 5))
    (True, False)
    """
    labels = np.asarray(labels)
    if len(labels) < 3:
        return False
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    if len(shares) in (1, len(labels)):
        return False
    expected = (len(labels) - 1) * (1 - (shares**2).sum())
    changes = int((labels[1:] != labels[:-1]).sum())
    return changes == len(shares) - 1 or bool(changes < expected / 2)


def in_turn(labels: np.ndarray) -> np.ndarray:
    """An order in which every beginning holds the classes in about their shares of all.

    The k-th of the n_c images of a class comes at (k + 1/2) / n_c of the way, so that images of one
    class keep their order.

    Parameters
    ----------
    labels : array of shape (image,)
        The class of each image: numbers or names.

    Returns
    -------
    array of int, shape (image,)
        Their places, in the new order.

    Examples
    --------
    >>> in_turn(np.array([0, 0, 0, 0, 1, 1])).tolist()
    [0, 4, 1, 2, 5, 3]
    """
    numbers = np.unique(np.asarray(labels), return_inverse=True)[1]
    way = np.empty(len(numbers))
    for number in range(numbers.max(initial=-1) + 1):
        places = np.flatnonzero(numbers == number)
        way[places] = (np.arange(len(places)) + 0.5) / len(places)
    return np.lexsort((numbers, way))


def some_of(labels: np.ndarray, count: int) -> np.ndarray:
    """So many images that stand for all: the first ones, where images lie class by class in turn.

    Parameters
    ----------
    labels : array of shape (image,)
        The class of each image: numbers or names.
    count : int
        How many; all if there are fewer.

    Returns
    -------
    array of int, shape (min(count, image),)
        Their places.

    Examples
    --------
    >>> some_of(np.array([0, 0, 0, 0, 1, 1]), 3).tolist()
    [0, 4, 1]
    """
    return (in_turn(labels) if class_by_class(labels) else np.arange(len(labels)))[:count]
