"""Kinds of results that a fuzzer can raise, and what a message to the user must be like."""

import re

MAX_LETTERS = 1000
# Signs of an error that nobody wrote for a user.
RAW = re.compile(r"Traceback|<class|<function|object at 0x|Error\(|NoneType|\bline \d+, in |unexpected keyword")


class Refused(Exception):
    """The input was refused with this message, by an exit code or over HTTP."""


class Fault(Exception):
    """The input was accepted with a wrong result, or refused in a wrong way."""


def check_sentence(text: str) -> str:
    """Return what is wrong with a message, or an empty text: it is one line of whole sentences."""
    if not text.strip():
        return "an empty message"
    if len(text) > MAX_LETTERS:
        return f"a message of {len(text):,} characters"
    if "\n" in text or "\r" in text:
        return "a message of several lines"
    if found := RAW.search(text):
        return f"a message with {found[0]!r}"
    return ""
