"""The words of a flow's graph, in Vietnamese and in English: verbs, triggers, durations, what a step says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time

from worker.domain.durations import Duration, Unit
from worker.domain.flows import Once, OnceKind
from worker.domain.triggers import (
    CampaignTrigger,
    DateTrigger,
    EventTrigger,
    ScheduleTrigger,
    SeasonTrigger,
    SegmentTrigger,
    Trigger,
)

LANGUAGES = ("vi", "en")

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "trigger": "starts",
        "send": "send",
        "wait": "wait",
        "if": "if",
        "choose": "choose",
        "split": "split",
        "task": "task",
        "coupon": "coupon",
        "set": "set",
        "add": "add",
        "tag": "tag",
        "untag": "untag",
        "suppress": "suppress",
        "emit": "emit",
        "webhook": "webhook",
        "exit": "exit",
        "end": "end",
        "ends_early": "ends early",
        "goal": "goal",
        "yes": "yes",
        "no": "no",
        "otherwise": "otherwise",
        "first": "the first that holds",
        "by_chance": "by chance",
        "when": "if",
        "until": "or until",
        "at": "at {time}",
        "on": "on {days}",
        "to": "to {who}",
        "expires": "not after {duration}",
        "send_when": "only if, as it goes,",
        "as": "as {name}",
        "due": "due in {duration}",
        "hold": "waits until it is closed",
        "close_when": "closed by {event}",
        "good_for": "good for {duration}",
        "off": "{amount} off",
        "within": "within {duration}",
        "holdout": "{share} set aside",
        "restarts": "a new entry starts over",
        "purchase": "a purchase",
        "signup": "a new account",
        "birthday": "the birthday",
        "segment": "comes into the segment {name}",
        "season": "the season {name}",
        "schedule": "schedule {crontab}",
        "before": "{duration} before {what}",
        "after": "{duration} after {what}",
        "yearly": "every year",
        "by_shop": "by the shop's clock",
        "here": "here now",
        "reached": "reached it",
        "sent": "sent",
        "followed": "of {count} that may be followed",
        "none_followed": "none may be followed",
        "opened": "opened",
        "clicked": "clicked",
        "open_tasks": "open",
        "entered": "entered",
        "control": "set aside",
        "goals": "reached the goal",
        "done": "done",
        "exited": "left early",
        "picture": "The steps of the flow {name}, from top to bottom",
        "since": "counted from {when}",
    },
    "vi": {
        "trigger": "bắt đầu",
        "send": "gửi thư",
        "wait": "chờ",
        "if": "nếu",
        "choose": "chọn",
        "split": "chia nhánh",
        "task": "việc",
        "coupon": "mã giảm giá",
        "set": "ghi",
        "add": "cộng thêm",
        "tag": "gắn nhãn",
        "untag": "gỡ nhãn",
        "suppress": "ngừng quảng cáo",
        "emit": "báo sự kiện",
        "webhook": "webhook",
        "exit": "rời kịch bản",
        "end": "hết",
        "ends_early": "kết thúc sớm khi",
        "goal": "mục tiêu",
        "yes": "có",
        "no": "không",
        "otherwise": "còn lại",
        "first": "nhánh đầu tiên thỏa điều kiện",
        "by_chance": "ngẫu nhiên",
        "when": "nếu",
        "until": "hoặc đến khi",
        "at": "lúc {time}",
        "on": "vào {days}",
        "to": "cho {who}",
        "expires": "bỏ nếu trễ quá {duration}",
        "send_when": "chỉ gửi nếu lúc gửi",
        "as": "tên bước: {name}",
        "due": "hạn sau {duration}",
        "hold": "chờ đến khi xong việc",
        "close_when": "tự xong khi có {event}",
        "good_for": "dùng trong {duration}",
        "off": "giảm {amount}",
        "within": "trong {duration}",
        "holdout": "giữ lại {share} để so sánh",
        "restarts": "vào lại thì đi từ đầu",
        "purchase": "mua hàng",
        "signup": "tạo tài khoản",
        "birthday": "sinh nhật",
        "segment": "vào nhóm {name}",
        "season": "mùa {name}",
        "schedule": "theo lịch {crontab}",
        "before": "{duration} trước {what}",
        "after": "{duration} sau {what}",
        "yearly": "hằng năm",
        "by_shop": "theo giờ của cửa hàng",
        "here": "đang ở đây",
        "reached": "đã tới",
        "sent": "đã gửi",
        "followed": "trong {count} thư được theo dõi",
        "none_followed": "không thư nào được theo dõi",
        "opened": "đã mở",
        "clicked": "đã bấm",
        "open_tasks": "đang mở",
        "entered": "đã vào",
        "control": "giữ lại",
        "goals": "đạt mục tiêu",
        "done": "đi hết",
        "exited": "ra sớm",
        "picture": "Các bước của kịch bản {name}, từ trên xuống",
        "since": "tính từ {when}",
    },
}
_ONCE: Mapping[str, Mapping[OnceKind, str]] = {
    "en": {
        OnceKind.EVER: "once ever",
        OnceKind.EVENT: "once per event",
        OnceKind.ORDER: "once per order",
        OnceKind.YEAR: "once per year",
        OnceKind.SEASON: "once per season",
        OnceKind.SPAN: "once per {duration}",
        OnceKind.EACH: "",
    },
    "vi": {
        OnceKind.EVER: "mỗi khách một lần",
        OnceKind.EVENT: "mỗi sự kiện một lần",
        OnceKind.ORDER: "mỗi đơn một lần",
        OnceKind.YEAR: "mỗi năm một lần",
        OnceKind.SEASON: "mỗi mùa một lần",
        OnceKind.SPAN: "mỗi {duration} một lần",
        OnceKind.EACH: "",
    },
}
_UNITS = {
    Unit.MINUTES: "phút",
    Unit.HOURS: "giờ",
    Unit.DAYS: "ngày",
    Unit.WEEKS: "tuần",
    Unit.MONTHS: "tháng",
    Unit.YEARS: "năm",
}
_DAYS = {
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "vi": ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật"),
}


class GraphWords:
    """What a graph says in one language.

    Parameters:
        language: `vi`; any other is served with English.
    """

    def __init__(self, language: str) -> None:
        self.language = language if language in _WORDS else "en"
        self._words = _WORDS[self.language]

    def __call__(self, key: str, **values: str) -> str:
        """Return a text with its values put in."""
        return self._words[key].format(**values)

    def duration(self, duration: Duration) -> str:
        """Return `3 days`, `3 ngày`; how long, whether before or after."""
        length = Duration(abs(duration.count), duration.unit)
        return f"{length.count} {_UNITS[length.unit]}" if self.language == "vi" else str(length)

    def share(self, part: float) -> str:
        """Return a share: `50%`, `12.5%`, `12,5%`."""
        told = f"{part * 100:.1f}".removesuffix(".0")
        return f"{told.replace('.', ',') if self.language == 'vi' else told}%"

    def time(self, at: time) -> str:
        """Return a time of day: `at 09:00`."""
        return self("at", time=f"{at:%H:%M}")

    def days(self, on: frozenset[int]) -> str:
        """Return weekdays, 0 = Monday: `on Mon, Fri`."""
        return self("on", days=", ".join(_DAYS[self.language][day] for day in sorted(on)))

    def once(self, once: Once) -> str:
        """Return how often a customer may enter."""
        span = self.duration(once.span) if once.span is not None else ""
        return _ONCE[self.language][once.kind].format(duration=span)

    def trigger(self, trigger: Trigger) -> str:
        """Return what starts a journey."""
        match trigger:
            case EventTrigger(event=event):
                return self(event) if event in ("purchase", "signup") else event
            case SegmentTrigger(segment=segment):
                return self("segment", name=segment)
            case ScheduleTrigger(crontab=crontab):
                told = [self("schedule", crontab=crontab)]
            case CampaignTrigger():
                told = [trigger.day.isoformat(), self.time(trigger.at)]
            case DateTrigger():
                what = self("birthday") if trigger.field == "customer.birthday" else trigger.field
                told = [self._around(trigger.offset, what), self.time(trigger.at)]
                if trigger.yearly and trigger.field != "customer.birthday":
                    told.insert(1, self("yearly"))
            case SeasonTrigger():
                what = self("season", name=trigger.season)
                told = [self._around(trigger.offset, what), self.time(trigger.at)]
        return " ".join((*told, *([self("by_shop")] if trigger.by_shop else [])))

    def _around(self, offset: Duration, what: str) -> str:
        if not offset.count:
            return what
        return self("before" if offset.count < 0 else "after", duration=self.duration(offset), what=what)
