// Each rack is judged by its own ASHRAE class.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SiteSummary, Thing } from "../src/api";
import { cssOf, gradientOf, limitsOf, placesOf, verdictOf } from "../src/colour";
import { classesOf, classOf, scales } from "../src/room/scale";
import { site, sites } from "../src/store";

const rack = (name: string, attributes: Record<string, unknown> = {}): Thing => ({ id: name, kind: "rack", name, attributes, features: {} });
const RACKS = [rack("a", { ashraeClass: "A1" }), rack("b", { ashraeClass: "A3" }), rack("c")];
sites.value = [{ name: "berlin", display_name: "Berlin", ashrae_class: "A2", rooms: [] } satisfies SiteSummary];
site.value = "berlin";

test("a rack that names no class has its site's", () => {
  assert.deepEqual(RACKS.map(classOf), ["A1", "A3", "A2"]);
  assert.deepEqual(classesOf([...RACKS, RACKS[0]!]), ["A1", "A2", "A3"]);
});

test("the same inlet is another colour and another verdict by class", () => {
  const of = scales(RACKS, "inlet");
  const colours = RACKS.map((each) => cssOf(of(each), 33));
  assert.equal(new Set(colours).size, 3);
  assert.deepEqual(RACKS.map((each) => verdictOf(33, classOf(each))), ["out", "allowable", "allowable"]);
  // A limit has one colour, whichever class's it is.
  assert.equal(cssOf(of(RACKS[0]!), 32), cssOf(of(RACKS[1]!), 40));
  assert.equal(cssOf(of(RACKS[0]!), 27), cssOf(of(RACKS[1]!), 27));
});

test("limits belong to the range, and the cold is judged too", () => {
  assert.deepEqual([9.9, 10, 17.9, 18, 27, 27.1, 35, 35.1].map((value) => verdictOf(value, "A2")), [
    "out", "allowable", "allowable", "recommended", "recommended", "allowable", "allowable", "out",
  ]);
  assert.equal(verdictOf(24, "H1"), "allowable");
  assert.deepEqual(limitsOf("none such"), limitsOf("A2"));
});

test("what is no inlet has one scale for all", () => {
  const of = scales([rack("a", { availablePower: 8000 }), rack("b", { availablePower: 12000 })], "power");
  assert.equal(of(RACKS[0]!), of(RACKS[1]!));
  assert.equal(of(RACKS[0]!).stops.at(-1)![0], 12);
});

test("classes share a legend's colours where they stand evenly", () => {
  const of = scales(RACKS, "inlet");
  const [one, other] = [of(RACKS[0]!), of(RACKS[1]!)];
  assert.equal(gradientOf(one, true), gradientOf(other, true));
  assert.notEqual(gradientOf(one), gradientOf(other));
  assert.deepEqual(placesOf(one, true), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.equal(placesOf(one, false).at(-1), 1);
});
