// All racks and units in one mesh and one draw call: a box in two zones with a dark strip on its front. One geometry and no
// instances, for software renderers draw each instance by itself. Colours stand in a small texture, two to a box, as the screen
// shows them; light is baked into the corners.
import { BufferAttribute, BufferGeometry, DataTexture, Mesh, Raycaster, ShaderMaterial, Vector3 } from "three";
import type { Place } from "../values";

export interface Box {
  id: string;
  label: string;
  place: Place;
  width: number;
  depth: number;
  height: number;
}
export type Rgb = [number, number, number];

// A point before (1) or behind (-1) a box, at a height.
export function side(box: Box, direction: 1 | -1, height: number, out = 0.12): Vector3 {
  const away = direction * (box.depth / 2 + out);
  return new Vector3(box.place.x + Math.cos(box.place.yaw) * away, box.place.z + height, box.place.y + Math.sin(box.place.yaw) * away);
}

const GAP = 0.012;
// How light falls on each side of a box: front, rear, left, right, top.
const SHADE = { front: 0.93, rear: 0.84, left: 0.88, right: 0.8, top: 1 };

interface Face {
  corners: [number, number, number][];
  shade: number;
}
const FACES: Face[] = [
  { corners: [[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], shade: SHADE.front },
  { corners: [[1, -1, -1], [-1, -1, -1], [-1, 1, -1], [1, 1, -1]], shade: SHADE.rear },
  { corners: [[-1, 1, 1], [1, 1, 1], [1, 1, -1], [-1, 1, -1]], shade: SHADE.top },
];
// Racks that touch show their sides to nobody.
const SIDES: Face[] = [
  { corners: [[-1, -1, -1], [-1, -1, 1], [-1, 1, 1], [-1, 1, -1]], shade: SHADE.left },
  { corners: [[1, -1, 1], [1, -1, -1], [1, 1, -1], [1, 1, 1]], shade: SHADE.right },
];

const VERTEX = `
  attribute float shade; attribute vec3 at; attribute float box;
  uniform sampler2D tints; uniform int columns;
  varying vec3 vLow; varying vec3 vHigh; varying vec3 vAt;
  void main() {
    int texel = 2 * int(box);
    vLow = texelFetch(tints, ivec2(texel % columns, texel / columns), 0).rgb * shade;
    vHigh = texelFetch(tints, ivec2((texel + 1) % columns, (texel + 1) / columns), 0).rgb * shade;
    vAt = at;
    gl_Position = projectionMatrix * (modelViewMatrix * vec4(position, 1.0));
  }`;
// The strip is so that one sees where cold air enters.
const FRAGMENT = `
  varying vec3 vLow; varying vec3 vHigh; varying vec3 vAt;
  void main() {
    vec3 tint = vAt.y < 0.0 ? vLow : vHigh;
    if (vAt.z > 0.999 && abs(vAt.x) < 0.16 && abs(vAt.y) < 0.92) tint = tint * 0.12;
    gl_FragColor = vec4(tint, 1.0);
  }`;
const COLUMNS = 256;

// Whether a box has a neighbour on both sides, touching.
function enclosed(all: Box[]): boolean[] {
  const key = (x: number, y: number): string => `${Math.round(x * 20)} ${Math.round(y * 20)}`;
  const ends = new Map<string, number>();
  const endsOf = (box: Box): string[] => {
    const [dx, dy] = [(-Math.sin(box.place.yaw) * box.width) / 2, (Math.cos(box.place.yaw) * box.width) / 2];
    return [key(box.place.x + dx, box.place.y + dy), key(box.place.x - dx, box.place.y - dy)];
  };
  for (const box of all) for (const end of endsOf(box)) ends.set(end, (ends.get(end) ?? 0) + 1);
  return all.map((box) => endsOf(box).every((end) => ends.get(end)! > 1));
}

export class Boxes {
  readonly mesh: Mesh<BufferGeometry, ShaderMaterial>;
  private readonly all: Box[];
  // Box of each triangle.
  private readonly owners: number[] = [];
  private readonly tints: DataTexture;
  private readonly texels: Uint8Array;
  // Corners of the racks alone; units come after them.
  private rackCorners = 0;

  constructor(
    readonly racks: Box[],
    readonly units: Box[],
  ) {
    this.all = [...racks, ...units];
    const rows = Math.max(1, Math.ceil((this.all.length * 2) / COLUMNS));
    this.texels = new Uint8Array(COLUMNS * rows * 4).fill(95);
    this.tints = new DataTexture(this.texels, COLUMNS, rows);
    this.tints.needsUpdate = true;
    const uniforms = { tints: { value: this.tints }, columns: { value: COLUMNS } };
    this.mesh = new Mesh(this.geometry(), new ShaderMaterial({ vertexShader: VERTEX, fragmentShader: FRAGMENT, uniforms }));
  }

  paint(index: number, low: Rgb, high: Rgb): void {
    this.texels.set(low, index * 8);
    this.texels.set(high, index * 8 + 4);
  }

  painted(): void {
    this.tints.needsUpdate = true;
  }

  showUnits(shown: boolean): void {
    this.mesh.geometry.setDrawRange(0, shown ? Infinity : this.rackCorners);
  }

  find(id: string): Box | undefined {
    return this.all.find((each) => each.id === id);
  }

  under(ray: Raycaster): string | null {
    const face = ray.intersectObject(this.mesh, false)[0]?.faceIndex;
    return face === undefined || face === null ? null : (this.all[this.owners[face]!]?.id ?? null);
  }

  dispose(): void {
    this.mesh.geometry.dispose();
    this.mesh.material.dispose();
    this.tints.dispose();
  }

  private geometry(): BufferGeometry {
    const columns = { position: [] as number[], at: [] as number[], shade: [] as number[], box: [] as number[] };
    const corners: number[] = [];
    const inner = enclosed(this.racks);
    this.all.forEach((box, index) => {
      const [cos, sin] = [Math.cos(box.place.yaw), Math.sin(box.place.yaw)];
      const { x, y, z } = box.place;
      for (const face of inner[index] === true ? FACES : [...FACES, ...SIDES]) {
        const first = columns.box.length;
        corners.push(first, first + 1, first + 2, first, first + 2, first + 3);
        this.owners.push(index, index);
        for (const [right, up, out] of face.corners) {
          const across = (right * (box.width - GAP)) / 2;
          const away = (out * box.depth) / 2;
          columns.position.push(x + cos * away + sin * across, z + ((up + 1) * box.height) / 2, y + sin * away - cos * across);
          columns.at.push(right, up, out);
          columns.shade.push(face.shade);
          columns.box.push(index);
        }
      }
      if (index === this.racks.length - 1) this.rackCorners = corners.length;
    });
    const geometry = new BufferGeometry();
    geometry.setIndex(corners);
    for (const [name, values] of Object.entries(columns)) geometry.setAttribute(name, new BufferAttribute(new Float32Array(values), name === "position" || name === "at" ? 3 : 1));
    geometry.computeBoundingSphere();
    return geometry;
  }
}
