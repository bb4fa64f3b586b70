/** What a preview found, ready to be drawn. */

/** A column, and what is known of its values. */
export interface ColumnFacts {
  name: string;
  type: string;
  number?: boolean;
  empty?: number;
  distinct?: string;
  least?: string;
  most?: string;
  mean?: string;
}

export interface TableShown {
  kind: "table";
  facts: [name: string, value: string][];
  columns: ColumnFacts[];
  /** Values as they are drawn; null where there is none, undefined where it was not read. */
  rows: (string | null | undefined)[][];
  /** How many rows there are, where that is known. */
  total?: number;
  /** More of them can be asked for. */
  more?: boolean;
  /** What the column summary was made of. */
  summary?: string;
}

/** A value of JSON. Numbers are kept as they are written. */
export interface TreeNode {
  key?: string;
  kind: "object" | "array" | "string" | "number" | "word";
  text: string;
  /** Values in it, whether they are kept or not. */
  count: number;
  children: TreeNode[];
}

export interface NotebookOutput {
  kind: "text" | "error" | "picture" | "note";
  /** A text, or the `data:` address of a picture. */
  text: string;
}

export interface NotebookCell {
  kind: "code" | "markdown" | "raw";
  source: string;
  count: string;
  outputs: NotebookOutput[];
}

export interface TextShown {
  kind: "text" | "markdown";
  text: string;
  /** The last lines, where there is something between them and the first. */
  tail?: string;
}

export interface BytesShown {
  kind: "bytes";
  what: string;
  lines: { at: string; hex: string; text: string }[];
}

export type Shown =
  | TextShown
  | TableShown
  | BytesShown
  | { kind: "tree"; root: TreeNode }
  | { kind: "notebook"; language: string; cells: NotebookCell[] }
  | { kind: "facts"; facts: [name: string, value: string][] }
  | { kind: "picture"; width: number; height: number };

export interface Preview {
  shown: Shown;
  /** What was cut or could not be read, and why. */
  notes: string[];
  /** The end can be asked for. */
  end?: boolean;
  /** Bytes of the file that were read. */
  read: number;
}

/** What is wanted of a file. */
export interface Wish {
  path: string;
  media_type: string;
  size: number;
  rows: number;
  /** Its end as well, which takes the server longer. */
  end: boolean;
}
