"""Settings come from `config/phin.yaml` and the environment; a wrong one is named with its place or its variable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from worker.domain.errors import FileError, PhinError, SettingError
from worker.domain.settings import Settings
from worker.language.config.environment import NOT_SETTINGS, overriding, variables
from worker.language.config.settings import inspect_settings, read_settings

SOURCES = Path(__file__).parents[2] / "worker"

SHIPPED = Path(__file__).parent.parent.parent / "config" / "phin.yaml"


def written(folder: Path, text: str) -> Path:
    path = folder / "phin.yaml"
    path.write_text(text)
    return path


def faults(folder: Path, text: str, **environment: str) -> list[str]:
    """Return what is told of a file, without its folder."""
    with pytest.raises(FileError) as raised:
        read_settings(written(folder, text), environment)
    return [
        f"{str(problem.place).removeprefix(str(folder) + '/')}: {problem.message}"
        + (f"; {problem.hint}" if problem.hint else "")
        for problem in raised.value.problems
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "shop:\n"])
def test_what_is_not_said_has_its_default(tmp_path: Path, text: str) -> None:
    """Given a file that says nothing, or no file, then every setting has its default."""
    assert read_settings(written(tmp_path, text), {}) == Settings()
    assert read_settings(tmp_path / "none.yaml", {}) == Settings()
    assert read_settings(None, {}) == Settings()


def test_a_file_is_read_with_its_groups_lists_and_texts_as_they_look(tmp_path: Path) -> None:
    """Given values that YAML would take for something else, then each is what its setting wants."""
    settings = read_settings(
        written(
            tmp_path,
            "port: 9_000   # the web\n"
            "shop:\n"
            "  name: Cà phê   \n"
            "  phone: 0283822000\n"
            "  address: 12 Lê Lợi, Huế\n"
            "  languages: [vi, en]\n"
            "base_url:\n"
            "fields: {tier: text, points: number}\n"
            "events:\n"
            "  tasting.booked: {place: text}\n"
            "  visit: {}\n",
        ),
        {},
    )

    assert (settings.port, settings.shop.name, settings.shop.phone) == (9000, "Cà phê", "0283822000")
    assert settings.shop.address == "12 Lê Lợi, Huế"
    assert settings.shop.languages == ("vi", "en")
    assert settings.base_url is None
    assert settings.fields == {"tier": "text", "points": "number"}
    assert settings.events == {"tasting.booked": {"place": "text"}, "visit": {}}


def test_the_environment_overrides_the_file_and_the_defaults(tmp_path: Path) -> None:
    """Given variables, then they win over the file, group by group, and the rest of the file holds."""
    settings = read_settings(
        written(tmp_path, "port: 9000\nshop: {name: A, phone: 1}\nqueue:\n"),
        {
            "PHIN_PORT": "9001",
            "PHIN_SHOP_NAME": "B # C",
            "PHIN_SHOP_LANGUAGES": "en, vi",
            "PHIN_QUEUE_THREADS": "2",
            "PHIN_SHOP_SENDER_EMAIL": "b@example.com",
            "PHIN_FIELDS": "tier: text, points: number",
            "PHIN_EVENTS": "{visit: {place: text}}",
            "PHIN_BIND": "",
            "HOME": "/root",
        },
    )

    assert (settings.port, settings.shop.name, settings.shop.phone) == (9001, "B # C", "1")
    assert settings.shop.languages == ("en", "vi")
    assert settings.queue.threads == 2
    assert settings.shop.sender.email == "b@example.com"
    assert settings.fields == {"tier": "text", "points": "number"}
    assert settings.events == {"visit": {"place": "text"}}
    assert settings.bind == Settings().bind


def test_every_setting_has_a_variable_of_its_own() -> None:
    """Given all settings, then each has one variable, and no two the same."""
    names = [variable.name for variable in variables()]

    assert len(names) == len(set(names)) > 30
    assert {"PHIN_PORT", "PHIN_SHOP_NAME", "PHIN_SHOP_SENDER_REPLY_TO", "PHIN_SENDING_GROUP_SINGLE"} <= set(names)


FAULTS = {
    "an unknown key": ("prot: 1\n", "phin.yaml:1:1: unknown key 'prot'; did you mean 'port'?"),
    "an unknown key in a group": (
        "shop:\n  sender: {mail: a@example.com}\n",
        "phin.yaml:2:12: unknown key 'mail' in 'shop.sender'; did you mean 'email'?",
    ),
    "no number": ("port: many\n", "phin.yaml:1:7: 'port' has the value 'many': not a whole number"),
    "half a number": ("port: 8787.5\n", "phin.yaml:1:7: 'port' has the value '8787.5': not a whole number"),
    "too much": ("port: 99999\n", "phin.yaml:1:7: 'port' has the value '99999': it must be at most 65535"),
    "too little": (
        "queue: {threads: 0}\n",
        "phin.yaml:1:18: 'threads' has the value '0': it must be at least 1",
    ),
    "another word": (
        "log: jason\n",
        "phin.yaml:1:6: 'log' has the value 'jason': not 'auto', 'json' or 'console'; did you mean 'json'?",
    ),
    "no zone": (
        "shop:\n  timezone: Asia/Hanoi\n",
        "phin.yaml:2:13: 'timezone' has the value 'Asia/Hanoi': it is no IANA time zone; write one like "
        "'Asia/Ho_Chi_Minh'",
    ),
    "no currency": (
        "shop: {currency: đồng}\n",
        "phin.yaml:1:18: 'currency' has the value 'đồng': not as it should be (ISO 4217 code)",
    ),
    "no address of a sender": (
        "shop:\n  sender: {email: notmail}\n",
        "phin.yaml:2:19: 'email' has the value 'notmail': it is no e-mail address: An email address must have an "
        "@-sign; write one at a domain of yours, such as hello@your-shop.example",
    ),
    "no address for answers": (
        "shop: {sender: {reply_to: 'Lan <lan@example.com>'}}\n",
        "phin.yaml:1:27: 'reply_to' has the value 'Lan <lan@example.com>': it is no e-mail address: A display name and "
        "angle brackets around the email address are not permitted here; write one at a domain of yours, such as "
        "hello@your-shop.example",
    ),
    "a name of two lines": (
        'shop: {name: "The\\nCoffee"}\n',
        "phin.yaml:1:14: 'name' has the value 'The\nCoffee': it holds a line break or another control character; write "
        "it in one line",
    ),
    "a website that is none": (
        "shop: {website: 'javascript:alert(1)'}\n",
        "phin.yaml:1:17: 'website' has the value 'javascript:alert(1)': it is no address of a page; write one like "
        "https://your-shop.example",
    ),
    "a language that is none of the shop's": (
        "shop:\n  language: fr\n",
        "phin.yaml:2:13: 'language' has the value 'fr': it is none of the languages (vi, en); add it there, or write "
        "one of them",
    ),
    "languages without the usual one": (
        "shop:\n  languages: [en]\n",
        "phin.yaml:1:1: 'language' has the value 'vi': it is none of the languages (en); add it there, or write one of "
        "them",
    ),
    "a field of an event that every event has": (
        "events:\n  tasting.booked: {place: text, at: time}\n",
        "phin.yaml:2:33: 'event.at' is the moment of the event itself; call this field otherwise, such as 'starts_at'",
    ),
    "a field of a house's event with another type": (
        "events: {refund: {amount: text, note: text, reason: text}}\n",
        "phin.yaml:1:19: 'amount' of 'refund' is a number already; call this field otherwise",
    ),
    "a word for a list": (
        "shop: {languages: vi}\n",
        "phin.yaml:1:19: 'languages' has the value 'vi': a list is needed here, such as [vi, en]",
    ),
    "a word for a group": (
        "shop: Phin\n",
        "phin.yaml:1:7: 'shop' has the value 'Phin': a group of keys is needed here",
    ),
    "a list for a word": ("bind: [a, b]\n", "phin.yaml:1:1: 'bind' is one value, not a list"),
    "a list for a group": ("shop: [a]\n", "phin.yaml:1:1: 'shop' is a group of keys, not a list"),
    "a type that is none": (
        "fields: {tier: txt}\n",
        "phin.yaml:1:16: 'tier' has the value 'txt': not 'text', 'number', 'boolean', 'date' or 'time'; did you mean "
        "'text'?",
    ),
    "a key given twice": (
        "port: 1\nport: 2\n",
        "phin.yaml:2:1: the key 'port' is given twice; it stands in line 1 already",
    ),
    "words before a comment": (
        "shop:\n  address: 12 Lê Lợi # ground floor\n",
        "phin.yaml:2:22: what follows ' #' would be lost as a comment; quote the text, or put the comment in a line of "
        'its own; write: address: "12 Lê Lợi # ground floor"',
    ),
    "no YAML": ("shop: {name: A\n", "phin.yaml:1:7: the '{' that opens here is not closed; write: shop: {name: A}"),
    "no settings": ("- port\n", "phin.yaml:1:1: the settings are keys and values, such as 'port: 8787'"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_a_wrong_setting_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """Given one wrong line, then it alone is told."""
    assert faults(tmp_path, text) == [expected]


def test_all_faults_of_file_and_environment_are_told_at_once(tmp_path: Path) -> None:
    """Given faults in both, then all of them are told."""
    assert faults(tmp_path, "prot: 1\nlog: jsn\n", PHIN_PORT="x", PHIN_SHOP_NAM="y") == [
        "phin.yaml:1:1: unknown key 'prot'; did you mean 'port'?",
        "phin.yaml:2:6: 'log' has the value 'jsn': not 'auto', 'json' or 'console'; did you mean 'json'?",
        "environment: PHIN_PORT has the value 'x': not a whole number",
    ]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PHIN_PORT", "x", "PHIN_PORT has the value 'x': not a whole number"),
        ("PHIN_QUEUE_THREADS", "0", "PHIN_QUEUE_THREADS has the value '0': it must be at least 1"),
        (
            "PHIN_SHOP_TIMEZONE",
            "Hanoi",
            "PHIN_SHOP_TIMEZONE has the value 'Hanoi': it is no IANA time zone; write one like 'Asia/Ho_Chi_Minh'",
        ),
        (
            "PHIN_SHOP_SENDER_EMAIL",
            "notmail",
            "PHIN_SHOP_SENDER_EMAIL has the value 'notmail': it is no e-mail address: An email address must have an "
            "@-sign; write one at a domain of yours, such as hello@your-shop.example",
        ),
        (
            "PHIN_SMTP_URL",
            "http://x",
            "PHIN_SMTP_URL cannot be used: it does not begin as it should; write smtp://user:password@host:587, or "
            "smtps:// for TLS",
        ),
        (
            "PHIN_DATABASE_URL",
            "mysql://x",
            "PHIN_DATABASE_URL cannot be used: it does not begin as it should; write sqlite:///var/phin.db or "
            "postgresql://user:password@host/name",
        ),
        (
            "PHIN_REDIS_URL",
            "http://x",
            "PHIN_REDIS_URL cannot be used: it does not begin as it should; write redis://host:6379/0, or rediss:// "
            "for TLS",
        ),
        (
            "PHIN_BASE_URL",
            "ftp://x y",
            "PHIN_BASE_URL has the value 'ftp://x y': it is no address of a page; write one like "
            "https://your-shop.example",
        ),
        (
            "PHIN_BIND",
            "nowhere.invalid",
            "PHIN_BIND has the value 'nowhere.invalid': it is no address of a machine; write 127.0.0.1 for this "
            "machine alone, or 0.0.0.0 for all networks",
        ),
        (
            "PHIN_SHOP_LANGUAGE",
            "fr",
            "PHIN_SHOP_LANGUAGE has the value 'fr': it is none of the languages (vi, en); add it there, or write one "
            "of them",
        ),
        (
            "PHIN_EVENTS",
            "visit: {request: text}",
            "PHIN_EVENTS cannot be used: 'event.request' is the request that the event belongs to; call this field "
            "otherwise, such as 'own_request'",
        ),
        (
            "PHIN_FIELDS",
            "tier: txt",
            "PHIN_FIELDS has the value 'txt': not 'text', 'number', 'boolean', 'date' or 'time'",
        ),
        (
            "PHIN_FIELDS",
            "tier text",
            "PHIN_FIELDS cannot be read: write it like 'tier: text, points: number'",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_its_value(name: str, value: str, expected: str) -> None:
    """Given one wrong variable, then the error names it, its value and the fault."""
    with pytest.raises(SettingError) as raised:
        read_settings(None, {name: value})
    assert str(raised.value) == expected


def test_a_variable_that_means_nothing_is_a_warning_and_secrets_are_none() -> None:
    """Given a misspelt variable, then reading goes on, and the check tells; secrets are no settings."""
    environment = {"PHIN_SHOP_NMAE": "A", "PHIN_SECRET_KEY": "s", "PHIN_INGEST_KEY_FILE": "f", "PHIN_HOME": "."}

    settings, problems = inspect_settings(None, environment)

    assert settings == read_settings(None, environment) == Settings()
    assert [(problem.severity.value, problem.message, problem.hint) for problem in problems] == [
        ("warning", "the variable PHIN_SHOP_NMAE is no setting", "did you mean 'PHIN_SHOP_NAME'?")
    ]


def test_a_password_in_an_address_is_shown_nowhere(tmp_path: Path) -> None:
    """Given a wrong value of a setting that may hold a password, then neither the value nor its line is told."""
    with pytest.raises(FileError) as raised:
        read_settings(written(tmp_path, "smtp_url: [smtp://lan:hunter2@example.com]\n"), {})

    (problem,) = raised.value.problems
    assert problem.message == "'smtp_url' is one value, not a list"
    assert problem.source_line is None


def test_what_can_be_used_of_faulty_settings_is_used_to_check_the_rest(tmp_path: Path) -> None:
    """Given faults beside good settings, then the good ones are there for the check of flows."""
    settings, problems = inspect_settings(
        written(tmp_path, "port: x\nprot: 1\nshop: {name: A, currency: x}\nfields: {tier: text, a: b}\n"), {}
    )

    assert len(problems) == 4
    assert settings is not None
    assert (settings.port, settings.shop.name, settings.fields) == (8787, "A", {"tier": "text"})


def test_a_faulty_field_of_an_event_leaves_the_others(tmp_path: Path) -> None:
    """Given a field that no event can have, then the event's others are there for the check of flows."""
    settings, _ = inspect_settings(written(tmp_path, "events: {visit: {type: text, place: text}}\n"), {})

    assert settings is not None
    assert settings.events == {"visit": {"place": "text"}}


