"""Good and bad texts that the fuzzer begins from, and the words that each language is made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.fuzz.readers import TOKENS, made_tokens
from tests.fuzz.words import FOUND, LONGEST
from tests.language.samples import EVERY_VERB, FULL

ROOT = Path(__file__).parent.parent.parent
AT = "2027-03-01T07:00:00Z"
MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{{ customer.name }}</mj-text></mj-column></mj-section>"
    "</mj-body></mjml>"
)
HTML = (
    "{% extends 'layouts/mail.html' %}{% block content %}<p>{{ customer.name | default('you') }}</p>{% endblock %}",
    "{% for line in order.lines %}<td style='a:b'>{{ line.amount | money }}</td>{% endfor %}{{ now | date }}",
    "<style>p { color: red } @media x { p { a: b } }</style><p class='{{ percent }}'><a href='{{ x }}'>x</a></p>",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}{% set x = [1, 2] %}{{ x | join(',') }}{{ '%s' % 1 }}",
    "{{ ''.__class__.__mro__ }}{{ x | attr('y') }}{{ customer.items() }}{{ now.strftime('%d') }}",
    "{% include '../secret.txt' %}{% import 'secret.txt' as s %}{{ s }}{% extends x %}{% block a %}{{ super() }}",
)
REPORT = (
    "From: MAILER-DAEMON@mx.example\r\nTo: b+x@shop.example\r\nContent-Type: multipart/report; "
    'report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\nuser unknown\r\n--b\r\nContent-Type: '
    "message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; lan@example.com"
    "\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n--b\r\n"
    "Content-Type: message/rfc822\r\n\r\nMessage-ID: <1@shop.example>\r\n\r\nhello\r\n--b--\r\n"
)


def _flow() -> list[bytes]:
    shipped = [path.read_bytes()[:LONGEST] for path in sorted(ROOT.glob("flows/*.yaml"))]
    return [FULL.encode(), EVERY_VERB.encode(), *shipped]


def _config() -> list[bytes]:
    shipped = [f"config/{name}.yaml" for name in ("phin", "segments", "seasons", "staff")]
    found = [bytes([number]) + (ROOT / name).read_bytes() for number, name in enumerate(shipped)]
    return found + [b"\x04" + path.read_bytes()[:LONGEST] for path in sorted(ROOT.glob("flows/tests/*.yaml"))[:10]]


def _template() -> list[bytes]:
    shipped = [b"\x02" + path.read_bytes() for path in sorted(ROOT.glob("templates/*.vi.html"))[:12]]
    small = [b"\x02---\nsubject: Xin {{ customer.name }}\n---\n" + text.encode() for text in HTML]
    return [*small, b"\x03---\nsubject: x\n---\n" + MJML.encode(), *shipped]


def _expression() -> list[bytes]:
    lines = [line for line in f"{FULL}\n{EVERY_VERB}".split("\n") if "when:" in line or "{{" in line]
    written = [line.partition(":")[2].strip().encode() for line in lines]
    return [*filter(None, written), b"1 + 2 * (3 - a.b)", b"not a in [1, 'x'] and b is none"]


def _token() -> list[bytes]:
    return [one.encode() for one in made_tokens()] + [bytes([3, 9, 65, 2, 0]), b"\x01\x00\xff"]


def _bounce() -> list[bytes]:
    verp = f"To: b+{TOKENS.bounce(7)}@bounces.example\r\nSubject: Undelivered\r\n\r\n552 mailbox full\r\n"
    complaint = REPORT.replace("delivery-status", "feedback-report").replace("Action: failed", "Feedback-Type: abuse")
    page = "Content-Type: text/html; charset=x\r\n\r\n<p>550 5.2.1<br>disabled</p><script>x</script>"
    plain = "----- Original message -----\r\nFrom: a\r\nTo: b\r\nDate: c\r\n\r\n"
    return [one.encode() for one in (REPORT, verp, complaint, page, plain)]


def _provider() -> list[bytes]:
    mail = {"messageId": "1", "headers": [{"name": "Message-ID", "value": "<1@shop.example>"}], "timestamp": AT}
    whom = {"emailAddress": "lan@example.com", "status": "5.1.1", "diagnosticCode": "smtp; 550", "action": "failed"}
    bounced = {"bounceType": "Permanent", "bouncedRecipients": [whom], "timestamp": AT, "feedbackId": "f"}
    refused = {"event": "bounce", "email": "lan@example.com", "timestamp": 1, "sg_event_id": "e", "status": "5.1.1"}
    answer = {"delivery-status": {"code": 550, "message": "x"}, "message": {"headers": {"message-id": "1@s"}}}
    failed = {"event": "failed", "id": "e", "timestamp": 1.5, "severity": "permanent", "recipient": "l@example.com"}
    hard = {"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1, "Email": "l@example.com", "BouncedAt": AT}
    bodies: list[object] = [
        {"notificationType": "Bounce", "mail": mail, "bounce": bounced},
        [refused],
        {"event-data": {**failed, **answer}},
        {"ID": 1, **hard},
    ]
    return [bytes([number]) + json.dumps(body).encode() for number, body in enumerate(bodies)]


def _event() -> list[bytes]:
    consent = {"marketing": True, "source": "checkout"}
    customer = {"id": "c1", "email": "lan@example.com", "consent": consent, "birthday": "1990-02-28"}
    order = {"number": "A1", "total": 450000, "currency": "VND", "lines": [{"sku": "a", "quantity": 2, "price": 1.5}]}
    kinds = ("purchase", "signup", "refund", "order.shipped", "cart.updated", "unsubscribed")
    items = [
        {"id": "1", "type": kind, "customer": customer, "order": order, "time": AT, "data": {"a": [1]}}
        for kind in kinds
    ]
    return [b"\x00" + json.dumps(items).encode(), *(b"\x01" + json.dumps(one).encode() + b"\n" for one in items)]


_SEEDS: Mapping[str, Callable[[], Sequence[bytes]]] = {
    "flow": _flow,
    "config": _config,
    "expression": _expression,
    "template": _template,
    "token": _token,
    "bounce": _bounce,
    "provider": _provider,
    "event": _event,
}


def seeds_of(reader: str) -> list[bytes]:
    """Return what to begin from: what ships and what tests use, and what was found before."""
    found = FOUND / reader
    return [*_SEEDS[reader](), *(path.read_bytes() for path in sorted(found.glob("*")) if path.is_file())]
