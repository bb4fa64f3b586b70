/** Files as a tar that the browser reads while it sends: nothing of them is held. The names in it say nothing. */

const BLOCK = 512;

function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, "0")}\0`;
}

/** The header of a file (POSIX ustar); a size that has no place in octal is written in base 256, as GNU tar does. */
export function headerOf(name: string, size: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  put(0, name.slice(0, 100));
  put(100, octal(0o644, 8));
  put(108, octal(0, 8));
  put(116, octal(0, 8));
  if (size < 8 ** 11) put(124, octal(size, 12));
  else {
    header[124] = 0x80;
    for (let at = 135, rest = size; rest > 0; at--, rest = Math.floor(rest / 256)) header[at] = rest % 256;
  }
  put(136, octal(0, 12));
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\0" + "00");
  const sum = header.reduce((all, byte) => all + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

export function tarOf(files: readonly Blob[]): Blob {
  const parts: BlobPart[] = files.flatMap((file, index) => {
    const rest = file.size % BLOCK;
    return [headerOf(String(index), file.size), file, new Uint8Array(rest === 0 ? 0 : BLOCK - rest)];
  });
  return new Blob([...parts, new Uint8Array(2 * BLOCK)], { type: "application/x-tar" });
}
