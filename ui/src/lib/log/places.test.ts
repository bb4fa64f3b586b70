import { describe, expect, test } from "vitest";

import { codePlaces, placeLabel } from "./places";

const WORK = "/var/lib/rigi/runs/run_01M8JJQGRYEJ3VPFNCM2TVQMY8.1/work";
const seen = (text: string) => codePlaces(text).map((place) => [text.slice(0, place.from), placeLabel(place), text.slice(place.to)]);

describe("places in a run's code", () => {
  test.each<[string, string[]]>([
    [`  File "${WORK}/main.py", line 5, in <module>`, ["  File ", "main.py:5", ", in <module>"]],
    [`  File "${WORK}/a b/help er.py", line 12, in deep`, ["  File ", "a b/help er.py:12", ", in deep"]],
    [`${WORK}/main.sh: line 3: foo: command not found`, ["", "main.sh:3", ": foo: command not found"]],
    [`    at run (${WORK}/src/index.js:10:7)`, ["    at run (", "src/index.js:10", ":7)"]],
    [`${WORK}/main.py:7: RuntimeWarning: Mean of empty slice`, ["", "main.py:7", ": RuntimeWarning: Mean of empty slice"]],
    [`open("${WORK}/data.csv")`, ["open(", "data.csv", ")"]],
    [`File "/rigi/work/runs/run_01M8JJQGRYEJ3VPFNCM2TVQMY8.12/work/main.py", line 1`, ["File ", "main.py:1", ""]],
  ])("%s", (text, parts) => expect(seen(text)).toEqual([parts]));
  test("others stay as they are", () => {
    expect(codePlaces('  File "/usr/lib/python3.12/json/decoder.py", line 5')).toEqual([]);
    expect(codePlaces(WORK)).toEqual([]);
  });
  test("several in one line", () => expect(seen(`${WORK}/a.py:1 ${WORK}/b.py:2`).map(([, label]) => label)).toEqual(["a.py:1", "b.py:2"]));
});
