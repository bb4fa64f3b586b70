/** JSON as a tree, of as much of it as was read: one pass, no recursion, bounded depth and nodes. */
import { count } from "../format";
import type { TreeNode } from "./shown";
import { cut } from "./text";

/** Nodes that are kept in all, in one value, and how deep. */
const NODES = 5000;
const CHILDREN = 200;
const DEPTH = 24;
/** Depth at which reading ends. */
const DEEPEST = 10_000;
/** Signs of a text that are kept. */
const TEXT = 400;

interface Open {
  node: TreeNode;
  /** Whether what is in it is kept. */
  kept: boolean;
  key: string | null;
  /** What may come next. */
  state: "first" | "value" | "key" | "colon" | "comma";
}

export interface Tree {
  root: TreeNode;
  notes: string[];
}

/** Reads one value, or several below each other, as in a file of lines. */
export function treeOf(text: string, isCut: boolean): Tree {
  return new Reader(text, isCut).read();
}

class Reader {
  private at = 0;
  private nodes = 0;
  private hidden = false;
  private readonly notes: string[] = [];
  private readonly values: TreeNode = { kind: "array", text: "", count: 0, children: [] };
  private readonly open: Open[] = [{ node: this.values, kept: true, key: null, state: "value" }];

  constructor(
    private readonly text: string,
    private readonly isCut: boolean,
  ) {}

  read(): Tree {
    if (this.text.charCodeAt(0) === 0xfeff) this.at = 1;
    while (this.skip() && this.notes.length === 0) this.step();
    if (this.notes.length === 0 && this.open.length > 1 && !this.isCut) this.mistake("it ends before its last bracket is closed");
    if (this.hidden)
      this.notes.push(`Shown are ${count(CHILDREN)} values of each list, ${DEPTH} levels, and ${count(NODES)} values in all.`);
    const [only] = this.values.children;
    return { root: this.values.count === 1 && only ? only : this.values, notes: this.notes };
  }

  /** To the next sign that is no space; whether there is one. */
  private skip(): boolean {
    while (this.at < this.text.length && " \t\r\n".includes(this.text[this.at] ?? "")) this.at += 1;
    return this.at < this.text.length;
  }

  private step(): void {
    const top = this.open.at(-1);
    const sign = this.text[this.at] ?? "";
    if (!top) return;
    if ((sign === "}" && top.node.kind === "object") || (sign === "]" && top.node.kind === "array")) {
      if (this.open.length === 1 || top.state === "colon" || (top.state === "value" && top.key !== null)) {
        this.mistake(`\`${sign}\` is not expected`);
        return;
      }
      this.at += 1;
      this.open.pop();
      return;
    }
    switch (top.state) {
      case "comma":
        // Values of a file of lines stand below each other.
        if (this.open.length === 1) top.state = "value";
        else if (sign === ",") {
          this.at += 1;
          top.state = top.node.kind === "object" ? "key" : "value";
        } else this.mistake("a comma or a bracket is missing");
        return;
      case "colon":
        if (sign !== ":") {
          this.mistake("`:` is missing behind a name");
          return;
        }
        this.at += 1;
        top.state = "value";
        return;
      case "first":
      case "key":
        if (top.node.kind === "object") {
          if (sign !== '"') {
            this.mistake("a name in quotes is missing");
            return;
          }
          top.key = this.string();
          top.state = "colon";
          return;
        }
        {
          this.value(top, sign);
          return;
        }
      case "value": {
        this.value(top, sign);
        return;
      }
    }
  }

  private value(top: Open, sign: string): void {
    if (sign === "{" || sign === "[") {
      this.at += 1;
      const node = this.add(top, sign === "{" ? "object" : "array", "");
      if (this.open.length >= DEEPEST) {
        this.mistake(`it is deeper than ${count(DEEPEST)} levels`);
        return;
      }
      const kept = node !== null && this.open.length < DEPTH;
      const inner: TreeNode = node ?? { kind: sign === "{" ? "object" : "array", text: "", count: 0, children: [] };
      this.open.push({ node: inner, kept, key: null, state: "first" });
    } else if (sign === '"') this.add(top, "string", this.string());
    else {
      const start = this.at;
      while (this.at < this.text.length && !' \t\r\n,]}:{["'.includes(this.text[this.at] ?? "")) this.at += 1;
      const word = this.text.slice(start, this.at);
      const number = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(cut(word, TEXT));
      // NaN and Infinity are no JSON, and are written by many.
      if (number || /^(?:true|false|null|NaN|-?Infinity)$/.test(word)) this.add(top, number ? "number" : "word", cut(word, TEXT));
      else if (!(this.isCut && this.at >= this.text.length)) {
        this.at = start;
        this.mistake(word === "" ? `\`${sign}\` is not expected` : `\`${cut(word, 20)}\` is no value`);
      }
    }
  }

  /** Counts a value, and keeps it where there is room. */
  private add(top: Open, kind: TreeNode["kind"], text: string): TreeNode | null {
    const key = top.key;
    top.state = "comma";
    top.key = null;
    top.node.count += 1;
    if (!top.kept || this.nodes >= NODES || top.node.children.length >= CHILDREN) {
      this.hidden = true;
      return null;
    }
    this.nodes += 1;
    const node: TreeNode = { kind, text, count: 0, children: [], ...(key !== null && { key }) };
    top.node.children.push(node);
    return node;
  }

  /** The text in quotes that begins here, cut where it is long. */
  private string(): string {
    const start = this.at + 1;
    let at = start;
    while (at < this.text.length && this.text[at] !== '"') at += this.text[at] === "\\" ? 2 : 1;
    this.at = at + 1;
    if (at >= this.text.length && !this.isCut) this.mistake("a text is not closed");
    const raw = this.text.slice(start, Math.min(at, start + TEXT));
    return unescape(raw) + (at - start > TEXT || at >= this.text.length ? "…" : "");
  }

  private mistake(why: string): void {
    if (this.notes.length > 0) return;
    const before = this.text.slice(0, this.at);
    const line = before.split("\n").length;
    const column = this.at - before.lastIndexOf("\n");
    this.notes.push(`It is not JSON from line ${count(line)}, column ${count(column)} on: ${why}. What stands before is shown.`);
  }
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

function unescape(raw: string): string {
  return raw.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code: string | undefined, sign: string | undefined) =>
    code ? String.fromCharCode(parseInt(code, 16)) : (ESCAPES[sign ?? ""] ?? sign ?? ""),
  );
}
