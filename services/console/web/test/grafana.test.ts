// Links into Grafana look at history that still holds what one looks at.
import assert from "node:assert/strict";
import { test } from "node:test";
import { historyAt } from "../src/parts/grafana";

const DAY = 86_400_000;
const now = 1000 * DAY;
const at = (days: number, kept: number[] = [7, 90, 1825]): string => historyAt("berlin", kept, now - days * DAY, now);

test("the finest history that still holds a moment", () => {
  assert.deepEqual([0, 6.9, 7.1, 89, 91, 1800].map((days) => at(days)), ["berlin", "berlin", "berlin_1m", "berlin_1m", "berlin_15m", "berlin_15m"]);
  assert.equal(at(400, [0, 90, 1825]), "berlin");
  assert.equal(at(5000), "berlin_15m");
});
