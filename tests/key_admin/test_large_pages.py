"""Lists of large records: a page is never larger than Lambda takes as an answer, and none is left out."""

import json

import pytest

MAX_LAMBDA_ANSWER = 6 * 1024 * 1024
METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", *(f"METHOD{letter}" for letter in "ABCDEFGHI")]
LARGE = {
    "name": "n",
    "grants": [{"api": "*", "methods": METHODS, "path": f"/{number:03}{'x' * 252}"} for number in range(100)],
}
COUNT = 140


@pytest.fixture
def large_policies(function):
    """As large as a policy gets, and so many that one page of them would have 7 MB."""
    one = function("PUT", "/policies/p000", LARGE)[1]
    for number in range(1, COUNT):
        assert function("PUT", f"/policies/p{number:03}", LARGE)[0] == 201
    return one


def test_a_page_of_large_records_is_cut_and_leads_on(function, large_policies):
    assert len(json.dumps(large_policies)) * COUNT > MAX_LAMBDA_ANSWER
    seen, cursor = [], ""

    while cursor is not None:
        status, page = function("GET", f"/policies?limit=200{cursor and f'&cursor={cursor}'}")
        assert status == 200
        assert len(json.dumps({"body": json.dumps(page)})) < MAX_LAMBDA_ANSWER
        seen, cursor = [*seen, *(policy["policy_id"] for policy in page["items"])], page["next"]

    assert seen == [f"p{number:03}" for number in range(COUNT)]
