"""What is the same in every mail of a shop is put into its templates once, when they are compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

_SHOP = "shop"


def with_shop(tree: nodes.Template, shop: Mapping[str, Any]) -> nodes.Template:
    """Write the shop's texts (`shop.name`, `shop.website` …) into a parsed template, where `shop` means nothing else.

    Parameters:
        shop: `shop` as templates see it.
    """
    taken = any(name.name == _SHOP and name.ctx != "load" for name in tree.find_all(nodes.Name))
    imported = next(tree.find_all((nodes.Import, nodes.FromImport)), None)
    if not taken and imported is None:
        _WithShop(shop).visit(tree)
    return tree


class _WithShop(NodeTransformer):
    def __init__(self, shop: Mapping[str, Any]) -> None:
        self._shop = shop

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        """Replace `shop.NAME` by its text; what is no text, or not there, is left to rendering."""
        self.generic_visit(node)
        of_shop = isinstance(node.node, nodes.Name) and node.node.name == _SHOP and node.ctx == "load"
        value = self._shop.get(node.attr) if of_shop else None
        return nodes.Const(value, lineno=node.lineno) if isinstance(value, str) else node