def test_values_at_odds_with_each_other_leave_the_rest_to_check(tmp_path: Path) -> None:
    """Given a language that is none of the shop's, and a default that is none either, then the rest can be used."""
    settings, problems = inspect_settings(
        written(tmp_path, "shop: {languages: [en], language: fr}\nfields: {tier: text}\n"), {}
    )

    assert len(problems) == 1
    assert settings is not None
    assert settings.fields == {"tier": "text"}


@pytest.mark.parametrize(
    ("written_so", "used"),
    [("Chao@The-Coffee.example", "Chao@the-coffee.example"), ("chao@cà-phê.example", "chao@xn--c-ph-0na7d.example")],
)
def test_the_domain_of_a_sender_can_stand_in_every_header(tmp_path: Path, written_so: str, used: str) -> None:
    """Given an address with capitals, or of a domain with marks, then its domain is as mail servers write it."""
    settings = read_settings(written(tmp_path, f"shop: {{sender: {{email: {written_so}}}}}\n"), {})

    assert settings.shop.sender.email == used


def test_a_sender_that_not_every_server_takes_is_refused(tmp_path: Path) -> None:
    """Given a sender with marks before the @, then the settings say so, and not each mail that cannot go out."""
    (told,) = faults(tmp_path, "shop: {sender: {email: chào@example.com}}\n")

    assert "before the '@'" in told


