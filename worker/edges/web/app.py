"""The web application: which path leads where, and what begins and ends with the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import metadata
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from worker.delivery.preparing import Preparing
from worker.delivery.viewing import Viewing
from worker.edges.acting import note_sign_in
from worker.edges.gathering import Gathering
from worker.edges.web.backlog import BacklogPage
from worker.edges.web.composed import Composed
from worker.edges.web.confirm import Confirm
from worker.edges.web.coupons import CouponPage
from worker.edges.web.docs import Docs
from worker.edges.web.ended_sessions import EndedSessions
from worker.edges.web.error_pages import FOR_PROGRAMS, ErrorPages
from worker.edges.web.floods import Floods
from worker.edges.web.flow_files import FlowFiles
from worker.edges.web.flow_pages import FlowPages
from worker.edges.web.forms import FormGuard
from worker.edges.web.frame import Frame, may_enter
from worker.edges.web.headers import SecurityHeaders
from worker.edges.web.health import Health
from worker.edges.web.hit_recording import HitRecorder
from worker.edges.web.home import Home
from worker.edges.web.ingest import Ingest
from worker.edges.web.keys import Keys
from worker.edges.web.metrics import Metrics
from worker.edges.web.openapi import openapi
from worker.edges.web.outbox import Outbox
from worker.edges.web.overview import Overviews
from worker.edges.web.people import PersonPage
from worker.edges.web.preferences import PreferencePages
from worker.edges.web.provider_webhooks import provider_webhooks
from worker.edges.web.recording import RefusalRecorder, drain_again_and_again
from worker.edges.web.rendering import Pages
from worker.edges.web.sessions import Sessions
from worker.edges.web.signin import SignInPages
from worker.edges.web.stock import StockPage
from worker.edges.web.strangers import Strangers
from worker.edges.web.survey import SurveyPage
from worker.edges.web.task_list import TaskList
from worker.edges.web.task_page import TaskPage
from worker.edges.web.telling import Teller
from worker.edges.web.tracking import Tracking, TrackingFirst
from worker.edges.web.unsubscribe import Unsubscribe
from worker.edges.web.view import View
from worker.edges.web.writable import Writable
from worker.engine.tasks import Tasks
from worker.storage.backlog import Backlogs
from worker.storage.probe import probe_writing

DRAIN_EVERY = 5.0  # seconds between two looks at the spool
SCRAPES = 20  # a second, of the figures
CLOSES_WITHIN = 2.0  # seconds that each writer may take to end


def build_app(house: Composed) -> Starlette:
    """Return the application; its writers start with it, and end when its lifespan does."""
    settings = house.settings
    spool = settings.var / "spool"
    pages = Pages(settings)
    teller = Teller(house.queue.enqueue)
    writable = Writable(partial(probe_writing, house.database))
    strangers = Strangers(settings.limits.strangers_per_minute)
    keys = Keys(house.secrets.source_of, settings.intake.requests_per_second, strangers)
    ingest = Ingest(settings, keys, house.database, house.clock, teller, writable, house.precedence)
    hits = HitRecorder(house.database, spool, teller, settings.tracking.journal)
    refusal_confirmed = settings.policy.refusal_confirmed
    refusals = RefusalRecorder(house.database, spool, teller, house.clock, confirmed=refusal_confirmed)
    providers = provider_webhooks(house, teller, strangers)
    backlog = BacklogPage(
        keys,
        house.database,
        house.clock,
        house.flowbook,
        Backlogs(settings.shop.timezone, house.seasons),
    )
    stock = StockPage(settings.intake, keys, house.database, house.clock, house.flowbook, teller.tell)
    coupons = CouponPage(keys, house.database, house.clock)
    person = PersonPage(house, keys)
    tracking = Tracking(house.tokens, hits, house.clock, pages, house.secrets.signing[0])
    unsubscribe = Unsubscribe(house.tokens, refusals, house.database, house.clock, pages)
    confirm = Confirm(house.tokens, house.database, house.clock, pages, teller.tell)
    survey = SurveyPage(settings.surveys, house.tokens, house.database, house.clock, pages, teller.tell)
    preferences = PreferencePages(settings, house.tokens, house.database, house.clock, pages, teller.tell)
    view = View(house.tokens, Viewing(house.database, Preparing(settings, house.templates, house.tokens)), pages)
    zone = ZoneInfo(settings.shop.timezone)
    signing = house.secrets.signing
    knows = partial(may_enter, house.staff)
    ended = EndedSessions(house.database, house.clock)
    sessions = Sessions(signing, settings.url, settings.pages.session_days, house.clock, knows, ended.holds)
    frame = Frame(pages, sessions, FormGuard(signing, settings.url), house.staff, lambda: house.captures_mail)
    noted = partial(note_sign_in, house.database, house.clock)
    signin = SignInPages(frame, house.tokens, house.staff, house.clock, settings.pages.link_days, noted, ended.end)
    overviews = Overviews(house.database, house.flowbook, zone, FlowFiles(house, house.beside_flows).errors)
    home = Home(frame, overviews, house.tokens, house.clock, settings.url, zone)
    task_list = TaskList(frame, house.database, house.tokens, house.clock, settings.url, zone)
    flow_pages = FlowPages(frame, house.database, house.flowbook, house.clock, zone)
    outbox = Outbox(settings.var / "outbox", settings, frame)
    task_page = TaskPage(
        frame,
        house.tokens,
        Tasks(house.database, settings, house.staff),
        house.staff,
        house.database,
        house.clock,
        house.queue.enqueue,
    )
    health = Health(house.database, house.queue, writable, house.clock, spool)
    gathering = Gathering(house.database, house.flowbook, house.clock, house.queue, settings.var)
    metrics_keys = Keys(house.metrics_keys.source_of, SCRAPES, strangers)
    metrics = Metrics(gathering.gather, health.fault, house.metrics_keys, metrics_keys)
    docs = Docs(openapi(settings, metadata.version("phin")))
    errors = ErrorPages(frame)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        draining = asyncio.create_task(
            drain_again_and_again(spool, house.database, teller, house.clock, DRAIN_EVERY, confirmed=refusal_confirmed),
            name="draining",
        )
        following = asyncio.create_task(ended.follow(), name="who signed out")
        yield
        for task in (draining, following):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(*(asyncio.to_thread(one.close, CLOSES_WITHIN) for one in (ingest, hits, refusals)))
        await asyncio.to_thread(teller.close, CLOSES_WITHIN)  # last: what the others committed is told
        unsubscribe.close()
        providers.close()
        confirm.close()
        preferences.close()
        survey.close()
        view.close()
        metrics.close()
        health.close()

    app = TrackingFirst(
        tracking,
        routes=[
            Route("/v1/events", ingest.post, methods=["POST"]),
            Route("/v1/backlog", backlog.get, methods=["GET"]),
            Route("/v1/stock", stock.post, methods=["POST"]),
            Route("/v1/coupons/{code:path}", coupons.get, methods=["GET"]),
            Route("/v1/customers/{customer:path}", person.get, methods=["GET"]),
            Route("/v1/customers/{customer:path}", person.delete, methods=["DELETE"]),
            Route("/v1/providers/{provider}", providers.post, methods=["POST"]),
            Route("/c/{token}", tracking.no_link, methods=["GET"]),  # good ones are answered before
            Route("/u/{token}", unsubscribe.show, methods=["GET"]),
            Route("/u/{token}", unsubscribe.post, methods=["POST"]),
            Route("/y/{token}", confirm.show, methods=["GET"]),
            Route("/y/{token}", confirm.post, methods=["POST"]),
            Route("/a/{token}", survey.show, methods=["GET"]),
            Route("/a/{token}", survey.post, methods=["POST"]),
            Route("/p/{token}", preferences.show, methods=["GET"]),
            Route("/p/{token}", preferences.post, methods=["POST"]),
            Route("/v/{token}", view.show, methods=["GET"]),
            Route("/outbox", outbox.list, methods=["GET"]),
            Route("/outbox/{name}", outbox.list, methods=["GET"]),
            Route("/outbox/{name}/html", outbox.html, methods=["GET"]),
            Route("/outbox/{name}/source", outbox.source, methods=["GET"]),
            Route("/healthz", health.alive, methods=["GET"]),
            Route("/readyz", health.ready, methods=["GET"]),
            Route("/metrics", metrics.get, methods=["GET"]),
            Route("/docs", docs.page, methods=["GET"]),
            Route("/openapi.json", docs.openapi, methods=["GET"]),
            Route("/static/{name}", docs.static, methods=["GET"]),
            Route("/s/{token}", signin.show, methods=["GET"]),
            Route("/s/{token}", signin.post, methods=["POST"]),
            Route("/t/{token}", task_page.show, methods=["GET"]),
            Route("/t/{token}", task_page.post, methods=["POST"]),
            Route("/tasks", task_list.page, methods=["GET"]),
            Route("/signout", signin.leave, methods=["POST"]),
            Route("/flows/{name}", flow_pages.page, methods=["GET"]),
            Route("/", home.page, methods=["GET"]),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(
                Floods,
                tokens=house.tokens,
                sessions=sessions,
                pages=pages,
                strangers=strangers,
                per_link=settings.limits.link_per_minute,
                for_programs=FOR_PROGRAMS,
            ),
        ],
        exception_handlers={HTTPException: errors.refused, 500: errors.failed},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # such a redirect would lead to whatever host the request names
    return app
