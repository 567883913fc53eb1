"""The probe of `make verify-stack` asks every open point; here the local gateway answers."""

import re

import pytest

from dev.open_points.__main__ import TEMPLATE, answers
from dev.stack import LocalStack


@pytest.fixture(scope="module")
def heard():
    with LocalStack(template=TEMPLATE) as probe:
        return answers(probe.rest_url, probe.http_url)


def test_every_point_is_asked(heard):
    numbers = [found[0] for question, _ in heard if (found := re.match(r"\d", question))]

    assert numbers == list("12345678")


def test_the_answers_are_read_out_of_what_came_back(heard):
    told = [answer for _, answer in heard]

    assert told[:4] == ["403, X-Probe: seen", "403, X-Probe: seen", "429, X-Probe: seen", "500"]
    assert told[4].endswith('/prod/GET/a%20b/"')
    assert told[5].startswith("401")
    assert told[6] == '{"unset":""}'
    assert '"probe": "seen"' in told[7]
    assert told[8] == "429"
    assert told[9].startswith("200")
