import pytest

from models.evaluation.markdown import BEGIN, END, put_between_markers


def test_only_what_is_between_the_markers_is_replaced():
    document = f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    once = put_between_markers(document, "new\n")
    assert once == f"before\n\n{BEGIN}\nnew\n{END}\n\nafter\n"
    assert put_between_markers(once, "new\n") == once


@pytest.mark.parametrize(
    "document",
    ["nothing", BEGIN, END, f"{END} {BEGIN}", f"{BEGIN} {BEGIN} {END}", f"{BEGIN} {END} {END}"],
)
def test_a_document_without_both_markers_is_left_alone(document):
    with pytest.raises(ValueError, match="once each"):
        put_between_markers(document, "new")
