"""Notes as JSON by HTTP: `{"title": ..., "text": ..., "eltflow": {...}}`, which chat services take for a message by its `text`."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.transfer import Note, NotTold
from eltflow.transfer.jsontext import dumps

_TIMEOUT = 10.0  #: seconds for one request


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is secret is for the server that is named, and for no other."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        return None


class Webhook:
    """Connections of type `webhook`."""

    keys: Mapping[str, str] = {
        "url": "where notes are sent to, http or https",
        "secret": "what each body is signed with: the header X-Eltflow-Signature is sha256=<HMAC of the body, in hex>; and what requests that"
        " start jobs are signed with",
        "headers": "headers that are sent along",
    }
    secret_keys = frozenset({"url", "secret", "headers"})

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found = []
        try:
            parts = urllib.parse.urlsplit(str(values.get("url") or ""))
            fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            fits = False
        if not fits and (values.get("url") or not values.get("secret")):
            found.append(("url", "a webhook has a `url` that begins with http:// or https://"))
        headers = values.get("headers")
        if headers is not None and not isinstance(headers, Mapping):
            found.append(("headers", "`headers` must be a mapping"))
        elif any("\n" in f"{name}{value}" or "\r" in f"{name}{value}" for name, value in (headers or {}).items()):
            found.append(("headers", "a header is one line"))
        return found

    def tell(self, values: Mapping[str, Any], note: Note) -> None:
        if not values.get("url"):
            raise NotTold("the connection has no `url`", again=False)
        body = dumps({"title": note.title, "text": f"{note.title}\n{note.text}".rstrip(), "eltflow": note.facts}).encode()
        headers = {"Content-Type": "application/json", **{str(k): str(v) for k, v in (values.get("headers") or {}).items()}}
        if values.get("secret"):
            digest = hmac.new(str(values["secret"]).encode(), body, hashlib.sha256).hexdigest()
            headers["X-Eltflow-Signature"] = f"sha256={digest}"
        request = urllib.request.Request(str(values["url"]), body, headers, method="POST")
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=_TIMEOUT):
                return
        except urllib.error.HTTPError as error:
            again = error.code >= 500 or error.code in (408, 429)
            raise NotTold(f"it answers {error.code} {error.reason}", again=again) from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", None) or error
            raise NotTold(f"no answer ({type(why).__name__ if not str(why) else why})", again=True) from None


WEBHOOK = Webhook()
