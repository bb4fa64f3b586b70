/** Makes one preview, away from the page; the page ends it when it works too long. */
import { look } from "./look";
import type { Preview, Wish } from "./shown";
import { sourceOf, Unreadable } from "./source";

export interface Order {
  url: string;
  wish: Wish;
}

export type Word =
  /** It waits for the server, or works. */
  | { waits: boolean }
  | { preview: Preview }
  /** The server refused; the body is its problem. */
  | { status: number; body: unknown }
  | { unreachable: true };

class Refused extends Error {
  constructor(
    readonly status: number,
    readonly body: unknown,
  ) {
    super();
  }
}

const say = (word: Word) => {
  postMessage(word);
};

async function fetchPart(url: string, from: number, length: number): Promise<Uint8Array> {
  if (length === 0) return new Uint8Array();
  const response = await fetch(url, { headers: { Range: `bytes=${from}-${from + length - 1}` } });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => null));
  if (response.status !== 206 && from > 0) throw new Unreadable("The server gives no parts of files.");
  const content = new Uint8Array(length);
  const reader = response.body?.getReader();
  let filled = 0;
  while (reader && filled < length) {
    const { done, value } = await reader.read();
    if (done) break;
    const fits = value.subarray(0, length - filled);
    content.set(fits, filled);
    filled += fits.length;
  }
  reader?.cancel().catch(() => undefined);
  return content.subarray(0, filled);
}

async function make({ url, wish }: Order): Promise<Word> {
  let open = 0;
  const source = sourceOf(wish.size, async (from, length) => {
    if (open++ === 0) say({ waits: true });
    try {
      return await fetchPart(url, from, length);
    } catch (error) {
      if (error instanceof Refused || error instanceof Unreadable) failure ??= error;
      else failure ??= new TypeError();
      throw error;
    } finally {
      if (--open === 0) say({ waits: false });
    }
  });
  let failure: Error | null = null as Error | null;
  const preview = await look(source, wish);
  if (failure instanceof Refused) return { status: failure.status, body: failure.body };
  return failure && !(failure instanceof Unreadable) ? { unreachable: true } : { preview };
}

addEventListener("message", (event: MessageEvent<Order>) => {
  say({ waits: false });
  void make(event.data).then(say);
});
