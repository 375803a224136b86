"""Rehearsal: flow tests, backtests, previews: what would happen, without anything happening."""
