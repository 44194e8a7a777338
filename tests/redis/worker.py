"""A process that calls as fast as its limiter allows, until it is killed or the time is over.

Arguments: URL of Redis, port of the recorder, `Limits` as JSON, lease, seconds, hours that the clock is off.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from marketo_soap.calls.limiter import Permit
from marketo_soap.calls.limits import Limits
from marketo_soap.calls.redis_limiter import RedisLimiter

THREADS = 3


def main() -> None:
    url, port, limits, lease, seconds, hours = sys.argv[1:]
    limiter = RedisLimiter(url, Limits(**json.loads(limits)), name="proof", lease=float(lease))
    end = time.monotonic() + float(seconds)

    def work() -> None:
        while time.monotonic() < end:
            permit = Permit(limiter)
            permit.acquire()
            with socket.create_connection(("127.0.0.1", int(port))) as call:
                call.recv(1)
            permit.release()

    with ExitStack() as stack:
        if float(hours):
            from freezegun import freeze_time

            stack.enter_context(freeze_time(datetime.now(UTC) + timedelta(hours=float(hours)), tick=True))
            end = time.monotonic() + float(seconds)
        threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    limiter.close()


if __name__ == "__main__":
    main()
