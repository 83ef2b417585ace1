"""Notes by webhook and by e-mail, to real servers on this machine."""

from __future__ import annotations

import email
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from eltflow_notify import APPRISE, SMTP, WEBHOOK
from served import Hook

from eltflow.base.diagnostics import EltflowError
from eltflow.base.records import replace
from eltflow.transfer import Note, NotTold

NOTE = Note(title="p: job j failed", text="a: no — «größer»\nrun 12345678", facts={"job": "j", "failures": []})


class Mails:
    """A mail server that keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refuses: dict[str, str] = {}

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope)
        return "250 OK"


def allowed(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    fits = isinstance(data, LoginPassword) and (data.login, data.password) == (b"me", b"s3cret")
    return AuthResult(success=fits, handled=fits)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of this machine, signed by itself, and trusted by the one who runs the test."""
    key, pem = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(
        [*words, "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", pem], check=True, capture_output=True
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    return context


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
def server(mails: Mails, certificate: ssl.SSLContext) -> Iterator[Controller]:
    made = Controller(mails, hostname="localhost", port=0, tls_context=certificate, authenticator=allowed, auth_required=True)
    made.port = _free_port()
    made.start()
    yield made
    made.stop()


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def values(server: Controller, **more: Any) -> dict[str, Any]:
    base = {
        "host": "localhost",
        "port": server.port,
        "user": "me",
        "password": "s3cret",
        "from": "eltflow@example.com",
        "to": "a@example.com",
    }
    return {**base, **more}


def test_a_mail(server: Controller, mails: Mails) -> None:
    SMTP.tell(values(server, to="a@example.com, b@example.com"), NOTE)
    (envelope,) = mails.mails
    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert (mail["Subject"], mail["From"], mail["To"]) == ("p: job j failed", "eltflow@example.com", "a@example.com, b@example.com")
    assert mail["Date"]
    assert mail["Message-ID"]
    assert mail.get_content().replace("\r\n", "\n") == f"{NOTE.text}\n"


def test_a_mail_that_one_of_two_gets(server: Controller, mails: Mails) -> None:
    mails.refuses = {"busy@example.com": "451 later"}
    with pytest.raises(NotTold, match=r"it takes nothing for busy@example\.com") as caught:
        SMTP.tell(values(server, to=["busy@example.com", "a@example.com"]), NOTE)
    assert not caught.value.again  # the other has it, and would have it twice
    assert len(mails.mails) == 1


def test_a_title_with_lines_is_no_header(server: Controller, mails: Mails) -> None:
    SMTP.tell(values(server), Note(title="x\r\nBcc: evil@example.com", text="y", facts={}))
    mail = email.message_from_bytes(mails.mails[0].content, policy=email.policy.default)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "x Bcc: evil@example.com"


@pytest.mark.parametrize(
    ("more", "message", "again"),
    [
        ({"password": "wr0ng"}, "it does not let us in (535)", False),
        ({"to": "gone@example.com"}, "it takes nothing for gone@example.com", False),
        ({"to": "busy@example.com"}, "it takes nothing for busy@example.com", True),
        ({"to": "busy@example.com, gone@example.com"}, "it takes nothing for busy@example.com, gone@example.com", False),
        ({"tls": "none", "user": "", "password": ""}, "it answers 530", False),
    ],
)
def test_mails_that_are_not_taken(server: Controller, mails: Mails, more: dict[str, Any], message: str, again: bool) -> None:
    mails.refuses = {"gone@example.com": "550 no such user", "busy@example.com": "451 later"}
    with pytest.raises(NotTold) as caught:
        SMTP.tell(values(server, **more), NOTE)
    assert (str(caught.value), caught.value.again) == (message, again)
    assert mails.mails == []


def test_a_certificate_that_is_not_trusted(
    server: Controller, mails: Mails, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(NotTold, match="certificate verify failed") as caught:
        SMTP.tell(values(server), NOTE)
    assert not caught.value.again
    assert "s3cret" not in str(caught.value)
    assert mails.mails == []


def test_no_mail_server() -> None:
    with pytest.raises(NotTold, match="no mail can be sent") as caught:
        SMTP.tell({"host": "127.0.0.1", "port": _free_port(), "tls": "none", "from": "a@b", "to": "a@b"}, NOTE)
    assert caught.value.again


def test_a_webhook(hook: Hook) -> None:
    WEBHOOK.tell({"url": hook.url, "headers": {"X-Team": "data"}}, NOTE)
    ((body, headers),) = hook.bodies
    assert json.loads(body) == {"title": NOTE.title, "text": f"{NOTE.title}\n{NOTE.text}", "eltflow": NOTE.facts}
    assert headers["X-Team"] == "data"
    assert "X-Eltflow-Signature" not in headers


@pytest.mark.parametrize(
    ("code", "again"), [(500, True), (503, True), (429, True), (408, True), (400, False), (404, False), (302, False)]
)
def test_webhooks_that_are_refused(hook: Hook, code: int, again: bool) -> None:
    hook.answers = [code]
    with pytest.raises(NotTold, match=f"it answers {code} ") as caught:
        WEBHOOK.tell({"url": hook.url}, NOTE)
    assert caught.value.again is again
    assert len(hook.bodies) == 1  # it is followed nowhere


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"url": "https://hooks.example.com/x"}, []),
        ({}, [("url", "a webhook has a `url` that begins with http:// or https://")]),
        ({"secret": "x"}, []),  # it only takes requests
        ({"url": "file:///etc/passwd"}, [("url", "a webhook has a `url` that begins with http:// or https://")]),
        ({"url": "http://[x"}, [("url", "a webhook has a `url` that begins with http:// or https://")]),
        ({"url": "http://x", "headers": [1]}, [("headers", "`headers` must be a mapping")]),
        ({"url": "http://x", "headers": {"a": "b\nc: d"}}, [("headers", "a header is one line")]),
    ],
)
def test_values_of_webhooks(given: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert list(WEBHOOK.problems(given)) == problems


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({"host": "h", "from": "a@b", "to": ["c@d", "e@f"]}, []),
        ({}, ["host", "from", "to"]),
        ({"host": "h", "from": "a@b", "to": "c@d", "tls": "maybe", "port": "x"}, ["tls", "port"]),
        ({"host": "h", "from": "a@b", "to": "c@d", "user": "me"}, ["user"]),
        ({"host": "h", "from": "a", "to": ["c@d\nx"]}, ["from", "to"]),
    ],
)
def test_values_of_mail(given: dict[str, Any], keys: list[str]) -> None:
    assert [key for key, _ in SMTP.problems(given)] == keys


