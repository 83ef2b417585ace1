"""Notes to whatever apprise reaches: chats, telephones, tickets, each by an address of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.plugins import driver
from eltflow.transfer import Note, NotTold

_KINDS = {"error": "failure", "warn": "warning", "info": "info"}


class ByApprise:
    """Connections of type `apprise`."""

    keys: Mapping[str, str] = {"url": "the address or addresses of services, as apprise writes them: slack://..., mailto://..."}
    secret_keys = frozenset({"url"})

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        addresses = _addresses(values)
        if not addresses:
            return [("url", "a connection of type apprise has no `url`")]
        odd = next((place for place, one in enumerate(addresses, 1) if not one.partition("://")[2]), None)
        return [] if odd is None else [("url", f"address {odd} of `url` does not begin with the name of a service and ://")]

    def tell(self, values: Mapping[str, Any], note: Note) -> None:
        with driver("connections of type apprise", "'eltflow[apprise]'"):
            import apprise
        # What it says of its own accord may hold parts of an address, and nothing there is known for a secret.
        logging.getLogger("apprise").disabled = True
        addresses = _addresses(values)
        services = []
        for place, address in enumerate(addresses, 1):
            found = apprise.Apprise.instantiate(address, suppress_exceptions=True)
            if found is None:
                raise NotTold(f"apprise makes nothing of address {place} ({_service(address)})", again=False)
            services.append(found)
        text = {"title": note.title, "body": note.text or note.title, "notify_type": _KINDS[note.severity], "body_format": "text"}
        refused = [place for place, service in enumerate(services, 1) if not _taken(service, text)]
        if refused:
            told = ", ".join(f"{place} ({_service(addresses[place - 1])})" for place in refused)
            # Where some have it, those would have it twice.
            raise NotTold(f"it was not taken at address {told}", again=len(refused) == len(addresses))


def _taken(service: Any, text: Mapping[str, str]) -> bool:
    try:
        return bool(service.notify(**text))
    except Exception:  # each of its services fails in a way of its own, with its address in the words
        return False


def _service(address: str) -> str:
    return address.partition("://")[0]


def _addresses(values: Mapping[str, Any]) -> list[str]:
    found = values.get("url")
    return [str(one).strip() for one in (found if isinstance(found, list) else [found]) if one and str(one).strip()]


APPRISE = ByApprise()
