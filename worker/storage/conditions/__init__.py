"""Conditions turned into SQL: the second reader, which agrees with the one on values (`worker.domain.conditions`)."""