def apprise_url(hook: Hook, scheme: str = "json") -> str:
    return hook.url.replace("http://", f"{scheme}://me:s3cret@")


@pytest.mark.parametrize(("severity", "kind"), [("error", "failure"), ("warn", "warning"), ("info", "info")])
def test_what_apprise_reaches(hook: Hook, severity: Any, kind: str) -> None:
    APPRISE.tell({"url": apprise_url(hook)}, replace(NOTE, severity=severity))
    ((body, headers),) = hook.bodies
    sent = json.loads(body)
    assert (sent["title"], sent["message"], sent["type"]) == (NOTE.title, NOTE.text, kind)
    assert headers["Authorization"] == "Basic bWU6czNjcmV0"


def test_several_services_of_apprise(hook: Hook) -> None:
    APPRISE.tell({"url": [apprise_url(hook), apprise_url(hook, "form")]}, NOTE)
    assert [headers["Content-Type"] for _, headers in hook.bodies] == ["application/json", "application/x-www-form-urlencoded"]


@pytest.mark.parametrize(
    ("answers", "message", "again"),
    [
        ([500, 500], "it was not taken at address 1 (json), 2 (form)", True),
        ([200, 500], "it was not taken at address 2 (form)", False),  # the first has it, and would have it twice
    ],
)
def test_services_of_apprise_that_take_nothing(
    hook: Hook, answers: list[int], message: str, again: bool, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    hook.answers = answers
    with pytest.raises(NotTold) as caught:
        APPRISE.tell({"url": [apprise_url(hook), apprise_url(hook, "form")]}, NOTE)
    assert (str(caught.value), caught.value.again) == (message, again)
    assert len(hook.bodies) == 2
    said = "".join(capfd.readouterr()) + caplog.text
    assert "s3cret" not in said  # nor by apprise's own log
    assert "t0ps3cret" not in said


def test_a_service_that_apprise_does_not_know(hook: Hook, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotTold) as caught:
        APPRISE.tell({"url": [apprise_url(hook), "nowhere://me:s3cret@x"]}, NOTE)
    assert (str(caught.value), caught.value.again) == ("apprise makes nothing of address 2 (nowhere)", False)
    assert hook.bodies == []  # one that has it would be told again, once that is corrected
    assert "s3cret" not in "".join(capfd.readouterr())


def test_without_apprise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(EltflowError) as caught:
        APPRISE.tell({"url": "json://me:s3cret@x"}, NOTE)
    (found,) = caught.value.diagnostics
    assert (found.code, found.help) == ("E0702", "install it: pip install 'eltflow[apprise]'")
    assert "s3cret" not in found.message


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"url": "json://x"}, []),
        ({"url": ["json://x", "slack://a/b/c"]}, []),
        ({}, [("url", "a connection of type apprise has no `url`")]),
        ({"url": []}, [("url", "a connection of type apprise has no `url`")]),
        (
            {"url": ["json://x", "s3cret"]},
            [("url", "address 2 of `url` does not begin with the name of a service and ://")],
        ),
    ],
)
def test_values_of_apprise(given: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert list(APPRISE.problems(given)) == problems
