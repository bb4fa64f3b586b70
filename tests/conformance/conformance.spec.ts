/** Every scenario on every target: what is seen is what is stated, and is the same everywhere. */
import { scenarios } from "./scenarios";
import { play } from "./play";
import { expect, fits, test } from "./house";
import { checkable } from "./normal";
import type { Scenario } from "./scenario";
import { isInThird } from "./third";

const longOnes = process.env.CONFORMANCE_LONG === "1";
const third = process.env.CONFORMANCE_THIRD === "1";

function add(scenario: Scenario): void {
  test(scenario.name, async ({ place, house }, info) => {
    test.skip(!fits(scenario, place), "it is about other targets or storages");
    test.skip(third && !isInThird(scenario, place), "it is not in the third: CONFORMANCE_THIRD=1");
    test.skip(scenario.long === true && !longOnes, "it takes long: CONFORMANCE_LONG=1");
    test.setTimeout((scenario.ms ?? 60_000) + 120_000);
    const seen = await play(house, scenario);
    await info.attach("seen", { body: JSON.stringify(seen), contentType: "application/json" });
    expect(seen).toMatchObject(checkable(scenario.expect));
  });
}

const fragile = scenarios.filter((scenario) => scenario.server === "cluster");
// One after another, on one cluster: they end parts of it.
test.describe(() => {
  test.describe.configure({ mode: "default" });
  for (const scenario of fragile) add(scenario);
});
for (const scenario of scenarios) if (!fragile.includes(scenario)) add(scenario);
