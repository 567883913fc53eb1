"""An import answers for each item within the time of the function, however dear the items are."""

import random

from key_admin.time_left import LEAST_MS
from tests.conftest import SECRET
from tests.key_admin.conftest import PLENTY_MS, Context
from tests.key_admin.materials import has_no_small_factor, rsa_jwk

KEY = {"name": "n", "jwt_data": {"secret": SECRET}, "grants": [{"api": "*"}]}
ENOUGH_FOR_TWO = (PLENTY_MS, LEAST_MS, LEAST_MS - 1)


def statuses(results):
    return [result["status"] for result in results["items"]]


def hashes(results):
    return [result["key"]["key_hash"] for result in results["items"] if result["status"] == 201]


def test_items_that_no_time_is_left_for_are_a_503_each_and_make_no_key(function):
    status, results = function("POST", "/keys/import", {"items": [KEY] * 5}, context=Context(*ENOUGH_FOR_TWO))

    assert (status, statuses(results)) == (200, [201, 201, 503, 503, 503])
    assert "send it again" in results["items"][4]["problem"]["detail"]
    assert {key["key_hash"] for key in function.made_keys()} == set(hashes(results))


def test_an_import_that_is_sent_again_does_what_is_left_and_nothing_twice(function):
    first, second, third = (
        function("POST", "/keys/import", {"items": [KEY] * 5}, context=Context(*left), idempotency_key="again")[1]
        for left in (ENOUGH_FOR_TWO, ENOUGH_FOR_TWO, (PLENTY_MS,))
    )

    assert statuses(first) == statuses(second) == [201, 201, 503, 503, 503]
    assert statuses(third) == [201] * 5
    assert hashes(first) == hashes(second) == hashes(third)[:2]
    assert len(function.made_keys()) == 5


def test_an_item_that_is_refused_takes_no_time_from_those_before_it(function):
    items = [KEY, {"name": "no rights"}, KEY, KEY]

    _, results = function("POST", "/keys/import", {"items": items}, context=Context(*ENOUGH_FOR_TWO))

    assert statuses(results) == [201, 400, 503, 503]


def test_a_hundred_keys_of_8192_bits_are_registered_by_the_running_function(admin):
    """Of a number of this size nobody can tell in time whether it is a sound modulus; what can be told is cheap."""
    items = [{"name": "n", "jwt_data": {"jwk": rsa_jwk(_large_modulus())}, "grants": [{"api": "*"}]}] * 100

    answer = admin("POST", "/keys/import", {"items": items})

    assert answer.status == 200
    assert statuses(answer.body) == [201] * 100


def _large_modulus():
    draw = random.Random(8192)
    numbers = (draw.getrandbits(8192) | 1 << 8191 | 1 for _ in range(1000))
    return next(number for number in numbers if has_no_small_factor(number))
