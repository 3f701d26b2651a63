// Cold and hot aisles: the floor before and behind each row, as far as the next row or the wall. From positions alone.
import type { Box } from "./boxes";

export interface Aisle {
  kind: "cold" | "hot";
  x: number;
  y: number;
  // Along the row and across it.
  length: number;
  width: number;
  yaw: number;
}

const USUAL = 1.2;

interface Row {
  yaw: number;
  along: [number, number];
  across: number;
  depth: number;
}

export function aislesOf(racks: Box[], room: { width: number; depth: number }): Aisle[] {
  const rows = rowsOf(racks);
  const aisles: Aisle[] = [];
  for (const row of rows) {
    const [nx, ny] = [Math.cos(row.yaw), Math.sin(row.yaw)];
    for (const direction of [1, -1] as const) {
      const width = Math.min(USUAL, free(row, direction, rows, room));
      if (width < 0.2) continue;
      const away = direction * (row.depth / 2 + width / 2);
      const middle = (row.along[0] + row.along[1]) / 2;
      aisles.push({
        kind: direction === 1 ? "cold" : "hot",
        x: -ny * middle + nx * (row.across + away),
        y: nx * middle + ny * (row.across + away),
        length: row.along[1] - row.along[0],
        width,
        yaw: row.yaw,
      });
    }
  }
  return aisles;
}

// Racks that look the same way and stand in one line.
function rowsOf(racks: Box[]): Row[] {
  const rows = new Map<string, Row>();
  for (const { place, width, depth } of racks) {
    const [nx, ny] = [Math.cos(place.yaw), Math.sin(place.yaw)];
    const across = nx * place.x + ny * place.y;
    const along = -ny * place.x + nx * place.y;
    const key = `${Math.round(place.yaw * 20)} ${Math.round(across * 2)}`;
    const row = rows.get(key);
    if (row === undefined) rows.set(key, { yaw: place.yaw, along: [along - width / 2, along + width / 2], across, depth });
    else row.along = [Math.min(row.along[0], along - width / 2), Math.max(row.along[1], along + width / 2)];
  }
  return [...rows.values()];
}

// Floor before or behind a row: half of what is between it and the next row, or all of it to the wall.
function free(row: Row, direction: 1 | -1, rows: Row[], room: { width: number; depth: number }): number {
  const [nx, ny] = [Math.cos(row.yaw), Math.sin(row.yaw)];
  const edge = row.across + (direction * row.depth) / 2;
  const wall = Math.abs(nx) > Math.abs(ny) ? room.width : room.depth;
  const sign = Math.abs(nx) > Math.abs(ny) ? Math.sign(nx) : Math.sign(ny);
  const here = edge * sign;
  let room_ = direction * sign > 0 ? wall - here : here;
  for (const other of rows) {
    if (other === row || Math.abs(Math.sin(other.yaw - row.yaw)) > 0.1) continue;
    const same = Math.cos(other.yaw - row.yaw) > 0;
    const across = same ? other.across : -other.across;
    const gap = direction * (across - row.across) - row.depth / 2 - other.depth / 2;
    if (gap >= 0) room_ = Math.min(room_, gap / 2);
  }
  return room_;
}
