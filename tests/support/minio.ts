/** A MinIO of the tests' own, and what a server is told to store its files there. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { repository } from "./places";

function script(...args: string[]): string {
  return execFileSync(join(repository, "tests/minio.sh"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

export class Minio {
  private constructor(
    readonly folder: string,
    /** Address, key and secret, as `RIGI_TEST_S3` has them. */
    readonly named: string,
  ) {}

  /** On the loopback address, unless others are to reach it. */
  static start(address = ""): Minio {
    const [folder, named] = script("start", address).trim().split("\n").slice(-2);
    return new Minio(folder!, named!);
  }

  /** Ends it as a machine that loses power; its data stay. */
  down(): void {
    script("down", this.folder);
  }

  /** Starts it again, where it was. */
  up(): void {
    script("up", this.folder);
  }

  stop(): void {
    script("stop", this.folder);
  }
}

/** The settings of a server whose files lie there, below a prefix of its own. */
export function bucketSettings(named: string): NodeJS.ProcessEnv {
  const [endpoint, id, secret] = named.split(" ");
  return {
    RIGI_STORAGE__URL: `s3://rigi-tests/${randomBytes(8).toString("hex")}`,
    RIGI_STORAGE__ENDPOINT: endpoint,
    RIGI_STORAGE__ACCESS_KEY_ID: id,
    RIGI_STORAGE__SECRET_ACCESS_KEY: secret,
  };
}
