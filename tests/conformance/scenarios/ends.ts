/** How attempts end, and what follows. */
import { failed, OK, said, type Scenario } from "../scenario";

const FAIL = { state: "failed", reason: "exit-code", exit_code: 1 };

export const ends: Scenario[] = [
  { name: "success", shell: "echo fine", expect: { ...said("fine"), files: [] } },
  { name: "exit-status", shell: "echo before; exit 3", expect: { ...failed("exit-code", 3), logs: [{ out: ["before"] }] } },
  { name: "exit-status-255", shell: "exit 255", expect: failed("exit-code", 255) },
  { name: "signal", shell: "echo before; kill -SEGV $$", expect: { ...failed("signal"), logs: [{ out: ["before"] }] } },
  { name: "signal-term-by-itself", shell: "kill -TERM $$", expect: failed("signal") },
  {
    name: "fails-twice",
    shell: 'echo "attempt $RIGI_ATTEMPT"; echo "for $RIGI_ATTEMPT" > $RIGI_OUTPUTS/try.txt; [ $RIGI_ATTEMPT -ge 3 ]',
    spec: { retries: { attempts: 3, strategy: "fixed", delay: "100ms" } },
    expect: {
      state: "succeeded",
      exit_code: 0,
      attempts: [FAIL, FAIL, { state: "succeeded", exit_code: 0 }],
      logs: [1, 2, 3].map((number) => ({ out: [`attempt ${number}`] })),
    },
  },
  {
    name: "retries-used-up",
    shell: 'echo "attempt $RIGI_ATTEMPT"; exit $RIGI_ATTEMPT',
    spec: { retries: { attempts: 2, strategy: "exponential", delay: "100ms", multiplier: 2, max_delay: "1s" } },
    expect: {
      state: "failed",
      reason: "exit-code",
      exit_code: 3,
      attempts: [1, 2, 3].map((code) => ({ ...FAIL, exit_code: code })),
      logs: [1, 2, 3].map((number) => ({ out: [`attempt ${number}`] })),
    },
  },
  {
    name: "crash-then-success",
    shell: "[ $RIGI_ATTEMPT -ge 2 ] || kill -ABRT $$; echo there",
    spec: { retries: { attempts: 1, strategy: "custom", delays: ["50ms"] } },
    expect: { state: "succeeded", attempts: [{ state: "failed", reason: "signal" }, { state: "succeeded", exit_code: 0 }], logs: [{}, { out: ["there"] }] },
  },
  { name: "missing-command", spec: { command: ["no-such-program-anywhere"] }, files: {}, expect: failed("start-failed") },
  {
    name: "not-executable",
    spec: { command: ["./data.txt"] },
    files: { "data.txt": "no program\n" },
    // A start that fails must not harm what starts others: once is not enough to see it.
    act: async (stage) => {
      const runs = [];
      for (let count = 0; count < 10; count += 1) runs.push(await stage.submit());
      const ended = [];
      for (const run of runs) ended.push(await stage.api.ended(run.id));
      stage.facts.others = ended.map((run) => `${run.reason} ${run.attempt}`);
    },
    expect: { ...failed("start-failed"), facts: { others: Array<string>(10).fill("start-failed 1") } },
  },
  { name: "missing-interpreter", spec: { command: ["sh", "-c", "chmod +x run.txt; ./run.txt"] }, files: { "run.txt": "#!/no/such/interpreter\n" }, expect: failed("exit-code", 127) },
  {
    name: "missing-command-retried",
    spec: { command: ["no-such-program-anywhere"], retries: { attempts: 1, strategy: "fixed", delay: "50ms" } },
    expect: { state: "failed", reason: "start-failed" },
  },
  { name: "unknown-target", shell: "true", submit: { target: "no-such-target" }, expect: { refused: { status: 422, code: "target-unavailable" } } },
  { name: "unknown-target-in-spec", shell: "true", spec: { target: "nowhere" }, expect: { refused: { status: 422, code: "target-unavailable" } } },
  {
    name: "leaves-processes",
    shell: "(setsid sleep 600 &); (trap '' TERM HUP; sleep 600) & nohup sleep 600 >/dev/null 2>&1 & echo gone",
    expect: said("gone"),
  },
  { name: "output-closed-early", shell: "echo before; exec >&- 2>&-; sleep 0.5; echo proof > $RIGI_OUTPUTS/proof.txt", expect: said("before") },
  { name: "no-output", shell: "true", expect: { ...OK, logs: [{}], files: [] } },
];
