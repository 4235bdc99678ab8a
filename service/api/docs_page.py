"""The API's description as a page that needs nothing from elsewhere.

The framework's own page fetches its scripts from the internet, which a site offshore may not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

# An OpenAPI document, or a part of one: JSON as it comes.
Part = Mapping[str, Any]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem; border-top: 1px solid #8888; padding-top: 1rem }
code { font-size: 0.95em }
td, th { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0 }
"""


def docs_page(document: Part) -> str:
    """Write a page of every request, its parameters, bodies and answers.

    Parameters
    ----------
    document
        The OpenAPI document.

    Returns
    -------
    str
        HTML without scripts or links to other hosts.
    """
    title = escape(document["info"]["title"])
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>',
        f"<style>{_STYLE}</style><h1>{title} {escape(document['info']['version'])}</h1>",
        f"<p>{escape(document['info']['description'])} ",
        'For programs: <a href="openapi.json">openapi.json</a>.</p>',
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(path, method, operation)
    return "\n".join(parts)


def _operation(path: str, method: str, operation: Part) -> Iterator[str]:
    yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
    yield f"<p>{escape(operation.get('description', operation['summary']))}</p>"
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [
            (p["name"], p["in"], _type(p["schema"]), p.get("description", "")) for p in parameters
        ]
        yield _table(("parameter", "in", "value", "meaning"), rows)
    body = operation.get("requestBody")
    if body is not None:
        yield f"<p>Body: {_types(body)}. {escape(body.get('description', ''))}</p>"
    rows = [
        (status, answer["description"], ", ".join(answer.get("content", {})), "")
        for status, answer in operation["responses"].items()
    ]
    yield _table(("status", "answer", "type", ""), rows)


def _type(schema: Part) -> str:
    """Say in a few words what a value may be."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    words = [
        " | ".join(map(str, kind["enum"])) if "enum" in kind else str(kind.get("type", ""))
        for kind in kinds
    ]
    for sign, key in (("from", "minimum"), ("to", "maximum")):
        words += [f"{sign} {kind[key]:g}" for kind in kinds if key in kind]
    if schema.get("default") is not None:
        default = schema["default"]
        words.append(f"(default {str(default).lower() if isinstance(default, bool) else default})")
    return " ".join(words)


def _types(body: Part) -> str:
    return ", ".join(f"<code>{escape(kind)}</code>" for kind in body["content"])


def _table(heads: tuple[str, ...], rows: list[tuple[str, str, str, str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
