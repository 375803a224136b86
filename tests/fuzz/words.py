"""What each language is made of, for the fuzzer to put in; nothing of Phin is loaded by this file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

LONGEST = 20_000  # bytes of one input; what is larger costs a fuzzer much and tells little
FOUND = Path(__file__).parent / "found"
_YAML = "steps:|send:|when: |trigger: |- |: |{{ | }}|&a |*a|!!t|? |<<: |wait: |once: |- - "
WORDS: Mapping[str, str] = {  # between bars
    "flow": _YAML,
    "config": _YAML,
    "expression": "{{|}}| and | in |(|order.|did(| is |**|999999999| not |[|]",
    "template": "{{ | }}|{% | %}|__class__|.format(|{% include |{% extends |self|caller()|loop.|{% for a in range(9) %}"
    "|{% endfor %}|{% set a = |<style>|</style>|<a href='|{#|{% raw %}|{% block a %}|{% endblock %}|{% macro a() %}",
    "token": "",
    "bounce": "Content-Type: |boundary=|--b|message/rfc822|Status: 5.1.1|=?utf-8?q?|text/html; charset=",
    "provider": "bounce|Complaint|timestamp|null|1e999|[]|{}|status|headers",
    "event": "customer|id|null|1e999|ud800|[]|{}|time|NaN|consent|order|lines",
}
