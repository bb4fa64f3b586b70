/** What one preview may take of a file, of memory, of time and of the screen. */

const MIB = 1024 * 1024;

/** Bytes of the file. */
export const MOST_READ = 16 * MIB;
/** Bytes of what was packed. */
export const MOST_UNPACKED = 32 * MIB;
/** Work, in milliseconds; waiting for the server does not count. */
export const MOST_WORK = 2000;
/** Waiting for the server, in milliseconds: for the end of a file it reads all of it. */
export const MOST_WAIT = 120_000;
/** Bytes of the beginning that are read of every file. */
export const HEAD = 256 * 1024;
/** Bytes of the end that are read when they are asked for. */
export const TAIL = 64 * 1024;
/** A file up to this size has its end read without being asked. */
export const SMALL = 64 * MIB;
/** Rows that are drawn at first, and after each wish for more. */
export const ROWS = [50, 200, 1000] as const;
/** Columns whose values are drawn. */
export const COLUMNS = 60;
/** Columns that are told of. */
export const TOLD_COLUMNS = 500;
/** Signs of one cell. */
export const CELL = 300;
/** Signs of one line of a text, and lines. */
export const LINE = 2000;
export const LINES = 2000;
