/** Files that go in and come out, and the folder between. */
import type { Api } from "../../support/api";
import { file, files as listed, OK, range, said, type Scenario } from "../scenario";

const BIG = 2_147_483_648;

function small(name: string, count: number, long: boolean): Scenario {
  const write = `import os
os.chdir(os.environ["RIGI_OUTPUTS"])
for n in range(1, ${count + 1}):
    os.makedirs(f"{n % 100}", exist_ok=True)
    open(f"{n % 100}/{n}.txt", "w").write(f"file {n}\\n")`;
  return {
    name,
    long,
    ms: 180_000,
    spec: { command: ["python3", "-c", write] },
    get expect() {
      return { ...OK, files: listed(range(count).map((n) => file(`${n % 100}/${n}.txt`, `file ${n}\n`))) };
    },
  };
}

export const files: Scenario[] = [
  {
    name: "inputs",
    shell:
      'cd "$RIGI_INPUTS"; for f in texts/* data/*; do echo "$f $(sha256sum < "$f" | cut -c1-8) $(stat -c %a "$f")"; done; ls "$RIGI_INPUTS" | tr "\\n" " "',
    spec: { inputs: { texts: { multiple: true }, data: {}, none: { required: false } } },
    submit: async (api) => ({
      inputs: { texts: [await upload(api, "a.txt", "alpha\n"), await upload(api, "ü b.txt", "beta\n")], data: [await upload(api, "big.bin", Buffer.alloc(3_000_000, 7))] },
    }),
    expect: { ...OK },
  },
  {
    name: "input-missing",
    shell: "true",
    spec: { inputs: { data: {} } },
    expect: { refused: { status: 422, code: "input-invalid" } },
  },
  {
    name: "inputs-are-read-only",
    // Whoever may write in spite of it, as root may: the next attempt has the file as it was given.
    shell: 'cat "$RIGI_INPUTS/data/a.txt"; echo changed > "$RIGI_INPUTS/data/a.txt"; [ $RIGI_ATTEMPT = 2 ]',
    spec: { inputs: { data: {} }, retries: { attempts: 1, strategy: "fixed", delay: "50ms" } },
    submit: async (api) => ({ inputs: { data: [await upload(api, "a.txt", "as given\n")] } }),
    apart: ["logs", "message"],
    look: async ({ api, run, facts }) => {
      facts.second = await api.output(run.id, "&attempt=2");
    },
    expect: { state: "succeeded", facts: { second: ["as given"] } },
  },
  {
    name: "outputs",
    shell:
      'cd "$RIGI_OUTPUTS"; ls; printf one > plots/one.txt; printf loose > loose.txt; mkdir -p deep/er/still; printf deep > deep/er/still/x; : > empty; printf "#!/bin/sh\\n" > run.sh; chmod +x run.sh; printf "ü" > "ü name.txt"; mkdir hollow',
    spec: { outputs: { plots: "Pictures" } },
    expect: {
      ...OK,
      logs: [{ out: ["plots"] }],
      files: listed([
        file("plots/one.txt", "one"),
        file("loose.txt", "loose"),
        file("deep/er/still/x", "deep"),
        file("empty", ""),
        file("run.sh", "#!/bin/sh\n"),
        file("ü name.txt", "ü"),
      ]),
    },
  },
  {
    name: "outputs-of-a-failure",
    shell: "echo half > $RIGI_OUTPUTS/half.txt; exit 9",
    expect: { state: "failed", exit_code: 9, files: [file("half.txt", "half\n")] },
  },
  {
    name: "outputs-special",
    shell: "cd $RIGI_OUTPUTS; ln -s /etc/passwd passwd; ln -s / root; ln -s fine.txt near; mkfifo pipe; echo fine > fine.txt; ln fine.txt hard.txt",
    expect: {
      state: "succeeded",
      reason: "outputs-left-out",
      files: listed([file("fine.txt", "fine\n"), file("hard.txt", "fine\n"), file("near", "fine\n")]),
      logs: [
        {
          system: [
            "Not kept: `passwd`, a link that leads out of the outputs folder.",
            "Not kept: `pipe`, a pipe.",
            "Not kept: `root`, a link that leads out of the outputs folder.",
          ],
        },
      ],
    },
  },
  {
    name: "outputs-closed",
    shell: "cd $RIGI_OUTPUTS; echo a > a.txt; chmod 0 a.txt; mkdir d; echo b > d/b.txt; chmod 0 d",
    expect: { ...OK, files: listed([file("a.txt", "a\n"), file("d/b.txt", "b\n")]) },
  },
  small("outputs-a-thousand", 1000, false),
  small("outputs-ten-thousand", 10_000, true),
  {
    name: "output-of-50-megabytes",
    shell: "head -c 52428800 /dev/zero | tr '\\0' a > $RIGI_OUTPUTS/big",
    get expect() {
      return { ...OK, files: [file("big", Buffer.alloc(52_428_800, "a"))] };
    },
  },
  {
    name: "output-of-2-gigabytes",
    long: true,
    ms: 300_000,
    shell: `head -c ${BIG} /dev/zero > $RIGI_OUTPUTS/big`,
    expect: { ...OK, files: [{ path: "big", size: BIG, sha256: "a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51" }] },
  },
  {
    name: "working-directory",
    shell: "cat data.txt; echo changed > data.txt; echo new > new.txt; rm -f pipeline.json; mkdir -p sub && echo x > sub/x; cat data.txt; [ $RIGI_ATTEMPT = 2 ]",
    spec: { retries: { attempts: 1, strategy: "fixed", delay: "50ms" } },
    files: { "data.txt": "as it was\n" },
    expect: { state: "succeeded", logs: [{ out: ["as it was", "changed"] }, { out: ["as it was", "changed"] }] },
  },
  {
    name: "code",
    files: { "tool.sh": "#!/bin/sh\necho tool\n", "lib/deep/data.bin": Buffer.from([0, 255, 10]), "ü.txt": "ü\n", "empty.txt": "" },
    executable: ["tool.sh"],
    spec: { command: ["sh", "-c", 'find . -type f ! -name pipeline.json | sort | while read f; do echo "$f $(sha256sum < "$f" | cut -c1-8)"; done; ./tool.sh; [ -x lib/deep/data.bin ] || echo no program'] },
    expect: { ...OK },
  },
  {
    name: "temporary-files",
    shell: "echo a > $TMPDIR/a; echo b > /tmp/b-$RIGI_RUN_ID; cat $TMPDIR/a /tmp/b-$RIGI_RUN_ID; rm /tmp/b-$RIGI_RUN_ID; echo h > ~/h; cat ~/h; echo x > /dev/null; mktemp >/dev/null && echo made",
    expect: said("a", "b", "h", "made"),
  },
  {
    name: "events-file",
    shell:
      'for i in 1 2 3; do echo "{\\"type\\":\\"progress\\",\\"current\\":$i,\\"total\\":3,\\"message\\":\\"step $i\\"}" >> $RIGI_EVENTS; done; echo \'{"type":"metric","name":"m","value":1.5}\' >> $RIGI_EVENTS; echo "no json" >> $RIGI_EVENTS; echo done',
    look: async ({ api, run, facts }) => {
      facts.progress = ((await api.run(run.id)) as unknown as { progress?: unknown }).progress ?? null;
    },
    expect: { ...said("done") },
  },
  {
    name: "progress-while-it-runs",
    shell: 'echo \'{"type":"progress","current":2,"total":5,"message":"half"}\' >> $RIGI_EVENTS; sleep 600',
    act: async ({ api, run, facts }) => {
      type WithProgress = { progress?: { fraction: number; message: string } };
      const seen = await api.until(run.id, (one) => (one as unknown as WithProgress).progress !== undefined);
      const { fraction, message } = (seen as unknown as Required<WithProgress>).progress;
      facts.progress = { fraction, message };
      await api.post(`/runs/${run.id}/cancel`);
    },
    expect: { state: "cancelled", facts: { progress: { fraction: 0.4, message: "half" } } },
  },
];

async function upload(api: Api, name: string, content: string | Uint8Array): Promise<{ upload: string; name: string }> {
  return { upload: await api.upload(name, content), name };
}
