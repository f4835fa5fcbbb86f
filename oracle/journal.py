# SPDX-License-Identifier: Apache-2.0
"""The lab's journal as a list of lines (format 1, docs/reference/lab.md)."""

import json


class JournalError(Exception):
    """The journal cannot be what a lab has written."""


def read_lines(stream):
    """Yields (line number, object); a torn last line is left out."""
    last_ns = 0
    for number, text in enumerate(stream, 1):
        if not text.endswith("\n"):
            return  # the lab was killed while it wrote
        try:
            line = json.loads(text)
            at_ns = line["t_ns"]
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(f"line {number}: {error}") from error
        if at_ns < last_ns:
            raise JournalError(f"line {number}: time goes back")
        last_ns = at_ns
        yield number, line
