import email.parser
import email.policy

import pytest

from service.cli.posting import multipart, server_timing


def test_a_form_holds_its_files_byte_for_byte() -> None:
    parts = {"image": bytes(range(256)), "mask": b"\r\n--\r\n"}
    body, content_type = multipart(parts)
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    found = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.iter_parts()
    }
    assert found == parts


def test_server_timing_is_read_in_seconds() -> None:
    timing = 'read;dur=12.5, entropy;desc="coding";dur=80, cached'
    assert server_timing(timing) == pytest.approx({"read": 0.0125, "entropy": 0.08})
    assert server_timing(None) == {}
