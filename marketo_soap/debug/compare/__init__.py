"""Two envelopes compared as a person thinks of them: what they mean, then how they are written. Pure."""

from marketo_soap.debug.compare.comparison import Comparison, FirstByte, Verdict, compare, describe
from marketo_soap.debug.compare.meaning import Difference

__all__ = ["Comparison", "Difference", "FirstByte", "Verdict", "compare", "describe"]
