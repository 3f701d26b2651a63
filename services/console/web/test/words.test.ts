// What happens in a what-if is told in sentences.
import assert from "node:assert/strict";
import { test } from "node:test";
import { sentence, sentences } from "../src/words";

const told: [Record<string, unknown>, string][] = [
  [{ coolingUnit: { name: "crah-1", fails: true } }, "cooling unit crah-1 fails"],
  [{ atS: 600, coolingUnit: { name: "crah-1", fails: false, setpointC: 24, fanPercent: 80 } }, "cooling unit crah-1 is set to 24 °C and turns its fans at 80 %, after 600 s"],
  [{ load: { racks: ["a-1", "a-2"], addW: 5000 } }, "on a-1, a-2: 5000 W more load"],
  [{ load: { addPercent: -20 } }, "on all racks: 20 % less load"],
  [{ load: { racks: [], capW: 9000 } }, "on all racks: at most 9000 W of load"],
  [{ move: { from: "a-1", to: "a-2" } }, "all load moves from a-1 to a-2"],
  [{ move: { from: "a-1", to: "a-2", powerW: 800 } }, "800 W of load move from a-1 to a-2"],
  [{ rack: { name: "n", row: "r1", position: { x: 1, y: 2 }, powerW: 4000 } }, "new rack n in row r1 at x 1, y 2 draws 4000 W"],
  [{ containment: { openPercent: 50 } }, "containment is 50 % open"],
  [{ feed: { rack: "a-1", feed: "A" } }, "rack a-1 loses its feed A"],
  [{ feed: { pdu: "p-1" } }, "power distribution unit p-1 fails"],
  [{ load: { capW: 1, fresh: [1, 2] } }, "on all racks: at most 1 W of load fresh 1, 2"],
];
for (const [change, words] of told) test(words, () => assert.equal(sentence(change), words));

test("a whole question is told case by case", () => {
  const fails = { coolingUnit: { name: "crah-1", fails: true } };
  assert.deepEqual(sentences({ durationS: 60, eachUnitFails: true, changes: [fails], cases: [{ name: "both", changes: [fails, { atS: 5, containment: { openPercent: 9 } }] }] }), [
    "each cooling unit fails in turn",
    "cooling unit crah-1 fails",
    "both: cooling unit crah-1 fails; containment is 9 % open, after 5 s",
  ]);
});
