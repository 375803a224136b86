"""What the pages of consent say, in Vietnamese and in English: confirming, preferences, and less instead of nothing."""

from __future__ import annotations

from collections.abc import Mapping

CONSENT: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "less_link": "Hay chỉ nhận ít thư hơn? Chọn chủ đề và tần suất",
        "yes_title": "Nhận thư của {shop}?",
        "yes_text": "Bấm nút bên dưới là bạn đồng ý nhận thư quảng cáo của {shop} qua e-mail, gửi đến địa chỉ này.",
        "yes_button": "Tôi muốn nhận thư",
        "yes_more": "Bạn chọn được chủ đề và tần suất, và có thể ngừng nhận bất cứ lúc nào. "
        "Nếu không phải bạn đăng ký, bạn chỉ cần đóng trang này.",
        "back_title": "Nhận lại thư của {shop}?",
        "back_text": "Bấm nút bên dưới là bạn rút lại yêu cầu ngừng nhận và đồng ý nhận thư quảng cáo của {shop} "
        "qua e-mail, gửi đến địa chỉ này.",
        "back_button": "Tôi muốn nhận lại thư",
        "back_more": "Bạn chọn được chủ đề và tần suất, và có thể ngừng nhận bất cứ lúc nào. "
        "Nếu vẫn muốn ngừng nhận, bạn chỉ cần đóng trang này.",
        "again_title": "Bạn sẽ lại nhận được thư",
        "again_text": "Yêu cầu ngừng nhận đã được rút lại. Từ nay {shop} lại gửi thư đến địa chỉ này.",
        "agreed_title": "Cảm ơn bạn đã xác nhận",
        "agreed_text": "Từ nay {shop} sẽ gửi thư đến địa chỉ này.",
        "agreed_link": "Chọn chủ đề và tần suất nhận thư",
        "refused_title": "Địa chỉ này đã ngừng nhận thư",
        "refused_text": "Sau bức thư này, địa chỉ đã yêu cầu ngừng nhận thư quảng cáo, nên liên kết hết hiệu lực."
        " Muốn nhận lại, xin bạn mở trang tùy chọn và bật thư quảng cáo.",
        "refused_link": "Mở trang tùy chọn nhận thư",
        "down_title": "Trang này tạm thời chưa mở được",
        "down_text": "Hệ thống đang gián đoạn, các lựa chọn của bạn vẫn nguyên như trước. "
        "Xin bạn thử lại sau ít phút. Việc ngừng nhận thư vẫn thực hiện được bằng liên kết ở cuối mỗi bức thư.",
        "wishes_title": "Bạn muốn nhận thư thế nào?",
        "wishes_of": "Áp dụng cho địa chỉ {address}.",
        "wishes_saved": "Đã lưu. Các lựa chọn dưới đây có hiệu lực ngay.",
        "wishes_wrong": "Chưa lưu: xin bạn xem lại ngày.",
        "wishes_unread": "Chưa lưu: biểu mẫu gửi lên không đầy đủ. Xin bạn chọn lại và bấm Lưu.",
        "wishes_marketing": "Thư quảng cáo",
        "wishes_agree": "Tôi đồng ý nhận thư quảng cáo của {shop} qua e-mail",
        "wishes_orders": "Thư về đơn hàng của bạn luôn được gửi.",
        "wishes_topics": "Chủ đề",
        "wishes_often": "Tần suất",
        "often_everything": "Tất cả các thư",
        "often_weekly": "Nhiều nhất mỗi tuần một thư",
        "often_monthly": "Nhiều nhất mỗi tháng một thư",
        "wishes_pause": "Tạm ngừng",
        "pause_none": "Không tạm ngừng",
        "pause_keep": "Đang tạm ngừng đến {day}",
        "pause_1": "Một tháng",
        "pause_3": "Ba tháng",
        "pause_until": "Đến ngày",
        "pause_day": "Ngày nhận thư trở lại",
        "pause_wrong": "Xin bạn chọn một ngày sau hôm nay, trong vòng một năm.",
        "wishes_tongue": "Ngôn ngữ của thư",
        "wishes_tracking": "Theo dõi mở thư và bấm liên kết",
        "wishes_follow": "Tôi đồng ý để {shop} ghi nhận việc tôi mở thư và bấm liên kết, "
        "nhằm gửi thư hợp với tôi hơn. Không đồng ý thì thư vẫn đến, không kèm điểm ảnh theo dõi",
        "wishes_save": "Lưu",
        "wishes_everything": "Ngừng mọi thư quảng cáo",
    },
    "en": {
        "less_link": "Would less be enough? Choose topics and how often",
        "yes_title": "E-mails from {shop}?",
        "yes_text": "Press the button to agree to advertising by e-mail from {shop}, sent to this address.",
        "yes_button": "Yes, send me e-mails",
        "yes_more": "You choose topics and how often, and can stop at any time. "
        "If it was not you who signed up, just close this page.",
        "back_title": "E-mails from {shop} again?",
        "back_text": "Press the button to take your refusal back and agree to advertising by e-mail from {shop}, "
        "sent to this address.",
        "back_button": "Yes, send me e-mails again",
        "back_more": "You choose topics and how often, and can stop at any time. "
        "If you still want no e-mails, just close this page.",
        "again_title": "E-mails will reach you again",
        "again_text": "Your refusal is taken back. From now on {shop} will write to this address again.",
        "agreed_title": "Thank you for confirming",
        "agreed_text": "From now on {shop} will write to this address.",
        "agreed_link": "Choose topics and how often",
        "refused_title": "This address has unsubscribed",
        "refused_text": "After this e-mail the address asked for no more advertising, so the link no longer works. "
        "To get e-mails again, open your preferences and switch advertising on.",
        "refused_link": "Open your preferences",
        "down_title": "This page cannot be opened just now",
        "down_text": "Our system is interrupted; your choices are as they were. Please try again in a few minutes. "
        "To unsubscribe you can still use the link at the end of each e-mail.",
        "wishes_title": "Which e-mails would you like?",
        "wishes_of": "For the address {address}.",
        "wishes_saved": "Saved. What you see below holds from now on.",
        "wishes_wrong": "Not saved: please look at the date.",
        "wishes_unread": "Not saved: the form did not arrive whole. Please choose again and press Save.",
        "wishes_marketing": "Advertising",
        "wishes_agree": "I agree to advertising by e-mail from {shop}",
        "wishes_orders": "E-mails about your orders always reach you.",
        "wishes_topics": "Topics",
        "wishes_often": "How often",
        "often_everything": "Every e-mail",
        "often_weekly": "At most one a week",
        "often_monthly": "At most one a month",
        "wishes_pause": "Pause",
        "pause_none": "No pause",
        "pause_keep": "Paused until {day}",
        "pause_1": "One month",
        "pause_3": "Three months",
        "pause_until": "Until a day",
        "pause_day": "Day from which e-mails come again",
        "pause_wrong": "Please choose a day after today, within a year.",
        "wishes_tongue": "Language of the e-mails",
        "wishes_tracking": "Following opens and clicks",
        "wishes_follow": "I agree that {shop} notes when I open e-mails and follow links, to send what suits me better."
        " Without it e-mails reach me all the same, with no tracking pixel",
        "wishes_save": "Save",
        "wishes_everything": "Stop all advertising",
    },
}
