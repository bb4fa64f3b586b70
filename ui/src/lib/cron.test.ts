import { expect, test } from "vitest";

import { cronWords } from "./cron";

test.each([
  ["0 6 * * *", "every day at 06:00"],
  ["0 30 6 * * *", "every day at 06:30"],
  ["@daily", "every day at 00:00"],
  ["*/15 * * * *", "every 15 min"],
  ["* * * * *", "every minute"],
  ["5 * * * *", "every hour at 5 past"],
  ["0 * * * *", "every hour"],
  ["30 7 * * MON", "Mondays at 07:30"],
  ["30 7 * * 7", "Sundays at 07:30"],
  ["0 8 * * 1-5", "Mondays to Fridays at 08:00"],
  ["0 3 1 * *", "on day 1 of each month at 03:00"],
  ["0 3 L * *", "on the last day of each month at 03:00"],
])("%s is %s", (cron, words) => expect(cronWords(cron)).toBe(words));

// What has no short words is not given wrong ones.
test.each([
  "*/7 * * * *",
  "0 6 1 * MON",
  "0 6 * 1 *",
  "0 6 * * MON#2",
  "15 0 6 * * *",
  "0 25 * * *",
  "0 6 * *",
  "",
  "*/15 * 1 * *",
  "0 6 0 * *",
])("`%s` stays as it is", (cron) => expect(cronWords(cron)).toBeNull());
