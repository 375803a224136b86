"""A small sign for each verb of a flow, drawn in strokes on a square of 20 by 20."""

from __future__ import annotations

from collections.abc import Mapping

ICONS: Mapping[str, str] = {
    "trigger": "M7 4.5v11l8.5-5.5z",
    "send": "M3 5h14v10H3z M3 5.5l7 5.5 7-5.5",
    "wait": "M10 3a7 7 0 1 0 .01 0z M10 6v4l3 2",
    "if": "M10 3l7 7-7 7-7-7z",
    "choose": "M3 5h4 M3 10h14 M3 15h4 M7 5l4 5-4 5 M14 7l3 3-3 3",
    "split": "M10 17v-5 M10 12L4 6 M10 12l6-6 M4 10V6h4 M16 10V6h-4",
    "task": "M4 3.5h12v13H4z M7 10l2.2 2.4L13.5 7.5",
    "coupon": "M3 6h14v3a1.5 1.5 0 0 0 0 3v3H3v-3a1.5 1.5 0 0 0 0-3z M12 6v9",
    "set": "M4 16l.8-3.6L13 4.2l2.8 2.8-8.2 8.2z M11.5 5.7l2.8 2.8",
    "add": "M10 4v12 M4 10h12",
    "tag": "M3 4h6.5l7.5 7.5-5.5 5.5L3 9.5z M6.5 7.2v.1",
    "untag": "M3 4h6.5l7.5 7.5-5.5 5.5L3 9.5z M16.5 3.5l-4 4 M12.5 3.5l4 4",
    "suppress": "M10 3a7 7 0 1 0 .01 0z M5.2 5.2l9.6 9.6",
    "emit": "M10 9.2a.9.9 0 1 0 .01 0z M6.5 13.5a5 5 0 0 1 0-7 M13.5 6.5a5 5 0 0 1 0 7 "
    "M4 16a8.5 8.5 0 0 1 0-12 M16 4a8.5 8.5 0 0 1 0 12",
    "webhook": "M8.5 11.5a3.2 3.2 0 0 0 4.5 0l2.5-2.5a3.2 3.2 0 0 0-4.5-4.5l-1 1 "
    "M11.5 8.5a3.2 3.2 0 0 0-4.5 0L4.5 11a3.2 3.2 0 0 0 4.5 4.5l1-1",
    "exit": "M8 4H4v12h4 M8.5 10H17 M13.5 6.5L17 10l-3.5 3.5",
}
