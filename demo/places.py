"""Where the customers live: cities with districts and streets as people write them on a parcel."""

from __future__ import annotations

from random import Random

# city: its share of the customers in per cent, its districts, its streets
CITIES: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    "Thành phố Hồ Chí Minh": (
        42,
        ("Quận 1", "Quận 3", "Quận 5", "Quận 7", "Quận 10", "Bình Thạnh", "Phú Nhuận", "Gò Vấp", "Tân Bình", "Thủ Đức"),
        ("Lê Văn Sỹ", "Nguyễn Thị Minh Khai", "Phan Xích Long", "Nguyễn Trãi", "Cách Mạng Tháng Tám", "Quang Trung"),
    ),
    "Hà Nội": (
        25,
        ("Ba Đình", "Hoàn Kiếm", "Đống Đa", "Hai Bà Trưng", "Cầu Giấy", "Tây Hồ", "Thanh Xuân", "Long Biên"),
        ("Kim Mã", "Hàng Bông", "Láng Hạ", "Bà Triệu", "Xuân Thủy", "Thụy Khuê", "Nguyễn Trãi", "Ngọc Lâm"),
    ),
    "Đà Nẵng": (
        10,
        ("Hải Châu", "Thanh Khê", "Sơn Trà", "Ngũ Hành Sơn", "Liên Chiểu"),
        ("Bạch Đằng", "Điện Biên Phủ", "Ngô Quyền", "Lê Văn Hiến", "Tôn Đức Thắng"),
    ),
    "Cần Thơ": (6, ("Ninh Kiều", "Cái Răng", "Bình Thủy"), ("Mậu Thân", "Ba Tháng Hai", "Trần Văn Hoài")),
    "Hải Phòng": (5, ("Hồng Bàng", "Lê Chân", "Ngô Quyền"), ("Lạch Tray", "Tô Hiệu", "Cầu Đất")),
    "Huế": (4, ("Thuận Hóa", "Phú Xuân"), ("Hùng Vương", "Lê Lợi", "Chi Lăng")),
    "Nha Trang": (4, ("Lộc Thọ", "Vĩnh Hải", "Phước Long"), ("Trần Phú", "Hai Tháng Tư", "Lê Hồng Phong")),
    "Đà Lạt": (4, ("Xuân Hương", "Cam Ly", "Lâm Viên"), ("Phan Đình Phùng", "Hoàng Văn Thụ", "Trần Hưng Đạo")),
}


def address(rng: Random) -> dict[str, str]:
    """Return a postal address: street, district, city, country."""
    city = rng.choices(list(CITIES), [share for share, _, _ in CITIES.values()])[0]
    _, districts, streets = CITIES[city]
    return {
        "street": f"{rng.randint(1, 420)} {rng.choice(streets)}",
        "district": rng.choice(districts),
        "city": city,
        "country": "VN",
    }
