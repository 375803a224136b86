"""What The Coffee sells: its products with prices in đồng."""

from __future__ import annotations

from dataclasses import dataclass

SHOP = "https://the-coffee.example"
ARABICA = "arabica"


@dataclass(frozen=True, slots=True)
class Product:
    """One product; the price is for one piece, in đồng."""

    sku: str
    name: str
    category: str
    price: int
    popular: int = 1

    @property
    def url(self) -> str:
        """Its page in the shop."""
        return f"{SHOP}/san-pham/{self.sku.lower()}"


PRODUCTS = (
    Product("AR-250", "Arabica Cầu Đất 250 g", ARABICA, 225_000, 8),
    Product("AR-500", "Arabica Cầu Đất 500 g", ARABICA, 420_000, 4),
    Product("AR-KS-250", "Arabica Khe Sanh 250 g", ARABICA, 245_000, 3),
    Product("RO-250", "Robusta Buôn Mê 250 g", "robusta", 145_000, 9),
    Product("RO-500", "Robusta Buôn Mê 500 g", "robusta", 270_000, 7),
    Product("RO-HN-250", "Robusta Honey Đắk Mil 250 g", "robusta", 175_000, 3),
    Product("PT-SG-500", "Phối trộn Sài Gòn 500 g", "blend", 235_000, 8),
    Product("PT-HN-500", "Phối trộn Hà Nội 500 g", "blend", 240_000, 5),
    Product("CB-500", "Cold brew chai 500 ml", "cold-brew", 95_000, 5),
    Product("CB-TUI", "Cà phê cold brew xay thô 500 g", "cold-brew", 260_000, 3),
    Product("PG-10", "Cà phê phin giấy, hộp 10 gói", "drip", 120_000, 5),
    Product("PHIN-4", "Phin nhôm và ly thủy tinh", "phin", 115_000, 5),
    Product("BINH-1L", "Bình ủ lạnh 1 lít", "accessories", 320_000, 1),
    Product("SUA-380", "Sữa đặc 380 g", "accessories", 28_000, 4),
    Product("HOP-SUM-VAY", "Hộp quà Sum Vầy", "gift", 650_000, 1),
)
ARABICAS = tuple(product for product in PRODUCTS if product.category == ARABICA)
OTHERS = tuple(product for product in PRODUCTS if product.category != ARABICA)
TASTES = ("robusta", "blend", "cold-brew", "drip")  # favourites that a customer may name, besides Arabica
