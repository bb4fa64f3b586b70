/** Power loss: what a server has answered is still true when all that was not synced is gone. */
import { join } from "node:path";

import { Load } from "../support/load";
import { Power, type Kept } from "../support/power";
import { endAllOf } from "../support/processes";
import { expect, onBoth, test } from "../support/test";

const losses = Number(process.env.RIGI_TEST_FAULTS ?? 1);

for (const kept of ["nothing"] as Kept[]) {
  test(`power loss; the disk keeps ${kept} beyond what was synced`, onBoth, async ({ bed }) => {
    test.setTimeout(60_000 * (losses + 1));
    let data = bed.data;
    const load = new Load(bed);
    for (let loss = 1; loss <= losses; loss += 1) {
      const power = new Power(data, join(bed.root, `shadow-${loss}`));
      const server = await bed.up({ data, env: power.env });
      // Code that no server has seen is captured and put in place while the power is lost.
      load.variants(bed, 4 * loss).start(server.api);
      await load.progress(12);
      await load.burst(server.api);
      await endAllOf(bed.root);
      await load.stop();
      data = join(bed.root, `data-${loss}`);
      power.restore(data, kept);
      const next = await bed.up({ data });
      // What is left of code is used again.
      await load.burst(next.api);
      await load.check(next.api);
      await next.stop();
    }
    expect(load.succeeded.size).toBeGreaterThanOrEqual(12 * losses);
  });
}
