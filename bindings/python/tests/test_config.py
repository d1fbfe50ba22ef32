"""An engine as a file says: its streams, what stands for variables, and the place of a mistake."""

from pathlib import Path

import pytest

import headwater as hw


def test_a_file_says_which_directory_and_which_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "headwater.toml"
    monkeypatch.setenv("HEADWATER_TEST_STREAM", "orders")
    path.write_text('dir = "data"\n[[stream]]\nname = "${HEADWATER_TEST_STREAM}"\nmax_age = "1h"\n')
    with hw.open_config(path) as engine:
        assert engine.stream("orders").config.max_age == 3600.0
    assert (tmp_path / "data").is_dir()
    path.write_text('[[stream]]\nname = "orders"\nmax_agee = "1h"\n')
    with pytest.raises(hw.InvalidError, match=r"headwater\.toml: line 3, column 1: .*max_agee"):
        hw.open_config(path)
    with pytest.raises(hw.NotFoundError):
        hw.open_config(tmp_path / "nowhere.toml")
