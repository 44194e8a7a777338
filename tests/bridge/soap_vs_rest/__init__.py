"""The same calls over SOAP and over REST, compared.

The bridge (`marketo_soap.bridge`) carries SOAP calls over Marketo's REST API. These tests hold it to one promise: a
caller gets the answer that SOAP would have given, and Marketo stores what it would have stored, except for documented
differences.

What is compared. A `SandboxPair` (`sandboxes.py`) is two sandboxes with the same leads and the same clock. Each call is
made twice: on the first sandbox over SOAP, on the second one through the bridge, which calls the REST API of that
sandbox. Then the two answers are compared, and the leads, lists and objects that the two sandboxes hold. The calls are
examples in the test modules, and calls that hypothesis generates.

How expected differences are modelled. REST cannot do everything that SOAP did. Each difference is a function with the
decorator `@DIFFERENCES(section, reason)` (`differences.py`). It changes SOAP's answer into the one that REST gives:

    @DIFFERENCES("4.1 row 4", "REST does not count the remaining records: 1 means that there are more")
    def remaining_not_counted(_: Case, answer: Answer) -> None:
        answer.remaining = [min(1, count) for count in answer.remaining]

The functions are applied to SOAP's answer one after the other. REST's answer must be equal to the result, so that a
difference permits nothing but what it describes. A difference "applies" to a call if its function changes the answer.
Every difference has an example in a test (`EXAMPLES`), and there are examples to which none applies (`EXACT`).

Two groups of operations are modelled in another way, because a difference changes what is stored, too:

- syncLead (`sync_lead_differences.py`): a difference changes the call instead of the answer. The changed call is made
  over SOAP, and must have the effect that the original call had over REST.
- mergeLeads and importToList (`imports.py`): a difference says to which calls it applies. Their answers are not compared.

`section` is a section of the specification of the mapping from SOAP to REST. "facts" and "recorded" stand for what
Marketo's servers were seen to do.

To add an operation, add it to the module of its group, or add a module with

- `calls(now)`, a hypothesis strategy for calls,
- `compare(pair, operation)`, which makes a call over both APIs, asserts that the results are the same, and returns
  the names of the differences that applied,
- `prepare(pair)`, if the sandboxes need more than leads,

and a row in `groups.py`. Then `test_random_calls.py` makes calls of it, alone and mixed with all the others. Add
examples to the test module of the group.
"""
