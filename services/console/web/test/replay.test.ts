// A moment of the past: what is shown is of that moment and never of the present.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PastAlert, States, Thing } from "../src/api";
import { Film, momentOf, openThen, stepAt, timesOf } from "../src/replay";
import { airFlows } from "../src/room/flows";
import { alertsOf, number, ofRoom, past, replaceThings, shownAt, things, thingShown } from "../src/store";
import { meant, predicted, stateOf, supplyOf, zonesOf } from "../src/values";

const NOW = Date.now();
const THEN = 1_780_000_000_000;
const RACK = "racktwin.berlin:rack-r1";
const UNIT = "racktwin.berlin:cooling-crah-1";

function present(): void {
  const air = (temperature: number) => ({ properties: { temperature, observedAt: NOW } });
  const alert = { severity: "critical", title: "Hot", text: "hot now", since: NOW - 1000 };
  replaceThings([
    {
      id: RACK, kind: "rack", name: "r1", attributes: { location: "hall-a" },
      features: {
        "environment.top": air(40), "environment.bottom": air(39), indices: { properties: { ashraeState: "out" } },
        alerts: { properties: { open: { "inlet-high": alert } } }, cooling: { properties: { deltaT: 10, supplyFraction: 0.2 } },
        "prediction.inlet-temperature.top": { properties: { value: 41, expiresAt: NOW + 1e6 } },
      },
    },
    { id: UNIT, kind: "cooling", name: "crah-1", attributes: { location: "hall-a", racks: [RACK] }, features: { air: { properties: { supplyTemperature: 30, observedAt: NOW } } } },
  ]);
}

const states = (values: States["values"], texts: States["texts"] = {}): States => ({ step_s: 60, times: [THEN, THEN + 60_000], texts, values });
const show = (found: States, place: number, alerts: PastAlert[] = []): void => {
  past.value = momentOf(things, found.times[place]!, [{ states: found, place }], alerts);
};
const rack = (): Thing => thingShown(RACK)!;
const alert = (more: Partial<PastAlert>): PastAlert => ({
  thing: RACK, rule: "inlet-high", severity: "warning", title: "Inlet high", text: "hot then", since: THEN, until: null, acknowledged_by: null, acknowledged_at: null, ...more,
});

test("colours, filters, flows and numbers are of the moment that is shown", () => {
  present();
  assert.deepEqual(zonesOf(ofRoom("rack", "hall-a")[0]!, "inlet", shownAt()), { bottom: 39, top: 40 });
  assert.equal(meant(rack(), "out", shownAt()), true);
  show(
    states(
      {
        [RACK]: {
          "environment.top/temperature": [22, 23], "environment.bottom/temperature": [20, 21], "power/power": [2000, 3000], "indices/ashraeState": [0, 1],
          "cooling/supplyFraction": [0.9, 0.5], "prediction.inlet-temperature.top/value": [null, 24],
        },
        [UNIT]: { "air/supplyTemperature": [18, 19], "control/fanSpeed": [60, 70] },
      },
      { "indices/ashraeState": ["recommended", "allowable"] },
    ),
    0,
  );
  const [one] = ofRoom("rack", "hall-a");
  assert.equal(shownAt(), THEN);
  assert.deepEqual(zonesOf(one!, "inlet", THEN), { bottom: 20, top: 22 });
  assert.deepEqual(zonesOf(one!, "power", THEN), { bottom: 2, top: 2 });
  assert.equal(stateOf(one!), "recommended");
  assert.equal(meant(one!, "out", THEN), false);
  assert.equal(meant(one!, "stale", THEN), false);
  assert.equal(supplyOf(thingShown(UNIT)!, THEN), 18);
  assert.equal(number(thingShown(UNIT)!, "control", "fanSpeed"), 60);
  const recirculated = airFlows(ofRoom("rack", "hall-a"), ofRoom("cooling", "hall-a")).find((flow) => flow.kind === "recirculation");
  assert.ok(Math.abs(recirculated!.share - 0.1) < 1e-9);
  // What had not been predicted then is not shown, whatever is predicted now.
  assert.equal(predicted(one!, "top", THEN), null);
  past.value = null;
  assert.equal(meant(rack(), "out", shownAt()), true);
});

test("what comes in of the present does not get into a moment of the past", () => {
  present();
  show(states({ [RACK]: { "environment.top/temperature": [22, 23] } }), 1);
  assert.deepEqual(Object.keys(rack().features), ["environment.top"]);
  present();
  assert.equal(number(rack(), "environment.top", "temperature"), 23);
  assert.equal(meant(rack(), "alerts", shownAt()), false);
  // Its bottom had not been heard of.
  assert.equal(meant(rack(), "stale", shownAt()), true);
  assert.equal(meant(rack(), "out", shownAt()), true);
  past.value = null;
});

