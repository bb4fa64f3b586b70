/** How large a picture is, by its first bytes: known before it is unpacked, which takes memory by its size. */

export interface Size {
  width: number;
  height: number;
}

/** Pixels of a picture that is shown; unpacked, each takes four bytes. */
export const MOST_PIXELS = 40_000_000;
/** Bytes of a picture that is shown, and of a drawing. */
export const MOST_PICTURE = 32 * 1024 * 1024;
export const MOST_DRAWING = 2 * 1024 * 1024;

/** The size that PNG, GIF, BMP, WebP and JPEG say; null for others and for damaged ones. */
export function sizeOf(head: Uint8Array): Size | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const sign = new TextDecoder("latin1").decode(head.subarray(0, 16));
  try {
    if (sign.startsWith("\x89PNG")) return { width: view.getUint32(16), height: view.getUint32(20) };
    if (sign.startsWith("GIF8")) return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (sign.startsWith("BM")) return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
    if (sign.slice(8, 12) === "WEBP") return webp(view, sign.slice(12, 16));
    if (sign.startsWith("\u00ff\u00d8")) return jpeg(view);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

function webp(view: DataView, form: string): Size | null {
  const three = (at: number) => view.getUint16(at, true) + view.getUint8(at + 2) * 65_536;
  if (form === "VP8X") return { width: three(24) + 1, height: three(27) + 1 };
  if (form === "VP8 ") return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (form !== "VP8L") return null;
  const bits = view.getUint32(21, true);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

function jpeg(view: DataView): Size | null {
  for (let at = 2; view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
  }
  return null;
}

/** Width of a drawing that says its proportions alone, in pixels. */
const DRAWING = 640;

/** The size to draw an SVG with, where it says none of its own; null where it does, or where nothing is known. */
export function drawingSize(text: string): Size | null {
  const tag = /<svg\b[^>]{0,8000}>/i.exec(text)?.[0];
  if (!tag || /\swidth\s*=\s*["']\s*[\d.]+(?!\s*%)[\d.a-z]*\s*["']/i.test(tag)) return null;
  const box = /\sviewBox\s*=\s*["']([^"']+)["']/i
    .exec(tag)?.[1]
    ?.trim()
    .split(/[\s,]+/)
    .map(Number);
  const [, , width = 0, height = 0] = box ?? [];
  return width > 0 && height > 0 ? { width: DRAWING, height: Math.round((DRAWING * height) / width) } : null;
}
