"""`phin signin` prints a link for a person of the staff, and for nobody else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.delivery.test_staff_mails import StaffOffice
from tests.support.clock import HandClock
from tests.support.staffed import STAFF as SHOP_STAFF
from tests.support.staffed import StaffedShop
from tests.support.web import Told
from worker.domain.errors import PhinError
from worker.domain.staff import Person, Staff, StaffOf, nobody
from worker.edges.cli.signin import chosen, write
from worker.edges.web.frame import OWNER, may_enter
from worker.storage.database import Database
from worker.storage.tables import message

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


@dataclass
class WritingHouse:
    """What writing a mail needs of the house."""

    database: Database
    staff: StaffOf
    clock: HandClock = field(default_factory=HandClock)
    queue: Told = field(default_factory=Told)


def test_a_mail_brings_the_link(database: Database, tmp_path: Path) -> None:
    """Given --mail, then the person has a mail in their language with a link that is theirs, and senders are told."""
    shop = StaffedShop(database, base_url="https://mail.the-coffee.example")
    office = StaffOffice(shop, tmp_path)
    house = WritingHouse(database, lambda: SHOP_STAFF)
    write(house, "mai")
    office.send()
    (sent,) = office.bodies()
    (token,) = re.findall(r"https://mail\.the-coffee\.example/s/([\w-]+)", sent[1])
    found = office.tokens.read_staff(token)
    assert found is not None
    assert (found.person, found.issued_at) == ("mai", shop.now)
    assert "Đăng nhập" in sent[1]
    with database.reading() as connection:
        (row,) = connection.execute(select(message))
    assert (row.state, house.queue.all().messages) == ("sent", (row.id,))


def test_an_owner_without_an_address_gets_no_mail(sqlite_database: Database) -> None:
    """Given a shop without staff, then --mail says what is missing."""
    with pytest.raises(PhinError, match="the owner has no address"):
        write(WritingHouse(sqlite_database, nobody), OWNER)


def test_a_broken_file_makes_nobody_the_owner() -> None:
    """Given a staff.yaml that cannot be used and no good one before, then nobody gets a link, nor in by an old one."""
    lost = Staff(lost=True)
    assert not may_enter(lambda: lost, OWNER)
    with pytest.raises(PhinError, match="phin check"):
        chosen(lost, None)