def test_the_shipped_settings_are_in_order() -> None:
    """Given the settings that Phin ships, then nothing is wrong with them."""
    settings, problems = inspect_settings(SHIPPED, {})

    assert (settings is not None, problems) == (True, ())


@given(st.lists(st.sampled_from(["port", "shop", ": ", "\n", "  ", "{", "}", "[", "]", "8787", "name", "'", "#", "x"])))
@hypothesis_settings(max_examples=200, deadline=None)
def test_any_file_gives_settings_or_an_error(parts: list[str]) -> None:
    """Given any file, then there are settings or an error for a person, nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("worker.language.config.settings.load_text", lambda path, file: "".join(parts))
        try:
            read_settings(SHIPPED, {})
        except PhinError as error:
            assert str(error)


def test_every_variable_that_a_process_reads_is_a_setting_or_known_to_be_none() -> None:
    """Given the sources, then each variable of Phin's that they name is a setting's or stands among those that are
    none, so that the check warns of no secret and of nothing that processes tell each other."""
    named = {name for file in SOURCES.rglob("*.py") for name in re.findall(r'"(PHIN_[A-Z0-9_]+)"', file.read_text())}
    assert len(named) > 10
    settings = {variable.name for variable in variables()}
    assert named - settings - NOT_SETTINGS == set()
    found, problems = overriding(dict.fromkeys(NOT_SETTINGS, "x"))
    assert (found, problems) == ({}, ())
