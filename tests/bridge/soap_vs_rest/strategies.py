"""Hypothesis strategies that several groups of operations use."""

from __future__ import annotations

from hypothesis import strategies as st

from marketo_soap import LeadKeyRef
from tests.bridge.soap_vs_rest.sandboxes import COOKIES

INVALID_COOKIE = "nonsense"

_EMAILS = ["a@x.com", "A@X.com", "b@x.com", " b@x.com ", "c@x.com", "d@x.com", "e@x.com"]
VALID_EMAILS = st.sampled_from(_EMAILS)
EMAILS = st.sampled_from([*_EMAILS, "malformed", "ü@x.com"])

LEAD_KEYS = st.one_of(
    st.tuples(st.just(LeadKeyRef.IDNUM), st.integers(1_000_000, 1_000_008).map(str) | st.just("x")),
    st.tuples(st.just(LeadKeyRef.EMAIL), EMAILS),
    st.tuples(st.just(LeadKeyRef.COOKIE), st.sampled_from([*COOKIES, INVALID_COOKIE])),
    st.tuples(st.sampled_from([LeadKeyRef.LEADOWNEREMAIL, LeadKeyRef.SFDCLEADID]), st.just("7")),
)
"""Types and values of lead keys."""
