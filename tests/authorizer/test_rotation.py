"""A rotated key at the authorizer: when a grace ends, and when each credential verified last."""

import pytest

from access.decisions import Allow, Deny, Reason
from access.keys import StoredCredential
from access.limits import Quota
from authorizer.memory import FLUSH_MS
from store.sealing import seal
from tests.authorizer.bench import KEYRING
from tests.conftest import SECRET, sign

OLD = "the-secret-of-before-the-rotation-and-still-in-its-grace"


@pytest.fixture(params=[(), (Quota(1000, "day"),)], ids=["without limits", "with a quota"])
def rotated(request, bench):
    """A key with two credentials, `new` and `old`."""
    record = bench.key(quotas=request.param)
    secrets = {"new": SECRET, "old": OLD}
    credentials = tuple(
        StoredCredential(
            name,
            "HS256",
            256,
            "",
            2,
            sealed=seal(KEYRING, secret.encode(), key_hash=record.key_hash, algorithm="HS256", nonce=bytes(12)),
        )
        for name, secret in secrets.items()
    )
    after = record._replace(version=2, credentials=credentials)
    bench.keys.update(record, after)
    return after


def use(bench, secret):
    token = sign(bench.key_id, secret=secret, exp=bench.now_ms // 1000 + 60)
    assert isinstance(bench.request(token=token), Allow)


def test_each_use_reaches_the_gate_by_a_write_that_is_made_anyway(bench, rotated):
    start = bench.now_ms // 1000
    use(bench, OLD)
    bench.now_ms += 5_000
    use(bench, SECRET)
    bench.recorder.taken()
    bench.now_ms += FLUSH_MS
    use(bench, SECRET)

    gate = bench.gate(rotated)

    assert bench.recorder.taken()[-1:] == ["UpdateItem"]
    assert (gate["_old"], gate["_new"], gate["at"]) == (start, start + 65, start + 65)


def test_a_use_that_another_environment_told_of_is_not_turned_back(bench, rotated):
    use(bench, OLD)
    bench.now_ms += FLUSH_MS
    use(bench, OLD)
    other = bench.other()
    bench.now_ms += FLUSH_MS
    token = sign(bench.key_id, secret=OLD, exp=bench.now_ms // 1000 + 60)
    for _ in range(2):
        bench.request(token=token, environment=other)
        bench.now_ms += FLUSH_MS
        token = sign(bench.key_id, secret=OLD, exp=bench.now_ms // 1000 + 60)
    told = bench.gate(rotated)["_old"]
    bench.now_ms += FLUSH_MS
    use(bench, SECRET)

    assert bench.gate(rotated)["_old"] == told


def test_a_grace_ends_to_the_millisecond_in_a_warm_environment(bench, rotated):
    """No read tells: the end stands in the record that is in memory, and the clock decides."""
    end = bench.now_ms // 1000 + 10
    new, old = rotated.credentials
    bench.keys.update(rotated, rotated._replace(version=3, credentials=(new, old._replace(expires_at=end))))
    token = sign(bench.key_id, secret=OLD, exp=end + 600)
    bench.request(token=token)
    bench.recorder.taken()

    bench.now_ms = end * 1000 - 1
    assert isinstance(bench.request(token=token), Allow)
    assert bench.recorder.taken().count("BatchGetItem") == 1  # the definition of the API
    bench.now_ms += 1
    assert bench.request(token=token) == Deny(Reason.INVALID_SIGNATURE)
    use(bench, SECRET)
