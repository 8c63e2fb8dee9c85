"""A sample of ``make faults``: every kind of damage to every kind of output, counted."""

import pytest
from damages import KINDS, rows
from outputs import OUTPUTS


@pytest.fixture(scope="module")
def table():
    """As many damages as there are kinds, of each output."""
    return list(rows(count=len(KINDS) * len(OUTPUTS), seed=1))


@pytest.mark.slow
def test_no_damage_is_silent_or_raw_and_all_is_found_by_verifying(table):
    assert [text for row in table for text in row.failures] == []


@pytest.mark.slow
def test_every_output_was_damaged_and_most_of_it_was_noticed_on_reading(table):
    assert [row.of for row in table] == [output.name for output in OUTPUTS]
    assert {row.rounds for row in table} == {len(KINDS)}
    assert sum(row.counts["clear error"] for row in table) > len(OUTPUTS)
