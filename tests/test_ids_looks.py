"""Ids that print alike and are not the same are explained, with the codes of their characters."""

import pytest

from cortexsim.errors import AnalysisError
from cortexsim.ids import align


@pytest.mark.parametrize(
    ("have", "want", "code"),
    [
        ("a", "\u0430", r"\\u0430"),  # Cyrillic
        ("O1", "\u039f1", r"\\u039f"),  # Greek
        ("a1", "a\uff11", r"\\uff11"),  # full width
        ("a", "a\u200b", r"\\u200b"),  # a space of no width
        ("ab", "a\xadb", r"\\xad"),  # a soft hyphen
        ("a-1", "a\u22121", r"\\u2212"),  # a minus
    ],
)
def test_ids_that_print_alike_are_explained_and_not_matched(have, want, code):
    for first, second in ((have, want), (want, have)):
        with pytest.raises(AnalysisError, match=f"look alike, or that nobody sees.*{code}"):
            align([first, "other"], [second])


def test_two_ids_that_become_one_are_not_blamed_on_their_looks():
    with pytest.raises(AnalysisError, match="Are they of the same set"):
        align(["a", "a\u200b"], ["\u0430"])
