/** Images that pipelines name. */
import { broken, empty } from "../listeners";
import { failed, said, type Scenario, type Seen } from "../scenario";

export const images: Scenario[] = [
  {
    name: "image-on-processes",
    only: ["process"],
    spec: { image: "rigi-test/plain:1", command: ["true"] },
    expect: { refused: { status: 422, code: "target-unavailable" } },
  },
  {
    name: "image-missing",
    only: ["container", "kubernetes"],
    spec: { image: "rigi-test/none:1", pull: "never", command: ["true"], retries: 2 },
    expect: { ...failed("image-unavailable") },
  },
  {
    name: "image-not-in-its-registry",
    only: ["container"],
    server: "own",
    prepare: empty,
    files: (registry) => ({ "pipeline.json": { image: `${String(registry)}/app:1`, command: ["true"], retries: 2 } }),
    expect: failed("image-unavailable"),
  },
  {
    name: "image-whose-registry-is-broken",
    only: ["container"],
    server: "own",
    prepare: broken,
    // What is not the pipeline's fault is tried three times more.
    files: (registry) => ({ "pipeline.json": { image: `${String(registry)}/app:1`, command: ["true"] } }),
    expect: { state: "failed", reason: "image-unavailable", attempts: Array(4).fill({ state: "failed", reason: "image-unavailable" }) as Seen["attempts"] & object },
  },
  {
    name: "image-that-holds-nothing",
    only: ["container", "kubernetes"],
    spec: { image: "rigi-test/plain:1", command: ["sh", "-c", 'echo "in busybox"; echo x > $RIGI_OUTPUTS/x; cat data.txt'] },
    files: { "data.txt": "the folder's file\n" },
    expect: said("in busybox", "the folder's file"),
  },
  {
    name: "image-with-its-own-command",
    only: ["container"],
    spec: { image: "rigi-test/plain:1" },
    expect: said("its own command"),
  },
  {
    name: "image-with-its-own-command-on-a-cluster",
    only: ["kubernetes"],
    spec: { image: "rigi-test/plain:1" },
    expect: { refused: { status: 422, code: "target-unavailable" } },
  },
  {
    name: "image-with-a-script",
    only: ["container", "kubernetes"],
    server: "online",
    ms: 300_000,
    spec: { image: "rigi-test/worker:1", type: "script" },
    files: { "main.py": 'print("a script in an image")\n' },
    expect: said("a script in an image"),
  },
  {
    name: "gpus-on-processes",
    only: ["process"],
    shell: "true",
    spec: { limits: { gpus: 1 } },
    expect: { refused: { status: 422, code: "target-unavailable" } },
  },
  {
    name: "container-is-closed",
    only: ["container", "kubernetes"],
    // What a container may not: write outside of its folders, become root, see others.
    shell:
      'id -u; (echo x > /etc/x) 2>/dev/null || echo closed; (echo x > /rigi/rigi) 2>/dev/null || echo closed; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status | tr "\\t" " "; ls /proc | grep -c "^[0-9]" | { read n; [ $n -lt 12 ] && echo few; }',
    expect: said("1001", "closed", "closed", "CapEff: 0000000000000000", "NoNewPrivs: 1", "few"),
  },
];
