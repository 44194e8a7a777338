"""A sign-up service: FastAPI in front, one `AsyncClient` behind.

    pip install marketo_soap fastapi uvicorn
    uvicorn fastapi_service:app

The environment names the service that is called: `MARKETO_SOAP_ENDPOINT`, `MARKETO_SOAP_USER_ID` and
`MARKETO_SOAP_ENCRYPTION_KEY` for a SOAP endpoint (`marketo-soap sandbox` prints these), or `MARKETO_REST_ENDPOINT`,
`MARKETO_REST_CLIENT_ID` and `MARKETO_REST_CLIENT_SECRET` for Marketo's REST API.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from marketo_soap import AsyncClient, LeadKey, LeadRecord, LimitFault, MarketoError, NotFoundFault, RetryPolicy

logger = logging.getLogger("signup")


class State(TypedDict):
    """What the requests of one service share."""

    marketo: AsyncClient


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
    """Open one client for the whole service: its requests share connections and rate limits."""
    async with AsyncClient.from_env(retry=RetryPolicy(deadline=20)) as client:  # somebody waits for the answer
        yield {"marketo": client}


app = FastAPI(lifespan=lifespan)


def client_of(request: Request) -> AsyncClient:
    """Return the client of the service."""
    client: AsyncClient = request.state.marketo
    return client


Marketo = Annotated[AsyncClient, Depends(client_of)]


class SignUp(BaseModel):
    """What a visitor fills in."""

    email: str
    first_name: str


class Lead(BaseModel):
    """What the service answers."""

    id: int
    status: str


@app.post("/signups", status_code=201)
async def sign_up(form: SignUp, marketo: Marketo) -> Lead:
    """Create the lead, or update the one that has the address."""
    try:
        lead = LeadRecord(email=form.email, attributes={"FirstName": form.first_name})
    except ValueError as error:  # it names the value that Marketo cannot take
        raise HTTPException(422, str(error)) from error
    result = await marketo.sync_lead(lead)
    return Lead(id=result.lead_id, status=result.sync_status.status)


@app.get("/signups/{email}")
async def find(email: str, marketo: Marketo) -> Lead:
    """Return the newest lead with an address."""
    try:
        found = await marketo.get_lead(LeadKey("EMAIL", email))
    except NotFoundFault as error:
        raise HTTPException(404, "nobody has signed up with this address") from error
    return Lead(id=found.lead_records[0].id or 0, status="KNOWN")


@app.exception_handler(MarketoError)
async def refuse(_request: Request, error: MarketoError) -> JSONResponse:
    """Answer for Marketo: 503 if a later call can succeed, else 502. The log has the reason, without personal data."""
    logger.error("Marketo: %s (see %s)", error, error.help_url)
    text = "it is unknown whether you were signed up" if error.fate_unknown else "you were not signed up"
    return JSONResponse({"detail": text}, 503 if isinstance(error, LimitFault) else 502)
