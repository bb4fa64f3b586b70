/** Tags of XML, one after the other, in as much of it as was read. No entities are looked up, no documents followed. */

export interface Tag {
  name: string;
  attributes: Record<string, string>;
  /** It closes an element. */
  closes: boolean;
  /** It has no content. */
  empty: boolean;
  /** Where it begins and ends. */
  at: number;
  end: number;
}

/** Signs of one tag; what is longer is no tag. */
const MOST_TAG = 16_384;

export function* tagsOf(text: string, from = 0): Generator<Tag> {
  let at = from;
  for (;;) {
    at = text.indexOf("<", at);
    if (at < 0) return;
    const skipped = text.startsWith("<!--", at)
      ? "-->"
      : text.startsWith("<![CDATA[", at)
        ? "]]>"
        : text.startsWith("<?", at)
          ? "?>"
          : null;
    if (skipped) {
      const end = text.indexOf(skipped, at);
      if (end < 0) return;
      at = end + skipped.length;
      continue;
    }
    const end = endOf(text, at);
    if (end < 0) return;
    const inner = text.slice(at + 1, end);
    const name = /^\/?([A-Za-z_][\w.:-]{0,200})/.exec(inner)?.[1];
    if (name) {
      const [closes, empty] = [inner.startsWith("/"), inner.endsWith("/")];
      yield { name: name.replace(/^.*:/, ""), attributes: attributesOf(inner), closes, empty, at, end: end + 1 };
    }
    at = end + 1;
  }
}

/** Where a tag ends, which is not at a `>` within quotes; -1 where it does not. */
function endOf(text: string, start: number): number {
  let quote = "";
  for (let at = start + 1; at < text.length && at < start + MOST_TAG; at++) {
    const sign = text[at] ?? "";
    if (quote) {
      if (sign === quote) quote = "";
    } else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === ">") return at;
  }
  return -1;
}

function attributesOf(inner: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = "", double, single] of inner.matchAll(/([A-Za-z_][\w.:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    found[name] = plain(double ?? single ?? "");
  }
  return found;
}

const SIGNS: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function plain(value: string): string {
  return value.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w{1,8}));/g, (whole, hex?: string, digits?: string, name?: string) => {
    const code = hex ? parseInt(hex, 16) : digits ? Number(digits) : null;
    if (code !== null) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    return (name && Object.hasOwn(SIGNS, name) ? SIGNS[name] : undefined) ?? whole;
  });
}
