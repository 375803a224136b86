"""A flow's graph as SVG, Mermaid and text: whole, readable, and with figures that are true."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from tests.support.browser import chromium
from tests.support.processes import ROOT
from tests.support.shop import Shop
from tests.support.shop_folder import shop_folder
from worker.domain.flows import Flow
from worker.domain.graph_telling import graph_of
from worker.domain.graphs import Edge, FlowGraph, Node, Way
from worker.domain.steps import walk
from worker.edges.cli.graph import graph as graph_command
from worker.edges.cli.running import run
from worker.edges.graph_figures import figures_of
from worker.edges.graph_layout import laid_out
from worker.edges.graph_measure import CODE, HEAD, NOTE, width_of, wrapped
from worker.edges.graph_mermaid import graph_mermaid
from worker.edges.graph_svg import graph_svg
from worker.edges.graph_text import graph_text
from worker.language.flow.flows import read_flow
from worker.storage.database import Database
from worker.storage.graph_counts import graph_counts

SVG = "{http://www.w3.org/2000/svg}"
EVERY_VERB = """
title: {vi: Đủ mọi bước, en: "Every <b> & \\"verb\\""}
trigger: [purchase, birthday, {season: tet, offset: -21 days}, {segment: lapsed}, {schedule: "0 9 * * mon"}]
when: order.total >= 300_000 and "arabica" in order.categories
exit: [{event: refund}, {when: customer.orders_count >= 9}]
goal: {event: purchase, within: 14 days}
holdout: 12.5%
once: ever
steps:
  - {coupon: gift, percent: 15, expires: 14 days}
  - set: {favourite: arabica}
  - add: {points: 10}
  - choose:
      - when: customer.orders_count >= 5 and customer.total_spent > 1_000_000
        then:
          - tag: coffee-club
          - untag: newcomer
          - split:
              plain: {weight: 1, then: [{send: thank-you}]}
              bold: {weight: 2, then: [{send: thank-you, name: bold}, {wait: 2 days, on: [mon, fri], at: "10:00"}]}
              none: {weight: 1, then: []}
      - when: customer.tracking
        then: [{suppress: tired}, {exit: "done | \\"so\\" #1"}]
    else:
      - {task: "Call {{ customer.name }}", assign: care, due: 2 days, hold: true, close_when: {event: refund}}
  - {emit: tasting.booked, with: {place: "{{ customer.name }}"}}
  - {webhook: "https://example.com/a/very/long/path/that/does/not/fit/into/one/line", with: {a: b}}
  - if: clicked("thank-you")
    then:
      - if: customer.tracking
        then: [{exit: a}]
        else: [{send: thank-you, name: third}]
      - exit: b
  - if: customer.tracking
    then: [{send: thank-you, name: fourth}]
