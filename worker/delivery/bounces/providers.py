"""What mail providers tell of bounces and complaints by webhook, in the words of our own reports.

Each is read by its provider's public documentation. What a provider calls permanent is classed by the server's answer
where it quotes one that tells more, and by the provider's word where it does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from worker.delivery.bounces.clues import Clues, address_of, clues_of
from worker.delivery.bounces.reading import Report
from worker.delivery.tokens import Tokens
from worker.domain.bounce_words import BounceReason
from worker.domain.bounces import CLASS_OF, BounceClass, Finding, class_failure, status_in

R = BounceReason
_SES_SUBTYPES = {
    "MailboxFull": R.FULL,
    "MessageTooLarge": R.TOO_LARGE,
    "ContentRejected": R.SPAM,
    "AttachmentRejected": R.POLICY,
    "NoEmail": R.NO_MAILBOX,
    "Suppressed": R.NO_MAILBOX,
    "OnAccountSuppressionList": R.NO_MAILBOX,
}
_SES_OTHERS = {"Delivery": BounceClass.DELIVERED, "DeliveryDelay": BounceClass.DELAYED}
_SENDGRID_OTHERS = {
    "delivered": BounceClass.DELIVERED,
    "deferred": BounceClass.DELAYED,
    "spamreport": BounceClass.COMPLAINT,
}
_MAILGUN_OTHERS = {"delivered": BounceClass.DELIVERED, "complained": BounceClass.COMPLAINT}
_POSTMARK_REASONS = {
    "SoftBounce": R.BUSY,
    "DnsError": R.BUSY,
    "BadEmailAddress": R.NO_MAILBOX,
    "Blocked": R.BLOCKED,
    "SpamNotification": R.SPAM,
    "VirusNotification": R.SPAM,
    "DMARCPolicy": R.AUTHENTICATION,
    "SpamComplaint": R.COMPLAINED,
    "Unknown": R.UNCLEAR,
}
_POSTMARK_OTHERS = {
    "Transient": BounceClass.DELAYED,
    "AutoResponder": BounceClass.AUTO_REPLY,
    "ChallengeVerification": BounceClass.CHALLENGE,
}
MOST = 1_000  # events of one request


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One event of a provider: what it says, what makes it one, when it happened, and as it came."""

    report: Report
    key: str
    at: datetime | None
    raw: bytes


class UnreadableEventError(ValueError):
    """The body of a request has not the form that its provider documents."""


def read_events(provider: str, body: Any, tokens: Tokens) -> list[ProviderEvent]:
    """Return what a request tells.

    Parameters:
        provider: `ses` (the message within SNS's), `sendgrid`, `mailgun` or `postmark`.
        body: parsed from JSON.

    Raises:
        UnreadableEventError: it is of another form.
    """
    try:
        return [*_READERS[provider](body, tokens)]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableEventError(f"it is not of the form that {provider} documents: {error}") from error


def _ses(body: Mapping[str, Any], tokens: Tokens) -> Iterator[ProviderEvent]:
    kind = str(body.get("notificationType") or body["eventType"])
    mail = body.get("mail") or {}
    headers = [(str(one.get("name", "")).lower(), str(one.get("value", ""))) for one in mail.get("headers") or []]
    named = [value for name, value in headers if name == "message-id"]
    clues = clues_of([str(mail.get("source", "")), *(value for _, value in headers)], named, tokens)
    if kind == "Bounce":
        told = body["bounce"]
        findings = [_ses_bounce(told, one) for one in told["bouncedRecipients"]]
    elif kind == "Complaint":
        told = body["complaint"]
        feedback = str(told.get("complaintFeedbackType") or "abuse")
        findings = [_complaint(one["emailAddress"], feedback) for one in told["complainedRecipients"]]
    else:
        told = body.get(kind[:1].lower() + kind[1:]) or {}
        named_to = mail.get("destination") or [None]
        findings = [Finding(_SES_OTHERS.get(kind, BounceClass.OTHER), recipient=_address(one)) for one in named_to]
    key = told.get("feedbackId") or f"{kind}:{mail.get('messageId')}:{told.get('timestamp')}"
    yield _event("ses", key, findings, clues, told.get("timestamp"), body)


def _ses_bounce(told: Mapping[str, Any], recipient: Mapping[str, Any]) -> Finding:
    said, status = str(recipient.get("diagnosticCode") or ""), str(recipient.get("status") or "")
    hint = _SES_SUBTYPES.get(str(told.get("bounceSubType")))
    return _judged(recipient["emailAddress"], status, said, hint, permanent=told["bounceType"] == "Permanent")


def _sendgrid(body: Sequence[Mapping[str, Any]], tokens: Tokens) -> Iterator[ProviderEvent]:
    if not isinstance(body, list):
        raise TypeError("no list")
    for one in body[:MOST]:
        kind = str(one["event"])
        clues = clues_of([], [str(one.get("smtp-id", ""))], tokens)
        said, status = str(one.get("reason") or ""), str(one.get("status") or "")
        if kind == "bounce":
            invalid = one.get("bounce_classification") == "Invalid Address"
            final = one.get("type", "bounce") == "bounce"
            finding = _judged(one["email"], status, said, R.NO_MAILBOX if invalid else None, permanent=final)
        elif kind == "dropped" and said in ("Bounced Address", "Invalid"):
            finding = Finding(BounceClass.HARD, R.NO_MAILBOX, _address(one["email"]), None, said)
        else:
            finding = _other(_SENDGRID_OTHERS.get(kind), one.get("email"), said)
        key = one.get("sg_event_id") or hashlib.sha256(json.dumps(one, sort_keys=True).encode()).hexdigest()
        yield _event("sendgrid", key, [finding], clues, one.get("timestamp"), one)


