"""Optional keys: only their SHA-256 is known here, and comparing takes the same time for all."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from service.api.state import StateDep
from service.errors import Unauthorised

_bearer = HTTPBearer(
    auto_error=False, description="Needed only where the service is set up with keys."
)


def require_key(
    state: StateDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    """Let a request pass that carries an accepted key, or any request where none are set.

    Raises
    ------
    Unauthorised
        There is no key, or it is not accepted.
    """
    accepted = state.settings.api_key_sha256
    if not accepted:
        return
    if credentials is None:
        raise Unauthorised("send a key: Authorization: Bearer KEY")
    digest = hashlib.sha256(credentials.credentials.encode()).hexdigest()
    # All are compared, so that the time does not tell which one it was.
    matches = [hmac.compare_digest(digest, known) for known in accepted]
    if not any(matches):
        raise Unauthorised("the key is not accepted")
