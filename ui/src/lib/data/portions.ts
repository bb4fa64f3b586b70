/** What is sent together: a portion that breaks off costs no more than itself. */

/** Bytes and files of one portion; a larger file is one of its own. */
export const PORTION = { bytes: 32 << 20, files: 2000 };

export function portionsOf<T extends { size: number }>(all: readonly T[], most = PORTION): T[][] {
  const portions: T[][] = [];
  let open: T[] = [];
  let bytes = 0;
  for (const one of all) {
    if (open.length > 0 && (bytes + one.size > most.bytes || open.length >= most.files)) {
      portions.push(open);
      open = [];
      bytes = 0;
    }
    open.push(one);
    bytes += one.size;
  }
  if (open.length > 0) portions.push(open);
  return portions;
}
