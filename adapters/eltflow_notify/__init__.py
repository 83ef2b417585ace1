"""Tells people what became of runs: by a webhook, or by e-mail."""

from eltflow_notify.smtp import SMTP
from eltflow_notify.webhook import WEBHOOK

__all__ = ["SMTP", "WEBHOOK"]
