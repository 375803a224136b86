"""`utm`: what the links of a flow's mails tell the shop's web statistics, or that they tell nothing."""

from __future__ import annotations

from worker.domain.utm import PARTS, USUAL, Utm
from worker.language.yaml.fields import Fields
from worker.language.yaml.nodes import Node, Scalar
from worker.language.yaml.scalars import scalar
from worker.language.yaml.source import Report

OFF = ("false", "no")
LONGEST = 100  # characters of one part: it stands in every link
FORM = "{campaign: tet-2027}"


def utm(report: Report, node: Node | None) -> Utm:
    """Read it; without one the settings say everything."""
    if node is None:
        return USUAL
    if isinstance(node, Scalar):
        if node.text in OFF:
            return Utm(on=False)
        hint = "leave 'utm' out" if node.text in ("true", "yes") else f"write: utm: {{campaign: {node.text[:60]}}}"
        report.error(node, f"'utm' is false, or a group of keys such as {FORM}", hint)
        return USUAL
    fields = Fields(report, node, "'utm'", PARTS, form=FORM)
    source, medium, campaign, content, term = (_part(report, fields, part) for part in PARTS)
    return Utm(source=source, medium=medium, campaign=campaign, content=content, term=term)


def _part(report: Report, fields: Fields, part: str) -> str | None:
    node = fields.value(part)
    found = None if node is None else scalar(report, node, f"'{part}'", "a text")
    if found is None:
        return None
    text = " ".join(found.text.split())
    if "{{" in text:
        report.error(found, f"'{part}' is the same in every mail; '{{{{ }}}}' cannot stand in it")
        return None
    if not 0 < len(text) <= LONGEST or not text.isprintable():
        report.error(found, f"'{part}' is one line of at most {LONGEST} characters")
        return None
    return text
