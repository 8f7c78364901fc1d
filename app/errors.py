"""Refusals with an HTTP status and a sentence a person can act on."""

from typing import Any


class AppError(Exception):
    """A refusal: `str(error)` is shown to people, `errors` names the fields that are wrong."""

    status = 400
    title = "This can't be done"
    keeps_changes = False  # True: what the refused request wrote stays, such as a counted try

    def __init__(
        self, message: str, *, errors: list[dict[str, Any]] | None = None, **extra: Any
    ) -> None:
        super().__init__(message)
        self.errors = errors or []
        self.extra = extra


class InvalidError(AppError):
    status = 422
    title = "Something in the request is wrong"


class UnauthenticatedError(AppError):
    status = 401
    title = "Please sign in"


class ForbiddenError(AppError):
    status = 403
    title = "Not allowed"


class NotFoundError(AppError):
    status = 404
    title = "Not found"


class ConflictError(AppError):
    status = 409
    title = "In conflict with what is there"


class TooLargeError(AppError):
    status = 413
    title = "Too large"


class UnsatisfiableError(AppError):
    """Asked for bytes that a file does not have."""

    status = 416
    title = "Beyond the end"

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


class TooManyRequestsError(AppError):
    status = 429
    title = "Too many tries"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(AppError):
    status = 503
    title = "Not ready"