test("nothing is known of a moment that is not read yet", () => {
  present();
  past.value = momentOf(things, THEN, [null], []);
  assert.deepEqual(airFlows(ofRoom("rack", "hall-a"), ofRoom("cooling", "hall-a")), []);
  assert.deepEqual(zonesOf(rack(), "inlet", THEN), { bottom: null, top: null });
  past.value = null;
});

test("alerts are those that were open then, acknowledged or not as they were then", () => {
  const all = [alert({ until: THEN + 60_000, acknowledged_by: "ann", acknowledged_at: THEN + 30_000 }), alert({ rule: "stale", since: THEN + 50_000 })];
  const at = (ms: number) => Object.entries(openThen(all, THEN + ms).get(RACK) ?? {}).map(([rule, each]) => `${rule} ${each.acknowledgedBy ?? ""}`);
  assert.deepEqual(at(-1), []);
  assert.deepEqual(at(0), ["inlet-high "]);
  assert.deepEqual(at(55_000), ["inlet-high ann", "stale "]);
  assert.deepEqual(at(60_000), ["stale "]);
  present();
  show(states({}), 0, all);
  assert.deepEqual(alertsOf(rack()).map((each) => each.text), ["hot then"]);
  past.value = null;
});

test("steps end on whole ones, at most 240 of them", () => {
  const longAfter = THEN + 30 * 86_400_000;
  const { step_s, times } = timesOf(THEN + 1, THEN + 3_600_001, longAfter);
  assert.equal(step_s, 15);
  assert.equal(times.length, 240);
  assert.ok(times.every((time) => time % 15_000 === 0 && time > THEN && time < THEN + 3_600_001));
  assert.ok(timesOf(THEN, THEN + 5000, longAfter).times.length <= 5);
  // What has just happened lies before the last step, while it has only begun; also where the hour was chosen a moment ago, as
  // when the page opens.
  const until = THEN + 3_600_001;
  for (const now of [until - 600_000, until, until + 14, until + 14_999]) {
    const begun = timesOf(THEN + 1, until, now).times.at(-1)!;
    assert.ok(begun >= now && begun < now + 15_000, `${begun - now}`);
  }
  // An hour that is over ends where it ends, and so does a long time: its next step is minutes away.
  assert.ok(timesOf(THEN + 1, until, until + 15_000).times.at(-1)! < until);
  const week = THEN + 7 * 86_400_000;
  assert.ok(timesOf(THEN, week, week).times.at(-1)! < week);
});

const settled = (): Promise<void> => new Promise((done) => setImmediate(done));
function filmed(count: number, ahead: "all" | "next" = "all"): { film: Film; asked: number[]; fail: { next: Error | null } } {
  const times = Array.from({ length: count }, (_, i) => THEN + i * 1000);
  const [asked, fail] = [[] as number[], { next: null as Error | null }];
  const read = (from: number, to: number): Promise<States> => {
    asked.push((from - THEN) / 1000);
    assert.ok(to - from <= 60_000);
    return fail.next !== null ? Promise.reject(fail.next) : Promise.resolve({ step_s: 1, times: [], texts: {}, values: { [String(from)]: {} } });
  };
  return { film: new Film(times, read, () => undefined, ahead), asked, fail };
}

test("a film is read from where one looks, then what follows, then what was before", async () => {
  const { film, asked } = filmed(100);
  film.look(50);
  assert.equal(film.has(50), false);
  await settled();
  assert.deepEqual(asked, [48, 72, 96, 24, 0]);
  assert.equal(film.complete, true);
  assert.equal(film.at(50)?.place, 2);
  film.look(0);
  await settled();
  assert.equal(asked.length, 5);
});

test("of what is selected only what is looked at next is read", async () => {
  const { film, asked } = filmed(100, "next");
  film.look(0);
  await settled();
  assert.deepEqual(asked, [0, 24]);
});

test("what could not be read is asked for again after a while, and not at each look", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { film, asked, fail } = filmed(10);
  fail.next = new Error("the network is away");
  film.look(0);
  await settled();
  for (let look = 0; look < 5; look++) film.look(look);
  await settled();
  assert.deepEqual([asked, film.has(0)], [[0], false]);
  context.mock.timers.tick(1000);
  await settled();
  assert.deepEqual(asked, [0, 0]);
  // Twice as long after a second failure.
  context.mock.timers.tick(1000);
  await settled();
  assert.deepEqual(asked, [0, 0]);
  fail.next = null;
  context.mock.timers.tick(1000);
  await settled();
  assert.equal(film.has(0), true);
});

test("what the server will never answer is not asked for again", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { film, asked, fail } = filmed(10);
  fail.next = Object.assign(new Error("no such thing"), { status: 422 });
  film.look(0);
  await settled();
  context.mock.timers.tick(100_000);
  film.look(1);
  await settled();
  assert.deepEqual(asked, [0]);
});

test("a moment is shown by the first step that is not before it, or by the last", () => {
  assert.deepEqual([0, 10, 11, 30, 31].map((at) => stepAt([10, 20, 30], at)), [0, 0, 1, 2, 2]);
  assert.equal(stepAt([], 5), 0);
});
