"""Fingerprints of files: the same from the file as from its content, another for any other content, large ones too."""

from __future__ import annotations

from pathlib import Path

import pytest

from eltflow.base import fingerprint as module


@pytest.mark.parametrize("size", [0, 1, module.LARGE, module.LARGE + 1])
def test_a_file_and_its_content(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    file = tmp_path / "a"
    file.write_bytes(content)
    found = module.fingerprint_file(file)
    assert found == module.fingerprint_content(content)
    assert len(found) == 32
    if size:
        for place in (0, size // 2, size - 1):
            other = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            file.write_bytes(other)
            assert module.fingerprint_file(file) == module.fingerprint_content(other) != found
        file.write_bytes(content[:-1])
        assert module.fingerprint_file(file) != found


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no"):
        module.fingerprint_file(tmp_path / "no")
