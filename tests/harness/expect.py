"""Checks that apply to every answer of one kind."""

from harness.wire import Connection, Hangup, Response


def refused(answer: Response, status: int, code: str | None = None) -> None:
    """Check a refusal: its status, and a body that the page can translate."""
    assert answer.status == status, answer
    assert answer["Content-Type"].startswith("application/json"), answer
    problem = answer.json()
    assert set(problem) == {"code", "message"}, problem
    assert problem["message"].endswith("."), "a sentence for a guest"
    if code is not None:
        assert problem["code"] == code


def usable_or_closed(connection: Connection, answer: Response) -> None:
    """Check that the connection still works after `answer`, or that `answer` announced its end."""
    if (answer.get("Connection") or "").lower() == "close":
        assert connection.until_closed() == b""
        return
    try:
        following = connection.ask("GET", "/healthz")
    except Hangup as hangup:
        raise AssertionError(f"closed without 'Connection: close' after {answer}") from hangup
    assert following.status == 200, following
