"""`phin check` tells everything that is wrong at once, and its exit status says whether the shop may run."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from worker.edges.cli.check import check
from worker.edges.movable_clock import Clock

HOUSE = Path(__file__).parent.parent.parent
GOOD = "flow: a\nkind: transactional\ntrigger: purchase\nsteps:\n  - send: welcome\n"
TEMPLATE = "---\nsubject: Chào\n---\n<p>Chào</p>\n"


STAFF = "people:\n  mai: {name: Mai, email: mai@example.com}\nroles: {care: [mai]}\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a shop with one good flow and its template, where the command is run."""
    for folder in ("config", "flows", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "phin.yaml").write_text("shop: {name: Phin}\n")
    (tmp_path / "flows" / "a.yaml").write_text(GOOD)
    for language in ("vi", "en"):
        (tmp_path / "templates" / f"welcome.{language}.html").write_text(TEMPLATE)
    monkeypatch.chdir(tmp_path)
    for name in ("PHIN_HOME", "PHIN_PORT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments: str, colour: bool = False, **environment: str) -> Result:
    return CliRunner().invoke(check, arguments, env=environment, color=colour, catch_exceptions=False)


def last_line(result: Result) -> str:
    """Return the last line without its time."""
    return result.output.strip().split("\n")[-1].rpartition(" (")[0]


def test_a_shop_in_order_has_no_problems(shop: Path) -> None:
    """Given nothing wrong, then the check says so in one line and succeeds."""
    result = run("--strict")

    assert result.exit_code == 0, result.output
    assert result.output.count("\n") == 1
    assert last_line(result) == "no problems in 1 flow and 1 template"


def test_what_ships_is_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given the settings, flows and templates that Phin ships, then nothing is wrong with them."""
    for folder in ("config", "flows", "templates"):
        shutil.copytree(HOUSE / folder, tmp_path / folder, ignore=shutil.ignore_patterns("schema"))
    monkeypatch.chdir(tmp_path)

    result = run("--strict")

    assert (result.exit_code, result.output.count("\n")) == (0, 1), result.output


def test_staff_and_whoever_flows_name_are_checked(shop: Path) -> None:
    """Given a role with nobody in it and a flow that names nobody there is, then both are told; mended, nothing is."""
    task = "flow: b\ntrigger: purchase\nsteps: [{task: Call, assign: cares}, {send: welcome, to: care}]\n"
    (shop / "flows" / "b.yaml").write_text(task)
    (shop / "config" / "staff.yaml").write_text(STAFF)
    assert "there is no person and no role 'cares' in config/staff.yaml; did you mean 'care'?" in run().output
    (shop / "config" / "staff.yaml").write_text(STAFF.replace("[mai]", "[]"))
    broken = run()
    assert "config/staff.yaml:3:9: error: the role 'care' has nobody in it" in broken.output
    assert "cares" not in broken.output  # of a file that cannot be read, nothing is called unknown
    (shop / "config" / "staff.yaml").write_text(STAFF)
    (shop / "flows" / "b.yaml").write_text(task.replace("cares", "mai"))
    assert run("--strict").exit_code == 0


def test_everything_that_is_wrong_is_told_at_once(shop: Path) -> None:
    """Given faults in settings, environment, flows and templates, then all are told, each with its place."""
    (shop / "config" / "phin.yaml").write_text("prot: 1\n")
    (shop / "flows" / "a.yaml").write_text(GOOD.replace("trigger", "triger"))
    (shop / "flows" / "b.yaml").write_text(GOOD.replace("flow: a", "flow: b").replace("welcome", "welcom"))
    (shop / "templates" / "welcome.en.html").write_text(TEMPLATE.replace("<p>", "<p>{{ customer.nme }}"))

    result = run(PHIN_PORT="x")

    assert result.exit_code == 1
    heads = [line for line in result.output.split("\n") if ": error: " in line]
    assert [head.split(" error: ")[0] for head in heads] == [
        "config/phin.yaml:1:1:",
        "environment:",
        "flows/a.yaml:3:1:",
        "flows/b.yaml:5:11:",
        "templates/welcome.en.html:4:7:",
    ]
    assert "flows/a.yaml:3:1: error: unknown key 'triger' in a flow; did you mean 'trigger'?" in heads
    assert "   3 | triger: purchase\n     | ^^^^^^\n" in result.output
    assert last_line(result) == "5 errors in 2 flows and 1 template"


def test_warnings_fail_only_where_that_is_asked(shop: Path) -> None:
    """Given a warning alone, then the check succeeds, and fails with --strict."""
    (shop / "flows" / "a.yaml").write_text(GOOD + "  - exit: done\n  - wait: 1 day\n")

    assert (run().exit_code, run("--strict").exit_code) == (0, 1)
    assert last_line(run()) == "1 warning in 1 flow and 1 template"


def test_settings_that_cannot_be_read_hide_no_flow(shop: Path) -> None:
    """Given settings that are no YAML, then they are told, and flows are checked without the shop's own names."""
    (shop / "config" / "phin.yaml").write_text("shop:\n\tname: Phin\n")
    (shop / "flows" / "a.yaml").write_text(GOOD + "  - wiat: 1 day\nexit: {event: tasting.booked}\n")

    result = run()

    assert "flows/a.yaml:6:5: error: there is no step 'wiat'; did you mean 'wait'?" in result.output
    assert "tasting.booked" not in result.output


def test_own_fields_and_events_are_known(shop: Path) -> None:
    """Given an event and a field that the settings declare, then flows may name them."""
    (shop / "config" / "phin.yaml").write_text("fields: {points: number}\nevents: {tasting.booked: {place: text}}\n")
    (shop / "flows" / "a.yaml").write_text(
        GOOD.replace("purchase", "{event: tasting.booked}\nwhen: customer.points > 3 and event.place == 'Huế'")
    )

    assert run().exit_code == 0


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PHIN_SMTP_URL", "smtp://lan:hunter2@", "Setting 'smtp_url' (PHIN_SMTP_URL) cannot be used: it names no host"),
        ("PHIN_SMTP_URL", "http://lan:hunter2@x", "PHIN_SMTP_URL cannot be used: it does not begin as it should"),
        ("PHIN_DATABASE_URL", "mysql://lan:hunter2@x", "PHIN_DATABASE_URL cannot be used: it does not begin"),
        ("PHIN_DATABASE_URL", "postgresql://lan:hunter2@x:many/y", "database_url (PHIN_DATABASE_URL) is no database"),
        ("PHIN_DATABASE_URL", "sqlite://", "database_url names no file"),
        ("PHIN_REDIS_URL", "http://lan:hunter2@x", "PHIN_REDIS_URL cannot be used: it does not begin as it should"),
        ("PHIN_REDIS_URL", "redis+sentinel://lan:hunter2@", "redis_url (PHIN_REDIS_URL) cannot be read"),
        ("PHIN_SECRET_KEY", "hunter2", "PHIN_SECRET_KEY holds a key of 7 characters"),
        ("PHIN_INGEST_KEY", "shop:hunter2", "PHIN_INGEST_KEY holds a key of 7 characters"),
        ("PHIN_POSTMARK_LOGIN", "phin:hunter2", "PHIN_POSTMARK_LOGIN holds a secret of 7 characters"),
        ("PHIN_MAILGUN_KEY", "hunter2", "PHIN_MAILGUN_KEY holds a secret of 7 characters"),
        ("PHIN_SENDGRID_KEY", "hunter2", "PHIN_SENDGRID_KEY holds no public key"),
        ("PHIN_BOUNCES_IMAP_URL", "imaps://hunter2@x", "Setting 'bounces.imap_url' (PHIN_BOUNCES_IMAP_URL) cannot be"),
        ("PHIN_INGEST_KEY_FILE", "missing", "PHIN_INGEST_KEY_FILE names 'missing', which cannot be read"),
    ],
)
def test_what_phin_up_would_refuse_is_told_and_nothing_is_made(
    shop: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    """Given a variable that no process could start with, then it is told without a password, and nothing is made."""
    monkeypatch.setenv(name, value)

    result = run()

    assert result.exit_code == 1
    assert f"environment: error: {told}" in result.output
    assert last_line(result) == "1 error in 1 flow and 1 template"
    assert "hunter2" not in result.output
    assert not (shop / "var").exists()


def test_a_url_in_the_file_that_cannot_be_read_is_told_with_its_line(shop: Path) -> None:
    """Given a URL in the settings that its parser refuses, then its line is named and not shown."""
    (shop / "config" / "phin.yaml").write_text("port: 0\nsmtp_url: smtp://lan:hunter2@host/path\n")

    result = run()

    assert "config/phin.yaml:2:1: error: Setting 'smtp_url' (PHIN_SMTP_URL) cannot be used" in result.output
    assert "hunter2" not in result.output


def test_a_template_is_held_against_the_flow_that_sends_it(shop: Path) -> None:
    """Given a template that shows an order, and a flow of sign-ups that sends it, then that is told at the send."""
    (shop / "flows" / "a.yaml").write_text(GOOD.replace("purchase", "signup"))
    (shop / "templates" / "welcome.en.html").write_text(TEMPLATE.replace("Chào\n---", "'{{ order.number }}'\n---"))

    result = run()

    assert "flows/a.yaml:5:11: error: the template 'welcome' shows 'order', and 'signup' tells of no order" in (
        result.output
    )


def test_json_and_sarif_are_whole_documents(shop: Path) -> None:
    """Given --format json and sarif, then the output is one document, and the exit status the same."""
    (shop / "flows" / "a.yaml").write_text(GOOD.replace("trigger", "triger"))

    as_json, as_sarif = run("--format", "json"), run("--format", "sarif")

    assert (as_json.exit_code, as_sarif.exit_code) == (1, 1)
    document = json.loads(as_json.output)
    assert (document["errors"], document["checked"]) == (1, {"flows": 1, "templates": 1, "tests": 0})
    (result,) = json.loads(as_sarif.output)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "flows/a.yaml"


def test_github_gets_an_annotation_a_problem(shop: Path) -> None:
    """Given --format github, then each problem is an annotation at its place."""
    (shop / "flows" / "a.yaml").write_text(GOOD.replace("trigger", "triger"))

    assert run("--format", "github").output.startswith(
        "::error file=flows/a.yaml,line=3,col=1,endColumn=7::unknown key"
    )


def test_colours_are_for_terminals_that_want_them(shop: Path) -> None:
    """Given a terminal, then problems are coloured; not elsewhere, and not with NO_COLOR."""
    (shop / "flows" / "a.yaml").write_text(GOOD.replace("trigger", "triger"))

    assert "\x1b[31m" in run(colour=True, NO_COLOR="").output
    assert "\x1b" not in run(colour=True, NO_COLOR="1").output
    assert "\x1b" not in run().output


def test_a_folder_that_is_no_shop_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given no config/phin.yaml, then one line says where to run the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PHIN_HOME", raising=False)

    result = run()

    assert result.exit_code == 1
    assert "holds no config/phin.yaml; run phin in the shop's folder" in result.output


def test_a_shop_elsewhere_is_named_by_its_path(
    shop: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given PHIN_HOME, then problems name the files so that they can be opened from here."""
    (shop / "flows" / "a.yaml").write_text(GOOD.replace("trigger", "triger"))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert f"{shop}/flows/a.yaml:3:1: error:" in run(PHIN_HOME=str(shop)).output


def test_a_campaign_whose_day_is_over_is_a_warning(shop: Path) -> None:
    """Given campaigns of one day, when the shop's clock is past it, then each live one is told, and is no error."""
    campaign = "trigger:\n  - {date: 2040-03-08, zone: shop}\n  - {date: 2040-06-01}\n" + "steps:\n  - send: welcome\n"
    (shop / "flows" / "a.yaml").write_text("flow: a\n" + campaign)
    (shop / "flows" / "b.yaml").write_text("flow: b\nstatus: draft\n" + campaign)
    clock = Clock(shop / "var" / "clock")
    (shop / "var").mkdir(exist_ok=True)
    before, after = (datetime(2040, 3, day, 12, tzinfo=UTC) for day in (7, 10))

    clock.stand_off(before - clock.machine())
    early = run()
    clock.stand_off(after - clock.machine())
    late = run()

    assert "over" not in early.output
    assert late.exit_code == 0, late.output
    assert late.output.count("this day is over; nobody will enter") == 1
    assert "flows/a.yaml:3:12" in late.output


def test_a_clock_that_cannot_be_read_hides_nothing_else(shop: Path) -> None:
    """Given a clock's file that holds no number, and a faulty flow, then both are told."""
    (shop / "var").mkdir(exist_ok=True)
    (shop / "var" / "clock").write_text("soon\n")
    (shop / "flows" / "b.yaml").write_text("flow: b\ntriger: purchase\n")
    result = run()
    assert result.exit_code == 1
    assert "holds 'soon'; write a number of seconds" in result.output
    assert "flows/b.yaml:2:1" in result.output


def test_a_clone_without_var_compiles_once(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Given a folder without `var`, when it is checked, then what was made of its templates is in the user's cache.

    The second run writes nothing anew, finds what is wrong all the same, and `var` is not made.
    """
    cache = tmp_path_factory.mktemp("cache")
    assert run(XDG_CACHE_HOME=str(cache)).exit_code == 0
    kept = {path: path.stat().st_ino for path in (cache / "phin").rglob("welcome.*.json")}
    assert len(kept) == 2
    assert run(XDG_CACHE_HOME=str(cache)).exit_code == 0
    assert {path: path.stat().st_ino for path in (cache / "phin").rglob("welcome.*.json")} == kept
    assert not (shop / "var").exists()
    (shop / "var").mkdir()
    assert run(XDG_CACHE_HOME=str(cache)).exit_code == 0
    assert len(list((shop / "var").rglob("welcome.*.json"))) == 2


def test_files_and_folders_are_told_of_alone(shop: Path) -> None:
    """Given faults in two flows, when one file or folder is named, only its faults are told and count; what is not
    checked at all is refused."""
    (shop / "flows" / "b.yaml").write_text(GOOD.replace("flow: a", "flow: b").replace("welcome", "welcom"))
    (shop / "flows" / "c.yaml").write_text(GOOD.replace("flow: a", "flow: c").replace("trigger", "triger"))

    one = run("flows/b.yaml")

    assert (one.exit_code, "c.yaml" in one.output) == (1, False)
    assert last_line(one) == "1 error in flows/b.yaml; elsewhere 1 problem"
    assert run("flows/a.yaml", "templates").exit_code == 0
    assert {problem["file"] for problem in json.loads(run("--format", "json", "flows").output)["problems"]} == {
        "flows/b.yaml",
        "flows/c.yaml",
    }
    (shop / "notes.txt").write_text("")
    refused = CliRunner().invoke(check, ["notes.txt"])
    assert "nothing of 'notes.txt' is checked; 'config', 'flows' and 'templates' are" in str(refused.exception)
    assert CliRunner().invoke(check, ["flows/d.yaml"]).exit_code == 2


def test_what_the_settings_forbid_of_a_mail_is_told(shop: Path) -> None:
    """Given a survey that there is not, and a sender whom the shop's signature is not for, then both have a place."""
    settings = "shop: {name: Phin, sender: {email: a@shop.example}}\ndkim: {sign: true}\n"
    (shop / "config" / "phin.yaml").write_text(settings)
    mail = "---\nsubject: Chào\nfrom_email: b@other.example\n---\n<p>{{ 'npss' | survey_url }}</p>\n"
    (shop / "templates" / "welcome.vi.html").write_text(mail)

    result = run()

    assert result.exit_code == 1
    assert "templates/welcome.vi.html:3:13: warning: mails are signed with 'shop.example'" in result.output
    assert "templates/welcome.vi.html:5:8: error: there is no survey 'npss'" in result.output
