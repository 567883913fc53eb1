"""The cookie of a session as a credential: what it costs, and that no memory keeps a dead one alive."""

import subprocess
import sys

import pytest

from access.decisions import Allow, Reason
from access.grants import Grant
from access.sessions import MAX_ENDED, Session, end_all_sessions, end_session
from authorizer.authorize import authorize
from authorizer.events import LOCAL_SESSION_COOKIE, SESSION_COOKIE, read_event, session_cookie_name
from authorizer.sessions import open_session, seal_session
from dev.services import ROOT
from store.master_secret import Keyring, MasterKeys
from tests.authorizer.bench import KEYRING

ADMIN = (Grant("admin"),)
NONCE = bytes(12)


def session_of(bench, record, session_id="s1", lasts=3600):
    return Session(record.key_hash, session_id, record.sessions_epoch, bench.now_ms // 1000 + lasts)


def ask(bench, *sessions, api="admin", environment=None, header=""):
    cookies = [f"{SESSION_COOKIE}={seal_session(KEYRING, session, nonce=NONCE)}" for session in sessions]
    event = {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:1:api/prod/GET/keys",
        "headers": {"host": "admin.example.com"} | ({"authorization": header} if header else {}),
        "cookies": cookies,
        "stageVariables": {"tollgateApi": api},
        "requestContext": {"http": {"sourceIp": "198.51.100.7"}},
    }
    return authorize(read_event(event), environment or bench.environment, now_ms=bench.now_ms).decision


def change(bench, before, after):
    after = after._replace(version=before.version + 1)
    bench.keys.update(before, after)
    return after


def test_a_warm_session_costs_what_a_token_costs(bench):
    record = bench.key(grants=ADMIN, rate_limits=())
    session = session_of(bench, record)
    assert isinstance(ask(bench, session), Allow)
    bench.recorder.taken()

    assert isinstance(ask(bench, session), Allow)

    assert bench.recorder.taken() == ["GetItem"]


@pytest.mark.parametrize("how", ["one", "all"])
def test_no_environment_takes_a_session_that_ended_elsewhere(bench, how):
    """Each served it a moment ago; its record in memory says nothing of the end."""
    record, environments = bench.key(grants=ADMIN), [bench.environment, bench.other()]
    session, other = session_of(bench, record), session_of(bench, record, "s2")
    assert all(isinstance(ask(bench, session, environment=one), Allow) for one in environments)

    now = bench.now_ms // 1000
    change(bench, record, end_session(record, session, now=now) if how == "one" else end_all_sessions(record))

    for environment in environments:
        assert ask(bench, session, environment=environment).reason is Reason.TOKEN_EXPIRED
        assert isinstance(ask(bench, other, environment=environment), Allow) is (how == "one")


def test_a_session_that_is_newer_than_memory_is_taken_at_once(bench):
    """However lately the table was looked at: the seal was right, so memory is what is old."""
    record = bench.key(grants=ADMIN)
    old = session_of(bench, record)
    assert isinstance(ask(bench, old), Allow)
    after = change(bench, record, end_all_sessions(record))
    assert ask(bench, old).reason is Reason.TOKEN_EXPIRED
    after = change(bench, after, end_all_sessions(after))

    assert isinstance(ask(bench, session_of(bench, after)), Allow)


def test_a_session_ends_in_the_second_that_it_names(bench):
    record = bench.key(grants=ADMIN)
    session = session_of(bench, record, lasts=10)

    bench.now_ms += 9_999 - bench.now_ms % 1000
    assert isinstance(ask(bench, session), Allow)
    bench.now_ms += 1
    assert ask(bench, session).reason is Reason.TOKEN_EXPIRED


def test_a_session_of_an_unknown_key_is_refused(bench):
    record = bench.key(grants=ADMIN)
    bench.keys.delete(record)

    assert ask(bench, session_of(bench, record)).reason is Reason.UNKNOWN_KEY


def test_on_another_api_the_cookie_is_no_credential(bench):
    record = bench.key(grants=(*ADMIN, Grant("*")))
    session = session_of(bench, record)

    assert ask(bench, session, api="orders").reason is Reason.MISSING_CREDENTIAL
    assert isinstance(ask(bench, session, api="orders", header=bench.request_token()), Allow)


def test_a_session_is_judged_as_its_key_is(bench):
    record = bench.key(grants=ADMIN, sources=("203.0.113.0/24",))

    assert ask(bench, session_of(bench, record)).reason is Reason.SOURCE_NOT_ALLOWED


def test_two_sessions_in_one_request_are_two_credentials(bench):
    record = bench.key(grants=ADMIN)

    decision = ask(bench, session_of(bench, record), session_of(bench, record, "s2"))

    assert decision.reason is Reason.MALFORMED_TOKEN


def test_a_session_beside_the_token_of_its_key_costs_no_further_read(bench):
    record = bench.key(grants=ADMIN)
    session, token = session_of(bench, record), bench.request_token()
    assert isinstance(ask(bench, session, header=token), Allow)
    bench.recorder.taken()

    assert isinstance(ask(bench, session, header=token), Allow)

    assert bench.recorder.taken() == ["GetItem"]


def test_a_living_session_of_another_key_is_a_second_credential_and_a_dead_one_is_none(bench):
    holder = bench.key(grants=ADMIN)
    session = session_of(bench, holder)
    bench.key(grants=ADMIN)
    token = bench.request_token()
    assert isinstance(ask(bench, session), Allow)
    assert ask(bench, session, header=token).reason is Reason.MALFORMED_TOKEN

    change(bench, holder, end_all_sessions(holder))

    assert isinstance(ask(bench, session, header=token), Allow)


def test_a_cookie_is_opened_by_each_master_secret_in_force_and_by_no_other(bench):
    session = session_of(bench, bench.key())
    cookie = seal_session(KEYRING, session, nonce=NONCE)
    fresh = MasterKeys(b"p" * 32, b"s" * 32, b"e" * 32)

    assert open_session(KEYRING, cookie) == session
    assert open_session(Keyring(fresh, KEYRING.current), cookie) == session
    assert open_session(Keyring(fresh), cookie) is None


def test_no_other_key_of_the_master_secret_seals_sessions():
    keys = KEYRING.current

    assert len({keys.pepper, keys.sealing_key, keys.session_key}) == 3


def test_every_bit_of_a_cookie_counts(bench):
    cookie = seal_session(KEYRING, session_of(bench, bench.key()), nonce=NONCE)

    for place in range(len(cookie) - 1):  # the last character holds bits that no byte has
        changed = cookie[:place] + ("A" if cookie[place] != "A" else "B") + cookie[place + 1 :]
        assert open_session(KEYRING, changed) is None
        assert open_session(KEYRING, cookie[:place]) is None


def test_ended_sessions_are_listed_until_they_would_have_ended_and_no_more_than_16(bench):
    record, now = bench.key(), bench.now_ms // 1000
    for number in range(MAX_ENDED):
        record = end_session(record, session_of(bench, record, f"s{number}", lasts=number + 1), now=now)
    assert len(record.ended_sessions) == MAX_ENDED

    full = end_session(record, session_of(bench, record, "s"), now=now)
    assert (full.ended_sessions, full.sessions_epoch) == ((), record.sessions_epoch + 1)

    later = end_session(record, session_of(bench, record, "s"), now=now + 1)
    assert [ended.session_id for ended in later.ended_sessions] == [*(f"s{number}" for number in range(1, 16)), "s"]


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("localhost:3000", True),
        ("127.0.0.1:3000", True),
        ("[::1]:3000", True),
        ("admin.example.com", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("127.0.0.1:3000@example.com", False),
        ("", False),
    ],
)
def test_the_bare_name_is_read_on_loopback_alone(host, is_local):
    name = session_cookie_name({"headers": {"host": host}})

    assert name == (LOCAL_SESSION_COOKIE if is_local else SESSION_COOKIE)


SCRIPT = """
import json, sys
from authorizer.authorize import authorize
from authorizer.environment import Environment
from authorizer.events import read_event
from store.master_secret import Keyring, MasterKeys
class Empty:
    def call(self, operation, request):
        return {}
environment = Environment(Empty(), "t", Keyring(MasterKeys(b"p" * 32, b"s" * 32, b"e" * 32)))
event = {"version": "2.0", "routeArn": "arn:aws:execute-api:us-east-1:1:api/prod/GET/keys",
         "stageVariables": {"tollgateApi": "admin"}, "headers": {"authorization": "a.b.c"}, "cookies": sys.argv[1:]}
authorize(read_event(event), environment, now_ms=1)
print("authorizer.sessions" in sys.modules, "access.sessions" in sys.modules)
"""


@pytest.mark.parametrize(
    ("cookie", "is_loaded"), [("a=b", False), (f"{LOCAL_SESSION_COOKIE}=x", False), (f"{SESSION_COOKIE}=x", True)]
)
def test_what_sessions_need_is_loaded_where_such_a_cookie_is_alone(cookie, is_loaded):
    done = subprocess.run([sys.executable, "-c", SCRIPT, cookie], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(is_loaded)] * 2
