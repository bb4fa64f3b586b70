import os
import time
from pathlib import Path

out = Path(os.environ["RIGI_OUTPUTS"])
(out / "table").mkdir(exist_ok=True)
stations = ["north", "the south"]
rows = [f"{stations[n % 2]},{n}" for n in range(int(os.environ["count"]))]
(out / "table" / "rows.csv").write_text("\n".join(rows) + "\n")
(out / "when.txt").write_text(f"{time.time_ns()}\n")
