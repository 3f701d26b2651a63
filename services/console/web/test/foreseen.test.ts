// Lines of what models said, in a chart.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Prediction } from "../src/api";
import { foreseen, horizonsOf, nearestHorizon } from "../src/parts/foreseen";

const say = (target: string, horizonS: number, validAt: number, value: number): Prediction => ({ model: "m", target, horizonS, issuedAt: validAt - horizonS * 1000, validAt, value, lo: value - 1, hi: null });
const said = [say("power/power", 900, 2000, 4000), say("power/power", 900, 1000, 3000), say("power/power", 300, 1000, 3500), say("environment.top/temperature", 900, 1000, 25)];

test("horizons are those that were told of", () => {
  assert.deepEqual(horizonsOf(said), [300, 900]);
  assert.equal(nearestHorizon(said, 300), 300);
  assert.equal(nearestHorizon(said, 1800), 900);
  assert.equal(nearestHorizon([], 1800), 1800);
});

test("a property at a horizon has its value, its interval and its unit, in order of time", () => {
  const lines = foreseen(said, 1, { target: "power/power", horizonS: 900, label: "predicted", colour: "#fff", per: 1000 });
  assert.deepEqual(lines.map((each) => each.points), [[[1000, null], [2000, null]], [[1000, 2.999], [2000, 3.999]], [[1000, 3], [2000, 4]]]);
  // The band goes down to the line that follows it in the chart.
  assert.equal(lines[0]?.fillTo, 2);
});

test("of what nobody told there are no lines", () => {
  assert.deepEqual(foreseen(said, 0, { target: "environment.bottom/temperature", horizonS: 900, label: "", colour: "" }), []);
});
