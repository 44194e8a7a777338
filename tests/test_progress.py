"""The progress messages of long operations."""

from __future__ import annotations

import io
import sys

import pytest

from marketo_soap.cli.output import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter(range(0, 1000))
    assert list(progress(range(12), "leads", clock=lambda: next(clock))) == list(range(12))
    printed = capsys.readouterr()
    assert printed.out == ""
    assert (
        printed.err
        == "leads: 1 of 12 after 2 s\nleads: 6 of 12 after 7 s\nleads: 11 of 12 after 12 s\nleads: 12 of 12\n"
    )


def test_what_is_done_at_once_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress("abc", "leads", clock=lambda: 0.0)) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress(range(5), "leads")) == list(range(5))
    assert "leads" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_a_single_item_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress(range(1), "leads")) == [0]
    assert terminal.getvalue() == ""