"""
SHIPPED = sorted((ROOT / "flows").glob("*.yaml"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def graph_in(text: str, language: str = "en", name: str = "f") -> FlowGraph:
    flow, _ = read_flow(f"flow: {name}\n{text.lstrip()}", f"{name}.yaml", None)
    return graph_of(flow, language)


@cache
def shipped_flows() -> tuple[Flow, ...]:
    return tuple(read_flow(path.read_text(encoding="utf-8"), path.name, None)[0] for path in SHIPPED)


def shipped(language: str = "vi") -> Iterator[FlowGraph]:
    for flow in shipped_flows():
        yield graph_of(flow, language)


def test_ways_of_a_fork_come_together_again() -> None:
    """Given a fork, then each way has its edge, an empty one leads on, and an exit leads nowhere."""
    graph = graph_in(
        "trigger: signup\nsteps:\n  - if: customer.tracking\n    then:\n      - {send: a}\n"
        "  - if: customer.name\n    then: [{exit: x}]\n  - {send: b}\n"
    )
    assert graph.edges() == (
        Edge("start", "step:if-1"),
        Edge("step:if-1", "step:a", "yes"),
        Edge("step:a", "step:if-2"),
        Edge("step:if-1", "step:if-2", "no"),
        Edge("step:if-2", "step:exit-1", "yes"),
        Edge("step:if-2", "step:b", "no"),
        Edge("step:b", "end"),
    )


def test_a_flow_that_always_exits_has_no_end() -> None:
    """Given a flow whose ways all exit, then nothing leads to an end."""
    graph = graph_in("trigger: signup\nsteps:\n  - {if: customer.name, then: [{exit: x}], else: [{exit: y}]}\n")
    assert all(node.verb != "end" for node in graph.every_node())


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_step_is_drawn_in_each_form(language: str) -> None:
    """Given a flow of every verb, and those that are shipped, then each step stands in the SVG, Mermaid and text."""
    for graph in (graph_in(EVERY_VERB, language), *shipped(language)):
        nodes = list(graph.every_node())
        root = ElementTree.fromstring(graph_svg(graph))
        drawn = [one.get("class", "").split()[1] for one in root.iter(f"{SVG}g") if one.get("class", "")[:4] == "box "]
        assert sorted(one for one in drawn if one != "panel") == sorted(node.verb for node in nodes)
        assert root.find(f"{SVG}title").text == graph.title  # type: ignore[union-attr]
        assert root.get("role") == "img" and root.find(f"{SVG}desc") is not None
        assert len(re.findall(r"^  n\d+[\[{(]", graph_mermaid(graph), re.M)) == len(nodes)
        lines = [line.plain for line in graph_text(graph)]
        assert sum("─ " in line for line in lines) == len(nodes)


@pytest.mark.parametrize(
    ("language", "said"), [("en", "only if, as it goes, customer.consent"), ("vi", "gửi nếu lúc gửi customer.consent")]
)
def test_a_condition_of_a_send_follows_what_leads_to_it(language: str, said: str) -> None:
    """Given a send with a condition, then the text reads on from the note to the condition, and Mermaid has them so."""
    graph = graph_in("trigger: signup\nsteps: [{send: hello, expires: 1 day, when: customer.consent}]\n", language)
    assert any(line.plain.endswith(said) for line in graph_text(graph))
    note = said.removesuffix(" customer.consent")
    assert re.search(rf"{note}<br/>customer.consent", graph_mermaid(graph))


def test_every_step_of_a_flow_has_its_node() -> None:
    """Given the shipped flows, then their graphs have a node for each step, and each but the first is led to."""
    for flow, graph in zip(shipped_flows(), shipped(), strict=True):
        assert {node.step for node in graph.every_node() if node.step} == {step.name for step in walk(flow.steps)}
        keys = {node.key for node in graph.every_node()}
        edges = graph.edges()
        assert {edge.source for edge in edges} <= keys
        assert {edge.target for edge in edges} == keys - {"start"}


def test_mermaid_holds_nothing_that_it_would_misread() -> None:
    """Given texts with quotes, tags and signs of Mermaid's own, then each line has one of the forms that it reads."""
    node = r'(\(\["[^"]*"\]\)|\{\{"[^"]*"\}\}|\["[^"]*"\])'
    forms = (
        "flowchart TD",
        r"  acc(Title|Descr): .+",
        rf"  n\d+{node}",
        r'  n\d+ -->(\|"[^"]+"\|)? n\d+',
        r"  classDef [a-z]+ [-a-z:#0-9,]+",
        r"  class n\d+(,n\d+)* [a-z]+",
    )
    for graph in (graph_in(EVERY_VERB), *shipped()):
        for line in graph_mermaid(graph).splitlines():
            assert any(re.fullmatch(form, line) for form in forms), line
    told = graph_mermaid(graph_in(EVERY_VERB))
    assert "done #124; #quot;so#quot; #35;1" in told and "<b>" not in re.sub(r"  acc.*", "", told)


def nodes_of(depth: int) -> st.SearchStrategy[tuple[Node, ...]]:
    """Make series of nodes with forks of all forms in them."""
    plain = st.builds(Node, st.just("k"), st.sampled_from(["send", "exit", "task"]), st.just("w"), st.text(max_size=40))
    if depth == 0:
        return st.lists(plain, max_size=3).map(tuple)
    ways = st.lists(
        st.builds(Way, st.just("way"), st.just("way"), nodes_of(depth - 1), st.sampled_from(["", "order.total > 1"])),
        min_size=2,
        max_size=3,
    )
    fork = st.builds(lambda ways: Node("k", "if", "if", "", "customer.tracking", ways=tuple(ways)), ways)
    return st.lists(plain | fork, max_size=3).map(tuple)


@settings(max_examples=40)
@given(nodes_of(3))
def test_nothing_lies_over_anything_else(nodes: tuple[Node, ...]) -> None:
    """Given any series of forks and steps, then no two boxes touch, no line runs through one, and all are inside."""
    start = Node("start", "trigger", "starts", "a purchase")
    events = ("order.incident", "refund", "order.cancelled")
    check_layout(FlowGraph("f", "F", "en", (start, *nodes), events, "purchase"))


@pytest.mark.parametrize("language", ["vi", "en"])
def test_nothing_lies_over_anything_else_in_what_is_shipped(language: str) -> None:
    """Given the shipped flows and one of every verb, then the same holds for their pictures."""
    for graph in (graph_in(EVERY_VERB, language), *shipped(language)):
        check_layout(graph)


