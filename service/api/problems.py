"""Errors as RFC 9457 problems: the family's own, the framework's, and those nobody foresaw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from service.api.logs import request_id
from service.errors import BadParameter, BladestreamError

PROBLEM_MEDIA_TYPE = "application/problem+json"


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer one problem.

    Parameters
    ----------
    status
        HTTP status.
    code
        Stable name of the kind of problem; part of the API.
    title, detail
        What the code means, and what is wrong with this request.
    extra
        Further members, for machines.
    headers
        Further headers, such as ``Allow``.
    """
    members = {
        **(extra or {}),
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id.get(),
    }
    return Response(
        json.dumps(members), status, headers=dict(headers or {}), media_type=PROBLEM_MEDIA_TYPE
    )


def problem_of(error: BladestreamError) -> Response:
    """Answer an error of the family."""
    headers: dict[str, str] = {}
    if "retry_after_seconds" in error.extra:
        headers["Retry-After"] = str(error.extra["retry_after_seconds"])
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        headers["Content-Range"] = f"bytes */{error.extra['size']}"
    return problem(error.status, error.code, error.title, error.detail, error.extra, headers)


def unforeseen() -> Response:
    """Answer an error that nobody foresaw; what it was stands in the log only."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        "The service failed",
        "an unexpected error; the log has it under this request's id",
    )


def register_problems(app: FastAPI) -> None:
    """Have the app answer every error as a problem."""

    @app.exception_handler(BladestreamError)
    async def of_the_family(_: Request, error: BladestreamError) -> Response:
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    async def of_validation(_: Request, error: RequestValidationError) -> Response:
        # Without the values: they may be anything, a key among them.
        errors = [
            {"parameter": str(item["loc"][-1]), "message": str(item["msg"])}
            for item in error.errors()
        ]
        detail = "; ".join(f"{item['parameter']}: {item['message']}" for item in errors)
        return problem_of(BadParameter(detail, errors=errors))

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        details = {
            HTTPStatus.NOT_FOUND: f"there is nothing at {request.url.path}",
            HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method} is not for {request.url.path}",
        }
        return problem(
            status,
            status.phrase.lower().replace(" ", "-"),
            status.phrase,
            details.get(status, error.detail),
            headers=error.headers,
        )
