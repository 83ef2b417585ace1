"""Where secrets are kept: the environment, files, the keyring of the system, AWS Secrets Manager."""

from eltflow_secrets.aws import AWS
from eltflow_secrets.environment import ENVIRONMENT
from eltflow_secrets.files import FILES
from eltflow_secrets.keyring import KEYRING

__all__ = ["AWS", "ENVIRONMENT", "FILES", "KEYRING"]
