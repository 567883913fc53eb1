"""Keys and policies as values: what an operator stored, and nothing computed.

Times are Unix seconds. Absent texts are empty, absent numbers and times are None.
"""

from collections.abc import Collection
from typing import NamedTuple

from access.grants import Grant
from access.key_ids import KeyHash
from access.limits import Quota, RateLimit


class StoredCredential(NamedTuple):
    """Verification material as it rests in the table.

    `jwk` holds the members of a public JWK (RFC 7517), `sealed` an encrypted HMAC secret;
    exactly one of the two is set. `size` is in bits. `thumbprint` follows RFC 7638; beside a
    sealed secret it is empty, since it would verify guesses (RFC 7638, section 7).
    """

    credential_id: str  # unique within its key
    algorithm: str  # RFC 7518, section 3.1
    size: int
    thumbprint: str
    created_at: int
    expires_at: int | None = None  # the end of the grace after a rotation
    jwk: dict[str, str] | None = None
    sealed: str | None = None
    not_before: int | None = None  # the dates of the certificate that brought the key; shown, not judged
    not_after: int | None = None

    @property
    def used_mark(self) -> str:
        """The gate attribute that holds when the credential verified last. Short: a gate is small."""
        return f"_{self.credential_id}"


class IssuedId(NamedTuple):
    """A key id that leads to a record. The ids of an opaque key are its credentials."""

    credential_id: str  # unique within its key
    id_hash: KeyHash
    hint: str  # the last four characters of the id
    created_at: int
    expires_at: int | None = None  # the end of the grace after a replacement

    @property
    def used_mark(self) -> str:
        """The gate attribute that holds when the id was presented last."""
        return f"_{self.credential_id}"


class EndedSession(NamedTuple):
    """A session of the dashboard that was signed out before its end."""

    session_id: str
    ends_at: int  # when its cookie is over anyway


class TokenRules(NamedTuple):
    """What a key asks of the claims of its tokens (RFC 8725, sections 3.8 to 3.11)."""

    issuers: tuple[str, ...] = ()  # empty: any issuer, or none
    audiences: tuple[str, ...] = ()  # empty: any audience, or none
    typ: str = ""  # empty: absent, JWT or at+jwt
    require_exp: bool = True
    max_lifetime_seconds: int | None = None
    leeway_seconds: int = 0


class KeyRecord(NamedTuple):
    """A stored access record. A key without credentials is opaque: its ids are the credentials.

    `ids` are newest first, in their grace too; where none is listed, the one id of the key is that
    whose hash is the key's.
    """

    key_hash: KeyHash
    version: int
    name: str
    created_at: int
    updated_at: int
    owner: str = ""
    credentials: tuple[StoredCredential, ...] = ()
    token_rules: TokenRules = TokenRules()
    policies: tuple[str, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    quotas: tuple[Quota, ...] = ()
    grants: tuple[Grant, ...] = ()
    enabled: bool = True
    disabled_by: str = ""  # the owner whose admin disabled it; empty where an operator did
    expires_at: int | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}  # noqa: RUF012 - never mutated
    sources: tuple[str, ...] = ()  # blocks of addresses that it may be used from; empty: any
    last_audit: str = ""  # hash of the entry that tells of the last change
    ids: tuple[IssuedId, ...] = ()
    life: int = 0  # made at random with the key: an id that was deleted and made again is another key
    labels: dict[str, str] = {}  # noqa: RUF012 - never mutated; for operators' programs, never in an answer
    session_epoch: int = 0  # raised to end every session of the key
    ended_sessions: tuple[EndedSession, ...] = ()  # of this epoch

    @property
    def gate_version(self) -> int:
        """The version that the gate holds. No two keys of one id ever share it."""
        return self.life + self.version

    @property
    def sessions_epoch(self) -> int:
        """The epoch that living sessions name. No two keys of one id ever share it."""
        return self.life + self.session_epoch

    @property
    def is_opaque(self) -> bool:
        return not self.credentials

    @property
    def known_ids(self) -> tuple[IssuedId, ...]:
        return self.ids or (IssuedId("first", self.key_hash, "", self.created_at),)

    @property
    def in_force(self) -> tuple[StoredCredential, ...] | tuple[IssuedId, ...]:
        """What a caller may prove itself by, newest first: material, or the ids of an opaque key."""
        return self.credentials or self.known_ids

    @property
    def marks_credentials(self) -> bool:
        """Whether each credential has a last use of its own; while there was only one, it is the key's."""
        return any(one.created_at > self.created_at for one in self.in_force) or len(self.in_force) > 1

    def find_id(self, key_hashes: Collection[KeyHash], *, now: int) -> IssuedId | None:
        """The id that has one of these hashes; None where the key has none such, or its grace is over."""
        for issued in self.known_ids:
            if issued.id_hash in key_hashes and (issued.expires_at is None or now < issued.expires_at):
                return issued
        return None


class IdentityRecord(NamedTuple):
    """What an operator said of an identity of an outside provider."""

    identity_hash: KeyHash
    version: int  # of its gate, too
    enabled: bool
    updated_at: int
    last_audit: str = ""

    @classmethod
    def default(cls, identity_hash: KeyHash) -> "IdentityRecord":
        """Where nobody said anything."""
        return cls(identity_hash, version=1, enabled=True, updated_at=0)


class Counting(NamedTuple):
    """How the limits of a policy are counted. No staleness means exactly, request by request."""

    max_staleness_ms: int = 0  # leased: how late a change of the key may take effect
    fail_open: bool = False  # whether rate limits may let a request pass that DynamoDB cannot count

    @property
    def is_leased(self) -> bool:
        return self.max_staleness_ms > 0


class Policy(NamedTuple):
    """Access rights and limits shared by many keys. Empty `partitions` means all of them."""

    policy_id: str
    version: int
    name: str
    created_at: int
    updated_at: int
    grants: tuple[Grant, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()
    quotas: tuple[Quota, ...] = ()
    active: bool = True
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}  # noqa: RUF012 - never mutated
    partitions: tuple[str, ...] = ()  # of "grants", "rate_limits", "quotas"
    key_expires_in_seconds: int | None = None
    counting: Counting = Counting()
    thresholds: tuple[int, ...] = ()  # percentages of a quota whose crossing is told
    sources: tuple[str, ...] = ()  # blocks of addresses that keys may be used from, whatever the partitions
    last_audit: str = ""
    labels: dict[str, str] = {}  # noqa: RUF012 - never mutated
