"""Errors: one class for each kind, and the table in docs/errors.md says the same."""

import copy
import pickle
from typing import cast

import pytest
from conftest import ROOT

import headwater as hw
from headwater import subject
from headwater._errors import BY_KIND

KINDS = "invalid not_found conflict limit timeout closed busy io corrupt unsupported misuse internal".split()


def test_every_kind_has_its_class() -> None:
    assert list(BY_KIND) == KINDS
    for kind, error in BY_KIND.items():
        assert issubclass(error, hw.Error) and error.kind == kind
        assert error.__name__ == "".join(part.title() for part in kind.split("_")) + "Error"
        assert getattr(hw, error.__name__) is error
        assert error.__module__ == "headwater"
        assert error.__doc__
    assert issubclass(hw.TimeoutError, TimeoutError)


def test_the_documented_table_names_every_class() -> None:
    table = (ROOT / "docs" / "errors.md").read_text()
    for error in BY_KIND.values():
        assert f"`{error.__name__}`" in table or f"`headwater.{error.__name__}`" in table


def test_errors_survive_pickling_and_copying() -> None:
    error = hw.ConflictError("told", 1, 2)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        twin = cast(hw.ConflictError, twin)
        assert (type(twin), str(twin), twin.expected, twin.actual) == (hw.ConflictError, "told", 1, 2)


def test_subjects() -> None:
    subject.check_subject("a.b")
    subject.check_filter("a.*.>")
    with pytest.raises(hw.InvalidError, match="empty token"):
        subject.check_subject("a..b")
    assert subject.matches("a.>", "a.b") and not subject.matches("a", "b")
    assert subject.overlap("a.*", "*.b") and not subject.overlap("a.*", "b.>")
    assert subject.covers("a.>", "a.*") and not subject.covers("a.*", "a.>")
    assert subject.decode_token(subject.encode_token("São Paulo.*")) == "São Paulo.*"
    with pytest.raises(hw.InvalidError):
        subject.decode_token("=zz")


def test_a_number_out_of_range_is_told_with_its_bound(orders: hw.Stream, engine: hw.Engine) -> None:
    consumer = orders.create_consumer("c")
    with pytest.raises(hw.InvalidError, match="from 0 to 18446744073709551615, not -1"):
        consumer.ack(-1)
    with pytest.raises(TypeError, match="must be a Record or its sequence, not str"):
        consumer.ack("1")  # type: ignore[arg-type]
    for ttl in (1e30, 2e10, -1, float("inf"), 2**70):
        with pytest.raises(hw.InvalidError, match=r"from 0 to 18446744073 seconds \(584 years\)"):
            orders.append("orders.1", b"", ttl=ttl)
    with pytest.raises(hw.InvalidError, match="dir is empty"):
        hw.open("")
