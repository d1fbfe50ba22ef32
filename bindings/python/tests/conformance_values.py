"""Bytes of the conformance vectors, in and out: as text, in base64, or as a size."""

import base64
from typing import Any

Arguments = dict[str, Any]


def data(step: Arguments, name: str) -> bytes:
    """The bytes of an argument, taken out of the step."""
    text, encoded, size = step.pop(name, None), step.pop(f"{name}_base64", None), step.pop(f"{name}_size", None)
    if encoded is not None:
        return base64.b64decode(encoded, validate=True)
    return b"x" * size if size is not None else (text or "").encode()


def told_bytes(name: str, content: bytes) -> Arguments:
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(content).decode()}
