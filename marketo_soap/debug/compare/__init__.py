"""Compare two messages by meaning, then by markup. Pure."""

from marketo_soap.debug.compare.comparison import Comparison, Equality, FirstByte, compare, describe
from marketo_soap.debug.compare.meaning import Difference

__all__ = ["Comparison", "Difference", "Equality", "FirstByte", "compare", "describe"]
