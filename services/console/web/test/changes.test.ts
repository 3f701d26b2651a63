// What-ifs as they are chosen, and as addresses tell them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf, fromAddress, type Chosen } from "../src/changes";

const chosen: Chosen = { kind: "feed", name: "a-1", value: 5, feed: "B", after: 0 };

test("either feed of a rack may be lost, a whole PDU, and later than at once", () => {
  assert.deepEqual(changeOf(chosen), { feed: { rack: "a-1", feed: "B" } });
  assert.deepEqual(changeOf({ ...chosen, kind: "pduFails", name: "p-1" }), { feed: { pdu: "p-1" } });
  assert.deepEqual(changeOf({ ...chosen, kind: "load", after: 10 }), { atS: 600, load: { racks: ["a-1"], addW: 5 } });
});

test("an address brings back what was asked", () => {
  const changes = [changeOf(chosen), changeOf({ ...chosen, kind: "unitFails", after: 2 })];
  const asked = `#${new URLSearchParams({ changes: JSON.stringify(changes), for: "900", show: "x" })}`;
  assert.deepEqual(fromAddress(asked), { changes, duration: 900, each: false, open: "x" });
});

for (const wrong of ["5", "null", "{}", "[5]", "[null]", '[{"atS":1}]', '[{"load":3}]', '[{"atS":"x","load":{}}]', "[", '"a"']) {
  test(`changes that are none are left out: ${wrong}`, () => assert.deepEqual(fromAddress(`#${new URLSearchParams({ changes: wrong })}`).changes, []));
}

test("a duration that is none is the usual one", () => {
  for (const wrong of ["x", "-5", "0", "Infinity", ""]) assert.equal(fromAddress(`#for=${wrong}`).duration, 3600);
});
