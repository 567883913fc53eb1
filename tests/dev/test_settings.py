"""What `make dev` takes from the environment."""

import pytest

from dev.__main__ import read_undocumented
from dev.gateway.authorizers import AS_DOCUMENTED, Undocumented


def test_what_aws_leaves_open_is_read_and_has_defaults():
    assert (
        read_undocumented({}) == read_undocumented({"HTTP_UNAUTHORIZED": "", "EXPRESSION_MATCH": ""}) == AS_DOCUMENTED
    )
    assert read_undocumented({"HTTP_UNAUTHORIZED": "401", "EXPRESSION_MATCH": "prefix"}) == Undocumented(401, "prefix")


@pytest.mark.parametrize("environ", [{"HTTP_UNAUTHORIZED": "403"}, {"EXPRESSION_MATCH": "any"}])
def test_any_other_value_is_told_instead_of_taken(environ):
    with pytest.raises(SystemExit, match="401 or 500"):
        read_undocumented(environ)
