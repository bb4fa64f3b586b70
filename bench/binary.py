"""Which rigi is measured or tried: the one that is named, else the release build."""

import os
import sys
from pathlib import Path


def binary_of(given):
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = Path(os.environ.get("CARGO_TARGET_DIR") or cache / "rigi" / "target")
    binary = Path(given or os.environ.get("RIGI_BIN") or target / "release" / "rigi")
    if not binary.is_file():
        sys.exit(f"there is no {binary}: build it with `make build`")
    return str(binary.resolve())
