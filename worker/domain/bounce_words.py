"""The words by which mail servers tell why a mail came back, in the languages that they write in.

Each is a piece of a regular expression, read without regard to capitals. Which reason is found first matters: what
speaks of us stands before what speaks of the address, since such answers quote addresses too.
"""

from __future__ import annotations

import re
from enum import StrEnum


class BounceReason(StrEnum):
    """Why a mail came back, as far as the report tells."""

    NO_MAILBOX = "no such mailbox"
    NO_DOMAIN = "no such domain"
    CLOSED = "mailbox closed"
    FULL = "mailbox full"
    TOO_LARGE = "mail too large"
    BUSY = "not reached or too busy"
    TOO_LONG = "tried for too long"
    LOOP = "mail loop"
    SPAM = "taken for spam"
    BLOCKED = "sender blocked"
    AUTHENTICATION = "not authenticated"
    POLICY = "refused by policy"
    COMPLAINED = "called spam by its receiver"
    UNCLEAR = "no reason told"


_WHO = r"(user|recipient|mailbox|account|address|person|addressee)('?s)?( name)?( [^\s,;]{1,60})?( \(s\))? "

_WORDS: tuple[tuple[BounceReason, tuple[str, ...]], ...] = (
    (
        BounceReason.AUTHENTICATION,
        (
            r"\bspf\b|\bdkim\b|\bdmarc\b|authentication (is )?required|unauthenticated|sender verify failed",
            r"reverse dns|\bptr\b|relay(ing)? (access )?(denied|not|is prohibited)|not permitted to relay",
            r"unable to relay|không được phép chuyển tiếp",
        ),
    ),
    (
        BounceReason.SPAM,
        (
            r"\bspam(?!haus|cop)|unsolicited|junk mail|bulk mail|contains? (a )?virus|malware|infected|thư rác",
            r"content (was |is )?(rejected|not allowed|not accepted)|nội dung thư bị từ chối",
        ),
    ),
    (
        BounceReason.BLOCKED,
        (
            r"black ?list|block ?list|\bblocked\b|\bdnsbl\b|\brbl\b|(poor|bad|low|sender) reputation|banned",
            r"not accepting mail from",
            r"\byour (account|address|ip|domain|server|host)\b[^.;\n]{0,40}(suspended|disabled|listed)",
            r"bị chặn|danh sách đen",
        ),
    ),
    (
        BounceReason.FULL,
        (
            r"quota|mailbox[^.;\n]{0,30}\bfull\b|\bfull mailbox|insufficient (disk )?(space|storage)",
            r"exceeded (its )?storage|out of (storage|space)|storage limit|mailbox size limit",
            r"over (the (maximum|allowed) (size|quota|limit)|disk)|space not enough",
            r"(mail ?box|mail ?folder)[^.;\n]{0,20}full",
            r"hộp thư[^.;\n]{0,30}đầy|vượt quá (dung lượng|hạn mức)|hết dung lượng",
            r"boîte[^.;\n]{0,30}pleine|postfach[^.;\n]{0,30}voll|buzón[^.;\n]{0,30}lleno",
        ),
    ),
    (
        BounceReason.TOO_LARGE,
        (
            r"(message|mail|size)[^.;\n]{0,30}(too (large|big)|exceeds)|exceed[^.;\n]{0,40}message size",
            r"thư quá lớn|kích thước thư vượt",
        ),
    ),
    (
        BounceReason.NO_DOMAIN,
        (
            r"(host|domain)( or domain)?( name)? (is )?(not found(?!,? try)|unknown|lookup failed)",
            r"unknown (mail )?(host|domain)",
            r"no such (host|domain)|(host|domain)[^.;\n]{0,30}does(n't| not) exist|nxdomain|illegal host",
            r"no matches to nameserver|couldn't find any host|unroute?able (mail )?domain",
            r"tên miền[^.;\n]{0,60}không (tồn tại|tìm thấy)|không tìm thấy tên miền",
        ),
    ),
    (
        BounceReason.CLOSED,
        (
            r"(account|mailbox|user|address)[^.;\n]{0,40}(disabled|deactivated|inactive|not active|suspended)",
            r"(account|mailbox|user|address)[^.;\n]{0,40}(discontinued|no longer)",
            r"(account|mailbox)[^.;\n]{0,40}terminated",
            r"(account|mailbox)[^.;\n]{0,30}(closed|expired)",
            r"no longer (valid|available|active|with|works|on server)|extended inactivity",
            r"(tài khoản|hộp thư|địa chỉ)[^.;\n]{0,60}bị (vô hiệu|khoá|khóa|đóng|tạm ngưng)",
            r"(tài khoản|hộp thư|địa chỉ)[^.;\n]{0,60}(ngừng hoạt động|không còn)",
        ),
    ),
    (
        BounceReason.NO_MAILBOX,
        (
            _WHO + r"(is |are |was )?(unknown|not found|not known|not recogni[sz]ed|not listed|not valid|not local)",
            _WHO + r"(is |are |was )?(does(n't| not) exist|not exist|invalid|unrouteable|undeliverable)",
            _WHO + r"(could not be|couldn't be|cannot be|can't be) found",
            r"(unknown|no such|invalid|illegal|non-?existent|bad|unrouteable|undeliverable|no valid)"
            r"( or (illegal|unknown|invalid))? (local |e-?mail |destination |smtp |virtual )?"
            r"(user|recipients?|mailbox|account|address|person|name|alias)",
            r"no (mailbox|user|account|person) (here )?(by|with|of) (that|this) name|not our customer",
            r"invalid [^.;\n]{0,20}user ?id|final e-?mail delivery point",
            r"not listed in [^.;\n]{0,30}(directory|address book)|isn't in my|mailbox unavailable",
            r"not an? [^.;\n]{0,20}user",
            r"user doesn't have an? ([^\s]{1,60} )?account",
            r"(cannot|can't|could not|couldn't) find (the )?(user|recipient)",
            r"no existe|n'existe pas|inconnue?\b|unbekannt|desconocido|sconosciut|не существует|не найден",
            r"(địa chỉ|tài khoản|hộp thư|người (nhận|dùng))[^.;\n]{0,80}không (tồn tại|tìm thấy|hợp lệ|có)",
            r"(địa chỉ|tài khoản|hộp thư|người (nhận|dùng))[^.;\n]{0,80}chưa đăng ký",
            r"không (tìm thấy|có|tồn tại) (địa chỉ|tài khoản|hộp thư|người (nhận|dùng))",
        ),
    ),
    (BounceReason.LOOP, (r"too many hops|mail(ing)? loop|message looping|hop count exceeded|routing loop|loops back",)),
    (
        BounceReason.TOO_LONG,
        (
            r"(delivery|retry|queue|message)[^.;\n]{0,30}(time ?out|timed out|expired|exceeded)|too (long|old)\b",
            r"(within|for|after) [^.;\n]{0,30}\b(days?|hours?)\b|given up|giving up|failed \d+ attempts",
            r"maximum delivery attempts|hết thời gian|quá thời hạn",
        ),
    ),
    (
        BounceReason.BUSY,
        (
            r"timed? ?out|connection (was )?(refused|reset|lost|dropped|died|failed)|connection to [^.;\n]{0,60}failed",
            r"temporar|try again|deferred|unreachable|no route|too many (connections|messages)|rate limit|too busy",
            r"receiving (mail )?(at a rate|too)|gr[ea]ylist|lost connection|server[^.;\n]{0,30}(busy|down)|network",
            r"system error|error writing|local error|can't create|i/o error|service unavailable|resources",
            r"(unable|not (been )?able|couldn't|could not) to? ?(contact|connect)|cannot connect",
            r"tạm thời|thử lại|quá tải|không (thể )?kết nối",
        ),
    ),
    (
        BounceReason.POLICY,
        (
            r"policy|access denied|not (allowed|authori[sz]ed|permitted)|refused|forbidden|restricted|prohibited",
            r"sender (address )?(rejected|denied)|không được phép|bị từ chối|từ chối nhận",
        ),
    ),
)
_READ = tuple((reason, re.compile("|".join(pieces), re.IGNORECASE)) for reason, pieces in _WORDS)


def reason_of_words(text: str) -> BounceReason:
    """Return the reason that the words of a report tell."""
    return next((reason for reason, words in _READ if words.search(text)), BounceReason.UNCLEAR)
