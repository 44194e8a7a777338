"""A call on both roads, and the comparison of what came of it."""

from __future__ import annotations

from attrs import field, frozen

from marketo_soap.sandbox.store.database import Snapshot
from tests.bridge.gaps import Play, untie, walk
from tests.bridge.two_roads import Call, Roads, Said, Seen, State, shown

__all__ = ["Step"]


@frozen
class Step:
    """A call, made on both roads: what came of it, and what had to."""

    roads: Roads
    before: State
    play: Play
    direct: Said
    said: Said
    by_soap: State
    by_rest: State
    snapshot: Snapshot = field(repr=False)

    @classmethod
    def of(cls, roads: Roads, call: Call) -> Step:
        roads.pass_time()
        before, snapshot = roads.soap_state(), roads.soap.snapshot()
        direct, by_soap = call.send(roads.by_soap), roads.soap_state()
        said, by_rest = call.send(roads.by_rest), roads.rest_state()
        play = Play(call, roads.pair, Seen(before))
        walk(play, direct)
        if play.met:
            roads.soap.restore(snapshot)
        return cls(roads, before, play, direct, said, by_soap, by_rest, snapshot)

    def compare(self) -> list[str]:
        """Compare both roads; return the gaps that the call fell into."""
        met, agree = self.play.met, (self.said, self.by_rest) == (self.direct, self.by_soap)
        said, leads = self.expected()
        assert self.said == said, f"{self.said} by REST, {said} by SOAP and {met}"
        assert self.by_rest == leads, f"{self.by_rest} by REST, {leads} by SOAP and {met}"
        assert not (met and agree) or isinstance(said[0], int), f"{met}, but both agree"
        self.roads.settle(self.play.kept)
        return [] if agree else met

    def expected(self) -> tuple[Said, State]:
        """What REST has to answer, and its leads."""
        return as_rest(self.roads, self.play) if self.play.met else (self.direct, self.by_soap)


def as_rest(roads: Roads, play: Play) -> tuple[Said, State]:
    """Ask SOAP for what REST does: the answer, and the leads. The roads have the same leads then, but for `play.kept`."""
    if play.refused is not None:
        play.kept.clear()
        return play.refused, roads.soap_state()
    snapshot, usual = roads.soap.snapshot(), roads.soap.settings
    roads.soap.configure(play.settings or usual)
    if play.untied:
        with roads.soap.store.transaction() as leads:
            untie(leads, play.call.cookie or "")
    said = play.call.send(roads.by_soap)
    roads.soap.configure(usual)
    if isinstance(said[0], int):
        roads.soap.restore(snapshot)
        play.kept.clear()
        return said, roads.soap_state()
    for edit in play.edits:
        with roads.soap.store.transaction() as leads:
            edit(leads, said[1])
    if said[2] is not None:
        said = (*said[:2], next(shown(lead) for lead in roads.soap.leads() if lead.id == said[1]))
    for retell in play.retold:
        said = retell(said)
    state = roads.soap_state()
    for lead_id, kept in play.kept.items():
        state[lead_id]["foreign"] |= kept
    return said, state
