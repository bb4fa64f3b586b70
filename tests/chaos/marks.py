"""What the runs told of themselves, in a file that Rigi knows nothing of."""

from collections import Counter, defaultdict


class Marks:
    def __init__(self, world):
        self.overlaps = []  # attempts that began while another one of their run was alive
        self.starts = Counter()  # (run, attempt) -> how often a process of it began
        self.said = defaultdict(int)  # (run, attempt) -> the last line that was surely printed
        for line in (world.chaos / "marks").read_text().splitlines():
            if len(fields := line.split()) != 5:
                continue
            what, run, attempt, number, _ = fields
            key = run, int(attempt)
            if what == "overlap":
                self.overlaps.append(f"{run} attempt {attempt}")
            elif what == "start":
                self.starts[key] += 1
            else:
                self.said[key] = max(self.said[key], int(number))

    def started_twice(self):
        return [f"{run} attempt {attempt}: {count} times" for (run, attempt), count in self.starts.items() if count > 1]
