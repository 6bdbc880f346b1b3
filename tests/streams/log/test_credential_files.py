"""Files of credentials: a process that begins looks at those that it will need, and at no others."""

from __future__ import annotations

import pytest

from streams.log.credential_files import check_files
from streams.settings import BadSetting, Settings


def test_a_process_looks_at_no_file_of_a_service_that_it_never_asks(tmp_path):
    gone = Settings(weaviate_key_file=str(tmp_path / "gone"))
    with pytest.raises(BadSetting, match="PLAYHEAD_WEAVIATE_KEY_FILE"):
        check_files(gone)
    check_files(gone, without=("weaviate",))
