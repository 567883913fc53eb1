"""Transactions beside others on the same items, reads of many, and cursors."""

import pytest

from store.admin.transactions import (
    ABSENT,
    MAX_CONFLICTS,
    MAX_POSITION,
    AlreadyDoneError,
    Attached,
    InvalidCursorError,
    Table,
    read_cursor,
    write_cursor,
)
from store.boto import BotoClient
from store.errors import StoreError, ThrottledError, TransactionCancelled
from store.table import key_of
from tests.authorizer.bench import Recorder

CONFLICT = TransactionCancelled(["None", "TransactionConflict"])
HELD = ThrottledError("TransactionConflictException")


@pytest.fixture
def recorder(services, monkeypatch):
    for name, value in services.environ().items():
        monkeypatch.setenv(name, value)
    return Recorder(BotoClient("dynamodb"))


@pytest.fixture
def shared(recorder, table):
    return Table(recorder, table)


def put(shared, sort, condition=None):
    return shared.put(key_of("P", sort), condition)


def sorts(shared):
    return shared.sorts("P", limit=10)[0]


def test_a_transaction_that_met_another_one_is_made_again(shared, recorder):
    recorder.before = [CONFLICT, CONFLICT]

    assert shared.transact([put(shared, "a")]) == ()
    assert recorder.taken() == ["TransactWriteItems"] * 3
    assert sorts(shared) == ["a"]


def test_a_transaction_that_always_meets_others_is_given_up(shared, recorder):
    recorder.before = [CONFLICT] * MAX_CONFLICTS

    with pytest.raises(ThrottledError):
        shared.transact([put(shared, "a")])
    assert recorder.taken() == ["TransactWriteItems"] * MAX_CONFLICTS


def test_a_transaction_that_is_cancelled_for_anything_else_is_not_made_again(shared, recorder):
    recorder.before = [TransactionCancelled(["ValidationError"])]

    with pytest.raises(TransactionCancelled):
        shared.transact([put(shared, "a")])
    assert recorder.taken() == ["TransactWriteItems"]


def test_a_failed_condition_is_told_by_the_place_of_its_action_and_nothing_is_written(shared):
    shared.transact([put(shared, "there")])
    actions = [put(shared, "new", ABSENT), put(shared, "there", ABSENT)]

    codes = shared.transact(actions, Attached(audit=[put(shared, "entry")], beside=put(shared, "beside")))

    assert codes == ("None", "ConditionalCheckFailed")
    assert sorts(shared) == ["there"]


def test_what_is_attached_is_written_with_the_change_and_an_answer_that_is_kept_stops_it(shared):
    attached = Attached([put(shared, "entry")], put(shared, "answer", ABSENT), put(shared, "beside"))
    assert shared.transact([put(shared, "a")], attached) == ()
    assert sorts(shared) == ["a", "answer", "beside", "entry"]

    with pytest.raises(AlreadyDoneError):
        shared.transact([put(shared, "b")], attached)
    with pytest.raises(AlreadyDoneError):
        shared.transact([put(shared, "a", ABSENT)], attached)
    assert "b" not in sorts(shared)


def test_a_change_that_fails_by_itself_is_not_taken_for_one_that_was_done(shared):
    shared.transact([put(shared, "a")])

    codes = shared.transact([put(shared, "a", ABSENT)], Attached(answer=put(shared, "answer", ABSENT)))

    assert codes == ("ConditionalCheckFailed",)


def test_a_write_waits_for_a_transaction_that_holds_its_item(shared, recorder):
    request = {"TableName": shared.name, "Item": key_of("P", "a")}
    recorder.before = [HELD, HELD]
    shared.write("PutItem", request)
    assert recorder.taken() == ["PutItem"] * 3

    recorder.before = [HELD] * MAX_CONFLICTS
    with pytest.raises(ThrottledError):
        shared.write("PutItem", request)
    assert recorder.taken() == ["PutItem"] * MAX_CONFLICTS


def test_a_write_that_fails_for_anything_else_is_not_made_again(shared, recorder):
    recorder.before = [StoreError("x")]

    with pytest.raises(StoreError):
        shared.write("PutItem", {"TableName": shared.name, "Item": key_of("P", "a")})
    assert recorder.taken() == ["PutItem"]


def test_more_items_than_a_call_takes_are_read_once_each(shared, recorder):
    keys = [key_of("P", f"{number:03}") for number in range(101)]
    for key in keys:
        shared.write("PutItem", {"TableName": shared.name, "Item": key})
    recorder.taken()

    found = shared.items(keys)

    assert sorted(one["SK"]["S"] for one in found) == [one["SK"]["S"] for one in keys]
    assert recorder.taken() == ["BatchGetItem"] * 2


@pytest.mark.parametrize("position", ["x", "p" * MAX_POSITION])
def test_a_cursor_is_read_as_it_was_written(position):
    assert read_cursor("KEYS", write_cursor("KEYS", position)) == position
    assert read_cursor("KEYS", None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "a",
        write_cursor("POLICIES", "x"),
        write_cursor("KEYS", ""),
        write_cursor("KEYS", "p" * (MAX_POSITION + 1)),
        write_cursor("KEYS", "\u00fc"),
    ],
)
def test_what_this_list_did_not_give_is_no_cursor(cursor):
    with pytest.raises(InvalidCursorError):
        read_cursor("KEYS", cursor)
