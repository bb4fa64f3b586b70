/** Terminal colours in a line of text: SGR sequences become styles, other sequences go. */

export interface Style {
  fg?: string;
  bg?: string;
  bold?: true;
  dim?: true;
  italic?: true;
  underline?: true;
}

export interface Piece {
  text: string;
  style: Style | null;
}

const SEQUENCE = /\u001b(?:\[([0-9;:?]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;

/** What a terminal would show of a line that was written over with carriage returns: its last state. */
export function lastWritten(text: string): string {
  const trimmed = text.replace(/\r+$/, "");
  const at = trimmed.lastIndexOf("\r");
  return at < 0 ? trimmed : trimmed.slice(at + 1);
}

/** Text without sequences. */
export function plainText(text: string): string {
  return text.includes("\u001b") ? text.replace(SEQUENCE, "") : text;
}

export function pieces(text: string): Piece[] {
  if (!text.includes("\u001b")) return [{ text, style: null }];
  const found: Piece[] = [];
  let style: Style = {};
  let at = 0;
  const put = (end: number) => {
    if (end > at) found.push({ text: text.slice(at, end), style: Object.keys(style).length > 0 ? style : null });
  };
  for (const match of text.matchAll(SEQUENCE)) {
    put(match.index);
    at = match.index + match[0].length;
    if (match[2] === "m") style = applySgr(style, match[1] ?? "");
  }
  put(text.length);
  return found;
}

function applySgr(before: Style, text: string): Style {
  const codes = text === "" ? [0] : text.split(/[;:]/).map(Number);
  let style: Style = { ...before };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) style = without(style, "bold", "dim");
    else if (code === 23) style = without(style, "italic");
    else if (code === 24) style = without(style, "underline");
    else if (code === 39) style = without(style, "fg");
    else if (code === 49) style = without(style, "bg");
    else if (code === 38 || code === 48) {
      const { color, used } = extended(codes.slice(i + 1));
      if (color) style[code === 38 ? "fg" : "bg"] = color;
      i += used;
    } else {
      const basic = basicColor(code);
      if (basic) style[basic.ground] = basic.color;
    }
  }
  return style;
}

function without(style: Style, ...names: (keyof Style)[]): Style {
  return Object.fromEntries(Object.entries(style).filter(([name]) => !names.includes(name as keyof Style)));
}

/** The sixteen colours are variables, so that they fit the light and the dark scheme. */
function basicColor(code: number): { ground: "fg" | "bg"; color: string } | null {
  if (code >= 30 && code <= 37) return { ground: "fg", color: `var(--ansi-${code - 30})` };
  if (code >= 90 && code <= 97) return { ground: "fg", color: `var(--ansi-${code - 82})` };
  if (code >= 40 && code <= 47) return { ground: "bg", color: `var(--ansi-${code - 40})` };
  if (code >= 100 && code <= 107) return { ground: "bg", color: `var(--ansi-${code - 92})` };
  return null;
}

/** `5;N` of the palette of 256, or `2;R;G;B`. */
function extended(rest: number[]): { color: string | null; used: number } {
  const [mode, a = 0, b = 0, c = 0] = rest;
  if (mode === 2) return { color: `rgb(${a} ${b} ${c})`, used: 4 };
  if (mode !== 5) return { color: null, used: 1 };
  if (a < 16) return { color: `var(--ansi-${a})`, used: 2 };
  if (a >= 232) {
    const grey = 8 + (a - 232) * 10;
    return { color: `rgb(${grey} ${grey} ${grey})`, used: 2 };
  }
  const level = (n: number) => (n === 0 ? 0 : 55 + n * 40);
  const n = a - 16;
  return { color: `rgb(${level(Math.floor(n / 36))} ${level(Math.floor(n / 6) % 6)} ${level(n % 6)})`, used: 2 };
}
