"""How the command ends: a code for each class of outcome, and the errors that carry it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a program may rely on; docs/cli.md lists them."""

    DONE = 0
    FAILED = 1  # none of the classes below
    CHANGES = 2  # `plan`: something would change
    INVALID = 3  # files, values or a request that the API calls invalid
    NOT_ALLOWED = 4  # no key, or one that may not do this
    NOT_FOUND = 5
    CONFLICT = 6  # exists, is in use, or was changed meanwhile
    UNAVAILABLE = 7  # no answer, too many requests, or a fault of the server
    INCOMPLETE = 8  # `apply`: not every change was made
    FINDINGS = 9  # `audit verify`, `doctor`: what was checked is not in order
    USAGE = 64  # the command line itself; EX_USAGE of sysexits.h
    INTERRUPTED = 130


class CommandError(Exception):
    """What ends a command: a message for people, and its exit code. Holds no secret."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code
