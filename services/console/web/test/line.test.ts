// A live connection: read, followed, taken for dead when nothing is heard, and opened again whatever the browser says of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Line, type FeedState, type Socket } from "../src/line";

class FakeSocket implements Socket {
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  closed = false;
  // As a browser does while nobody answers: `onclose` comes a minute later, or not in this test.
  close(): void {
    this.closed = true;
  }
  say(message: object): void {
    this.onmessage?.call(this as unknown as WebSocket, { data: JSON.stringify(message) } as MessageEvent);
  }
  fall(): void {
    this.onclose?.call(this as unknown as WebSocket, {} as CloseEvent);
  }
}

class World {
  at = 0;
  sockets: FakeSocket[] = [];
  states: FeedState[] = [];
  shown: Record<string, unknown>[] = [];
  readings: { done: (picture: Record<string, unknown>) => void; fail: () => void }[] = [];
  twins: Record<string, unknown> = {};
  private timers: { at: number; run: () => void }[] = [];
  line = new Line<Record<string, unknown>>({
    open: () => {
      this.sockets.push(new FakeSocket());
      return this.last;
    },
    read: () => new Promise((done, fail) => this.readings.push({ done, fail: () => fail(new Error("no answer")) })),
    show: (picture) => {
      this.shown.push(picture);
      this.twins = { ...picture };
    },
    change: (things) => {
      const known = Object.keys(things).every((id) => id in this.twins);
      for (const [id, thing] of Object.entries(things)) if (id in this.twins) this.twins[id] = thing;
      return known;
    },
    tell: (state) => this.states.push(state),
    now: () => this.at,
    later: (run, ms) => void this.timers.push({ at: this.at + ms, run }),
  });

  get last(): FakeSocket {
    return this.sockets.at(-1)!;
  }
  get state(): FeedState | undefined {
    return this.states.at(-1);
  }
  // Second by second, as the page does.
  pass(ms: number, each: () => void = () => undefined): void {
    for (const end = this.at + ms; this.at < end; ) {
      this.at = Math.min(end, this.at + 1000);
      const due = this.timers.filter((timer) => timer.at <= this.at);
      this.timers = this.timers.filter((timer) => timer.at > this.at);
      for (const timer of due) timer.run();
      each();
      this.line.check();
    }
  }
  async answer(picture: Record<string, unknown>): Promise<void> {
    this.readings.shift()!.done(picture);
    await settled();
  }
  async begin(): Promise<void> {
    this.last.say({ type: "hello", state: "live" });
    await this.answer({ r1: { n: 0 } });
  }
}

const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

test("what changes while the picture is read is shown on top of it", async () => {
  const world = new World();
  world.last.say({ type: "hello", state: "live" });
  world.last.say({ type: "delta", things: { r1: { n: 2 } } });
  assert.deepEqual(world.twins, {});
  await world.answer({ r1: { n: 1 } });
  assert.deepEqual(world.twins, { r1: { n: 2 } });
  assert.deepEqual(world.states, ["live"]);
});

test("a network that went away: the page says so after fifteen seconds and connects anew, without the browser's last word", async () => {
  const world = new World();
  await world.begin();
  const dead = world.last;
  world.pass(15_000);
  assert.equal(world.state, "live");
  world.pass(1000);
  assert.equal(world.state, "behind");
  assert.ok(dead.closed);
  world.pass(1000);
  assert.equal(world.sockets.length, 2);
  await world.begin();
  assert.equal(world.state, "live");
  // What the old one says at last is nothing.
  dead.say({ type: "delta", things: { r1: { n: 9 } } });
  dead.fall();
  assert.equal(world.state, "live");
  assert.deepEqual(world.twins, { r1: { n: 0 } });
  world.pass(10_000);
  assert.equal(world.sockets.length, 2);
});

test("a site where nothing changes is live as long as the console says so", async () => {
  const world = new World();
  await world.begin();
  let passes = 0;
  world.pass(120_000, () => ++passes % 5 === 0 && world.last.say({ type: "feed", state: "live" }));
  assert.equal(world.sockets.length, 1);
  assert.equal(world.state, "live");
});

test("a connection that is never answered is given up too, and the pauses grow to ten seconds", () => {
  const world = new World();
  world.pass(600_000);
  // Fifteen seconds of silence and at most fifteen of pause each; at first less.
  assert.ok(world.sockets.length >= 600 / 32 && world.sockets.length <= 600 / 16, String(world.sockets.length));
  assert.ok(world.sockets.slice(0, -1).every((each) => each.closed));
  assert.ok(world.states.every((state) => state === "behind"));
});

test("told that the network is gone it says so at once; told that it is back it waits for no pause", async () => {
  const world = new World();
  await world.begin();
  world.line.lose();
  assert.equal(world.state, "behind");
  world.line.lose();
  assert.deepEqual(world.states, ["live", "behind"]);
  world.line.retry();
  assert.equal(world.sockets.length, 2);
  world.pass(2000);
  assert.equal(world.sockets.length, 2);
});

test("a picture that cannot be read, or comes for a connection that is gone, is not shown as live", async () => {
  const world = new World();
  world.last.say({ type: "hello", state: "live" });
  world.readings.shift()!.fail();
  await settled();
  assert.equal(world.state, "behind");
  assert.ok(world.sockets[0]!.closed);
  world.pass(1000);
  world.last.say({ type: "hello", state: "live" });
  world.last.fall();
  await world.answer({ r1: {} });
  assert.deepEqual(world.shown, []);
  assert.equal(world.state, "behind");
});

test("something new is read once a second at most, however often it is told of", async () => {
  const world = new World();
  await world.begin();
  for (let i = 0; i < 20; i++) world.last.say({ type: "delta", things: { r2: { n: i } } });
  assert.equal(world.readings.length, 0);
  world.pass(1000);
  assert.equal(world.readings.length, 1);
  world.last.say({ type: "delta", things: { r2: { n: 21 }, r3: {} } });
  await world.answer({ r1: { n: 0 }, r2: { n: 20 } });
  assert.deepEqual(world.twins, { r1: { n: 0 }, r2: { n: 21 } });
  // The third was not in the picture yet.
  world.pass(1000);
  await world.answer({ r1: { n: 0 }, r2: { n: 21 }, r3: {} });
  assert.deepEqual(Object.keys(world.twins), ["r1", "r2", "r3"]);
  assert.equal(world.readings.length, 0);
  assert.deepEqual(world.states, ["live"]);
});

test("a site that is left is not opened again", async () => {
  const world = new World();
  await world.begin();
  world.line.lose();
  world.line.end();
  world.line.retry();
  world.pass(60_000);
  assert.equal(world.sockets.length, 1);
  assert.ok(world.last.closed);
});
