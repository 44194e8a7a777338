"""How to point a service at the sandbox."""

from __future__ import annotations

import attrs

from marketo_soap.sandbox.environment import as_exports, environment
from marketo_soap.sandbox.messages import PATH, HttpAnswer
from marketo_soap.sandbox.page.html import Child, h
from marketo_soap.sandbox.page.layout import Visit, answer_page
from marketo_soap.sandbox.page.pieces import copied, facts
from marketo_soap.sandbox.settings import Settings
from marketo_soap.sandbox.state import ENCRYPTION_KEY
from marketo_soap.wire.xml import Element

_MADE_UP = {  # any other value may be somebody's
    "MARKETO_SOAP_ENCRYPTION_KEY": ENCRYPTION_KEY,
    "MARKETO_REST_CLIENT_SECRET": attrs.fields(Settings).client_secret.default,
}


def connect(visit: Visit) -> HttpAnswer:
    """Show the addresses and credentials of the sandbox, for SOAP and REST, and as environment variables."""
    hint = h("p", "Give your service these values instead of Marketo's.", class_="lede")
    return answer_page(visit, "Connect", hint, cards(visit), section="Connect")


def cards(visit: Visit) -> Element:
    """Return the values that a service needs instead of Marketo's."""
    values = environment(visit.sandbox, visit.endpoint)
    shown = {name: value for name, value in values.items() if _MADE_UP.get(name, value) == value}
    origin = visit.endpoint.removesuffix(PATH)
    hidden = [f"# {name}: the one that the sandbox was started with" for name in values if name not in shown]
    lines = "\n".join([*as_exports(shown), *hidden])

    def value(name: str, label: str) -> tuple[str, Child]:
        return label, copied(shown[name], label) if name in shown else "the one that the sandbox was started with"

    soap = [
        value("MARKETO_SOAP_ENDPOINT", "Endpoint"),
        ("WSDL", copied(f"{visit.endpoint}?WSDL", "WSDL")),
        value("MARKETO_SOAP_USER_ID", "User id"),
        value("MARKETO_SOAP_ENCRYPTION_KEY", "Encryption key"),
    ]
    rest = [
        value("MARKETO_REST_ENDPOINT", "Endpoint"),
        ("Identity", copied(f"{origin}/identity", "Identity")),
        value("MARKETO_REST_CLIENT_ID", "Client id"),
        value("MARKETO_REST_CLIENT_SECRET", "Client secret"),
    ]
    command = h("p", "The command ", h("code", "marketo-soap"), " reads these variables.")
    block = h("code", lines, id="environment", class_="whole")
    shell = h("pre", block, tabindex="0", role="region", aria_label="Environment variables")
    button = h("button", "Copy as environment", type="button", class_="scripted", data_copies="environment")
    return h(
        "div",
        h("section", h("div", h("h2", "Environment"), button, class_="heading-with"), command, shell, class_="card"),
        h("section", h("h2", "SOAP"), facts(soap), class_="card"),
        h("section", h("h2", "REST"), facts(rest), class_="card"),
    )
