"""Why a mail was not sent, or a journey ended, as the staff's pages say it; the ledger keeps the reason's own word."""

from __future__ import annotations

from collections.abc import Mapping

from worker.domain.policy import SkipReason

_EXIT = "exit: "  # begins the reason of a mail that was taken back because its journey ended

_REASONS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        SkipReason.ERASED.value: "dữ liệu của khách đã được xoá",
        SkipReason.NO_ADDRESS.value: "khách không có địa chỉ e-mail",
        SkipReason.NO_CONSENT.value: "khách chưa đồng ý nhận quảng cáo",
        SkipReason.UNSUBSCRIBED.value: "khách đã ngừng nhận quảng cáo",
        SkipReason.SUPPRESSED.value: "thư đến địa chỉ này từng bị trả lại hoặc báo là thư rác",
        SkipReason.EXPIRED.value: "đã quá thời hạn gửi",
        SkipReason.CAP.value: "địa chỉ này đã nhận đủ số thư quảng cáo trong thời gian đó",
        SkipReason.EXIT.value: "khách đã ra khỏi kịch bản",
        SkipReason.NO_STAFF.value: "người nhận không còn trong danh sách nhân viên",
        SkipReason.NOTHING_DUE.value: "không còn việc nào đến hạn",
        SkipReason.TASK_CLOSED.value: "việc đã được đóng",
        SkipReason.HANDED_ON.value: "việc đã chuyển cho người khác",
        "another has it now": "việc đã chuyển cho người khác",
        "put off": "việc đã được hoãn",
        "paused": "kịch bản đang tạm dừng",
        "quiet hours": "đang trong giờ nghỉ của khách, gửi khi hết giờ",
        _EXIT: "khách đã ra khỏi kịch bản: {rule}",
    },
    "en": {
        SkipReason.ERASED.value: "the customer was erased",
        SkipReason.NO_ADDRESS.value: "the customer has no e-mail address",
        SkipReason.NO_CONSENT.value: "the customer never agreed to advertising",
        SkipReason.UNSUBSCRIBED.value: "the customer has unsubscribed",
        SkipReason.SUPPRESSED.value: "mail to this address came back or was called spam",
        SkipReason.EXPIRED.value: "it was too late for it",
        SkipReason.CAP.value: "the address has had all the advertising it gets in that time",
        SkipReason.EXIT.value: "the customer has left the flow",
        SkipReason.NO_STAFF.value: "the person is no longer among the staff",
        SkipReason.NOTHING_DUE.value: "nothing is due any more",
        SkipReason.TASK_CLOSED.value: "the task is closed",
        SkipReason.HANDED_ON.value: "another has the task now",
        "quiet hours": "it is quiet for the customer; it goes when that is over",
        _EXIT: "the customer has left the flow: {rule}",
    },
}


def reason_in(reason: str | None, language: str) -> str:
    """Return a reason in words of a language; one of which there are none, such as a server's answer, as it is."""
    if not reason:
        return ""
    told = _REASONS[language]
    if reason.startswith(_EXIT):
        return told[_EXIT].replace("{rule}", reason.removeprefix(_EXIT))
    return told.get(reason) or told.get(reason.partition(": ")[0]) or reason
