"""Subjects and filters in NATS's grammar: tokens joined by `.`, `*` for one token, `>` for the rest."""

from ._native import check_filter, check_subject, covers, decode_token, encode_token, matches, overlap

__all__ = ["check_filter", "check_subject", "covers", "decode_token", "encode_token", "matches", "overlap"]
