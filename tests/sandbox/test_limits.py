from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from freezegun import freeze_time

from marketo_soap import Client, LeadRecord, LimitFault, RetryPolicy, Sandbox
from marketo_soap.calls.limits import LimitKeeper
from marketo_soap.sandbox.settings import VENDOR_LIMITS, Limits
from tests.sandbox.conftest import Clock
from tests.support import CREDENTIALS, NOW, SEED, signed

LEAD = LeadRecord(email="t@t.com")


def code(keeper: LimitKeeper, now: datetime, tick: float | None = None) -> int | None:
    try:
        keeper.count_call(now, now.timestamp() if tick is None else tick, at_once=1)
    except LimitFault as fault:
        return fault.code
    return None


def test_the_vendors_limits_are_off_unless_asked_for(client: Client, sandbox: Sandbox) -> None:
    assert sandbox.limits is None
    for _ in range(150):
        client.sync_lead(LEAD)


def test_a_hundred_calls_in_any_twenty_seconds(clock: Clock) -> None:
    with (
        Sandbox(clock=clock, limits="vendor") as sandbox,
        Client(transport=sandbox.transport(), clock=clock, retry=RetryPolicy(attempts=1)) as client,
    ):
        for _ in range(50):
            client.sync_lead(LEAD)
        clock.tick(10)
        for _ in range(50):
            client.sync_lead(LEAD)
        with pytest.raises(LimitFault) as caught:
            client.sync_lead(LEAD)
        assert caught.value.code == 20023
        clock.tick(9.999)
        with pytest.raises(LimitFault):
            client.sync_lead(LEAD)
        clock.tick(0.001)
        for _ in range(50):
            client.sync_lead(LEAD)
        with pytest.raises(LimitFault):
            client.sync_lead(LEAD)
        assert sandbox.limits is not None
        assert sandbox.limits.used(sandbox.now(), sandbox.tick()) == {"calls": 100, "per_day": 150}


def test_ten_at_once(clock: Clock) -> None:
    user = CREDENTIALS
    data = signed(SEED, user, NOW)
    with Sandbox(user_id=user.user_id, encryption_key=user.encryption_key, clock=clock, limits="vendor") as sandbox:
        running = [sandbox.handle(data) for _ in range(10)]
        assert [call.answer.status for call in running] == [200] * 10
        refused = sandbox.handle(data)
        assert isinstance(refused.answer.outcome, LimitFault)
        assert refused.answer.outcome.code == 20024
        refused.done()
        running.pop().done()
        assert sandbox.respond(data).status == 200


def test_the_day_begins_at_midnight_in_chicago() -> None:
    keeper = LimitKeeper(Limits(calls=None, per_day=2))
    summer = datetime(2013, 8, 6, 4, 59, 59, tzinfo=UTC)
    assert [code(keeper, summer) for _ in range(3)] == [None, None, 20015]
    assert code(keeper, datetime(2013, 8, 6, 5, tzinfo=UTC)) is None
    winter = datetime(2014, 1, 6, 5, 59, 59, tzinfo=UTC)
    assert [code(keeper, winter) for _ in range(3)] == [None, None, 20015]
    assert code(keeper, datetime(2014, 1, 6, 6, tzinfo=UTC)) is None


@pytest.mark.parametrize(("count_refused", "after"), [(False, None), (True, 20015)])
def test_refused_calls_count_only_if_told_to(count_refused: bool, after: int | None) -> None:
    keeper = LimitKeeper(Limits(calls=1, per_day=3), count_refused=count_refused)
    assert [code(keeper, NOW) for _ in range(3)] == [None, 20023, 20023]
    assert code(keeper, NOW.replace(hour=NOW.hour, second=59)) == after


def test_the_vendors_numbers() -> None:
    assert Limits(100, 20.0, 10, 10_000) == VENDOR_LIMITS


def test_a_call_that_is_not_signed_is_not_counted(sandbox: Sandbox) -> None:
    with Sandbox(limits=Limits(calls=1)) as limited, Client(transport=limited.transport()) as client:
        for _ in range(5):
            limited.respond(b"nonsense")
        client.sync_lead(LEAD)


def test_a_clock_that_is_moved_back_frees_no_window() -> None:
    keeper = LimitKeeper(Limits(calls=2))
    assert [code(keeper, NOW - timedelta(seconds=number), 7.0 + number) for number in range(3)] == [None, None, 20023]
    assert code(keeper, NOW, 27.0) is None


def test_ticks_that_go_back_free_no_window_and_hold_none_longer() -> None:
    keeper = LimitKeeper(Limits(calls=2))
    assert [code(keeper, NOW, tick) for tick in (1000.0, 1010.0, 10.0, 19.9)] == [None, None, 20023, 20023]
    assert [code(keeper, NOW, tick) for tick in (20.0, 29.9, 30.0)] == [None, 20023, None]


def test_the_sandboxs_own_time_frees_a_window() -> None:
    def code_of(sandbox: Sandbox) -> int | None:
        assert sandbox.limits is not None
        return code(sandbox.limits, sandbox.now(), sandbox.tick())

    with Sandbox(limits=Limits(calls=1)) as real, Sandbox(clock=lambda: NOW, limits=Limits(calls=1)) as still:
        for sandbox in (real, still):
            assert [code_of(sandbox), code_of(sandbox)] == [None, 20023]
            sandbox.advance(-60)
            assert code_of(sandbox) == 20023
            sandbox.advance(20)
            assert [code_of(sandbox), code_of(sandbox)] == [None, 20023]
        with freeze_time(datetime.now(UTC) + timedelta(days=1)) as frozen:
            assert [code_of(real), code_of(real)] == [None, 20023]
            frozen.tick(20)
            assert [code_of(real), code_of(real)] == [None, 20023]
