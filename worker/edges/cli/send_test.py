"""`phin send-test`: a template as a mail to oneself, marked, and counted nowhere."""

from __future__ import annotations

from dataclasses import replace

import click

from worker.delivery.outbox import OutboxTransport, file_name
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Transport
from worker.domain.addresses import normalise_address
from worker.domain.errors import PhinError
from worker.domain.relays import named_urls
from worker.domain.settings import Settings
from worker.edges.banner import near
from worker.edges.cli.preview import opened_home, whose_mail
from worker.edges.dkim_keys import dkim_signer
from worker.edges.previews import make_preview
from worker.edges.terminal import harmless
from worker.rehearsal.mail_to_oneself import hand_over, mail_to_oneself
from worker.rehearsal.previewing import Asked


@click.command(short_help="Send a template to yourself, marked as a test.")
@click.argument("template")
@click.option("--to", required=True, metavar="ADDRESS", help="Your own e-mail address.")
@click.option("--relay", metavar="NAME", help="By which relay, where smtp_url names several; by default the first.")
@whose_mail
def send_test(template: str, to: str, relay: str | None, **whose: str | None) -> None:
    """Send TEMPLATE to yourself, with a customer's real data, or with a made-up customer where none is named.

    The subject is marked, links are plain, and nothing of it is counted: no message, no opens, no clicks. It goes out
    by smtp_url, or into the outbox where there is none.
    """
    home = opened_home("send-test")
    settings = home.settings
    try:
        address = normalise_address(to)
    except ValueError as error:
        raise PhinError(f"--to cannot be used: {error}") from error
    seen = make_preview(home, Asked(template, **whose))
    wanted = whose.get("language")
    if wanted is not None and seen.language != wanted:
        click.echo(f"There is no text of '{template}' in '{wanted}'; this is the one in '{seen.language}'.", err=True)
    transport, called = _transport(settings, relay)
    mail = mail_to_oneself(seen, address, settings.shop, seen.scene.facts.now)
    signer = dkim_signer(settings, home.environment)
    if signer is not None:
        mail = replace(mail, content=signer.sign(mail.content, seen.scene.facts.now))
    answer = hand_over(transport, mail, called)
    if settings.smtp_url is None:
        captured = settings.var / "outbox" / file_name(mail)
        click.echo(f"Captured, as no smtp_url is set; nothing left this machine: {near(captured)}")
        click.echo(f"phin up shows it at {settings.url}/outbox/{file_name(mail)}")
    else:
        click.echo(f"Sent to {address} by {called}: {answer.code} {harmless(answer.text)}".rstrip())


def _transport(settings: Settings, relay: str | None) -> tuple[Transport, str]:
    """Return a transport of its own, and how it is called.

    Raises:
        PhinError: there is no relay of that name.
    """
    if settings.smtp_url is None:
        return OutboxTransport(settings.var / "outbox"), "the outbox"
    urls = named_urls(settings.smtp_url)
    if relay is not None and relay not in urls:
        raise PhinError(f"no relay is called '{relay}'; smtp_url (PHIN_SMTP_URL) has: {', '.join(urls)}")
    transport = SmtpTransport(urls[relay or next(iter(urls))], timeout=settings.sending.timeout)
    return transport, str(transport.relay)


commands = (send_test,)
