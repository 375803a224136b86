"""What all tables share: the metadata with its names for keys and indexes, and indexes over a part of the rows."""

from __future__ import annotations

from sqlalchemy import Index, MetaData, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def partial_index(name: str, *columns: str, only: str) -> Index:
    """Return an index over the rows of which the condition `only` (SQL of both databases) is true."""
    return Index(name, *columns, sqlite_where=text(only), postgresql_where=text(only))
