"""Tells people what became of runs: by a webhook, by e-mail, or by whatever apprise reaches."""

from eltflow_notify.by_apprise import APPRISE
from eltflow_notify.smtp import SMTP
from eltflow_notify.webhook import WEBHOOK

__all__ = ["APPRISE", "SMTP", "WEBHOOK"]
