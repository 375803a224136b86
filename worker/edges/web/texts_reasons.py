"""Why a mail was not sent, or a journey ended, as the staff's pages say it; the ledger keeps the reason's own word."""

from __future__ import annotations

from collections.abc import Mapping

from worker.domain.policy import SkipReason

_EXIT = "exit: "  # begins the reason of a mail that was taken back because its journey ended
_CONDITION = "condition: "  # begins that of a mail whose step's `when` did not hold as it was to go
_KEPT = "cap: kept for a mail of higher priority"
WAITING = ("quiet hours", "holiday", "priority")  # of advertising that goes later

_REASONS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        SkipReason.ERASED.value: "dữ liệu của khách đã được xóa",
        SkipReason.NO_ADDRESS.value: "khách không có địa chỉ e-mail",
        SkipReason.NO_CONSENT.value: "khách chưa đồng ý nhận quảng cáo",
        SkipReason.UNSUBSCRIBED.value: "khách đã ngừng nhận quảng cáo",
        SkipReason.SUPPRESSED.value: "địa chỉ này đã bị chặn: thư từng bị trả lại hoặc báo là thư rác, "
        "hoặc một kịch bản đã ngừng quảng cáo",
        SkipReason.EXPIRED.value: "đã quá thời hạn gửi",
        SkipReason.CAP.value: "địa chỉ này đã nhận đủ số thư quảng cáo trong thời gian đó",
        SkipReason.TOPIC.value: "khách không chọn chủ đề này",
        SkipReason.PAUSED.value: "khách đang tạm ngừng nhận thư",
        SkipReason.FREQUENCY.value: "khách muốn nhận thư thưa hơn",
        SkipReason.EXIT.value: "khách đã ra khỏi kịch bản",
        SkipReason.NO_STAFF.value: "người nhận không còn trong danh sách nhân viên",
        SkipReason.NOTHING_DUE.value: "không còn việc nào đến hạn",
        SkipReason.TASK_CLOSED.value: "việc đã được đóng",
        SkipReason.HANDED_ON.value: "việc đã chuyển cho người khác",
        "another has it now": "việc đã chuyển cho người khác",
        "put off": "việc đã được hoãn",
        "paused": "kịch bản đang tạm dừng",
        "quiet hours": "đang trong giờ nghỉ của khách, gửi khi hết giờ",
        "holiday": "đang trong ngày nghỉ, gửi khi hết ngày nghỉ",
        "priority": "nhường chỗ cho thư được ưu tiên hơn, gửi sau nếu còn chỗ",
        _KEPT: "nhường chỗ cho thư được ưu tiên hơn, đến lúc đó thì đã quá thời hạn gửi",
        _CONDITION: "lúc gửi, điều kiện không đúng: {rule}",
        _EXIT: "khách đã ra khỏi kịch bản: {rule}",
    },
    "en": {
        SkipReason.ERASED.value: "the customer was erased",
        SkipReason.NO_ADDRESS.value: "the customer has no e-mail address",
        SkipReason.NO_CONSENT.value: "the customer never agreed to advertising",
        SkipReason.UNSUBSCRIBED.value: "the customer has unsubscribed",
        SkipReason.SUPPRESSED.value: "the address is blocked: mail came back or was called spam, "
        "or a flow stopped advertising",
        SkipReason.EXPIRED.value: "it was too late for it",
        SkipReason.CAP.value: "the address has had all the advertising it gets in that time",
        SkipReason.TOPIC.value: "the customer left this topic out",
        SkipReason.PAUSED.value: "the customer wants no advertising for a while",
        SkipReason.FREQUENCY.value: "the customer wants advertising less often",
        SkipReason.EXIT.value: "the customer has left the flow",
        SkipReason.NO_STAFF.value: "the person is no longer among the staff",
        SkipReason.NOTHING_DUE.value: "nothing is due any more",
        SkipReason.TASK_CLOSED.value: "the task is closed",
        SkipReason.HANDED_ON.value: "another has the task now",
        "quiet hours": "it is quiet for the customer; it goes when that is over",
        "holiday": "it is a day without advertising; it goes when that is over",
        "priority": "mails of higher priority go first; it goes after them if there is room",
        _KEPT: "mails of higher priority took the room, and after them it would be too late for it",
        _CONDITION: "its condition did not hold as it was to go: {rule}",
        _EXIT: "the customer has left the flow: {rule}",
    },
}


def reason_in(reason: str | None, language: str) -> str:
    """Return a reason in words of a language; one of which there are none, such as a server's answer, as it is."""
    if not reason:
        return ""
    told = _REASONS[language]
    for begins in (_EXIT, _CONDITION):
        if reason.startswith(begins):
            return told[begins].replace("{rule}", reason.removeprefix(begins))
    return told.get(reason) or told.get(reason.partition(": ")[0]) or reason
