"""A client for Marketo's SOAP API: exact envelopes, typed results, and an emulator to run them against.

>>> from marketo_soap import Client, LeadRecord, Sandbox
>>> with Sandbox() as sandbox, Client(transport=sandbox.transport()) as client:
...     result = client.sync_lead(LeadRecord(email="t@t.com", attributes={"FirstName": "George"}))
>>> result.sync_status.status
<LeadSyncStatus.CREATED: 'CREATED'>
"""

import re
from importlib import import_module

__version__ = "0.2.0"

# Every run of pytest imports this package, for its plugin. So it loads nothing; names are loaded when first used.
# The list of names is the stub beside this file, which type checkers read too.
with open(f"{__path__[0]}/__init__.pyi", encoding="utf-8") as _stub:
    _HOMES = {name: home for home, name in re.findall(r"^from (\S+) import (\w+) as", _stub.read(), re.MULTILINE)}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'marketo_soap' has no attribute {name!r}")
    home = _HOMES[name]
    value = import_module(f"{home}.{name}") if home == __name__ else getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
