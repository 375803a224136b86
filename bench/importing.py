"""Importing orders of the past: rows and orders a second, and the whole time, as `phin import orders --write` takes.

    python -m bench.importing [--orders 100000] [--postgres]

The file is made first: two lines an order, four orders a customer. Then it is imported, then imported again, which
passes over what is there.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.support.homes import ask_for_database, database_of, house, make_home
from worker.domain.event_check import EventRules
from worker.edges.house import House
from worker.edges.importing.columns import map_columns
from worker.edges.importing.faults import RefusedFile
from worker.edges.importing.reading import open_sheet
from worker.edges.importing.running import Import, Tally
from worker.edges.importing.survey import Said, survey
from worker.edges.importing.targets import Subject
from worker.edges.jobs import Job

HEADER = (
    *("Mã đơn hàng", "Ngày đặt hàng", "Mã khách hàng", "E-mail", "Họ tên", "Số điện thoại", "Tỉnh/Thành phố"),
    *("SKU", "Tên sản phẩm", "Danh mục", "Số lượng", "Đơn giá", "Tổng tiền", "Trạng thái"),
)
PRODUCTS = (("AR-250", "Arabica Cầu Đất 250 g", "arabica", 180), ("PHIN-4", "Phin nhôm cỡ 4", "phin", 90))


def write_orders(path: Path, orders: int) -> int:
    """Write a file of orders, two lines each; returns its rows."""
    chance = random.Random(7)  # the same file each time
    begin = datetime(2024, 1, 1)  # noqa: DTZ001 # as shops write it, without a zone
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(HEADER)
        for number in range(orders):
            who = chance.randrange(max(1, orders // 4))
            placed = begin + timedelta(minutes=number * 1_000_000 // orders)
            person = (f"c{who}", f"khach{who}@example.com", f"Nguyễn Thị {who}", f"09{who:08}", "Đà Nẵng")
            for sku, name, category, price in PRODUCTS:
                product = (sku, name, category, 1, f"{price}.000", "270.000 ₫", "Hoàn thành")
                writer.writerow((f"A{number}", f"{placed:%d/%m/%Y %H:%M}", *person, *product))
    return 2 * orders


def run(into: House, path: Path) -> Tally:
    """Import the file, as the command does."""
    sheet = open_sheet(path)
    shop = into.settings.shop
    mapped = map_columns(Subject.ORDERS, sheet.header, into.settings.fields)
    plan = survey(sheet, mapped, Said(ZoneInfo(shop.timezone)), shop.currency)
    work = Import(
        plan,
        into.database,
        EventRules.of(into.settings),
        currency=shop.currency,
        vietnamese=True,
        now=into.clock.now,
        process=into.runners[Job.PROCESS_EVENTS],
    )
    with RefusedFile(None, sheet.header, sheet.separator) as refused:
        return work.run(write=True, refused=refused, went=lambda _rows: None)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure an import of orders.")
    parser.add_argument("--orders", type=int, default=100_000)
    ask_for_database(parser)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = database_of(stack, postgres=options.postgres)
        rows = write_orders(folder / "orders.csv", options.orders)
        into = house(make_home(folder / "home"), **settings)
        stack.callback(into.close)
        print(f"{into.database_name()}, {rows:,} rows, {options.orders:,} orders")
        print(f"{'':<24} {'rows/s':>9} {'orders/s':>9} {'s':>8} {'CPU s':>8}")
        for title in ("import", "the same file again"):
            began, busy = time.perf_counter(), time.process_time()
            tally = run(into, folder / "orders.csv")
            took, busy = time.perf_counter() - began, time.process_time() - busy
            assert tally.records == options.orders and not tally.refusals.lines and not tally.unprocessed, tally
            print(f"{title:<24} {rows / took:>9,.0f} {options.orders / took:>9,.0f} {took:>8.1f} {busy:>8.1f}")


if __name__ == "__main__":
    main()
