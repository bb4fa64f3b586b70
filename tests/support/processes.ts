/** What /proc says of the processes that a test started, and the ending of what it left. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

function text(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It ended meanwhile.
    return "";
  }
}

function pids(): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

function folderOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

export function isAlive(pid: number): boolean {
  // A zombie has ended; it only waits for its parent to look.
  const state = /^State:\s+(\S)/m.exec(text(`/proc/${pid}/status`))?.[1];
  return state !== undefined && state !== "Z";
}

export function commandOf(pid: number): string[] {
  return text(`/proc/${pid}/cmdline`).split("\0").filter(Boolean);
}

/** Processes whose command, folder or variables name `place`, but for this one and those above it. */
export function processesOf(place: string): number[] {
  const above = new Set<number>();
  for (let pid = process.pid; pid > 1; pid = Number(/^PPid:\s+(\d+)/m.exec(text(`/proc/${pid}/status`))?.[1] ?? 0)) above.add(pid);
  const names = (pid: number): boolean =>
    text(`/proc/${pid}/cmdline`).includes(place) || folderOf(pid).startsWith(place) || text(`/proc/${pid}/environ`).includes(place);
  return pids().filter((pid) => !above.has(pid) && isAlive(pid) && names(pid));
}

/** Processes in a control group whose path holds this name. */
export function processesInGroup(name: string): number[] {
  return pids().filter((pid) => isAlive(pid) && text(`/proc/${pid}/cgroup`).includes(name));
}

/** The supervisor of a data folder. */
export function supervisorOf(data: string): number | undefined {
  return pids().find((pid) => {
    const command = commandOf(pid);
    return command.includes("supervisor") && command.includes(data) && isAlive(pid);
  });
}

/** User and system time of a process in seconds. */
export function cpuSeconds(pid: number): number {
  const fields = text(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Bytes of memory that a process holds right now. */
export function residentMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(text(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** Ends what is left below a folder, by pid, until nothing is. */
export async function endAllOf(place: string): Promise<void> {
  for (let round = 0; round < 50; round += 1) {
    const left = processesOf(place);
    if (left.length === 0) return;
    for (const pid of left) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended meanwhile.
      }
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}
