// What stands still in the 3D view: floor, grid, walls, aisles, names. Geometry from measures; knows nothing of twins.
import {
  BoxGeometry,
  BufferAttribute,
  BufferGeometry,
  CanvasTexture,
  EdgesGeometry,
  Group,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
  Object3D,
  PlaneGeometry,
  Sprite,
  SpriteMaterial,
} from "three";
import type { Aisle } from "./aisles";
import type { Box } from "./boxes";

export interface Palette {
  background: string;
  floor: string;
  line: string;
  ink: string;
  cold: string;
  hot: string;
}
export function roomShell(size: { width: number; depth: number; height: number }, palette: Palette): Object3D[] {
  const { width, depth, height } = size;
  const floor = new Mesh(new PlaneGeometry(width, depth), new MeshBasicMaterial({ color: palette.floor }));
  floor.rotation.x = -Math.PI / 2;
  floor.position.set(width / 2, -0.02, depth / 2);
  // After what stands on it, so that hidden pixels are not computed.
  floor.renderOrder = -1;
  const lines: number[] = [];
  // Floor tiles are 0.6 m; of a large room every fifth joint is drawn.
  const step = Math.max(width, depth) > 40 ? 3 : 0.6;
  for (let x = 0; x <= width + 1e-6; x += step) lines.push(x, 0, 0, x, 0, depth);
  for (let y = 0; y <= depth + 1e-6; y += step) lines.push(0, 0, y, width, 0, y);
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(lines), 3));
  const grid = new LineSegments(geometry, new LineBasicMaterial({ color: palette.line, transparent: true, opacity: 0.45 }));
  const walls = new LineSegments(new EdgesGeometry(new BoxGeometry(width, height, depth)), new LineBasicMaterial({ color: palette.line }));
  walls.position.set(width / 2, height / 2, depth / 2);
  return [floor, grid, walls];
}

export function floorPlates(aisles: Aisle[], colour: string): Mesh {
  const positions: number[] = [];
  for (const { x, y, length, width, yaw } of aisles) {
    const [nx, ny] = [Math.cos(yaw), Math.sin(yaw)];
    const corner = (along: number, across: number): [number, number, number] => [
      x - (ny * along * length) / 2 + (nx * across * width) / 2,
      -0.008,
      y + (nx * along * length) / 2 + (ny * across * width) / 2,
    ];
    const [a, b, c, d] = [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
    for (const each of [a, b, c, a, c, d]) positions.push(...each);
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(positions), 3));
  // Either side up: which way a row's corners turn depends on where it looks.
  const plates = new Mesh(geometry, new MeshBasicMaterial({ color: colour, side: 2 }));
  plates.renderOrder = -2;
  return plates;
}

interface Sign {
  size: number;
  lift: number;
  // What the text stands on.
  ground: string;
}

export function label(box: Box, colour: string, { size, lift, ground }: Sign): Sprite {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d")!;
  const font = "bold 28px system-ui, sans-serif";
  context.font = font;
  canvas.width = Math.max(40, Math.ceil(context.measureText(box.label).width) + 20);
  canvas.height = 40;
  context.font = font;
  context.fillStyle = ground;
  context.beginPath();
  context.roundRect(0, 0, canvas.width, canvas.height, 14);
  context.fill();
  context.fillStyle = colour;
  context.textAlign = "center";
  context.fillText(box.label, canvas.width / 2, 30);
  const texture = new CanvasTexture(canvas);
  const sprite = new Sprite(new SpriteMaterial({ map: texture, depthTest: false }));
  sprite.scale.set((canvas.width / canvas.height) * size, size, 1);
  sprite.position.set(box.place.x, box.place.z + box.height + lift, box.place.y);
  return sprite;
}

export function empty(group: Group): void {
  for (const child of [...group.children]) {
    group.remove(child);
    if (child instanceof Mesh || child instanceof LineSegments) {
      child.geometry.dispose();
      (child.material as MeshBasicMaterial | LineBasicMaterial).dispose();
    }
    if (child instanceof Sprite) {
      child.material.map?.dispose();
      child.material.dispose();
    }
  }
}
