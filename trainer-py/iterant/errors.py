"""The one error class of the runtime, as Node knows it, and errors as plain data.

Codes are the closed table of PROTOCOL.md; a message says what happened, who and where, what to do.
Knows no transport.
"""

import traceback
from typing import Any

MAX_CAUSE_DEPTH = 8

# [is an ActorError, code, name, message, stack, fields, cause]
ErrorRecord = list[Any]


class ActorError(Exception):
    """What a failed call, spawn or connection ends with."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        actor: str | None = None,
        method: str | None = None,
        path: list[str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.actor = actor
        self.method = method
        self.path = path or []


class RemoteError(Exception):
    """An error that was thrown in another process, with the name and stack that it had there."""

    def __init__(self, name: str, message: str, code: str | None, stack: str | None) -> None:
        super().__init__(message)
        self.name = name
        self.code = code
        self.stack = stack


def to_error_record(error: BaseException, depth: int = 0) -> ErrorRecord:
    """An error as plain data; causes are followed eight deep."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    is_own = isinstance(error, ActorError)
    code = getattr(error, "code", None)
    fields: dict[str, Any] = {}
    if isinstance(error, ActorError):
        named = {"actor": error.actor, "method": error.method, "path": error.path or None}
        fields = {key: value for key, value in named.items() if value is not None}
    return [
        is_own,
        code if isinstance(code, str) else None,
        getattr(error, "name", None) or type(error).__name__,
        str(error) or type(error).__name__,
        "".join(traceback.format_exception(error, chain=False)).rstrip(),
        fields,
        to_error_record(cause, depth + 1) if cause is not None and depth < MAX_CAUSE_DEPTH else None,
    ]


def from_error_record(record: ErrorRecord) -> Exception:
    """The reverse: an ActorError stays one, any other becomes a RemoteError."""
    is_own, code, name, message, stack, fields, cause = record
    error: Exception
    if is_own and isinstance(code, str):
        error = ActorError(
            code,
            message.removeprefix(f"{code}: "),
            actor=fields.get("actor"),
            method=fields.get("method"),
            path=fields.get("path"),
        )
    else:
        error = RemoteError(name, message, code, stack)
    if cause is not None:
        error.__cause__ = from_error_record(cause)
    return error
