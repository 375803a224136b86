"""A person who stands in every table: a row of each that can hold something of a customer, made from its columns."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Date,
    Float,
    LargeBinary,
    Numeric,
    Table,
    Text,
    insert,
    select,
)

from worker.storage.personal import HELD, Held, Whose
from worker.storage.tables import flow_version, metadata
from worker.storage.types import Instant, Json

AT = datetime(2027, 2, 1, 3, 0, tzinfo=UTC)
EMAIL, SHOP_ID, NAME, PHONE = "nguyen.lan@nha-minh.example", "khach-4711", "Nguyễn Thị Lan Hương", "0903 111 222"
TELLING = f"{NAME} {EMAIL} {PHONE} {SHOP_ID} 12 Lý Thường Kiệt"
NEEDLES = (EMAIL, "nguyen.lan", SHOP_ID, NAME, "Lan Hương", PHONE, "Lý Thường Kiệt")
_STATES = {"message": "failed", "webhook": "delivered", "task": "done", "event": "processed", "journey": "failed"}
# The parents of a row, by the column that names them; all have the customer's own number.
_PARENTS = {"journey_id", "message_id", "event_id", "order_id", "task_id", "customer_id", "version_id"}


def stand_everywhere(connection: Connection, number: int, *, telling: str = TELLING, email: str = EMAIL) -> None:
    """Write a row of every table that holds something of a person, with what names them wherever that may stand.

    Parameters:
        number: of the customer, and of every row that is numbered.
        telling: what stands in each text that can name a person.
    """
    version = connection.execute(select(flow_version.c.id)).scalars().first()
    if version is None:
        values = {"flow": "welcome", "number": 1, "meaning": "m", "source": "flow: welcome", "published_at": AT}
        version = connection.execute(insert(flow_version).values(values).returning(flow_version.c.id)).scalar_one()
    for table in metadata.sorted_tables:
        held = HELD[table.name]
        if held.whose is not Whose.NOBODY:
            row = {column.name: _value(table, held, column, number, telling) for column in table.columns}
            row |= {name: version for name in ("version_id",) if name in row}
            row |= _own(table, number, telling, email)
            connection.execute(insert(table).values({name: value for name, value in row.items() if name in table.c}))


def _own(table: Table, number: int, telling: str, email: str) -> dict[str, Any]:
    """Return what cannot be told from a column's type."""
    own: dict[str, Any] = {}
    if "email" in table.c:
        own["email"] = email
    if table.name == "customer":
        own |= {"external_id": f"khach-so-{number}" if email != EMAIL else SHOP_ID, "merged_into": None}
        own |= {
            "erased_at": None,
            "name": telling if email != EMAIL else NAME,
            "phone": PHONE if email == EMAIL else "",
        }
    if table.name == "message":
        own |= {"staff": None, "task_id": None}
    if table.name == "address":
        own |= {"frequency": None, "topics_out": None}
    if table.name == "event":
        shop_id = f"khach-so-{number}" if email != EMAIL else SHOP_ID
        own |= {"customer_key": f"id:{shop_id}", "email_key": f"email:{email}"}
    return own


def _value(table: Table, held: Held, column: Column[Any], number: int, telling: str) -> Any:
    personal = column.name not in held.keep
    if column.name in _PARENTS or column.name == "id":
        return number
    if column.name == "state" and table.name in _STATES:
        return _STATES[table.name]
    if (allowed := _allowed(table, column.name)) is not None:
        return allowed
    kind = column.type
    if isinstance(kind, Instant):
        return AT
    if isinstance(kind, Date):
        return date(1990, 5, 17)
    if isinstance(kind, type(Json)):
        return {"what": telling, "way": "yes"} if personal else {}
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Float):
        return 0.5
    if isinstance(kind, (Numeric,)) or "Money" in type(kind).__name__:
        return Decimal(7)
    if isinstance(kind, LargeBinary):
        return telling.encode()
    if isinstance(kind, Text):
        return f"{column.name} {telling} {number}" if personal else f"{column.name}-{number}"
    return number


def _allowed(table: Table, name: str) -> str | None:
    """Return the first value that the table's rules allow in a column; None where they say nothing of it."""
    for rule in table.constraints:
        if isinstance(rule, CheckConstraint):
            found = re.match(rf"\"?{name}\"? IN \('([^']*)'", str(rule.sqltext))
            if found is not None:
                return found[1]
    return None
