"""What the pages say, in Vietnamese and in English: those of customers here, those of the staff beside it."""

from __future__ import annotations

from collections.abc import Mapping

from worker.edges.web.texts_consent import CONSENT
from worker.edges.web.texts_house import HOUSE
from worker.edges.web.texts_surveys import SURVEYS

LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "ask_title": "Ngừng nhận thư quảng cáo?",
        "ask_text": "Bấm nút bên dưới, {shop} sẽ không gửi thư quảng cáo đến địa chỉ này nữa.",
        "ask_button": "Ngừng nhận thư",
        "ask_more": "Thư về đơn hàng của bạn vẫn được gửi như thường.",
        "done_title": "Bạn đã ngừng nhận thư quảng cáo",
        "done_text": "{shop} sẽ không gửi thư quảng cáo đến địa chỉ này nữa.",
        "done_more": "Thư về đơn hàng của bạn vẫn được gửi như thường.",
        "later_title": "Yêu cầu của bạn đã được ghi lại",
        "later_text": "Hệ thống đang tạm gián đoạn, nên yêu cầu sẽ có hiệu lực ngay khi hệ thống hoạt động trở lại.",
        "later_more": "Bạn không cần làm gì thêm.",
        "failed_title": "Chưa ghi lại được yêu cầu của bạn",
        "failed_text": "Hệ thống đang gặp sự cố. Xin bạn thử lại sau ít phút, hoặc viết cho chúng mình: {email}.",
        "gone_title": "Liên kết này không dùng được",
        "gone_text": "Có thể liên kết đã bị cắt bớt khi sao chép. Xin bạn mở lại thư và bấm vào liên kết ở đó.",
        "view_later_title": "Chưa mở được thư",
        "view_later_text": "Hệ thống đang tạm gián đoạn. Xin bạn thử lại sau ít phút.",
        "view_erased_title": "Thư này không còn nữa",
        "view_erased_text": "Dữ liệu của người nhận đã được xóa, nên không thể xem lại thư.",
        "view_changed_title": "Thư này không còn xem được trên trình duyệt",
        "view_changed_text": "Mẫu thư đã thay đổi từ ngày gửi. Xin bạn mở thư trong hộp thư của mình, "
        "hoặc viết cho chúng mình: {email}.",
        "to_shop": "Đến trang của {shop}",
        "missing_title": "Không có trang này",
        "missing_text": "Có thể địa chỉ bị gõ sai, hoặc trang đã được dời đi. Xin bạn kiểm tra lại.",
        "missing_home": "Về trang đầu",
        "method_title": "Trang này không nhận yêu cầu kiểu đó",
        "method_text": "Xin bạn mở địa chỉ này bằng trình duyệt như một liên kết thông thường.",
        "many_title": "Có quá nhiều yêu cầu cùng lúc",
        "many_text": "Từ mạng của bạn, hoặc qua liên kết này, vừa có quá nhiều yêu cầu. Xin đợi một phút rồi mở lại.",
        "front_title": "Phin đang chạy",
        "front_text": "Tiếp thị nhỏ giọt của {shop}: mỗi kịch bản là một tệp YAML, mỗi bức thư đều được ghi lại.",
        "front_outbox": "Hộp thư đi",
        "front_outbox_about": "Thư được giữ lại trên máy này, xem như trên điện thoại và máy tính.",
        "front_docs": "Tài liệu API",
        "front_docs_about": "Cách cửa hàng báo sự kiện cho Phin, thử được ngay trên trang.",
        "front_ready": "Tình trạng",
        "front_ready_about": "Cơ sở dữ liệu và hàng đợi có sẵn sàng không.",
        "outbox": "Hộp thư đi",
        "outbox_list": "Danh sách thư",
        "views": "Cách xem",
        "captured_1": "1 thư được giữ lại, không thư nào rời khỏi máy này",
        "captured": "{count} thư được giữ lại, không thư nào rời khỏi máy này",
        "nothing": "Chưa có thư nào. Hãy báo một sự kiện, thư sẽ hiện ở đây.",
        "choose": "Chọn một thư để xem.",
        "no_subject": "(không có tiêu đề)",
        "newer": "← Mới hơn",
        "older": "Cũ hơn →",
        "back": "Tất cả thư",
        "from": "Từ",
        "to": "Đến",
        "date": "Lúc",
        "phone": "Điện thoại",
        "desktop": "Máy tính",
        "text": "Văn bản",
        "headers": "Phần đầu thư",
        "source": "Tải thư gốc",
        "no_part": "Thư này không có phần đó.",
        "local_title": "Hộp thư đi chỉ mở trên chính máy này",
        "local_text": "Muốn đọc thư từ máy khác, hãy đăng nhập bằng liên kết của phin signin, "
        "hoặc mở cho tất cả: đặt outbox_access (PHIN_OUTBOX_ACCESS) thành everyone.",
    },
    "en": {
        "ask_title": "Stop advertising e-mails?",
        "ask_text": "Press the button, and {shop} will send no more advertising to this address.",
        "ask_button": "Unsubscribe",
        "ask_more": "E-mails about your orders will still reach you.",
        "done_title": "You are unsubscribed",
        "done_text": "{shop} will send no more advertising to this address.",
        "done_more": "E-mails about your orders will still reach you.",
        "later_title": "We have written down your request",
        "later_text": "Our system is interrupted at the moment. Your request takes effect as soon as it is back.",
        "later_more": "There is nothing more for you to do.",
        "failed_title": "Your request could not be saved",
        "failed_text": "Something is wrong on our side. Please try again in a few minutes, or write to {email}.",
        "gone_title": "This link does not work",
        "gone_text": "Part of it may have been lost in copying. Please open the e-mail again and use the link there.",
        "view_later_title": "The e-mail cannot be shown at the moment",
        "view_later_text": "Our system is interrupted. Please try again in a few minutes.",
        "view_erased_title": "This e-mail is no longer there",
        "view_erased_text": "The data of its receiver have been erased, so the e-mail cannot be shown again.",
        "view_changed_title": "This e-mail can no longer be shown in a browser",
        "view_changed_text": "Its template has changed since it was sent. Please open the e-mail in your mailbox, "
        "or write to us at {email}.",
        "to_shop": "Go to {shop}",
        "missing_title": "There is no such page",
        "missing_text": "The address may be mistyped, or the page has moved. Please check it.",
        "missing_home": "To the first page",
        "method_title": "This page does not take such a request",
        "method_text": "Please open the address in a browser, as a link.",
        "many_title": "Too many requests at once",
        "many_text": "Too many requests came from your network or by this link. Please open it again in a minute.",
        "front_title": "Phin is running",
        "front_text": "Drip marketing for {shop}: each flow is a YAML file, each e-mail is in the ledger.",
        "front_outbox": "Outbox",
        "front_outbox_about": "Mails kept on this machine, as a phone and a desktop show them.",
        "front_docs": "API",
        "front_docs_about": "How the shop reports events, to be tried on the page.",
        "front_ready": "State",
        "front_ready_about": "Whether database and queue are ready.",
        "outbox": "Outbox",
        "outbox_list": "Mails",
        "views": "Ways to see it",
        "captured_1": "1 mail captured, nothing leaves this machine",
        "captured": "{count} mails captured, nothing leaves this machine",
        "nothing": "No mails yet. Report an event, and its mail appears here.",
        "choose": "Choose a mail to read.",
        "no_subject": "(no subject)",
        "newer": "← Newer",
        "older": "Older →",
        "back": "All mails",
        "from": "From",
        "to": "To",
        "date": "Date",
        "phone": "Phone",
        "desktop": "Desktop",
        "text": "Text",
        "headers": "Headers",
        "source": "Download",
        "no_part": "This mail has no such part.",
        "local_title": "The outbox opens on this machine only",
        "local_text": "To read mails from another machine, sign in with a link of phin signin, "
        "or open it to everyone: set outbox_access (PHIN_OUTBOX_ACCESS) to everyone.",
    },
}

TEXTS: Mapping[str, Mapping[str, str]] = {
    language: {**_TEXTS[language], **CONSENT[language], **SURVEYS[language], **HOUSE[language]}
    for language in LANGUAGES
}


def choose_language(asked: str | None, accepted: str, default: str) -> str:
    """Return the language of a page.

    Parameters:
        asked: the language of the mail, or the one that a link names.
        accepted: the request's Accept-Language (RFC 9110, section 12.5.4).
        default: the shop's own.
    """
    if asked is not None and asked in TEXTS:
        return asked
    best, quality = "", 0.0
    for part in accepted[:200].split(","):
        tag, _, parameters = part.strip().partition(";")
        code = tag.strip().lower().partition("-")[0]
        weight = _weight(parameters)
        if code in TEXTS and weight > quality:
            best, quality = code, weight
    return best or (default if default in TEXTS else "en")


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
