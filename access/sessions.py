"""Sessions of the dashboard: whose they are, and when they end.

Pure. A session names the epoch of its key's sessions: raising that ends all of them. A session that
was ended by itself stays listed in the record until it would have ended anyway.
"""

from typing import NamedTuple

from access.key_ids import KeyHash
from access.keys import EndedSession, KeyRecord

MAX_ENDED = 16  # listed in a record; one more ends all sessions of the key


class Session(NamedTuple):
    """What a cookie stands for. `ends_at` is in Unix seconds."""

    key_hash: KeyHash
    session_id: str
    epoch: int
    ends_at: int

    def is_alive(self, record: KeyRecord, *, now: int) -> bool:
        """Whether the session of this key goes on; whether the key is in force is judged elsewhere."""
        is_ended = any(ended.session_id == self.session_id for ended in record.ended_sessions)
        return now < self.ends_at and self.epoch == record.sessions_epoch and not is_ended


def end_session(record: KeyRecord, session: Session, *, now: int) -> KeyRecord:
    """The record once this session has ended, wherever its cookie was copied to."""
    listed = [ended for ended in record.ended_sessions if now < ended.ends_at]
    if len(listed) >= MAX_ENDED:
        return end_all_sessions(record)
    return record._replace(ended_sessions=(*listed, EndedSession(session.session_id, session.ends_at)))


def end_all_sessions(record: KeyRecord) -> KeyRecord:
    """The record once every session of the key has ended."""
    return record._replace(session_epoch=record.session_epoch + 1, ended_sessions=())
