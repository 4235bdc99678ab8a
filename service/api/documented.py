"""Pieces of the OpenAPI document that the framework cannot infer: bodies, headers, problems."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from service.api.answers import LARGER_HEADER, REPORT_HEADER
from service.api.bodies import MOST_PICTURES
from service.api.problems import PROBLEM_MEDIA_TYPE
from service.api.schemas import CompressReport, SegmentReport

# FastAPI's own type for these pieces; their depth has no better one.
Responses = dict[int | str, dict[str, Any]]

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PICTURES = ("image/png", "image/jpeg", "image/webp", "image/x-portable-pixmap")
BLADE = "application/vnd.bladestream"
BYTES = "application/octet-stream"


def problems(*statuses: int) -> Responses:
    """Document that these statuses come as problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def job_problems(*others: int) -> Responses:
    """Document the problems of every request that goes through the queue."""
    return problems(401, 413, 415, 422, 500, 503, 504, *others)


def files(description: str, *media_types: str, report: type[BaseModel]) -> dict[str, Any]:
    """Document an answer that is a file, with its report in the headers."""
    return {
        "description": description,
        "content": dict.fromkeys(media_types, _BINARY),
        "headers": {
            REPORT_HEADER: {
                "description": f"JSON: {report.__name__}",
                "schema": {"type": "string", "contentMediaType": "application/json"},
            },
            "Server-Timing": {
                "description": "Milliseconds by stage.",
                "schema": {"type": "string"},
            },
        },
    }


def blade_file(description: str) -> dict[str, Any]:
    """Document an answer that is a ``.blade`` file just made."""
    documented = files(description, BLADE, BYTES, report=CompressReport)
    documented["headers"][LARGER_HEADER] = {
        "description": "There, and true, if the file is larger than the picture that was posted: "
        "the exact pixels of a JPEG can take more bytes than the JPEG.",
        "schema": {"type": "string", "enum": ["true"]},
    }
    return documented


def pictures(description: str, report: type[BaseModel]) -> dict[str, Any]:
    """Document an answer that is a picture in the format asked for."""
    return files(description, *_PICTURES, "image/x-portable-graymap", report=report)


def segmented() -> dict[str, Any]:
    """Document the answers of POST /segment; the schema of its JSON comes from the route."""
    documented = files(
        "For one picture its mask (image/png, blade 255 and all else 0), an overlay (image/jpeg) "
        "or its outlines (application/json); for several their outlines.",
        "image/png",
        "image/jpeg",
        report=SegmentReport,
    )
    documented["headers"][REPORT_HEADER]["description"] += "; there with a mask or an overlay"
    return documented


def blade_body() -> dict[str, Any]:
    """Document a body that is a ``.blade`` file."""
    content = {BLADE: _BINARY, BYTES: _BINARY}
    return {"requestBody": {"required": True, "content": content}}


def pictures_body() -> dict[str, Any]:
    """Document a body that is a picture, or a form of pictures of one surface."""
    images = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
    form = {
        "schema": {
            "type": "object",
            "required": ["image"],
            "additionalProperties": False,
            "properties": {"image": {**images, "maxItems": MOST_PICTURES}},
        }
    }
    return _picture_content(
        form, "A picture (any image content type is taken), or a form with a part image for each."
    )


def picture_body() -> dict[str, Any]:
    """Document a body that is a picture, or a form of a picture and its mask."""
    form = {
        "schema": {
            "type": "object",
            "required": ["image"],
            "additionalProperties": False,
            "properties": {
                "image": {"type": "string", "format": "binary"},
                "mask": {
                    "type": "string",
                    "format": "binary",
                    "description": "A picture of the same size, white where the blade is.",
                },
            },
        }
    }
    return _picture_content(
        form, "A picture (any image content type is taken), or a form with image and mask."
    )


def _picture_content(form: dict[str, Any], description: str) -> dict[str, Any]:
    content = {
        "application/octet-stream": _BINARY,
        **dict.fromkeys(("image/jpeg", "image/png", "image/tiff", "image/webp"), _BINARY),
        "multipart/form-data": form,
    }
    return {"requestBody": {"required": True, "description": description, "content": content}}
