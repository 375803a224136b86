"""What can be found wrong with a template without rendering it: names, links, pictures, styles, size."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from jinja2 import meta, nodes
from lxml import etree
from rapidfuzz import process

from worker.delivery.templates.check_document import link_problems, picture_problems
from worker.delivery.templates.check_styles import style_problems
from worker.delivery.templates.links import PAGES
from worker.delivery.templates.pieces import words
from worker.delivery.templates.protected import Protected
from worker.delivery.templates.sources import Sources
from worker.domain.conditions.catalogue import COUPON_PARTS
from worker.domain.errors import Problem, Severity
from worker.language.yaml.source import MOST_PROBLEMS

NAMES = words("customer order event journey shop now today message coupons range") | PAGES
# What each of them holds; those that are not here hold what the shop or the flow puts there.
FIELDS: dict[str, frozenset[str]] = {
    "customer": words(
        "id email name first_name phone birthday language timezone address tags "
        "orders_count total_spent average_order first_order_at last_order_at rfm"
    ),
    "order": words("number total currency status coupon placed_at categories skus lines"),
    "journey": words("flow entered_at order_number request day"),
    "shop": words("name address phone website language languages timezone currency sender"),
    "message": words("language kind subject preheader"),
}
STAFF = "staff"  # the folder of mails to staff, whose names begin with it
# What such mails may name beside: a task (each of `due` and `late` is one too), and whom the mail goes to.
STAFF_NAMES = words("staff task due late")
STAFF_FIELDS: dict[str, frozenset[str]] = {
    "staff": words("key name first_name email language url tasks_url"),
    "task": words("id title note type priority state created_at due_at late order_number request customer url from"),
}
LINE = words("sku name category quantity price amount")


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a template may use: the house's, the customers' own fields, the flow's `with:`.

    Parameters:
        staff: whether it is a mail to staff.
    """

    fields: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """The names in one parsed text of a template.

    Parameters:
        free: those that nothing in it sets.
        asked: those whose absence it provides for, with what it asks of them: `order`, `customer.phone`.
    """

    tree: nodes.Template
    free: frozenset[str]
    asked: frozenset[str]

    @classmethod
    def of(cls, tree: nodes.Template) -> Named:
        """Look through a tree; that costs as much as compiling it, so it is done once."""
        return cls(tree, frozenset(meta.find_undeclared_variables(tree)), _asked_for(tree))


def problems_of(
    texts: Sequence[Named], protected: Protected, root: etree._Element, known: Known, sources: Sources
) -> list[Problem]:
    """Return everything that is wrong with one template, each thing once.

    Parameters:
        root: its document, with the CSS in the elements.
    """
    looks = (
        *(_unknown_names(text, known, sources) for text in texts),
        link_problems(protected, sources),
        picture_problems(protected, root, sources),
        style_problems(protected, sources),
    )
    found: dict[Problem, None] = {}
    for problem in chain.from_iterable(looks):
        if len(found) >= MOST_PROBLEMS and problem not in found:
            more = "there are more problems, which are not shown; mend these first"
            worst = max((one.severity for one in found), key=lambda one: one is Severity.ERROR)
            found[Problem(problem.place, more, worst, None, problem.source_line)] = None
            break
        found[problem] = None
    return list(found)


def _unknown_names(text: Named, known: Known, sources: Sources) -> Iterator[Problem]:
    names = NAMES | known.values | (STAFF_NAMES if known.staff else frozenset())
    tree, free, asked = text.tree, text.free, text.asked
    for node in tree.find_all(nodes.Name):
        if node.name in free and node.name not in names and node.name not in asked:
            declare = "a value from the flow is declared in the front matter: 'with: " + node.name + "'"
            hint: str | None = _close(node.name, names) or declare
            yield sources.problem(node.lineno, f"'{node.name}' is not known", near=node.name, hint=hint)
    every = {**FIELDS, **STAFF_FIELDS} if known.staff else FIELDS
    fields = {name: fields for name, fields in every.items() if name in free}
    if "customer" in fields:
        fields["customer"] |= known.fields
    for loop in tree.find_all(nodes.For):
        if _path(loop.iter) == "order.lines" and isinstance(loop.target, nodes.Name):
            fields[loop.target.name] = LINE
    for attribute in tree.find_all(nodes.Getattr):
        owner = attribute.node.name if isinstance(attribute.node, nodes.Name) else ""
        path = f"{owner}.{attribute.attr}"
        if owner in fields and attribute.attr not in fields[owner] and path not in asked:
            hint = _close(attribute.attr, fields[owner], f"{owner}.")
            yield sources.problem(attribute.lineno, f"'{path}' is not known", near=path, hint=hint)
        path = _path(attribute)
        of_coupon = path.startswith("coupons.") and path.count(".") == 2 and "coupons" in free
        if of_coupon and attribute.attr not in COUPON_PARTS and path not in asked:
            hint = _close(attribute.attr, COUPON_PARTS) or f"a coupon has {', '.join(COUPON_PARTS)}"
            yield sources.problem(attribute.lineno, f"'{path}' is not known", near=path, hint=hint)


def needs_of(texts: Sequence[Named], values: Collection[str]) -> frozenset[str]:
    """Return what a mail cannot be made without: `order`, `event.FIELD`, `coupons.NAME`, values of the flow's `with:`.

    What the template asks for (`is defined`) or replaces (`default`) is not needed.
    """
    found: set[str] = set()
    for text in texts:
        inner = {id(one.node) for one in text.tree.find_all(nodes.Getattr)}
        for node in text.tree.find_all((nodes.Name, nodes.Getattr)):
            path = _path(node)
            root, _, rest = path.partition(".")
            if id(node) in inner or root not in text.free or _provided_for(path, text.asked):
                continue
            if root in ("event", "coupons") and rest:
                found.add(f"{root}.{rest.partition('.')[0]}")
            elif root == "order" or root in values:
                found.add(root)
    return frozenset(found)


def _provided_for(path: str, asked: Collection[str]) -> bool:
    parts = path.split(".")
    return any(".".join(parts[:length]) in asked for length in range(1, len(parts) + 1))


def _asked_for(tree: nodes.Template) -> frozenset[str]:
    """Return the names whose absence the template provides for: `is defined`, `default`."""
    asked = {_path(test.node) for test in tree.find_all(nodes.Test) if test.name in ("defined", "undefined")}
    asked |= {
        _path(filter_.node)
        for filter_ in tree.find_all(nodes.Filter)
        if filter_.name in ("default", "d") and filter_.node
    }
    return frozenset(asked)


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_path(node.node)}.{node.attr}"
    if isinstance(node, nodes.Filter) and node.node is not None and node.name.startswith("_"):
        return _path(node.node)  # a loop's items, with their counting around them
    return ""


def _close(name: str, known: Iterable[str], before: str = "") -> str | None:
    close = process.extractOne(name, sorted(known), score_cutoff=70)
    return f"did you mean '{before}{close[0]}'?" if close else None
