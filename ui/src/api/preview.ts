/** Previews of files, each made by a worker of its own that is ended when it takes too long. */
import { MOST_WAIT, MOST_WORK } from "../lib/preview/limits";
import type { Preview, Wish } from "../lib/preview/shown";
import type { Order, Word } from "../lib/preview/worker";
import { Problem } from "./problem";
import { noteAnswer } from "./session";

/** A preview that was given up, as a sentence for people. */
export class GivenUp extends Error {}

/** Workers at a time. */
const AT_ONCE = 3;
let running = 0;
const waiting: (() => void)[] = [];

/** A preview of the file at an address. Throws `GivenUp`, or a `Problem` of the server. */
export async function preview(url: string, wish: Wish, signal: AbortSignal): Promise<Preview> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  running += 1;
  try {
    signal.throwIfAborted();
    return await made({ url, wish }, signal);
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

function made(order: Order, signal: AbortSignal): Promise<Preview> {
  const worker = new Worker(new URL("../lib/preview/worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = withResolvers<Preview>();
  let left = MOST_WORK;
  let since = 0;
  let timer = setTimeout(() => reject(new GivenUp("The server did not answer in time.")), MOST_WAIT);
  const turn = (waits: boolean) => {
    clearTimeout(timer);
    if (waits) {
      left -= Math.min(left - 1, performance.now() - since);
      timer = setTimeout(() => reject(new GivenUp("The server did not answer in time.")), MOST_WAIT);
    } else {
      since = performance.now();
      timer = setTimeout(() => reject(new GivenUp(`Reading it took more than ${MOST_WORK / 1000} s of work, and was ended.`)), left);
    }
  };
  worker.onmessage = ({ data }: MessageEvent<Word>) => {
    if ("waits" in data) turn(data.waits);
    else if ("preview" in data) {
      noteAnswer(200, "open");
      resolve(data.preview);
    } else if ("status" in data) {
      noteAnswer(data.status, "open");
      reject(new Problem(data.status, data.body));
    } else reject(Problem.unreachable());
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new GivenUp("It could not be read: its preview ended before it was made."));
  };
  signal.addEventListener("abort", () => reject(signal.reason as Error));
  worker.postMessage({ ...order, url: new URL(order.url, location.origin).href } satisfies Order);
  return promise.finally(() => {
    clearTimeout(timer);
    worker.terminate();
  });
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}
