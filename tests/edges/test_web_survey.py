"""`/a/TOKEN`: following a mark's link changes nothing, sending the page answers, and the answer is an event."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from tests.support.ledger import add_customer, queue
from tests.support.shop import Shop
from tests.support.web import SIGNING, WebHouse, client, web_house
from worker.delivery.formats import FormatError
from worker.delivery.links import MessageLinks
from worker.delivery.tokens import Tokens, Use
from worker.domain.messages import Kind
from worker.domain.settings import Settings
from worker.domain.surveys import Scale, Tally
from worker.edges.cli.commands import Commands
from worker.edges.environment import read_home
from worker.edges.house import House
from worker.storage import surveys as rows
from worker.storage.database import Database
from worker.storage.migrations import migrate
from worker.storage.tables import customer, event, message, survey_answer

pytestmark = pytest.mark.anyio

TOKENS = Tokens([SIGNING])
SURVEYS = {
    "nps": {
        "scale": "nps",
        "question": {"vi": "Bạn có giới thiệu chúng mình không?", "en": "Would you recommend us?"},
        "low": {"vi": "chắc chắn không", "en": "certainly not"},
        "high": {"vi": "chắc chắn có", "en": "certainly"},
    },
    "support": {"scale": "csat", "question": {"vi": "Bạn hài lòng tới đâu?"}},
}
AWAY = "postgresql://phin@127.0.0.1:1/nowhere"


def mail(database: Database, language: str = "vi") -> int:
    with database.writing() as connection:
        owner = add_customer(connection, external_id="c1", email="lan@example.com")
        (number,) = queue(connection, "m", kind=Kind.MARKETING, customer_id=owner)
        sent = {"state": "sent", "email": "lan@example.com", "language": language}
        connection.execute(update(message).where(message.c.id == number).values(**sent))
    return number


def path(number: int, mark: int | None = 9, survey: str = "nps") -> str:
    return f"/a/{TOKENS.survey(number, survey, mark)}"


def house_of(database: Database, tmp_path: Path) -> WebHouse:
    return web_house(database, tmp_path, surveys=SURVEYS)


def answers(database: Database) -> list[tuple[str, int, str | None, int]]:
    with database.reading() as connection:
        found = connection.execute(select(survey_answer).order_by(survey_answer.c.id))
        return [(row.survey, row.score, row.comment, row.version) for row in found]


def events(database: Database) -> list[dict[str, Any]]:
    with database.reading() as connection:
        found = connection.execute(
            select(event.c.payload).where(event.c.type == "survey.answered").order_by(event.c.id)
        )
        return [row.payload["data"] for row in found]


@pytest.mark.parametrize(("language", "words"), [("vi", "Gửi câu trả lời"), ("en", "Send my answer")])
async def test_following_a_mark_shows_it_chosen_and_answers_nothing(
    database: Database, tmp_path: Path, language: str, words: str
) -> None:
    """Given the link of a mark, when it is followed, by whatever program, then the page has it chosen, and nothing is
    answered."""
    number = mail(database, language)
    async with client(house_of(database, tmp_path)) as web:
        page = await web.get(path(number, 9))
        head = await web.head(path(number, 3))
        plain = await web.get(path(number, None))
    assert (page.status_code, head.status_code, plain.status_code) == (200, 200, 200)
    assert 'value="9" required checked' in page.text and page.text.count("checked>") == 1
    assert page.text.count('type="radio"') == 11 and "checked>" not in plain.text
    assert words in page.text and f'<html lang="{language}">' in page.text
    assert SURVEYS["nps"]["question"][language] in page.text  # type: ignore[index]
    assert "set-cookie" not in page.headers and "lan@example.com" not in page.text
    assert (answers(database), events(database)) == ([], [])


@pytest.mark.parametrize("multipart", [False, True])
async def test_sending_the_page_answers_once_and_another_answer_replaces_it(
    database: Database, tmp_path: Path, multipart: bool
) -> None:
    """Given the page, when it is sent, sent again and sent with another mark, then there is one answer, the last, and
    an event for each that says something new."""
    number = mail(database)
    house = house_of(database, tmp_path)

    def form(**fields: str) -> dict[str, Any]:
        return {"files": {key: (None, one) for key, one in fields.items()}} if multipart else {"data": fields}

    async with client(house) as web:
        first = await web.post(path(number), **form(score="2", comment="Giao chậm <b>quá</b>"))
        again = await web.post(path(number), **form(score="2", comment="Giao chậm <b>quá</b>"))
        shown = await web.get(path(number, 2))
        other = await web.post(path(number, 2), **form(score="9", comment=""))
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 200)
    assert "Bạn đã chấm 2." in first.text and "Bạn đã chấm 9." in other.text
    assert "Lần trước bạn đã chấm 2" in shown.text and "Giao chậm &lt;b&gt;quá&lt;/b&gt;" in shown.text
    assert answers(database) == [("nps", 9, None, 2)]
    told = events(database)
    assert [(one["survey"], one["score"], one.get("comment")) for one in told] == [
        ("nps", 2, "Giao chậm <b>quá</b>"),
        ("nps", 9, None),
    ]


@pytest.mark.parametrize(("language", "words"), [("vi", "phần bạn viết quá dài"), ("en", "what you wrote is too long")])
async def test_too_many_words_are_told_apart_from_no_mark(
    sqlite_database: Database, tmp_path: Path, language: str, words: str
) -> None:
    """Given a mark and more words than a form may hold, then the page says which of them was wrong, in the mail's
    language, and keeps the mark of the link."""
    number = mail(sqlite_database, language)
    async with client(house_of(sqlite_database, tmp_path)) as web:
        page = await web.post(path(number, 9), data={"score": "9", "comment": "dài " * 20_000})
    assert page.status_code == 422 and words in page.text and "2000" in page.text
    assert "chọn một điểm" not in page.text and "choose a mark" not in page.text
    assert 'value="9" required checked' in page.text and answers(sqlite_database) == []


@pytest.mark.parametrize("score", ["", "11", "-1", "five", "9" * 5000])
async def test_without_a_mark_of_the_scale_the_page_asks_again(database: Database, tmp_path: Path, score: str) -> None:
    """Given a form without a mark, or with none of the scale, then the page says so and keeps the words."""
    number = mail(database)
    async with client(house_of(database, tmp_path)) as web:
        page = await web.post(path(number, None), data={"score": score, "comment": "vẫn còn đây"})
        huge = await web.post(path(number), content=b"x" * 200_000)
    assert (page.status_code, huge.status_code) == (422, 422)
    assert "vẫn còn đây" in page.text and 'role="alert"' in page.text
    assert answers(database) == []


async def test_links_that_were_not_made_here_open_nothing(database: Database, tmp_path: Path) -> None:
    """Given tokens that are cut, of another purpose, of a survey that is gone, or of a mark beyond the scale, then
    there is no such page, also for sending; the key before this one still opens it."""
    number = mail(database)
    older = Tokens([b"another key that signed before", SIGNING]).survey(number, "nps", 5)
    wrong = [
        f"/a/{TOKENS.survey(number, 'nps', 9)[:-3]}",
        f"/a/{TOKENS.page(Use.PREFERENCES, number)}",
        f"/a/{older}",
        path(number, 9, "gone"),
        path(number, 11),
        path(number, 0, "support"),
    ]
    house = house_of(database, tmp_path)
    async with client(house) as web:
        for one in wrong:
            assert (await web.get(one)).status_code == 404
            assert (await web.post(one, data={"score": "5"})).status_code == 404
        house.tokens = Tokens([b"the key of now, which signs", SIGNING])
        async with client(house) as later:
            assert (await later.get(path(number))).status_code == 200
    assert answers(database) == []


async def test_an_erased_customers_mail_asks_nothing(database: Database, tmp_path: Path) -> None:
    """Given a customer who was erased, when the link is followed and sent, then there is no such page any more."""
    number = mail(database)
    with database.writing() as connection:
        connection.execute(update(message).values(email=None))
        connection.execute(update(customer).values(email=None, external_id=None, erased_at=customer.c.created_at))
    async with client(house_of(database, tmp_path)) as web:
        assert (await web.get(path(number))).status_code == 404
        assert (await web.post(path(number), data={"score": "9"})).status_code == 404
    assert answers(database) == []


async def test_with_the_database_away_the_page_asks_and_keeps_what_was_written(tmp_path: Path) -> None:
    """Given no database, then the page still asks, and what could not be kept stands in the form, to be sent again."""
    house = house_of(Database(AWAY), tmp_path)
    async with client(house) as web:
        page = await web.get(path(1))
        sent = await web.post(path(1), data={"score": "9", "comment": "ngon lắm", "language": "vi"})
    assert (page.status_code, sent.status_code) == (200, 503)
    assert "ngon lắm" in sent.text and "gửi lại sau ít phút" in sent.text and 'value="9" required checked' in sent.text


@pytest.mark.parametrize(("name", "mark", "said"), [("npss", 5, "no survey 'npss'"), ("support", 0, "from 1 to 5")])
def test_a_mail_that_asks_what_is_not_there_is_not_made(name: str, mark: int, said: str) -> None:
    """Given a template that names no survey of the shop's, or a mark beyond its scale, then that is told, and no mail
    goes out whose links lead nowhere."""
    surveys = Settings.model_validate({"surveys": SURVEYS}).surveys
    links = MessageLinks(TOKENS, "https://p.example", 1, tracking=False, refusable=True, surveys=surveys)
    with pytest.raises(FormatError, match=said):
        links.survey(name, mark)
    assert TOKENS.read_survey(links.survey("nps", 10).rpartition("/")[2]) is not None


def test_a_detractor_gives_staff_a_task(database: Database) -> None:
    """Given a flow on low marks, when an answer of 3 of 10 is processed, then its task is there."""
    shop = Shop(database)
    shop.publish(
        f='trigger: {event: survey.answered}\nwhen: event.score <= 6\nsteps: [{task: "Gọi {{ event.score }}"}]'
    )
    shop.send("survey.answered", data={"survey": "nps", "score": 3})
    shop.send("survey.answered", data={"survey": "nps", "score": 9})
    assert len(shop.journeys()) == 1


@given(st.dictionaries(st.integers(0, 10), st.integers(0, 50)))
def test_the_score_is_between_its_bounds_and_nobody_counts_twice(counts: dict[int, int]) -> None:
    """Given any answers, then NPS is −100 to 100, the mean on the scale, and good and bad are different people."""
    tally = Tally(Scale.NPS, counts)
    assert tally.good + tally.bad <= tally.answers == sum(counts.values())
    if tally.answers:
        assert tally.score is not None and -100 <= tally.score <= 100
        assert tally.mean is not None and 0 <= tally.mean <= 10
    else:
        assert tally.score is None and tally.mean is None


def test_the_command_counts_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given answers, then the command has score, marks and what was written; an unknown survey is named."""
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text(json.dumps({"shop": {"name": "T"}, "surveys": SURVEYS}))
    monkeypatch.setenv("PHIN_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    house = House(read_home({"PHIN_HOME": str(tmp_path)}))
    migrate(house.database)
    with house.database.writing() as connection:
        owner = add_customer(connection, external_id="c1", name="Lan")
        for number, mark in enumerate((10, 9, 8, 3)):
            (sent,) = queue(connection, f"m{number}", kind=Kind.MARKETING, customer_id=owner)
            rows.keep(
                connection, sent, "nps", owner, "recommend", mark, "ngon" if mark == 10 else None, house.clock.now()
            )
    runner = CliRunner()
    told = json.loads(runner.invoke(Commands(), ["surveys", "--json"]).output)
    assert told["surveys"]["nps"] | {"marks": None} == {
        "scale": "nps",
        "answers": 4,
        "score": 25.0,
        "mean": 7.5,
        "good": 2,
        "bad": 1,
        "marks": None,
    }
    assert told["surveys"]["support"]["answers"] == 0
    shown = runner.invoke(Commands(), ["surveys", "nps"]).output
    assert "NPS +25" in shown and "Lan: ngon" in shown and "4 answers, mean 7.5" in shown
    unknown = runner.invoke(Commands(), ["surveys", "npss"]).output
    assert "no survey 'npss'" in unknown and "those that the shop reports itself are not counted here" in " ".join(
        unknown.replace("│", " ").split()
    )
