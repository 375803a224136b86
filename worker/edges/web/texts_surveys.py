"""What the page of a survey says, in Vietnamese and in English."""

from __future__ import annotations

from collections.abc import Mapping

SURVEYS: Mapping[str, Mapping[str, str]] = {
    "vi": {
        "survey_comment": "Bạn muốn nói thêm điều gì?",
        "survey_optional": "(không bắt buộc)",
        "survey_send": "Gửi câu trả lời",
        "survey_again": "Gửi lại câu trả lời",
        "survey_before": "Lần trước bạn đã chấm {mark}. Gửi lại thì câu trả lời mới thay câu cũ.",
        "survey_choose": "Xin bạn chọn một điểm rồi bấm gửi.",
        "survey_long": "Chưa ghi lại được câu trả lời vì phần bạn viết quá dài. "
        "Xin bạn quay lại trang trước, rút gọn còn nhiều nhất {longest} chữ cái rồi gửi lại.",
        "survey_thanks": "Cảm ơn bạn! Bạn đã chấm {mark}.",
        "survey_kept": "{shop} đã ghi lại câu trả lời của bạn. Bạn đóng trang này được rồi.",
        "survey_failed": "Chưa ghi lại được câu trả lời vì hệ thống đang gián đoạn. "
        "Những gì bạn viết vẫn còn đây, xin bạn bấm gửi lại sau ít phút.",
    },
    "en": {
        "survey_comment": "Anything you would like to add?",
        "survey_optional": "(optional)",
        "survey_send": "Send my answer",
        "survey_again": "Send my answer again",
        "survey_before": "You answered {mark} before. Sent again, your new answer replaces it.",
        "survey_choose": "Please choose a mark, then send your answer.",
        "survey_long": "Your answer could not be saved, because what you wrote is too long. "
        "Please go back, shorten it to {longest} letters at most, and send it again.",
        "survey_thanks": "Thank you! You answered {mark}.",
        "survey_kept": "{shop} has written down your answer. You may close this page.",
        "survey_failed": "Your answer could not be saved, because our system is interrupted. "
        "What you wrote is still here: please send it again in a few minutes.",
    },
}
