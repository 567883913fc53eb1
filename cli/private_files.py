"""Files that only their owner reads, written whole or not at all."""

import os
import stat
import tempfile
from pathlib import Path

from cli.exits import CommandError, ExitCode

OWNER_ONLY = 0o600


def write_private(path: Path, text: str) -> None:
    """Replace a file by one of mode 0600. Folders that are missing are made, for their owner only."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None


def read_private(path: Path) -> str | None:
    """The text of such a file; None where there is none. Refuses one that others may read."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {getattr(error, 'strerror', 'it is not UTF-8')}.") from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise CommandError(f"{path} may be read by others; run `chmod 600 {path}`.", ExitCode.INVALID)
    return text
