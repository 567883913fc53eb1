"""Which calls a grant covers, and which of several grants decides."""

import pytest

from access.grants import Grant, find_grant


def covers(grant, *, api="orders", method="GET", path="/"):
    return find_grant([grant], apis=[api], method=method, path=path) == grant


def first_of(*grants, path="/orders/7"):
    """The grant that decides; the same one in whatever order they come."""
    found, backwards = (
        find_grant(order, apis=["orders"], method="GET", path=path) for order in (grants, tuple(reversed(grants)))
    )
    assert found == backwards
    return found


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/a", "/a"),
        ("/*", "/"),
        ("/*", "/a/b/c"),
        ("/*", "/a\nb"),
        ("/a/*", "/a/"),
        ("/*/b", "/x/y/b"),
        ("/a/{id}", "/a/7"),
        ("/a/{id}/b/{_x}", "/a/7/b/8"),
        ("/a.b", "/a.b"),
        ("/a b/{c}", "/a b/c d"),
        ("/v{n}.json", "/v12.json"),
    ],
)
def test_a_pattern_covers_its_paths(pattern, path):
    assert covers(Grant("orders", path=pattern), path=path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/a", "/a/"),
        ("/a", "/A"),
        ("/a", "/ab"),
        ("/a", "/a\n"),
        ("/a", "/x/a"),
        ("/a/*", "/a"),
        ("/a/{id}", "/a/"),
        ("/a/{id}", "/a/7/b"),
        ("/a/{id}", "/a/7/"),
        ("/a.b", "/axb"),
        ("/a/{1}", "/a/7"),
    ],
)
def test_a_pattern_covers_no_path_beside_its_own(pattern, path):
    """`*` alone crosses segments, a name stands for one that is not empty, and all else is literal."""
    assert not covers(Grant("orders", path=pattern), path=path)


@pytest.mark.parametrize("path", ["/a/../b", "/a/./b", "/..", "/.", "/a/..", "/a\\..\\b", "/a/..\\b"])
def test_a_path_with_dot_segments_is_covered_by_nothing(path):
    """What stands behind may resolve it to a path that was not granted."""
    assert not covers(Grant("orders"), path=path)


@pytest.mark.parametrize("path", ["/a/...", "/a/..b", "/a/b..", "/.well-known/x", "/a.b/c"])
def test_dots_in_a_name_are_no_dot_segments(path):
    assert covers(Grant("orders"), path=path)


def test_a_grant_covers_its_methods_alone():
    reading = Grant("orders", methods=("GET", "HEAD"))

    assert [method for method in ("GET", "HEAD", "POST", "get", "*") if covers(reading, method=method)] == [
        "GET",
        "HEAD",
    ]
    assert covers(Grant("orders", methods=("*",)), method="PURGE")


def test_a_grant_covers_its_api_alone_under_any_of_its_names():
    grant = Grant("orders")

    assert find_grant([grant], apis=["a1/prod", "orders"], method="GET", path="/") == grant
    assert not covers(grant, api="stock")
    assert covers(Grant("*"), api="stock")


def test_the_admin_api_must_be_named():
    """A grant of every API makes nobody an operator."""
    assert not covers(Grant("*"), api="admin")
    assert covers(Grant("admin"), api="admin")


@pytest.mark.parametrize(
    ("decisive", "other"),
    [
        (Grant("orders", path="/orders/*"), Grant("orders", path="/*")),
        (Grant("orders", path="/orders/7", cost=1), Grant("orders", path="/orders/{id}", cost=9)),
        (Grant("orders", path="/orders/{id}"), Grant("orders", path="/orders/*")),
        (Grant("orders", ("GET",), "/orders/*", cost=1), Grant("orders", ("*",), "/orders/*", cost=9)),
        (Grant("orders", path="/orders/*", cost=5), Grant("orders", path="/orders/*", cost=2)),
    ],
)
def test_the_most_specific_grant_decides_what_a_call_costs(decisive, other):
    """By its literal characters, then its wildcards, then its methods; between equals the dearer one."""
    assert first_of(decisive, other) == decisive


def test_a_grant_without_an_owner_decides_before_a_more_specific_one_with_one():
    """Who may touch every key is not narrowed by what he may besides."""
    everything, narrow = Grant("orders", path="/*"), Grant("orders", path="/orders/7", owner="acme")

    assert first_of(everything, narrow) == everything
    assert first_of(narrow) == narrow
