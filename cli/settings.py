"""Profiles: the URLs that are known, and where the key to each is kept.

A key lies in the keyring of the operating system, or in a file of mode 0600 where there is none.
It is sent to the URL that it was stored with, and to no other.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import typer
import yaml

from cli.api import Endpoint, check_url
from cli.exits import CommandError, ExitCode
from cli.private_files import read_private, write_private

SERVICE = "tollgate"
KEYRING, FILE = "keyring", "file"
DEFAULT = "default"


class Profile(NamedTuple):
    """A URL under a name; `kept` says where its key is."""

    name: str
    url: str
    kept: str


class Settings:
    """What `login` stored."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(os.environ.get("TOLLGATE_CONFIG") or typer.get_app_dir(SERVICE))
        self._path = self._folder / "profiles.yaml"
        values = self._load()
        self.current = str(values.get("current") or "")
        self.profiles = {
            str(name): Profile(str(name), str(profile["url"]), str(profile["key"]))
            for name, profile in (values.get("profiles") or {}).items()
        }

    def endpoint(self, *, profile: str = "", url: str = "") -> Endpoint:
        """Where to send requests: what the command line says, then the environment, then the current profile.

        Raises a CommandError that says what is missing.
        """
        if profile:
            known = self.find(profile)
            return Endpoint(url or known.url, self._key_for(url or known.url, known))
        wanted = url or os.environ.get("TOLLGATE_URL", "")
        if not wanted and (named := os.environ.get("TOLLGATE_PROFILE") or self.current):
            known = self.find(named)
            return Endpoint(known.url, self._key_for(known.url, known))
        if not wanted:
            message = "Which admin API? Set TOLLGATE_URL and TOLLGATE_KEY, or run `tollgate login`."
            raise CommandError(message, ExitCode.INVALID)
        key = os.environ.get("TOLLGATE_KEY", "")
        matching = next((known for known in self.profiles.values() if _same(known.url, wanted)), None)
        return Endpoint(wanted, key or self._key_for(wanted, matching))

    def find(self, name: str) -> Profile:
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles)) or "none"
            raise CommandError(f"There is no profile {name!r}; known: {known}.", ExitCode.NOT_FOUND)
        return self.profiles[name]

    def store(self, name: str, url: str, key: str, *, kept: str = "") -> Profile:
        """Keep a URL and its key, and make it the current one."""
        check_url(url)
        place = kept or (KEYRING if _has_keyring() else FILE)
        if place == KEYRING:
            _keyring().set_password(SERVICE, name, key)
        else:
            write_private(self._key_file(name), key + "\n")
        self.profiles[name] = Profile(name, url, place)
        self.use(name)
        return self.profiles[name]

    def use(self, name: str) -> None:
        self.find(name)
        self.current = name
        self._save()

    def remove(self, name: str) -> None:
        """Forget a profile and its key."""
        profile = self.find(name)
        if profile.kept == KEYRING:
            keyring = _keyring()
            if keyring.get_password(SERVICE, name) is not None:
                keyring.delete_password(SERVICE, name)
        else:
            self._key_file(name).unlink(missing_ok=True)
        del self.profiles[name]
        self.current = "" if self.current == name else self.current
        self._save()

    def _key_for(self, url: str, profile: Profile | None) -> str:
        if profile is None or not _same(profile.url, url):
            message = f"There is no key for {url}: set TOLLGATE_KEY, or run `tollgate login --url {url}`."
            raise CommandError(message, ExitCode.NOT_ALLOWED)
        kept = profile.kept == KEYRING
        key = _keyring().get_password(SERVICE, profile.name) if kept else read_private(self._key_file(profile.name))
        if not key:
            message = f"The key of the profile {profile.name} is gone: run `tollgate login` again."
            raise CommandError(message, ExitCode.NOT_ALLOWED)
        return str(key).strip()

    def _key_file(self, name: str) -> Path:
        return self._folder / "keys" / name

    def _load(self) -> dict[str, Any]:
        text = read_private(self._path)
        try:
            values = yaml.safe_load(text) if text else {}
        except yaml.YAMLError:
            values = None
        if not isinstance(values, dict):
            raise CommandError(f"{self._path} is not a file of profiles; mend or remove it.")
        return values

    def _save(self) -> None:
        profiles = {profile.name: {"url": profile.url, "key": profile.kept} for profile in self.profiles.values()}
        write_private(self._path, yaml.safe_dump({"current": self.current, "profiles": profiles}))


def _same(first: str, second: str) -> bool:
    return first.rstrip("/") == second.rstrip("/")


def _has_keyring() -> bool:
    """Whether the operating system has a keyring that we can use."""
    try:
        import keyring  # noqa: PLC0415 - an extra
    except ImportError:
        return False
    return float(keyring.get_keyring().priority) > 0


def _keyring() -> Any:
    if not _has_keyring():
        message = "This machine has no usable keyring (the extra `keyring` brings it); use `--keep file`."
        raise CommandError(message)
    import keyring  # noqa: PLC0415 - an extra

    return keyring
