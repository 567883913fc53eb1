"""Stored shapes: what was written by any version is read, and so is what a later one may add.

`shapes.json` holds an item of each kind for each number of its shape. Who changes what a member
means gives the shape the next number and adds an item; the older ones stay.
`python -m tests.store.test_shapes` writes the items of the newest shapes.
"""

import copy
import json

import pytest

from access.apis import ApiDefinition, TokenPlace
from access.gate import DayTotals
from access.grants import Grant
from access.issuers import Issuer, KeySet
from access.key_ids import KeyHash
from access.keys import (
    Counting,
    EndedSession,
    IdentityRecord,
    IssuedId,
    KeyRecord,
    Policy,
    StoredCredential,
    TokenRules,
)
from access.limits import OWNER, Quota, RateLimit
from dev.services import ROOT
from store import table as layout
from store.admin.audit import AuditEntry, AuditFilter, AuditLog
from store.admin.audit_keys import parse_audit_keys
from store.admin.idempotency import IdempotencyStore, KeptAnswer
from store.admin.keys import KeyStore
from store.admin.transactions import Table
from store.errors import InvalidItemError, StoreError
from store.issuers import issuer_to_item, key_set_to_item, load_issuers
from store.keys import load_api, load_identity, load_key, load_policies, read_gate, read_key, store_day
from store.master_secret import Keyring, MasterKeys
from store.table import (
    api_from_item,
    api_partition,
    api_to_item,
    gate_from_item,
    gate_partition,
    id_to_item,
    identity_to_item,
    key_of,
    key_to_item,
    new_gate,
    policy_to_item,
)