def check_layout(graph: FlowGraph) -> None:
    """Hold that nothing in a graph's picture lies over anything else, or outside."""
    picture = laid_out(graph, {}, {}, ("ends early", "goal"))
    areas = [(x, y, x + box.width, y + box.height) for box, (x, y) in picture.boxes]
    areas += [(x, y, x + pill.width, y + pill.height) for pill, (x, y) in picture.pills]
    for number, one in enumerate(areas):
        assert one[0] >= 0 and one[1] >= 0 and one[2] <= picture.width and one[3] <= picture.height
        for other in areas[number + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, (one, other)
    boxes = areas[: len(picture.boxes)]
    for points, _ in picture.lines:
        for (x, y), (to_x, to_y) in pairwise(points):
            for left, top, right, bottom in boxes:
                beside = max(x, to_x) <= left + 0.01 or min(x, to_x) >= right - 0.01
                above = max(y, to_y) <= top + 0.01 or min(y, to_y) >= bottom - 0.01
                assert beside or above, ((x, y), (to_x, to_y), (left, top, right, bottom))


@given(st.text(max_size=200), st.sampled_from([HEAD, CODE, NOTE]))
def test_wrapped_texts_fit_and_lose_nothing(text: str, font: object) -> None:
    """Given any text, then its lines fit, and but for spaces nothing of it is lost unless it is cut."""
    lines = wrapped(text, font, 200, most=1_000)  # type: ignore[arg-type] # one of the fonts
    assert all(width_of(line, font) <= 200 for line in lines)  # type: ignore[arg-type]
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert len(wrapped(text, font, 200, most=2)) <= 2  # type: ignore[arg-type]


@pytest.mark.browser
def test_texts_stay_in_their_boxes_and_can_be_read(browser: Browser, tmp_path: Path) -> None:
    """Given pictures of all flows, then in a browser no text leaves its box, and none is faint, in light and dark."""
    drawn = [graph_svg(graph) for graph in (graph_in(EVERY_VERB), *shipped(), *shipped("en"))]
    path = tmp_path / "graphs.html"
    path.write_text("<!doctype html><meta charset=utf-8>" + "\n".join(drawn), encoding="utf-8")
    page = browser.new_page()
    try:
        page.goto(path.as_uri())
        assert page.evaluate("document.querySelectorAll('svg').length") == len(drawn)
        assert page.evaluate(_OUTSIDE) == []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(_FAINT) == [], scheme
    finally:
        page.close()


# Each text that is at fault is told with the title of its flow.
_OUTSIDE = """() => [...document.querySelectorAll('.box, .pill')].flatMap(group => {
  const around = group.querySelector('rect').getBoundingClientRect();
  return [...group.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.right > around.right - 2 || box.left < around.left + 2 || box.bottom > around.bottom;
  }).map(text => `${text.closest('svg').querySelector('title').textContent}: ${text.textContent}`);
})"""
_FAINT = """() => {
  const parts = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  return [...document.querySelectorAll('.box:not(.end) text, .pill text')].filter(text => {
    const svg = text.closest('svg'), behind = getComputedStyle(text.parentElement.querySelector('rect')).fill;
    const ground = behind === 'none' ? getComputedStyle(svg.querySelector(':scope > rect')).fill : behind;
    const [dark, bright] = [light(parts(getComputedStyle(text).fill)), light(parts(ground))].sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05) < 4.5;
  }).map(text => `${text.closest('svg').querySelector('title').textContent}: ${text.textContent}`);
}"""


def test_each_step_tells_how_many_are_there_and_came(database: Database) -> None:
    """Given journeys at several steps, then the figures at each step and on each way are those of the database."""
    shop = Shop(database)
    text = (
        "trigger: purchase\ngoal: {event: purchase, within: 14 days}\nsteps:\n  - {send: thanks}\n"
        "  - if: order.total >= 300_000\n    then:\n      - {task: Call, name: call, hold: true}\n"
        "    else:\n      - {wait: 3 days}\n"
    )
    shop.publish(f=text)
    began = shop.now
    for number, total in enumerate((100_000, 400_000, 500_000)):
        shop.buy(f"A{number}", total, {"id": f"c{number}", "email": f"c{number}@example.com"})
    graph = graph_in(text)
    with database.reading() as connection:
        counts = graph_counts(connection, "f", began)
        nothing = graph_counts(connection, "other", began)
    figures = figures_of(graph, counts, "1 Mar 2027")
    assert figures.counts == {
        "start": ("3 entered",),
        "step:if-1": ("3 reached it",),
        "step:call": ("!2 here now", "2 reached it · 2 open"),
        "step:wait-1": ("!1 here now", "1 reached it"),
    }
    assert figures.took == {("step:if-1", "then"): "2", ("step:if-1", "else"): "1"}
    assert "2 here now" in graph_svg(graph, figures) and "counted from 1 Mar 2027" in graph_svg(graph, figures)
    assert "yes · 2" in graph_mermaid(graph, figures)
    assert figures_of(graph, nothing).counts == {}


def test_a_flow_is_drawn_into_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a shop's folder without a database, then the flow is drawn without counts, as the file's name says."""
    for name in [name for name in os.environ if name.startswith("PHIN_")]:
        monkeypatch.delenv(name)
    folder = shop_folder(tmp_path / "shop")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PHIN_HOME", str(folder))
    assert run(graph_command, ["win-back", "--output", "w.svg", "--language", "en"]) == 0
    told = capsys.readouterr()
    assert told.out == "w.svg\n" and "Without counts" in told.err
    assert ElementTree.fromstring((folder / "w.svg").read_text(encoding="utf-8")).tag == f"{SVG}svg"
    assert run(graph_command, ["winback"]) == 1
    assert "did you mean 'win-back'?" in capsys.readouterr().err
