from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from marketo_soap import AuthenticationHeader, Credentials, MktowsContextHeader, signature

BIGCORP = Credentials("bigcorp1_461839624B16E06BA2D663", "899756834129871744AAEE88DDCC77CDEEDEC1AAAD66")
DEMO = Credentials("demo17_1_809934544BFABAE58E5D27", "27272727aa")


@pytest.mark.parametrize(
    ("credentials", "timestamp", "expected"),
    [
        (BIGCORP, "2010-04-09T14:04:54-07:00", "ffbff4d4bef354807481e66dc7540f7890523a87"),
        (DEMO, "2013-08-05T16:34:19-07:00", "9890d974aa58ccb96d7a0a3166573f6436c883dd"),
        (DEMO, "2013-08-01T18:22:30-07:00", "b5e21953ae9f1b263e644da5eccce9ff33802513"),
        (DEMO, "2013-08-20T13:32:02-07:00", "cdea055214cc726b651dc44ef694e1db4babfcb1"),
        # Published beside another signature, which no known key makes; these are what the key makes.
        (BIGCORP, "2013-07-31T12:38:47-07:00", "1d2760575a5f6ce1b44d7298cccc8d09c35705d7"),
        (BIGCORP, "2013-07-30T14:15:06-07:00", "bf98631891666fb3284485bffbe6f50801c5e18a"),
    ],
)
def test_the_verified_vectors(credentials: Credentials, timestamp: str, expected: str) -> None:
    header = signature.sign(credentials, timestamp)
    assert header == AuthenticationHeader(credentials.user_id, expected, timestamp)
    assert signature.verify(credentials, header)


@pytest.mark.parametrize(
    "wrong",
    [
        AuthenticationHeader("bigcorp1_X", "ffbff4d4bef354807481e66dc7540f7890523a87", "2010-04-09T14:04:54-07:00"),
        AuthenticationHeader(BIGCORP.user_id, "f" * 40, "2010-04-09T14:04:54-07:00"),
        AuthenticationHeader(BIGCORP.user_id, "FFBFF4D4BEF354807481E66DC7540F7890523A87", "2010-04-09T14:04:54-07:00"),
        AuthenticationHeader(BIGCORP.user_id, "ffbff4d4bef354807481e66dc7540f7890523a87", "2010-04-09T14:04:55-07:00"),
        AuthenticationHeader("", "", ""),
        AuthenticationHeader("é", "é", "é"),
    ],
)
def test_anything_else_does_not_verify(wrong: AuthenticationHeader) -> None:
    assert not signature.verify(BIGCORP, wrong)


def test_another_user_with_the_same_key_does_not_verify() -> None:
    other = Credentials("somebody_else", BIGCORP.encryption_key)
    assert not signature.verify(BIGCORP, signature.sign(other, "2010-04-09T14:04:54-07:00"))


def test_a_timestamp_has_seconds_and_an_offset() -> None:
    pacific = timezone(timedelta(hours=-7))
    assert signature.timestamp(datetime(2013, 7, 31, 12, 38, 47, 999, pacific)) == "2013-07-31T12:38:47-07:00"
    assert signature.timestamp(datetime(2013, 7, 31, tzinfo=UTC)) == "2013-07-31T00:00:00+00:00"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        signature.timestamp(datetime(2013, 7, 31))


@pytest.mark.parametrize(("user", "key", "name"), [("", "k", "user_id"), ("u", " ", "encryption_key")])
def test_empty_credentials_are_refused(user: str, key: str, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Credentials(user, key)


def test_credentials_and_headers_are_text_that_xml_can_hold() -> None:
    with pytest.raises(TypeError, match="user_id"):
        Credentials(None, "k")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="request_timestamp must be text, not datetime"):
        AuthenticationHeader("u", "f" * 40, datetime(2013, 7, 31))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"U\+0000"):
        MktowsContextHeader("De\0fault")
