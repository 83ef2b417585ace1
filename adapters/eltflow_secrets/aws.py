"""Secrets in AWS Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.transfer import NoSecret

_HELP = "see that its credentials are there and may call secretsmanager:GetSecretValue"


class SecretsManager:
    """Secrets of type `aws`. Who asks is found where all of AWS's tools look: environment, profile, the role of the machine."""

    keys: Mapping[str, str] = {
        "region": "its region (default: that of the environment or the profile)",
        "profile": "the profile of ~/.aws that asks",
        "prefix": "what the names there begin with, before the secrets' own names: shop/",
        "endpoint": "its address, where it is not Amazon's own",
    }

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        endpoint = values.get("endpoint")
        if endpoint is not None and not str(endpoint).startswith(("http://", "https://")):
            return [("endpoint", "`endpoint` does not begin with http:// or https://")]
        return []

    def open(self, values: Mapping[str, Any], root: Path, env: Mapping[str, str]) -> Callable[[str], str | None]:
        with driver("secrets of type aws", "'eltflow[aws]'"):
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        # A run is held up while nobody answers.
        config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
        prefix = str(values.get("prefix") or "")
        try:
            session = boto3.session.Session(
                profile_name=values.get("profile"),
                region_name=values.get("region") or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION"),
                aws_access_key_id=env.get("AWS_ACCESS_KEY_ID"),
                aws_secret_access_key=env.get("AWS_SECRET_ACCESS_KEY"),
                aws_session_token=env.get("AWS_SESSION_TOKEN"),
            )
            client = session.client("secretsmanager", endpoint_url=values.get("endpoint"), config=config)
        except (BotoCoreError, ValueError) as error:
            raise NoSecret(f"AWS Secrets Manager cannot be asked: {error}", help=_HELP) from None

        def ask(name: str) -> str | None:
            try:
                found = client.get_secret_value(SecretId=prefix + name)
            except ClientError as error:
                code = str(error.response.get("Error", {}).get("Code", ""))
                if code == "ResourceNotFoundException":
                    return None
                raise NoSecret(f"AWS Secrets Manager refuses `{prefix}{name}` ({code})", help=_HELP) from None
            except BotoCoreError as error:
                raise NoSecret(f"AWS Secrets Manager does not answer ({type(error).__name__})", help=_HELP) from None
            if "SecretString" not in found:
                raise NoSecret(f"`{prefix}{name}` in AWS Secrets Manager is binary", help="keep it as text")
            return str(found["SecretString"])

        return ask


AWS = SecretsManager()
