"""The line to PostgreSQL: each end notices within half a minute that the other is gone.

A machine that loses power, or its network, closes no connection. Without these limits a process would wait for an
answer as long as the kernel tries, a quarter of an hour and more; and the server would keep a lost machine's locks for
two hours, so that the others wait for rows that nobody works on. Whatever the URL, or the server's own configuration,
says of one of them counts instead.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, event

# What libpq asks the kernel for, at our end; a host that is there answers a probe whatever its processes do.
OURS = {
    "connect_timeout": "10",  # seconds, for each address
    "keepalives": "1",
    "keepalives_idle": "15",  # seconds of silence until the first probe
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",  # milliseconds that what was sent may stay unacknowledged
}
# What the server's end of our connections is asked for.
THEIRS = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
    # a transaction of ours waits for nothing but the database; one that stands still belongs to a process that does
    "idle_in_transaction_session_timeout": "60000",
    "client_connection_check_interval": "10000",  # PostgreSQL 14 and later: while a long statement runs
}
_ASK = (
    "SELECT set_config(asked.name, asked.value, false) FROM unnest(%s::text[], %s::text[]) AS asked (name, value) "
    "JOIN pg_settings AS known ON known.name = asked.name WHERE known.source = 'default'"
)


def limited(url: URL) -> URL:
    """Return the URL with the limits of our end that it says nothing of."""
    return url.update_query_dict({name: value for name, value in OURS.items() if name not in url.query})


def limit_theirs(engine: Engine) -> None:
    """Have each new connection ask the server for the limits of its end that nobody has set.

    It asks by a statement, not by the connection's `options`: poolers refuse those.
    """

    @event.listens_for(engine, "connect")
    def _opened(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_ASK, [list(THEIRS), list(THEIRS.values())])
        connection.commit()
