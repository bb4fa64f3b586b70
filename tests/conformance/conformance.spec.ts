/** Every scenario on every target: what is seen is what is stated, and is the same everywhere. */
import { scenarios } from "./scenarios";
import { play } from "./play";
import { expect, test } from "./house";
import { checkable } from "./normal";

const longOnes = process.env.CONFORMANCE_LONG === "1";

for (const scenario of scenarios) {
  test(scenario.name, async ({ place, house }, info) => {
    test.skip(scenario.only !== undefined && !scenario.only.includes(place.target), "it is about other targets");
    test.skip(scenario.long === true && !longOnes, "it takes long: CONFORMANCE_LONG=1");
    test.setTimeout((scenario.ms ?? 60_000) + 60_000);
    const seen = await play(house, scenario);
    await info.attach("seen", { body: JSON.stringify(seen), contentType: "application/json" });
    expect(seen).toMatchObject(checkable(scenario.expect));
  });
}
