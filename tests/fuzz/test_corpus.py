"""Every input that the fuzzer found, or that it starts with, through the same functions: no fuzzer is needed."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from marketo_soap import OPERATIONS, envelope
from tests.fuzz import mutate
from tests.fuzz.targets import SEPARATOR, TARGETS, read_http

CORPUS = Path(__file__).parent / "corpus"
FILES = [path for name in TARGETS for path in sorted((CORPUS / name).glob("*"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_corpus_does_no_harm(path: Path) -> None:
    failure = ""
    try:
        TARGETS[path.parent.name](path.read_bytes())
    except Exception:
        # As plain text: a report that holds half a character cannot travel between pytest's processes.
        failure = traceback.format_exc().encode("ascii", "backslashreplace").decode()
    assert not failure, failure


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_fuzzer_starts_with_does_no_harm(target: str) -> None:
    for data in mutate.seeds(target).values():
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_stay_within_their_size_and_repeat(target: str) -> None:
    def bytewise(data: bytes, size: int) -> bytes:
        return data[1:size]

    many = target == "intake"
    for data in mutate.seeds(target).values():
        for seed in range(40):
            made = mutate.mutate(data, 3000, seed, bytewise, many=many)
            assert len(made) <= 3000
            assert mutate.mutate(data, 3000, seed, bytewise, many=many) == made


def test_the_dictionary_holds_the_declared_names() -> None:
    words = mutate.dictionary().splitlines()
    assert {'"leadAttributeList"', '"paramsSyncLead"', '"serviceException"', '"Envelope"'} <= set(words)
    assert {'"paramsGetLead"', '"stringItem"', '"staticListName"', '"oldestUpdatedAt"'} <= set(words)
    assert not [word for word in words if '"' in word[1:-1]]


def test_the_fuzzer_starts_with_requests_and_replies_of_every_operation() -> None:
    read = [envelope.read(data) for name, data in mutate.seeds("reply").items() if "unknown" not in name]
    assert {type(each.operation) for each in read if isinstance(each, envelope.Request)} == set(OPERATIONS.values())
    assert {each.operation_type for each in read if isinstance(each, envelope.Reply)} == set(OPERATIONS.values())


def test_requests_are_read_as_a_front_hands_them_over() -> None:
    data = b"POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nPeer: ::1\r\nBad: \x01\r\n\r\nbody" + SEPARATOR
    asked = read_http(data.split(SEPARATOR)[0])
    assert asked is not None
    assert (asked.method, asked.path, asked.query, asked.body, asked.peer) == ("POST", "/a b", "c=d", b"body", "::1")
    assert asked.headers == {"host": "x"}
    assert read_http(b"<x/>") is None
