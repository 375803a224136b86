"""The names of the coupons that published flows give."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from worker.domain.flows import Flow
from worker.domain.steps import Coupon, walk
from worker.storage import flows
from worker.storage.flowbook import FlowBook


def coupons_of(published: Iterable[Flow]) -> frozenset[str]:
    """Return the names of the coupons that flows give."""
    return frozenset(step.coupon for flow in published for step in walk(flow.steps) if isinstance(step, Coupon))


def coupons_of_flows(connection: Connection, flowbook: FlowBook) -> frozenset[str]:
    """Return the names of the coupons that the published flows give, those that are paused too."""
    versions = [flowbook.version(connection, row.version.id) for row in flows.all_flows(connection)]
    return coupons_of(version.flow for version in versions if version is not None)
