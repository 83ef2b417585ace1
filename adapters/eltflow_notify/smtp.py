"""Notes as e-mail."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from eltflow.transfer import Note, NotTold

_TIMEOUT = 20.0  #: seconds for each step of a conversation
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Smtp:
    """Connections of type `smtp`."""

    keys: Mapping[str, str] = {
        "host": "the mail server",
        "port": "its port (default: 587, with `tls: tls` 465, with `tls: none` 25)",
        "tls": "how the connection is encrypted: starttls (default), tls or none",
        "user": "who signs in",
        "password": "and how",
        "from": "the address that mails come from",
        "to": "the address or addresses that they go to",
    }
    secret_keys = frozenset({"password"})

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found = [(key, f"a connection of type smtp has no `{key}`") for key in ("host", "from", "to") if not values.get(key)]
        if str(values.get("tls", "starttls")) not in _PORTS:
            found.append(("tls", f"`tls` cannot be `{values['tls']}`"))
        port = values.get("port")
        if port is not None and not (str(port).isdigit() and 0 < int(port) < 65536):
            found.append(("port", f"`port` cannot be `{port}`"))
        if bool(values.get("user")) != bool(values.get("password")):
            found.append(("user", "`user` and `password` go together"))
        for key in ("from", "to"):
            odd = next((a for a in _addresses(values.get(key)) if "@" not in a or any(c in a for c in "\r\n,")), None)
            if odd is not None:
                found.append((key, f"`{odd}` is no address"))
        return found

    def tell(self, values: Mapping[str, Any], note: Note) -> None:
        mail = EmailMessage()
        mail["Subject"] = " ".join(note.title.split())
        mail["From"] = str(values["from"])
        mail["To"] = ", ".join(_addresses(values["to"]))
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="eltflow.invalid")
        mail.set_content(f"{note.text}\n")
        tls = str(values.get("tls", "starttls"))
        host, port = str(values["host"]), int(values.get("port") or _PORTS[tls])
        try:
            with self._server(tls, host, port) as server:
                if tls == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if values.get("user"):
                    server.login(str(values["user"]), str(values["password"]))
                refused = server.send_message(mail)
        except smtplib.SMTPAuthenticationError as error:
            raise NotTold(f"it does not let us in ({error.smtp_code})", again=False) from None
        except smtplib.SMTPRecipientsRefused as error:
            later = all(code < 500 for code, _ in error.recipients.values())
            raise NotTold(f"it takes nothing for {', '.join(error.recipients)}", again=later) from None
        except smtplib.SMTPResponseException as error:
            raise NotTold(f"it answers {error.smtp_code}", again=error.smtp_code < 500) from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotTold(
                f"no mail can be sent ({type(error).__name__}: {error})", again=not isinstance(error, ssl.SSLError)
            ) from None
        if refused:  # the others have it, and would have it twice
            raise NotTold(f"it takes nothing for {', '.join(refused)}", again=False)

    @staticmethod
    def _server(tls: str, host: str, port: int) -> smtplib.SMTP:
        if tls == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=_TIMEOUT)


def _addresses(value: Any) -> list[str]:
    return (
        [str(one).strip() for one in value]
        if isinstance(value, list)
        else [a.strip() for a in str(value or "").split(",") if a.strip()]
    )


SMTP = Smtp()
