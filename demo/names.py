"""Names of people as they are in Vietnam, and of the foreigners who live there."""

from __future__ import annotations

import unicodedata
from random import Random

# with the share of people of that name, roughly, in per mille
FAMILIES = {
    "Nguyễn": 385,
    "Trần": 110,
    "Lê": 95,
    "Phạm": 70,
    "Hoàng": 27,
    "Huỳnh": 24,
    "Phan": 45,
    "Vũ": 20,
    "Võ": 19,
    "Đặng": 21,
    "Bùi": 20,
    "Đỗ": 14,
    "Hồ": 13,
    "Ngô": 13,
    "Dương": 10,
    "Lý": 5,
    "Đinh": 8,
    "Trương": 12,
    "Mai": 7,
    "Tô": 4,
    "Cao": 6,
    "Lương": 6,
}
WOMEN = (
    "Thị Lan", "Thị Hương", "Thị Mai", "Thị Hồng Nhung", "Thị Thanh Thúy", "Ngọc Anh", "Ngọc Bích", "Ngọc Diệp",
    "Phương Thảo", "Phương Linh", "Phương Uyên", "Thùy Dung", "Thùy Trang", "Thùy Linh", "Minh Châu", "Minh Thư",
    "Minh Nguyệt", "Bảo Ngọc", "Bảo Trân", "Khánh Linh", "Khánh Vy", "Hoài An", "Hoài Thương", "Thu Hà", "Thu Thủy",
    "Thu Trang", "Quỳnh Như", "Quỳnh Chi", "Quỳnh Hương", "Mỹ Duyên", "Mỹ Linh", "Kim Ngân", "Kim Chi", "Kim Oanh",
    "Hải Yến", "Diễm My", "Diệu Hiền", "Cẩm Tú", "Tường Vi", "Ánh Tuyết", "Tuyết Mai", "Bích Phượng", "Thanh Hằng",
    "Thanh Tâm", "Lan Chi", "Hà My", "Yến Nhi", "Gia Hân", "Tú Anh", "Vân Anh",
)  # fmt: skip
MEN = (
    "Văn Hùng", "Văn Nam", "Văn Đức", "Văn Thành", "Minh Tuấn", "Minh Quân", "Minh Khôi", "Minh Hiếu", "Quốc Huy",
    "Quốc Bảo", "Quốc Việt", "Đức Anh", "Đức Thịnh", "Đức Long", "Hoàng Nam", "Hoàng Long", "Hoàng Phúc", "Anh Tuấn",
    "Anh Dũng", "Tuấn Kiệt", "Tuấn Anh", "Thanh Tùng", "Thanh Bình", "Thanh Sơn", "Gia Bảo", "Gia Huy", "Hữu Phước",
    "Hữu Nghĩa", "Xuân Trường", "Xuân Bách", "Trọng Nhân", "Trọng Tín", "Công Danh", "Công Minh", "Ngọc Sơn",
    "Ngọc Hải", "Hải Đăng", "Nhật Minh", "Nhật Huy", "Khánh Duy", "Bá Lộc", "Đình Phong", "Thế Vinh", "Duy Khang",
    "Phúc Nguyên", "Tiến Đạt", "Tiến Dũng", "Việt Hoàng", "Chí Thanh", "Tấn Lộc",
)  # fmt: skip
FOREIGNERS = (
    "Emma Wilson", "James Carter", "Sophie Martin", "Daniel Kim", "Anna Schneider", "Lucas Moreau", "Olivia Brown",
    "Thomas Berg", "Hannah Lee", "Marco Rossi", "Chloe Evans", "Peter Novak", "Laura Garcia", "David Chen",
    "Sarah O'Neill", "Mikael Lind", "Julia Weber", "Alex Turner", "Nina Petrova", "Ben Walker",
)  # fmt: skip


def vietnamese_name(rng: Random) -> tuple[str, str]:
    """Return a full name, family name first, and the given name by which the person is called."""
    family = rng.choices(list(FAMILIES), list(FAMILIES.values()))[0]
    given = rng.choice(WOMEN if rng.random() < 0.58 else MEN)
    return f"{family} {given}", given.split()[-1]


def foreign_name(rng: Random) -> tuple[str, str]:
    """Return a full name and the first name of somebody who came from elsewhere."""
    name = rng.choice(FOREIGNERS)
    return name, name.split()[0]


def plain(name: str) -> str:
    """Return a name as it stands in an e-mail address: `Đỗ Thị Lan` is `dothilan`."""
    marked = unicodedata.normalize("NFD", name.replace("Đ", "D").replace("đ", "d").lower())
    return "".join(letter for letter in marked if letter.isascii() and letter.isalpha())
