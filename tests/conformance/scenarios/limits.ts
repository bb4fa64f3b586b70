/** Hard limits: the same words for the same excess. */
import { failed, OK, said, type Scenario } from "../scenario";

export const limits: Scenario[] = [
  {
    name: "memory",
    spec: { command: ["python3", "-c", "print('begun', flush=True)\nx = b'x' * (300 << 20)\nprint('never')"], limits: { memory: "64MiB" } },
    expect: { ...failed("out-of-memory"), logs: [{ out: ["begun"] }] },
  },
  {
    name: "memory-of-a-tree",
    // Each is below the limit, all together are above. What is killed for it differs; that it fails for it does not.
    shell:
      "exec 2>/dev/null; for i in 1 2 3 4 5; do python3 -c 'x = b\"x\" * (40 << 20); import time; time.sleep(20)' & pids=\"$pids $!\"; done; for pid in $pids; do wait $pid || exit 1; done",
    spec: { limits: { memory: "96MiB" }, timeout: "50s" },
    expect: { state: "failed", reason: "out-of-memory" },
    apart: ["exit_code", "attempts"],
  },
  {
    name: "memory-of-a-child",
    // The child does not get it, or is killed for it; the one that started it fails for that.
    shell: "python3 -c 'x = b\"x\" * (300 << 20)' 2>/dev/null || exit 1",
    spec: { limits: { memory: "64MiB" } },
    expect: { state: "failed", reason: "out-of-memory" },
    apart: ["exit_code", "attempts"],
  },
  {
    name: "memory-below",
    spec: { command: ["python3", "-c", "x = b'x' * (100 << 20)\nprint('enough')"], limits: { memory: "160MiB" } },
    expect: said("enough"),
  },
  {
    name: "processes",
    // Where nothing but a look from time to time holds it, they must be there for a while.
    shell: "i=0; while [ $i -lt 60 ]; do sleep 20 & i=$((i+1)); done 2>/dev/null; wait; echo never",
    spec: { limits: { processes: 20 } },
    expect: failed("limit-exceeded"),
  },
  {
    name: "open-files",
    spec: {
      command: ["python3", "-c", "import resource\nprint(resource.getrlimit(resource.RLIMIT_NOFILE))\nfiles = []\ntry:\n    while True: files.append(open('/dev/null'))\nexcept OSError as error: print(error.errno, len(files))"],
      limits: { open_files: 64 },
    },
    expect: said("(64, 64)", "24 61"),
  },
  {
    name: "open-files-unless-told",
    spec: { command: ["python3", "-c", "import resource\nprint(resource.getrlimit(resource.RLIMIT_NOFILE))"] },
    expect: said("(4096, 4096)"),
  },
  {
    name: "output-size",
    shell: "for i in 1 2 3; do head -c 700000 /dev/zero > $RIGI_OUTPUTS/$i; done; sleep 30",
    spec: { limits: { output_size: "1MiB" } },
    expect: failed("limit-exceeded"),
  },
  {
    name: "output-size-of-one-file",
    shell: "exec head -c 3000000 /dev/zero > $RIGI_OUTPUTS/big",
    spec: { limits: { output_size: "1MiB" } },
    expect: failed("limit-exceeded"),
  },
  {
    name: "output-size-at-the-end",
    shell: "for i in 1 2 3; do head -c 700000 /dev/zero > $RIGI_OUTPUTS/$i; done",
    spec: { limits: { output_size: "1MiB" } },
    expect: { state: "failed", reason: "limit-exceeded" },
  },
  {
    name: "log-size",
    shell: "echo first; yes 'a line of forty bytes, all the time, yes' | head -c 8388608; echo; echo last",
    spec: { limits: { log_size: "1MiB" } },
    look: async ({ api, run, facts }) => {
      const done = await api.run(run.id);
      const out = await api.output(run.id);
      facts.kept = { cut: done.log.cut_bytes > 6_000_000, first: out[0], last: out.at(-1) };
      const system = (await api.lines(run.id, "&stream=system")).map((line) => line.text).join();
      facts.mark = /bytes cut: the log limit of 1 MiB is reached/.test(system);
    },
    // Where the cut is depends on when lines came.
    apart: ["logs"],
    expect: { ...OK, facts: { kept: { cut: true, first: "first", last: "last" }, mark: true } },
  },
  { name: "cpu", shell: "echo fine", spec: { limits: { cpu: 0.5 } }, expect: said("fine") },
];
