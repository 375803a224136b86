"""The name to greet somebody by, where only the whole name is known."""

from __future__ import annotations

from worker.domain.customers import Customer

# The usual Vietnamese family names, which stand first; as written in full, and those that are telling without marks.
_MARKED = "nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đinh đoàn trịnh"
_UNMARKED = "nguyen tran pham huynh hoang"
_FAMILIES = frozenset(f"{_MARKED} {_UNMARKED}".split())
_ADDRESS = frozenset("<>@")


def given_name(name: str | None, language: str) -> str | None:
    """Return the given name in a whole name; None where there is none.

    A Vietnamese name ends with it: `Nguyễn Thị Mai` is Mai. Whoever is written to in Vietnamese is taken to have such a
    name, and so is everybody whose name begins with a usual Vietnamese family name. Other names begin with it. What has
    no letter, or a sign of an e-mail address, is nobody's name: `Mai <mai@example.com>` has none to greet by.

    Parameters:
        language: of the mail.
    """
    words = (name or "").split()
    if not words:
        return None
    found = words[-1] if language == "vi" or words[0].lower() in _FAMILIES else words[0]
    return found if _ADDRESS.isdisjoint(found) and any(map(str.isalpha, found)) else None


def greeted_by(customer: Customer, language: str) -> str | None:
    """Return the name to greet a customer by: the shop's own word, else the given name in their whole name.

    Parameters:
        language: the shop's, for a customer whose own is not known.
    """
    return customer.first_name or given_name(customer.name, customer.language or language)
