import json
import logging

from service.api.logs import JsonFormatter, request_id


def test_a_line_is_json_with_the_requests_id():
    token = request_id.set("flight-7")
    try:
        try:
            raise ValueError("two\nlines")
        except ValueError as error:
            info = (type(error), error, error.__traceback__)
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "it %s", ("broke",), info)
        record.fields = {"status": 500}
        text = JsonFormatter().format(record)
    finally:
        request_id.reset(token)
    assert "\n" not in text
    line = json.loads(text)
    assert (line["message"], line["level"], line["status"]) == ("it broke", "error", 500)
    assert line["request_id"] == "flight-7"
    assert "ValueError" in line["traceback"]
