"""The deployment's secrets: made once, one file each (mode 0600), never printed."""

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Keys:
    """The secrets kept in `directory`."""

    directory: Path

    def text(self, name: str) -> str:
        """A random text of 43 URL-safe characters (256 bits)."""
        return self._keep(name, secrets.token_urlsafe(32))

    def key(self, name: str) -> str:
        """32 random bytes in base64."""
        return self._keep(name, base64.b64encode(secrets.token_bytes(32)).decode())

    def postgres(self, role: str) -> str:
        """The password of a database role."""
        return self.text(f"postgres-{role}")

    def _keep(self, name: str, fresh: str) -> str:
        path = self.directory / name
        try:
            return path.read_text()
        except FileNotFoundError:
            pass
        # Complete or absent: a crash between open and write must not leave an empty secret.
        draft = path.with_name(f".{name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(fresh)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        return fresh
