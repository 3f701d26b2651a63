// Racks that stand side by side, as one box: a row of fifty is drawn as five faces instead of two hundred.
import type { Box } from "./boxes";

export interface Run {
  // As one box, and which boxes stand in it, from its left (seen from behind) to its right.
  whole: Box;
  members: number[];
}

// Nearer than this (m) they touch.
const TOUCHES = 0.03;
const along = ({ place }: Box): number => place.x * Math.sin(place.yaw) - place.y * Math.cos(place.yaw);
const out = ({ place }: Box): number => place.x * Math.cos(place.yaw) + place.y * Math.sin(place.yaw);

export function runsOf(boxes: Box[]): Run[] {
  const lines = new Map<string, number[]>();
  boxes.forEach((box, index) => {
    const { place, width, depth, height } = box;
    const key = [place.yaw * 10, out(box), place.z, width, depth, height].map((each) => Math.round(each * 100)).join(" ");
    const line = lines.get(key);
    if (line === undefined) lines.set(key, [index]);
    else line.push(index);
  });
  const runs: Run[] = [];
  for (const line of lines.values()) {
    line.sort((a, b) => along(boxes[a]!) - along(boxes[b]!));
    let members: number[] = [];
    line.forEach((index, i) => {
      members.push(index);
      const next = line[i + 1];
      if (next === undefined || Math.abs(along(boxes[next]!) - along(boxes[index]!) - boxes[index]!.width) > TOUCHES) {
        runs.push({ whole: wholeOf(boxes, members), members });
        members = [];
      }
    });
  }
  return runs;
}

function wholeOf(boxes: Box[], members: number[]): Box {
  const [first, last] = [boxes[members[0]!]!, boxes[members[members.length - 1]!]!];
  const place = { ...first.place, x: (first.place.x + last.place.x) / 2, y: (first.place.y + last.place.y) / 2 };
  return { ...first, place, width: along(last) - along(first) + first.width };
}
