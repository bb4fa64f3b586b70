import os
from pathlib import Path

counts = sorted(Path(os.environ["RIGI_INPUTS"], "counts").rglob("*count.txt"))
total = sum(int(path.read_text().strip().rsplit(":", 1)[-1]) for path in counts)
Path(os.environ["RIGI_OUTPUTS"], "total.txt").write_text(f"{total * int(os.environ['factor'])}\n")
