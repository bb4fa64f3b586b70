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
    const took = (test: TestCase): number => Math.max(0, ...test.results.map((one) => one.duration)) / 1000;
    const slow = tests.filter((test) => took(test) > 5).sort((a, b) => took(b) - took(a)).slice(0, 20);
    for (const test of slow) console.log(`slow: ${took(test).toFixed(1)} s  ${test.titlePath().slice(1).join(" › ")}`);
    console.log(`end to end: ${passed} passed, ${failed} failed, ${count("skipped")} skipped`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
