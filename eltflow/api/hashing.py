"""The project's secret for columns with `hash: true`: read from the environment when a run needs it, and never shown."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable

from eltflow.api.loading import Loaded
from eltflow.jinja.static import has_jinja
from eltflow.native.settings import YamlRenderer, secret_yaml_names
from eltflow.project.findings import Findings
from eltflow.project.nodes import Node
from eltflow.project.settings import FILE

_KEY = ("hash_secret",)
#: How to have a secret.
HELP = "write `hash_secret: \"{{ env_var('ELTFLOW_HASH_SECRET') }}\"` in eltflow.yml, and set that variable"
_LEAST = 16  #: characters: fewer can be guessed from a few hashes of known values


def hashes(node: Node) -> bool:
    """Whether a node is a step that hashes columns."""
    return node.ingest is not None and bool(node.ingest.step.get("hash"))


def hasher(loaded: Loaded, nodes: Iterable[Node]) -> Callable[[str], str] | None:
    """What makes the hash of a text, if any of the nodes needs that: HMAC-SHA256 (RFC 2104) under the project's secret, 64 hex digits.

    Raises EltflowError for a secret that is missing, is written down in the project, or is too short (E0103), or whose variable is not
    set (E0304)."""
    step = next((node for node in nodes if hashes(node)), None)
    if step is None:
        return None
    findings = Findings(loaded.read)
    if loaded.opened.project.settings.hash_secret is None:
        assert step.patch is not None
        message = "`hash` needs the project's secret, and eltflow.yml has no `hash_secret`"
        findings.at(step.patch, (*step.place, "columns"), "E0103", message, help=HELP, key=True)
    findings.stop()
    return digest_of(loaded)


def digest_of(loaded: Loaded) -> Callable[[str], str]:
    """What makes the hash of a text under the project's secret, which must have one. Raises EltflowError as `hasher` does."""
    findings = Findings(loaded.read)
    settings = loaded.opened.project.settings
    written = settings.hash_secret
    assert written is not None
    if not has_jinja(written):
        message = "`hash_secret` is written down, where everybody can read it"
        findings.error("E0103", message, file=FILE, line=None, help=HELP)  # the line holds it, and is not shown
    findings.stop()
    secret = str(YamlRenderer(secret_yaml_names(settings.vars, loaded.opened.environ), findings)(written, FILE, _KEY))
    findings.stop()
    if len(secret) < _LEAST:
        message = f"`hash_secret` has {len(secret)} characters, and needs {_LEAST}"
        findings.at(
            FILE, _KEY, "E0103", message, help="take a random one: python -c 'import secrets; print(secrets.token_hex(32))'"
        )
    findings.stop()
    key = secret.encode()
    return lambda text: hmac.digest(key, text.encode(), "sha256").hex()
