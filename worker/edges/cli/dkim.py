"""`phin dkim`: the DNS records to publish before mails are signed."""

from __future__ import annotations

import json
import os

import click

from worker.edges.dkim_keys import KeyRecord, key_records, read_dkim_keys
from worker.edges.environment import read_home
from worker.edges.var import open_var


@click.command(short_help="Print the DNS records of the keys that sign mails.")
@click.option("--plain", is_flag=True, help="Each value in one piece, for a form on a web page.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def dkim(plain: bool, as_json: bool) -> None:
    """Print the DNS TXT records of the keys that sign mails (DKIM), as a zone file holds them.

    Publish them, wait until they can be seen (dig +short TXT NAME), then set dkim.sign: true and start Phin again.
    Where no key is given (PHIN_DKIM_RSA_KEY, PHIN_DKIM_ED25519_KEY), they are made now, under var/secrets.
    """
    home = read_home(os.environ)
    open_var(home.settings.var)
    keys = read_dkim_keys(home.environment, home.settings.var)
    records = key_records(home.settings, keys)
    if as_json:
        click.echo(json.dumps([{"name": one.name, "type": "TXT", "value": one.value} for one in records], indent=2))
        return
    for record in records:
        click.echo(f"{record.name}\n{record.value}\n" if plain else zone_line(record))
    if home.settings.dkim.sign:
        click.echo("Mails are signed with these keys (dkim.sign).", err=True)
    else:
        click.echo("Mails are not signed yet: once these records can be seen, set dkim.sign: true.", err=True)
    if keys.made:
        where = home.settings.var / "secrets"
        click.echo(
            f"The private keys are in {where}; every machine that sends needs the same: "
            "PHIN_DKIM_RSA_KEY_FILE, PHIN_DKIM_ED25519_KEY_FILE.",
            err=True,
        )


def zone_line(record: KeyRecord) -> str:
    """Return a record as a zone file holds it (RFC 1035, section 5)."""
    strings = [f'"{one}"' for one in record.strings]
    if len(strings) == 1:
        return f"{record.name}. IN TXT {strings[0]}\n"
    return f"{record.name}. IN TXT (\n" + "".join(f"    {one}\n" for one in strings) + ")\n"


commands = (dkim,)