FILE = ROOT / "tests/store/shapes.json"
KEYRING = Keyring(MasterKeys(b"p" * 32, b"s" * 32, b"e" * 32))
HASH, LATER = KeyHash("k" * 43), KeyHash("l" * 43)
LIMITS = {
    "rate_limits": (RateLimit(10, "1s"), RateLimit(5, "hour", "slow", "orders", OWNER)),
    "quotas": (Quota(1000, "month", "calendar"), Quota(7, "never", name="paid", api="orders")),
}
GRANTS = (Grant("*"), Grant("admin", ("GET", "PUT"), "/keys/*", 0, "acme"))
KEY = KeyRecord(
    HASH,
    3,
    "acme-mobile",
    1_800_000_000,
    1_800_000_060,
    owner="acme",
    credentials=(
        StoredCredential("c2", "ES256", 256, "t", 1_800_000_060, jwk={"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}),
        StoredCredential(
            "c1", "HS256", 320, "", 1_800_000_000, 1_800_000_900, sealed="AAAA", not_before=1, not_after=2
        ),
    ),
    token_rules=TokenRules(("i",), ("a", "b"), "at+jwt", require_exp=False, max_lifetime_seconds=60, leeway_seconds=5),
    policies=("gold", "silver"),
    grants=GRANTS,
    enabled=False,
    expires_at=1_900_000_000,
    tags=("mobile", "eu"),
    metadata={"tier": "gold"},
    last_audit="f" * 64,
    ids=(IssuedId("i2", LATER, "mW4k", 1_800_000_060), IssuedId("i1", HASH, "x7Qa", 1_800_000_000, 1_800_000_900)),
    life=1 << 20,
    labels={"managed-by": "tollgate"},
    sources=("203.0.113.0/24", "2001:db8::/32"),
    disabled_by="acme",
    session_epoch=2,
    ended_sessions=(EndedSession("d1", 1_800_028_800),),
    **LIMITS,
)
POLICY = Policy(
    "gold",
    2,
    "Gold",
    1_800_000_000,
    1_800_000_060,
    grants=GRANTS,
    active=False,
    tags=("t",),
    metadata={"a": "b"},
    partitions=("grants", "quotas"),
    key_expires_in_seconds=86_400,
    counting=Counting(2_000, fail_open=True),
    thresholds=(80, 100),
    last_audit="f" * 64,
    labels={"managed-by": "tollgate"},
    sources=("203.0.113.0/24",),
    **LIMITS,
)
API = ApiDefinition(
    "orders",
    2,
    "Orders",
    1,
    2,
    ("a1/prod",),
    False,
    False,
    False,
    TokenPlace("", "token", "c"),
    ("idp",),
    "f" * 64,
    {"a": "b"},
)
ISSUER = Issuer(
    "idp",
    2,
    1,
    2,
    "https://idp.example",
    "https://idp.example/jwks",
    algorithms=("ES256", "RS256"),
    audiences=("orders",),
    any_audience=True,
    identity_claim="email",
    policy_claim="plan",
    allowed_policies=("gold", "silver"),
    default_policies=("gold",),
    scope_claim="scope",
    scope_policies={"read": "gold"},
    leeway_seconds=30,
    last_audit="f" * 64,
    labels={"managed-by": "tollgate"},
)
KEY_SET = KeySet(({"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "1", "alg": "ES256"},), 1_800_000_000)
IDENTITY = IdentityRecord(HASH, 2, enabled=False, updated_at=1_800_000_000, last_audit="f" * 64)
ANSWER = KeptAnswer("f" * 64, 201, '{"key_id": "x"}')
AUDIT_KEYS = parse_audit_keys(json.dumps({"current": "c" * 64}))
ENTRY = AuditEntry.make(
    AUDIT_KEYS,
    entry_id="e" * 16,
    now=1_800_000_000.5,
    principal="p",
    action="key.create",
    resource="/keys/k",
    fields=("grants", "name"),
    request_id="r",
    after="",
)
DAY = DayTotals(20_833, 1200, 30)
GATE = {
    "v": 3,
    "at": 1_800_000_000,
    "_c1": 1_799_999_999,
    "d": 20_833,
    "da": 9,
    "dr": 1,
    "l": "abcde",
    "aw": 7,
    "aAB": 2,
}


def counted_gate():
    item = new_gate(gate_partition(HASH), 3)
    return item | {name: {"S": value} if name == "l" else {"N": str(value)} for name, value in GATE.items()}


class Calls:
    """Takes the one call of a writer."""

    def call(self, _operation, request):
        self.request = request
        return {}


def day_item():
    """What `store_day` writes: an update that sets every attribute of its item."""
    calls = Calls()
    store_day(calls, "t", gate_partition(HASH), DAY)
    request = calls.request
    parts = request["UpdateExpression"].removeprefix("SET ").split(", ")
    names = {
        name: request["ExpressionAttributeNames"].get(name, name) for name, _ in (one.split(" = ") for one in parts)
    }
    values = {name: request["ExpressionAttributeValues"][value] for name, value in (one.split(" = ") for one in parts)}
    return request["Key"] | {names[name]: value for name, value in values.items()}


def kept_item():
    return IdempotencyStore(Table(Calls(), "t"), KEYRING).keep("r", ANSWER, now=1_800_000_000, nonce=bytes(12))["Put"][
        "Item"
    ]


NEWEST = {  # by kind: its number, and how it is written now
    "key": (layout.KEY_SHAPE, lambda: key_to_item(KEY)),
    "key id": (layout.ID_SHAPE, lambda: id_to_item(LATER, HASH)),
    "gate": (layout.GATE_SHAPE, counted_gate),
    "usage": (layout.USAGE_SHAPE, day_item),
    "identity": (layout.IDENTITY_SHAPE, lambda: identity_to_item(IDENTITY)),
    "policy": (layout.POLICY_SHAPE, lambda: policy_to_item(POLICY)),
    "api": (layout.API_SHAPE, lambda: api_to_item(API, api_partition("orders"))),
    "issuer": (layout.ISSUER_SHAPE, lambda: issuer_to_item(ISSUER)),
    "key set": (layout.KEY_SET_SHAPE, lambda: key_set_to_item(ISSUER, KEY_SET)),
    "answer": (layout.ANSWER_SHAPE, kept_item),
    "audit": (layout.AUDIT_SHAPE, ENTRY.to_item),
}
BESIDE = {  # what else must lie in the table for an item to be found
    "key": lambda: [counted_gate()],
    "key id": lambda: [counted_gate(), key_to_item(KEY)],
    "key set": lambda: [issuer_to_item(ISSUER)],
}
READERS = {  # by kind: how it is read from a table, and what is read
    "key": (lambda table: read_key(table.client, table.name, HASH)[0], KEY),
    "key id": (lambda table: load_key(table.client, table.name, LATER)[0], KEY),
    "gate": (lambda table: read_gate(table.client, table.name, gate_partition(HASH)), GATE),
    "usage": (lambda table: KeyStore(table).usage(HASH, DAY.day, DAY.day), [DAY]),
    "identity": (lambda table: load_identity(table.client, table.name, HASH)[0], IDENTITY),
    "policy": (lambda table: load_policies(table.client, table.name, ["gold"])["gold"], POLICY),
    "api": (lambda table: load_api(table.client, table.name, "orders"), API),
    "issuer": (lambda table: load_issuers(table.client, table.name, ["idp"])["idp"].issuer, ISSUER),
    "key set": (lambda table: load_issuers(table.client, table.name, ["idp"])["idp"].key_set, KEY_SET),
    "answer": (lambda table: IdempotencyStore(table, KEYRING).find("r", 1_800_000_000), ANSWER),
    "audit": (
        lambda table: (
            AuditLog(table, AUDIT_KEYS).page(AuditFilter("2027-01-01", "2027-02-01"), limit=9, cursor=None).items
        ),
        (ENTRY,),
    ),
}
SHAPES = json.loads(FILE.read_text()) if FILE.exists() else {}
STORED = [(kind, number) for kind, numbers in SHAPES.items() for number in numbers]
NAMED_BY_OPERATORS = {"metadata", "labels", "scope_policies", "jwk"}  # any member is known there


def read(client, table, kind, item):
    shared = Table(client, table)
    for one in (item, *BESIDE.get(kind, list)()):
        client.call("PutItem", {"TableName": table, "Item": one})
    reader, _ = READERS[kind]
    return reader(shared)


def grown(attributes):
    """An item with members that nobody knows, of every type, at every depth."""
    strange = {"S": "x"}, {"N": "1.5"}, {"B": b"x"}, {"SS": ["x"]}, {"NULL": True}, {"L": [{"M": {}}]}, {"M": {}}
    found = copy.deepcopy(attributes)
    for name, attribute in found.items():
        if name not in NAMED_BY_OPERATORS:
            for nested in [attribute, *attribute.get("L", [])] if isinstance(attribute, dict) else []:
                if "M" in nested:
                    nested["M"] = grown(nested["M"])
    return found | {f"unheard-of-{place}": value for place, value in enumerate(strange)}


def maps_in(value):
    """How many maps lie in an item, itself included."""
    if isinstance(value, dict):
        return sum(map(maps_in, value.values())) + ("M" in value or "PK" in value)
    return sum(map(maps_in, value)) if isinstance(value, list) else 0


def test_every_kind_and_its_newest_shape_is_kept():
    assert SHAPES.keys() == NEWEST.keys() == READERS.keys()
    for kind, (number, _) in NEWEST.items():
        assert sorted(map(int, SHAPES[kind])) == list(range(1, number + 1))


@pytest.mark.parametrize("kind", NEWEST)
def test_what_is_written_now_is_the_newest_shape_and_carries_its_number(kind):
    """Where it is not, the shape has changed: give it the next number, and keep the older item."""
    number, write = NEWEST[kind]

    assert write() == SHAPES[kind][str(number)]
    assert write()["s" if kind == "gate" else "shape"] == {"N": str(number)}


@pytest.mark.parametrize(("kind", "number"), STORED)
def test_every_shape_that_was_ever_written_is_read(client, table, kind, number):
    assert read(client, table, kind, SHAPES[kind][number]) == READERS[kind][1]


@pytest.mark.parametrize(("kind", "number"), STORED)
def test_members_of_a_later_version_are_left_alone_at_every_depth(client, table, kind, number):
    item = grown(SHAPES[kind][number])
    item["s" if kind == "gate" else "shape"] = {"N": "99"}
    if kind == "gate":
        item = {name: one for name, one in item.items() if one != {"N": "1.5"}}  # a gate holds whole numbers

    found = read(client, table, kind, item)

    expected = READERS[kind][1]
    if kind == "gate":
        found = {name: value for name, value in found.items() if name in expected}
    assert found == expected


def test_the_members_of_a_later_version_reach_every_value_in_a_record():
    """Credentials, ids, rules, grants, limits, counting, the place of a token: that the test above looks deep."""
    nested = {kind: maps_in(grown(items["1"])) - maps_in(items["1"]) for kind, items in SHAPES.items()}

    strangers = 2  # maps among those that `grown` adds to each map
    depth = {"key": 1 + 2 + 2 + 1 + 2 + 2 + 2 + 1, "policy": 1 + 2 + 2 + 2 + 1, "api": 2, "key set": 2}
    assert {kind: nested[kind] for kind in depth} == {kind: strangers * maps for kind, maps in depth.items()}


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        *((kind, "version") for kind in ("key", "identity", "policy", "api", "issuer")),
        *(("key", name) for name in ("key_hash", "name", "created_at", "updated_at", "enabled")),
        *(("identity", name) for name in ("enabled", "updated_at")),
        *(("policy", name) for name in ("policy_id", "active")),
        *(("api", name) for name in ("api_id", "enable_jwt", "enable_opaque", "allow_sub")),
        ("issuer", "issuer"),
    ],
)
def test_an_item_without_a_member_that_every_version_wrote_is_not_read(client, table, kind, member):
    """What is missing is not made up, least of all where the default is the one that opens."""
    item = {name: value for name, value in SHAPES[kind]["1"].items() if name != member}

    with pytest.raises(InvalidItemError):
        read(client, table, kind, item)


@pytest.mark.parametrize("member", ["api", "methods", "path"])
def test_a_grant_that_does_not_say_what_it_covers_covers_nothing(client, table, member):
    item = copy.deepcopy(SHAPES["policy"]["1"])
    del item["grants"]["L"][1]["M"][member]

    with pytest.raises(InvalidItemError):
        read(client, table, "policy", item)


@pytest.mark.parametrize(
    ("member", "broken"),
    [("grants", {"S": "x"}), ("grants", {"L": [{"S": "x"}]}), ("token_rules", {"L": []}), ("credentials", {"N": "1"})],
)
def test_a_known_member_of_another_kind_is_refused(client, table, member, broken):
    with pytest.raises(StoreError):
        read(client, table, "key", SHAPES["key"]["1"] | {member: broken})


def test_what_is_left_out_is_read_as_what_it_was():
    """An empty value takes no room, except where being left out would mean another one."""
    plain = ApiDefinition("a", 1, "a", 1, 1, token=TokenPlace("", "t", ""))
    item = api_to_item(plain, api_partition("a"))

    assert item["token"] == {"M": {"header": {"S": ""}, "query": {"S": "t"}}}
    assert "issuers" not in item
    assert api_from_item(item) == plain


@pytest.mark.parametrize("name", ["v", "l", "at", "d", "_c1", "aw", "aAB"])
def test_a_gate_with_strangers_still_refuses_what_it_knows_in_another_type(name):
    """A counter that cannot be read is never taken for one that is not there."""
    item = grown(counted_gate()) | key_of(gate_partition(HASH), "GATE")
    item = {one: value for one, value in item.items() if value != {"N": "1.5"}}

    with pytest.raises(InvalidItemError):
        gate_from_item(item | {name: {"SS": ["x"]}})


if __name__ == "__main__":
    for known, (newest, make) in NEWEST.items():
        SHAPES.setdefault(known, {})[str(newest)] = make()
    FILE.write_text(json.dumps(SHAPES, indent=1, sort_keys=True) + "\n")
