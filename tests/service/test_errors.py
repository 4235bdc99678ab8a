"""The family of errors: whole after pickling, codes that never collide."""

import pickle

import pytest

from service import errors
from service.errors import BladestreamError

FAMILY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, BladestreamError)
]
MEMBERS = [kind for kind in FAMILY if kind is not BladestreamError]


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)
def test_an_error_crosses_processes_whole(kind):
    error = kind("too small", minimum_bytes=1234)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == copy.detail == "too small"
    assert copy.extra == {"minimum_bytes": 1234}


def test_codes_and_titles_are_one_each():
    assert len({kind.code for kind in FAMILY}) == len(FAMILY)
    assert len({kind.title for kind in FAMILY}) == len(FAMILY)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("bad-parameter", 422),
        ("bad-picture", 422),
        ("unsupported-picture", 415),
        ("picture-too-large", 413),
        ("conversion-refused", 422),
        ("bad-mask", 422),
        ("bad-stream", 422),
        ("unsupported-stream", 422),
        ("damaged-stream", 422),
        ("unknown-model", 422),
        ("model-unavailable", 503),
        ("target-unreachable", 422),
        ("busy", 503),
        ("deadline-exceeded", 504),
        ("cancelled", 499),
        ("unauthorised", 401),
        ("not-found", 404),
        ("worker-failed", 500),
    ],
)
def test_codes_are_a_promise(code, status):
    assert {kind.code: kind.status for kind in MEMBERS}[code] == status


def test_wrong_usage_exits_with_two_and_all_else_with_one():
    assert {kind.code: kind.exit_status for kind in FAMILY if kind.exit_status != 1} == {
        "bad-parameter": 2
    }
