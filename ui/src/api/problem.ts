/** What went wrong, as the API says it (RFC 9457), or as this page does where there was no answer. */

export interface ProblemItem {
  pointer?: string | undefined;
  message?: string | undefined;
  rule?: string | undefined;
  source?: string | undefined;
}

export class Problem extends Error {
  override name = "Problem";
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly cure: string | undefined;
  readonly requestId: string | undefined;
  readonly items: ProblemItem[];
  /** After so many seconds it may be tried again. */
  readonly retryAfter: number | undefined;

  constructor(status: number, body: unknown, retryAfter?: string | null) {
    const said = isRecord(body) ? body : {};
    const title = text(said.title) ?? (status === 0 ? "No answer" : `The server answered ${status}`);
    super(text(said.detail) ?? title);
    this.status = status;
    this.title = title;
    this.code = text(said.code) ?? "";
    this.cure = text(said.cure);
    this.requestId = text(said.request_id);
    this.retryAfter = retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined;
    this.items = Array.isArray(said.errors) ? said.errors.filter(isRecord).map(toItem) : [];
  }

  /** Nobody answered: the server is away or the network is. */
  static unreachable(): Problem {
    return new Problem(0, {
      title: "The server does not answer",
      detail: "The server does not answer.",
      cure: "See whether it runs: `rigi status`. Nothing that was accepted is lost.",
    });
  }
}

function toItem(item: Record<string, unknown>): ProblemItem {
  return {
    pointer: text(item.pointer),
    message: text(item.message),
    rule: text(item.rule),
    source: text(item.source),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** What is wrong with one field of what was sent, in the server's words. */
export function mistakeOf(problem: Problem | null, pointer: string): string | undefined {
  const item = problem?.items.find((one) => one.pointer === pointer);
  return item && (item.message ?? problem?.message);
}

/** Whether a problem is told beside these fields, so that nothing else has to tell it. */
export function isToldBeside(problem: Problem, pointers: readonly string[]): boolean {
  return problem.items.length > 0 && problem.items.every(({ pointer }) => pointer !== undefined && pointers.includes(pointer));
}

/** Any thrown thing as a problem that can be shown. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, { title: "This page made a mistake", detail: error instanceof Error ? error.message : String(error) });
}
