"""Reports that are written for people only: what they are, whom they name, and the answer that they quote."""

from __future__ import annotations

import re
from email.header import decode_header, make_header
from email.message import Message

from flufl.bounce import all_failures

from worker.delivery.bounces.clues import address_of, addresses_in
from worker.delivery.bounces.opened import Opened
from worker.domain.bounce_words import BounceReason, reason_of_words
from worker.domain.bounces import CLASS_OF, BounceClass, Finding, class_failure, reason_of_delay, status_in

RECIPIENTS = 20
SNIPPET = 600  # characters of the answer that a notice quotes

_I = re.IGNORECASE
_DAEMON = re.compile(
    r"mailer[ ._-]?daemon|postmaster|mail delivery|mail[ .-]?(system|server)|mdaemon|noreply-dmarc", _I
)
_FAILED = re.compile(
    r"undeliver|delivery (status|fail|notification|problem|error|has failed)|(mail|message) (delivery )?(fail|error)"
    r"|returned (mail|to sender)|failure notice|fail(ed|ure)( notice)?\b.*deliver|deliver\w*[^\n]{0,20}fail"
    r"|could ?n[o']t be delivered"
    r"|(mail|message) could not|rejected|non remis|unzustellbar|nicht zugestellt|no se pudo entregar|undelivered"
    r"|không (thể )?(gửi|chuyển|phát|giao)|(gửi|phát)( thư)? (không thành công|thất bại)|thư[^\n]{0,10} bị trả (lại|về)"
    r"|nondeliverable|bounce|user unknown|returning message",
    _I,
)
_DELAYED = re.compile(
    r"has not (yet )?been delivered|(will|shall) (continue|keep|be retr)|delivery attempts will"
    r"|still (being )?(try|attempt)"
    r"|only a warning|do not need to resend|message delayed|delivery (is |was |has been )?delayed|\(delay\)"
    r"|(chưa|tạm thời chưa) (gửi|chuyển|phát) được|sẽ (tiếp tục|còn) (thử|gửi)|bị (trì hoãn|chậm)",
    _I,
)
_AWAY = re.compile(
    r"out of (the )?office|automatic reply|auto(matic)?[ -]?(reply|response|answer)"
    r"|away from (my|the) (mail|office|desk)"
    r"|on (vacation|holiday|leave)|vacation|abwesen|absence|réponse automatique|respuesta automática|trả lời tự động"
    r"|thư trả lời tự động|vắng mặt|nghỉ (phép|lễ|tết)|đang đi công tác|đi vắng",
    _I,
)
_CHALLENGE = re.compile(
    r"(confirm|verify)[^\n]{0,40}(your|this|the)[^\n]{0,20}(message|e-?mail|address|sender|delivery)"
    r"|(click|reply)[^\n]{0,60}(to (deliver|release|approve|confirm|be added)|so that (it|your))|spam ?arrest|boxbe"
    r"|challenge|sender (verification|confirmation)|whitelist|xác (nhận|minh)[^\n]{0,40}(người gửi|thư|địa chỉ)",
    _I,
)
_AUTOMATIC = ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-response", "x-vacation")
_ANSWER = re.compile(r"(?<![\d.])[45]\d\d[ :-] ?[#<A-Za-z45\[{(]|(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")


def read_text(opened: Opened, *, failed: bool = False) -> list[Finding]:
    """Return what a notice says, one finding for each recipient that it names, or one of nobody; nothing if nothing.

    Parameters:
        failed: it is known that the mail failed, and only the reason is asked for.
    """
    subject = _header(opened.headers, "subject")
    if not failed:
        kind = _kind(opened, subject)
        if kind is None:
            return []
        if kind is not BounceClass.SOFT:
            told = reason_of_delay(None, opened.notice) if kind is BounceClass.DELAYED else BounceReason.UNCLEAR
            return [
                Finding(kind, told, one, None, " ".join(opened.notice.split()))
                for one in (*_recipients(opened), None)[:1]
            ]
    named: list[str | None] = [] if failed else list(_recipients(opened))
    return [_failure(opened.notice, subject, recipient) for recipient in named or [None]]


