"""Whether a limit is reachable: shown of every limit, by all names that APIs have."""

import uuid

import pytest

from access.apis import ApiDefinition
from access.grants import Grant
from access.limits import Quota
from key_admin.reach import reachable_limits

ORDERS = ApiDefinition("orders", 1, "n", 0, 0, gateways=("a1/prod", "b2/*"))
BILLING = ApiDefinition("billing", 1, "n", 0, 0, gateways=("b2/dev",))
BY_NAME = {name: definition for definition in (ORDERS, BILLING) for name in (definition.api_id, *definition.gateways)}


def is_reachable(api, *grants):
    limit = Quota(1, "day", api=api)

    def load(names):
        return {name: BY_NAME[name] for name in names if name in BY_NAME}

    return limit in reachable_limits(
        [limit], [grant if isinstance(grant, Grant) else Grant(grant) for grant in grants], load
    )


@pytest.mark.parametrize(
    ("api", "granted"),
    [
        ("", "orders"),
        ("", "admin"),
        ("orders", "orders"),
        ("unheard-of", "unheard-of"),
        ("unheard-of", "*"),
        ("admin", "admin"),
        ("a1/prod", "a1/prod"),
        ("a1/prod", "*"),
        ("a1/prod", "a1/*"),
        ("orders", "a1/prod"),
        ("orders", "a1/*"),
        ("orders", "b2/*"),
        ("orders", "b2/anything"),
        ("billing", "b2/dev"),
        ("billing", "b2/*"),
        ("b2/dev", "b2/*"),
        ("c3/x", "c3/*"),
    ],
)
def test_a_limit_is_reachable_by_every_name_of_an_api_that_a_grant_covers(api, granted):
    """Whichever of the two the limit bears, and the grant the other."""
    assert is_reachable(api, granted)
    if "*" not in {api, granted} and api:
        assert is_reachable(granted, api)
        assert is_reachable(api, "elsewhere", granted)


@pytest.mark.parametrize(
    ("api", "granted"),
    [
        ("orders", "billing"),
        ("admin", "orders"),
        ("orders", "a1/dev"),
        ("orders", "b2/dev"),
        ("billing", "b2/prod"),
        ("billing", "a1/*"),
        ("a1/prod", "a1/dev"),
        ("a1/*", "b2/*"),
        ("unheard-of", "a1/prod"),
    ],
)
def test_a_limit_of_an_api_that_no_grant_covers_is_not_reachable(api, granted):
    assert not is_reachable(api, granted)
    assert not is_reachable(granted, api)


def test_no_grant_or_one_that_costs_nothing_or_every_api_but_the_admin_one_reaches_no_limit():
    assert not is_reachable("")
    assert not is_reachable("", Grant("orders", cost=0))
    assert not is_reachable("orders", Grant("orders", cost=0), Grant("billing"))
    assert not is_reachable("admin", "*")


def test_a_record_shows_which_of_its_limits_can_be_reached(admin):
    """By the names that a definition gives the API as it stands."""
    api = f"api-{uuid.uuid4().hex[:8]}"
    gateway = f"{uuid.uuid4().hex[:10]}/prod"
    key = admin.create_key(
        grants=[{"api": gateway}],
        rate_limits=[{"limit": 1, "period": "1s", "api": api}, {"limit": 2, "period": "1s", "api": "*"}],
        quotas=[{"limit": 3, "period": "day", "api": "nowhere"}, {"limit": 4, "period": "day", "api": gateway}],
    )

    def shown():
        effective = admin("GET", f"/keys/{key['key_hash']}").body["effective"]
        return {limit["limit"]: limit["reachable"] for limit in [*effective["rate_limits"], *effective["quotas"]]}

    assert shown() == {1: False, 2: True, 3: False, 4: True}
    assert admin("PUT", f"/apis/{api}", {"name": "n", "gateways": [gateway]}).status == 201
    assert shown() == {1: True, 2: True, 3: False, 4: True}
