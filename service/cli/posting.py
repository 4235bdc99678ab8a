"""Files to a service over HTTP and back, with the seconds of each stage."""

import time
import urllib.error
import urllib.request
import uuid

from service.cli.local_service import ServiceError, open_url

ANSWER_SECONDS = 120.0
OCTETS = "application/octet-stream"


def multipart(parts: dict[str, bytes]) -> tuple[bytes, str]:
    """Pack files as the body of a form.

    Parameters
    ----------
    parts : dict of str to bytes
        Content by field name.

    Returns
    -------
    body : bytes
        The form.
    content_type : str
        Value of the Content-Type header.
    """
    # A random boundary: 128 bits that occur in no photograph.
    boundary = uuid.uuid4().hex
    chunks = []
    for name, content in parts.items():
        disposition = f'Content-Disposition: form-data; name="{name}"; filename="{name}"'
        head = f"--{boundary}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
        chunks += [head.encode(), content, b"\r\n"]
    chunks.append(f"--{boundary}--\r\n".encode())
    return b"".join(chunks), f"multipart/form-data; boundary={boundary}"


def server_timing(header: str | None) -> dict[str, float]:
    """Read the stages of a Server-Timing header.

    Parameters
    ----------
    header : str or None
        Such as ``read;dur=12.5, entropy;dur=80``; durations in milliseconds.

    Returns
    -------
    dict of str to float
        Seconds by stage.
    """
    seconds = {}
    for entry in (header or "").split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        for parameter in parameters:
            if parameter.startswith("dur="):
                seconds[name] = float(parameter[4:]) / 1000
    return seconds


def post(
    url: str, body: bytes, content_type: str = OCTETS, accept: str = "*/*"
) -> tuple[bytes, dict[str, float]]:
    """Send a body and wait for the answer.

    Parameters
    ----------
    url : str
        Where to, with its query.
    body : bytes
        What is sent.
    content_type, accept : str
        Headers.

    Returns
    -------
    answer : bytes
        The response's body.
    seconds : dict of str to float
        By stage as the service tells them, the whole trip last.

    Raises
    ------
    ServiceError
        The service refused; its problem is the text.
    OSError
        Nothing answers.
    """
    headers = {"Content-Type": content_type, "Accept": accept}
    request = urllib.request.Request(  # noqa: S310 - http to a service of one's own
        url, data=body, headers=headers, method="POST"
    )
    started = time.perf_counter()
    try:
        with open_url(request, timeout=ANSWER_SECONDS) as response:
            answer = response.read()
            stages = server_timing(response.headers.get("Server-Timing"))
    except urllib.error.HTTPError as error:
        problem = error.read().decode(errors="replace")
        raise ServiceError(f"{url} answered {error.code}: {problem}") from error
    return answer, {**stages, "round trip": time.perf_counter() - started}
