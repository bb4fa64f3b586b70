/** Ends with one line of counts, for people and for CI. */
import type { FullResult, Reporter, Suite, TestCase } from "@playwright/test/reporter";

export default class Counts implements Reporter {
  private suite: Suite | undefined;

  onBegin(_config: unknown, suite: Suite): void {
    this.suite = suite;
  }

  onEnd(result: FullResult): void {
    const tests: TestCase[] = this.suite?.allTests() ?? [];
    const count = (outcome: string): number => tests.filter((test) => test.outcome() === outcome).length;
    const passed = count("expected") + count("flaky");
    const failed = count("unexpected") + (result.status === "failed" && count("unexpected") === 0 ? 1 : 0);
    console.log(`end to end: ${passed} passed, ${failed} failed, ${count("skipped")} skipped`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
