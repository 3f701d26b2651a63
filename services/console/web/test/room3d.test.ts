// What the 3D view draws: rows as few boxes, and fewer pixels only as far as a movement needs it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferGeometry, Mesh, Raycaster, Vector3 } from "three";
import { Boxes, type Box } from "../src/room/boxes";
import { Pace } from "../src/room/pace";
import { runsOf } from "../src/room/runs";

const rack = (id: string, x: number, y: number, yawDeg = 90, width = 0.6): Box => ({
  id, label: id, place: { x, y, z: 0, yaw: (yawDeg * Math.PI) / 180 }, width, depth: 1.1, height: 2,
});
const row = (name: string, count: number, y: number, yawDeg: number): Box[] => Array.from({ length: count }, (_, i) => rack(`${name}${i}`, 1 + i * 0.6, y, yawDeg));

test("racks side by side are one run, whichever way they look; a gap or another size parts them", () => {
  for (const yaw of [90, -90]) {
    const [run, ...others] = runsOf(row("a", 5, 2, yaw));
    assert.equal(others.length, 0);
    assert.equal(run!.members.length, 5);
    assert.ok(Math.abs(run!.whole.width - 3) < 1e-9);
    assert.ok(Math.abs(run!.whole.place.x - 2.2) < 1e-9);
  }
  assert.equal(runsOf([...row("a", 3, 2, 90), rack("b", 3.4, 2)]).length, 2);
  assert.equal(runsOf([...row("a", 3, 2, 90), rack("b", 2.8 + 0.1, 2, 90, 0.8)]).length, 2);
  assert.equal(runsOf([...row("a", 3, 2, 90), ...row("b", 3, 4, 90)]).length, 2);
});

test("a ray finds the rack that it hits, from the front, the rear, above and at an end", () => {
  const boxes = new Boxes([...row("a", 5, 2, 90), ...row("b", 5, 5, -90)], [rack("unit", 8, 3)]);
  const hit = (from: [number, number, number], to: [number, number, number]): string | null => {
    const eye = new Vector3(...from);
    boxes.seenFrom(eye);
    return boxes.under(new Raycaster(eye, new Vector3(...to).sub(eye).normalize()));
  };
  for (let i = 0; i < 5; i++) {
    const x = 1 + i * 0.6;
    // Rows look at each other across the aisle between y = 2 and 5.
    assert.equal(hit([x, 1, 3.5], [x, 1, 2]), `a${i}`);
    assert.equal(hit([x, 1, 3.5], [x, 1, 5]), `b${i}`);
    assert.equal(hit([x, 1, -3], [x, 1, 2]), `a${i}`);
    assert.equal(hit([x, 9, 2], [x, 0, 2]), `a${i}`);
  }
  assert.equal(hit([-3, 1, 2], [1, 1, 2]), "a0");
  assert.equal(hit([6, 1, 2], [3, 1, 2]), "a4");
  assert.equal(hit([6, 1, 3], [8, 1, 3]), "unit");
  boxes.showUnits(false);
  assert.equal(hit([6, 1, 3], [8, 1, 3]), null);
  assert.equal(boxes.find("b3")?.place.y, 5);
});

test("a thousand racks in rows are few triangles, and faces that look away are left out", () => {
  const racks = Array.from({ length: 20 }, (_, i) => row(`r${i}-`, 50, 2 + i * 2.4, i % 2 ? 90 : -90)).flat();
  const boxes = new Boxes(racks, []);
  const triangles = (): number =>
    boxes.group.children.filter((each) => each.visible).reduce((sum, each) => sum + (each as Mesh<BufferGeometry>).geometry.getIndex()!.count / 3, 0);
  assert.equal(triangles(), 200);
  boxes.seenFrom(new Vector3(16, 30, 80));
  assert.equal(triangles(), 80);
});

test("a smooth movement keeps every pixel; a slow one goes down, at once where it is very slow, and no further than half", () => {
  const after = (took: number, frames: number, pace = new Pace(0)): number[] => [pace.next(0), ...Array.from({ length: frames }, () => pace.next(took))];
  assert.deepEqual([...new Set(after(16.7, 60))], [1]);
  assert.deepEqual([...new Set(after(22, 60))], [1, 0.75, 0.5]);
  assert.deepEqual([...new Set(after(400, 60))], [1, 0.5]);
  // One late frame in ten has other reasons than pixels.
  const pace = new Pace(0);
  for (let i = 0; i < 200; i++) assert.equal(pace.next(i % 10 === 3 ? 60 : 16.7), 1);
});

test("at rest every pixel is drawn, the next movement begins as the last one ended, and more pixels are tried ever more seldom", () => {
  const pace = new Pace(0);
  for (let i = 0; i < 20; i++) pace.next(50);
  assert.equal(pace.next(null), 1);
  assert.equal(pace.next(5000), 0.5);
  const smoothUntilTried = (): number => {
    for (let frames = 1; ; frames++) if (pace.next(16.7) === 0.75) return frames;
  };
  const first = smoothUntilTried();
  for (let i = 0; i < 8; i++) pace.next(25);
  assert.equal(pace.next(16.7), 0.5);
  assert.ok(smoothUntilTried() > 1.7 * first);
});
