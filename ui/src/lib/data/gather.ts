/** Files and whole folders, as a browser gives those that were chosen or dropped. */

/** A file, and its place in the dataset. */
export interface Found {
  path: string;
  file: File;
}

/** Files that are taken at a time; of more, a terminal has no such bound. */
export const MOST = 100_000;

/** Those that an input has: of a folder, with their paths in it. */
export function chosenOf(list: Iterable<File>): Found[] {
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Of one folder, what lies in it: the folder's own name is no part of the paths. */
export function withoutFolder(found: readonly Found[]): Found[] {
  const [first] = found;
  const head = first?.path.includes("/") ? `${first.path.split("/")[0] ?? ""}/` : "";
  if (head === "" || !found.every(({ path }) => path.startsWith(head))) return [...found];
  return found.map(({ path, file }) => ({ path: path.slice(head.length), file }));
}

/** What was dropped, folders with all below them. Has to be called while the event is handed out: later it holds nothing. */
export async function droppedOf(transfer: DataTransfer): Promise<Found[]> {
  const entries = [...transfer.items].flatMap((item) => {
    const entry = item.kind === "file" ? item.webkitGetAsEntry() : null;
    return entry ? [entry] : [];
  });
  const found: Found[] = [];
  const open = [...entries];
  for (let entry = open.pop(); entry && found.length <= MOST; entry = open.pop()) {
    const path = entry.fullPath.replace(/^\//, "");
    if (entry.isDirectory) open.push(...(await within(entry as FileSystemDirectoryEntry)));
    else found.push({ path, file: await fileOf(entry as FileSystemFileEntry) });
  }
  return found;
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A browser hands out a hundred at a time, and at the end none. */
async function within(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
