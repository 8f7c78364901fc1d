"""Keys of endpoints at rest: encrypted with a key that stands outside the database."""

import os
from functools import cache

from cryptography.fernet import Fernet, InvalidToken

from app.errors import ConflictError, InvalidError
from app.settings import settings


@cache
def _fernet() -> Fernet:
    """From WINNOW_SECRET_KEY, else from HOME/secret.key, which is made once for its owner alone."""
    given = settings().secret_key
    if not given:
        path = settings().home / "secret.key"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(Fernet.generate_key())
        except FileExistsError:
            pass
        given = path.read_text()
    try:
        return Fernet(given.strip())
    except ValueError as error:
        raise InvalidError(
            "WINNOW_SECRET_KEY is no key: it takes 32 random bytes in URL-safe base64."
        ) from error


def locked(secret: str) -> bytes:
    """The secret encrypted."""
    return _fernet().encrypt(secret.encode())


def unlocked(secret: bytes) -> str:
    """The secret itself; refuses where it was encrypted with another key."""
    try:
        return _fernet().decrypt(secret).decode()
    except InvalidToken as error:
        raise ConflictError(
            "The provider's key was stored under another WINNOW_SECRET_KEY (or secret.key). "
            "Enter the key again in Settings."
        ) from error
