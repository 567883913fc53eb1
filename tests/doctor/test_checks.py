"""Each mistake is found in each form, at its place; what is sound has no findings."""

import copy

import pytest

from doctor.checks import CHECKS, examine
from doctor.template import Template
from tests.doctor.cases import CASES, IMPOSSIBLE, Case
from tests.doctor.forms import FORMS, line_of

SOUND = [(form, name) for form in FORMS for name in ("rest", "http", "websocket")]


@pytest.mark.parametrize(("form", "name"), SOUND)
def test_what_is_sound_has_no_findings(form, name):
    data = FORMS[form].load(name)

    assert examine(Template(FORMS[form].dump(data))) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.form.name}-{case.check}-{CASES.index(case)}")
def test_a_mistake_is_found_where_it_is(case: Case):
    data = case.form.load(case.base)
    case.spoil(data)
    text = case.form.dump(data)

    found = [(one.resource, one.line) for one in examine(Template(text)) if one.check == case.check]

    assert (case.where, line_of(text, case.at) if case.at else 1) in found


def test_every_check_has_a_case_in_every_form_that_can_make_its_mistake():
    tried = {(case.check, case.form.name) for case in CASES}
    all_of_them = {(check.id, form) for check in CHECKS for form in FORMS}

    assert all_of_them - tried == IMPOSSIBLE.keys()
    assert tried <= all_of_them


def test_there_are_more_than_thirty_mistakes_with_names_of_their_own():
    ids = [check.id for check in CHECKS]

    assert len(ids) == len(set(ids)) > 30


def test_a_case_leaves_the_sound_template_alone():
    """What a case spoils is a copy: the next one starts sound."""
    (case, *_) = CASES
    before = copy.deepcopy(case.form.load(case.base))

    case.spoil(case.form.load(case.base))

    assert case.form.load(case.base) == before
