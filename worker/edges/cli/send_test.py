"""`phin send-test`: a template as a mail to oneself, marked, and counted nowhere."""

from __future__ import annotations

from dataclasses import replace

import click

from worker.delivery.outbox import OutboxTransport, file_name
from worker.delivery.smtp import SmtpTransport
from worker.delivery.transport import Transport
from worker.domain.addresses import normalise_address
from worker.domain.errors import PhinError
from worker.domain.settings import Settings
from worker.edges.banner import near
from worker.edges.cli.preview import opened_home, whose_mail
from worker.edges.dkim_keys import dkim_signer
from worker.edges.previews import make_preview
from worker.rehearsal.mail_to_oneself import hand_over, mail_to_oneself
from worker.rehearsal.previewing import Asked


@click.command(short_help="Send a template to yourself, marked as a test.")
@click.argument("template")
@click.option("--to", required=True, metavar="ADDRESS", help="Your own e-mail address.")
@whose_mail
def send_test(template: str, to: str, **whose: str | None) -> None:
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
    transport, relay = _transport(settings)
    mail = mail_to_oneself(seen, address, settings.shop, seen.scene.facts.now)
    signer = dkim_signer(settings, home.environment)
    if signer is not None:
        mail = replace(mail, content=signer.sign(mail.content, seen.scene.facts.now))
    answer = hand_over(transport, mail, relay)
    if settings.smtp_url is None:
        captured = settings.var / "outbox" / file_name(mail)
        click.echo(f"Captured, as no smtp_url is set; nothing left this machine: {near(captured)}")
        click.echo(f"phin up shows it at {settings.url}/outbox/{file_name(mail)}")
    else:
        click.echo(f"Sent to {address} by {relay}: {answer.code} {answer.text}".rstrip())


def _transport(settings: Settings) -> tuple[Transport, str]:
    """Return a transport of its own, and how it is called."""
    if settings.smtp_url is None:
        return OutboxTransport(settings.var / "outbox"), "the outbox"
    transport = SmtpTransport(settings.smtp_url, timeout=settings.sending.timeout)
    return transport, str(transport.relay)


commands = (send_test,)