def _mailgun(body: Mapping[str, Any], tokens: Tokens) -> Iterator[ProviderEvent]:
    one = body["event-data"]
    kind, status = str(one["event"]), one.get("delivery-status") or {}
    headers = (one.get("message") or {}).get("headers") or {}
    clues = clues_of([str((one.get("envelope") or {}).get("sender", ""))], [str(headers.get("message-id", ""))], tokens)
    said = f"{status.get('code') or ''} {status.get('message') or status.get('description') or ''}".strip()
    if kind == "failed" and one.get("severity") == "permanent":
        hint = {"suppress-bounce": R.NO_MAILBOX, "suppress-complaint": R.COMPLAINED}.get(str(one.get("reason")))
        finding = _judged(one["recipient"], str(status.get("enhanced-code") or ""), said, hint, permanent=True)
    else:
        other = BounceClass.DELAYED if kind == "failed" else _MAILGUN_OTHERS.get(kind)
        finding = _other(other, one.get("recipient"), said)
    yield _event("mailgun", str(one["id"]), [finding], clues, one.get("timestamp"), body)


def _postmark(body: Mapping[str, Any], tokens: Tokens) -> Iterator[ProviderEvent]:
    record, kind = str(body["RecordType"]), str(body.get("Type") or "")
    said = " ".join(str(body.get(name) or "") for name in ("Details", "Description")).strip()
    named = [str(value) for value in (body.get("Metadata") or {}).values()]
    clues = clues_of([str(body.get("Content") or ""), said, *named], [], tokens)
    email = body.get("Email") or body.get("Recipient")
    if record == "Delivery":
        finding = _other(BounceClass.DELIVERED, email, said)
    elif record == "SpamComplaint" or kind == "SpamComplaint":
        finding = _complaint(str(email), "abuse")
    elif record == "Bounce" and kind == "HardBounce":
        finding = _judged(str(email), "", str(body.get("Details") or ""), R.NO_MAILBOX, permanent=True)
    elif record == "Bounce" and kind in _POSTMARK_REASONS:
        reason = _POSTMARK_REASONS[kind]
        finding = Finding(CLASS_OF[reason], reason, _address(email), status_in(said), said)
    else:
        finding = _other(_POSTMARK_OTHERS.get(kind), email, said)
    at = body.get("BouncedAt") or body.get("DeliveredAt")
    key = f"{record}:{body.get('ID') or ''}:{body.get('MessageID') or ''}:{at}"
    yield _event("postmark", key, [finding], clues, at, body)


_READERS: Mapping[str, Callable[[Any, Tokens], Iterator[ProviderEvent]]] = {
    "ses": _ses,
    "sendgrid": _sendgrid,
    "mailgun": _mailgun,
    "postmark": _postmark,
}


def _judged(email: object, status: str, said: str, hint: BounceReason | None, *, permanent: bool) -> Finding:
    """Class what a provider calls a bounce.

    Parameters:
        hint: the reason that the provider itself gives, where the server's answer tells none.
        permanent: whether the provider will not deliver to the address.
    """
    code = status_in(status)
    kind, reason = class_failure(code, said)
    if reason is R.UNCLEAR and hint is not None:
        kind, reason = CLASS_OF[hint], hint
    elif reason is R.UNCLEAR and permanent and not said and (code or "5")[0] == "5":
        kind, reason = BounceClass.HARD, R.NO_MAILBOX
    if kind is BounceClass.HARD and not permanent:
        kind, reason = BounceClass.SOFT, R.UNCLEAR
    return Finding(kind, reason, _address(email), code or status_in(said), said)


def _complaint(email: str, feedback: str) -> Finding:
    if feedback == "not-spam":
        return _other(None, email, feedback)
    return Finding(BounceClass.COMPLAINT, R.COMPLAINED, _address(email), None, f"feedback: {feedback}")


def _other(kind: BounceClass | None, email: object, said: str) -> Finding:
    if kind is BounceClass.COMPLAINT:
        return _complaint(str(email), "abuse")
    return Finding(kind or BounceClass.OTHER, R.UNCLEAR, _address(email), None, said)


def _address(written: object) -> str | None:
    return address_of(str(written)) if written else None


def _event(
    provider: str, key: object, findings: list[Finding], clues: Clues, at: object, body: object
) -> ProviderEvent:
    raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    report = Report(tuple(findings) or (Finding(BounceClass.OTHER),), clues)
    return ProviderEvent(report, f"{provider}:{key}", _moment(at), raw)


def _moment(written: object) -> datetime | None:
    """Return a time that is told in seconds since 1970, or in the form of ISO 8601."""
    try:
        if isinstance(written, int | float):
            return datetime.fromtimestamp(written, UTC)
        at = datetime.fromisoformat(str(written))
    except (ValueError, OverflowError, OSError):
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