def _kind(opened: Opened, subject: str) -> BounceClass | None:
    """Say what it is; SOFT stands for a failure of which the reason is still to be read."""
    headers, start = opened.headers, opened.notice[:2_000]
    daemon = bool(_DAEMON.search(_header(headers, "from"))) or "x-failed-recipients" in headers
    report = headers.get_content_type() == "multipart/report" or bool(opened.status)
    fails = daemon or report or bool(_FAILED.search(subject))
    if not fails and _CHALLENGE.search(subject):
        return BounceClass.CHALLENGE
    if not daemon and not report and _answers_by_itself(headers, subject):
        return BounceClass.CHALLENGE if _CHALLENGE.search(start) else BounceClass.AUTO_REPLY
    if not fails and not _found_by_others(headers) and not _FAILED.search(start):
        return None
    if _DELAYED.search(f"{subject}\n{start}"):
        return BounceClass.DELAYED
    quotes = _ANSWER.search(start) or reason_of_words(start) is not BounceReason.UNCLEAR
    failing = quotes or _FAILED.search(f"{subject}\n{start}") or _recipients(opened)
    return BounceClass.SOFT if failing else None


def _answers_by_itself(headers: Message, subject: str) -> bool:
    """Whether it is the answer of somebody's mail program (RFC 3834, 5)."""
    marked = any(name in headers for name in _AUTOMATIC)
    replied = _header(headers, "auto-submitted").lower().startswith("auto-replied")
    replied |= _header(headers, "precedence").lower() in ("auto_reply", "auto-reply")
    return bool(_AWAY.search(subject)) or ((marked or replied) and not _FAILED.search(subject))


def _failure(notice: str, subject: str, recipient: str | None) -> Finding:
    snippet = _snippet(notice, recipient)
    kind, reason = class_failure(status_in(snippet), snippet)
    if reason is BounceReason.UNCLEAR:
        told = reason_of_words(f"{notice}\n{subject}"[:4_000])
        if told is not BounceReason.UNCLEAR and not _ANSWER.search(snippet):
            kind, reason = CLASS_OF[told], told
    return Finding(kind, reason, recipient, status_in(snippet), " ".join(snippet.split()))


def _snippet(notice: str, recipient: str | None) -> str:
    """Return what a notice quotes of the server's answer, or what it says about the recipient, or how it begins."""
    start = notice.lower().find(recipient) if recipient else -1
    about = notice[max(start, 0) :]
    answer = _ANSWER.search(about) or _ANSWER.search(notice)
    if answer is not None:
        text = answer.string
        begin = text.rfind("\n", 0, answer.start()) + 1
        return text[begin : begin + SNIPPET].partition("\n\n")[0]
    if start >= 0:
        begin = notice.rfind("\n\n", 0, start) + 1
        near = notice[begin : begin + SNIPPET].strip()
        first = near.partition("\n\n")[0]
        return near if reason_of_words(first) is BounceReason.UNCLEAR else first
    return notice[:SNIPPET]


def _recipients(opened: Opened) -> list[str]:
    """Return the addresses that a notice says were not reached, each once."""
    failed = [
        address for part in _header(opened.headers, "x-failed-recipients").split(",") if (address := address_of(part))
    ]
    found = failed or _found_by_others(opened.headers)
    if not found:
        ours = {address_of(_header(opened.headers, name)) for name in ("to", "from", "reply-to")}
        found = [one for one in addresses_in(opened.notice[:4_000]) if one not in ours]
    if not found and opened.returned is not None:
        found = list(addresses_in(_header(opened.returned, "to")))[:1]
    return list(dict.fromkeys(found))[:RECIPIENTS]


def _found_by_others(mail: Message) -> list[str]:
    """Return the addresses that `flufl.bounce` finds; of what it says of them nothing is believed."""
    try:
        temporary, permanent = all_failures(mail)
    except Exception:  # it reads what anybody may have written
        return []
    named = sorted(permanent | temporary)
    return [address for one in named if (address := address_of(one.decode("utf-8", "replace")))]


def _header(mail: Message, name: str) -> str:
    value = str(mail.get(name, ""))
    try:
        return str(make_header(decode_header(value))) if "=?" in value else value
    except (ValueError, LookupError):
        return value
