"""`phin signin` prints a link for a person of the staff, and for nobody else."""

from __future__ import annotations

import pytest

from worker.domain.errors import PhinError
from worker.domain.staff import Person, Staff, nobody
from worker.edges.cli.signin import chosen
from worker.edges.web.frame import OWNER, may_enter

STAFF = Staff(people={key: Person(key, key.title(), f"{key}@thecoffee.example") for key in ("hoa", "minh")})


def test_the_first_of_the_staff_is_meant_where_nobody_is_named() -> None:
    """Given no name, then it is the first in the file; in a shop without staff it is the owner."""
    assert chosen(STAFF, None) == "hoa"
    assert chosen(STAFF, "minh") == "minh"
    assert chosen(nobody(), None) == OWNER


@pytest.mark.parametrize(
    ("staff", "person", "told"),
    [
        (STAFF, "mihn", "did you mean 'minh'?"),
        (STAFF, "x", "there are: hoa, minh"),
        (STAFF, OWNER, "there are: hoa, minh"),
        (nobody(), "hoa", "it names nobody: leave the name out"),
    ],
)
def test_who_is_not_there_gets_no_link(staff: Staff, person: str, told: str) -> None:
    """Given a name that is not in the file, then the error says whom there is."""
    with pytest.raises(PhinError) as error:
        chosen(staff, person)
    assert told in str(error.value)
    assert not may_enter(lambda: staff, person)
