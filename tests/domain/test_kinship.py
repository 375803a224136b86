"""Families of keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.domain.kinship import Kinship

GROUPS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3), max_size=12)


@given(GROUPS)
def test_two_keys_are_of_one_family_where_a_chain_of_groups_leads_from_one_to_the_other(
    groups: list[list[str]],
) -> None:
    """Given groups of keys, when they are joined, then families are what can be reached by steps within groups."""
    kin = Kinship(groups)
    for key in kin.keys:
        reached = {key}
        while more := {k for group in groups if reached & set(group) for k in group} - reached:
            reached |= more
        assert {other for other in kin.keys if kin.of(other) == kin.of(key)} == reached


@given(GROUPS, GROUPS)
def test_joining_tells_which_keys_are_new(first: list[list[str]], second: list[list[str]]) -> None:
    """Given some groups, when others are joined to them, then exactly the keys that were not there are returned."""
    kin = Kinship(first)
    before = kin.keys
    assert kin.join(second) == kin.keys - before == {key for group in second for key in group} - before
