// All racks and units in a few meshes of few triangles, for that is what a software renderer's time goes with: racks that stand side
// by side are one box, and each pixel looks up in a small texture whose colour it has. Faces that look the same way are a draw
// call of their own, nearest first, so that those which look away cost nothing and few pixels are computed twice. Colours are as
// the screen shows them, two to a box; light is baked in.
import { BufferAttribute, BufferGeometry, DataTexture, Group, Mesh, Raycaster, ShaderMaterial, Vector3 } from "three";
import type { Place } from "../values";
import { runsOf, type Run } from "./runs";

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

// How light falls on each side of a box: front, rear, left, right, top.
const SHADE = { front: 0.93, rear: 0.84, left: 0.88, right: 0.8, top: 1 };

type Corner = [right: number, up: number, out: number];
interface Face {
  corners: [Corner, Corner, Corner, Corner];
  // Right, up and out, as the corners.
  normal: Corner;
  shade: number;
}
const FACES: Face[] = [
  { corners: [[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]], normal: [0, 0, 1], shade: SHADE.front },
  { corners: [[1, -1, -1], [-1, -1, -1], [-1, 1, -1], [1, 1, -1]], normal: [0, 0, -1], shade: SHADE.rear },
  { corners: [[-1, 1, 1], [1, 1, 1], [1, 1, -1], [-1, 1, -1]], normal: [0, 1, 0], shade: SHADE.top },
  { corners: [[-1, -1, -1], [-1, -1, 1], [-1, 1, 1], [-1, 1, -1]], normal: [-1, 0, 0], shade: SHADE.left },
  { corners: [[1, -1, 1], [1, -1, -1], [1, 1, -1], [1, 1, 1]], normal: [1, 0, 0], shade: SHADE.right },
];

// `uv`: across in boxes of the run, and up from -1 to 1. `face`: first and last box of the run, light, half the strip's width.
const VERTEX = `
  attribute vec4 face;
  flat varying vec4 vFace; varying vec2 vUv;
  void main() {
    vFace = face; vUv = uv;
    gl_Position = projectionMatrix * (modelViewMatrix * vec4(position, 1.0));
  }`;
// The strip is so that one sees where cold air enters. It and the joints between racks fade where they are narrower than a pixel.
const FRAGMENT = `
  uniform sampler2D tints;
  flat varying vec4 vFace; varying vec2 vUv;
  void main() {
    int texel = 2 * int(clamp(vFace.x + floor(vUv.x), vFace.x, vFace.y)) + (vUv.y < 0.0 ? 0 : 1);
    vec3 tint = texelFetch(tints, ivec2(texel & 255, texel >> 8), 0).rgb * vFace.z;
    float pixel = max(fwidth(vUv.x), 1e-4);
    float middle = abs(fract(vUv.x) - 0.5);
    float joint = clamp((middle - 0.488) / pixel + 0.5, 0.0, 1.0) * min(1.0, 0.024 / pixel);
    float strip = abs(vUv.y) < 0.92 ? clamp((vFace.w - middle) / pixel + 0.5, 0.0, 1.0) : 0.0;
    gl_FragColor = vec4(tint * (1.0 - max(0.88 * strip, 0.55 * joint)), 1.0);
  }`;
const COLUMNS = 256;
const STRIP = 0.08;
// On a face without a strip nothing is near enough to its middle, whatever a pixel's width.
const NO_STRIP = -1e4;
// Of racks that stand at all angles, the faces are not told apart by where they look.
const MOST_DIRECTIONS = 12;

interface Quad {
  first: number;
  // How far out the face's plane stands along its normal.
  reach: number;
}
// Faces that look the same way.
interface Facing {
  normal: Vector3;
  nearest: number;
  mesh: Mesh<BufferGeometry, ShaderMaterial>;
}

export class Boxes {
  readonly group = new Group();
  private readonly all: Box[];
  private readonly byId = new Map<string, Box>();
  private readonly runs: Run[];
  // Where in the texture a box has its colours.
  private readonly slots: Uint32Array;
  private readonly tints: DataTexture;
  private readonly texels: Uint8Array;
  private readonly material: ShaderMaterial;
  private readonly facings: Facing[] = [];
  private readonly unitMesh: Mesh<BufferGeometry, ShaderMaterial> | null;

  constructor(
    readonly racks: Box[],
    readonly units: Box[],
  ) {
    this.all = [...racks, ...units];
    for (const box of this.all) this.byId.set(box.id, box);
    this.slots = new Uint32Array(this.all.length);
    const rows = Math.max(1, Math.ceil((this.all.length * 2) / COLUMNS));
    this.texels = new Uint8Array(COLUMNS * rows * 4).fill(95);
    this.tints = new DataTexture(this.texels, COLUMNS, rows);
    this.tints.needsUpdate = true;
    this.material = new ShaderMaterial({ vertexShader: VERTEX, fragmentShader: FRAGMENT, uniforms: { tints: { value: this.tints } } });
    const ofRacks = runsOf(racks);
    // Units are drawn apart, for they can be hidden.
    this.runs = [...ofRacks, ...units.map((whole, i) => ({ whole, members: [racks.length + i] }))];

    const corners = this.runs.length * FACES.length * 4;
    const position = new BufferAttribute(new Float32Array(corners * 3), 3);
    const uv = new BufferAttribute(new Float32Array(corners * 2), 2);
    const face = new BufferAttribute(new Float32Array(corners * 4), 4);
    const looking = new Map<string, { normal: Vector3; quads: Quad[] }>();
    const ofUnits: Quad[] = [];
    let [corner, slot] = [0, 0];
    this.runs.forEach(({ whole, members }, number) => {
      const first = slot;
      for (const member of members) this.slots[member] = slot++;
      for (const { corners: four, normal, shade } of FACES) {
        const direction = turned(whole, normal);
        const quad = { first: corner, reach: direction.dot(pointOf(whole, four[0])) };
        if (number >= ofRacks.length) ofUnits.push(quad);
        else facing(looking, direction).push(quad);
        for (const each of four) {
          position.setXYZ(corner, ...pointOf(whole, each).toArray());
          // At an end, the last box's own colour.
          const across = normal[0] === 0 ? (each[0] + 1) / 2 : normal[0] < 0 ? 0.5 / members.length : 1 - 0.5 / members.length;
          uv.setXY(corner, across * members.length, each[1]);
          face.setXYZW(corner, first, first + members.length - 1, shade, normal[2] > 0 ? STRIP : NO_STRIP);
          corner++;
        }
      }
    });

    const shared = { position, uv, face };
    const several = looking.size <= MOST_DIRECTIONS;
    // Tops last: they hide nothing.
    const parts = [...looking.values()].sort((a, b) => a.normal.y - b.normal.y);
    for (const { normal, quads } of several ? parts : [{ normal: new Vector3(), quads: parts.flatMap((each) => each.quads) }]) {
      quads.sort((a, b) => b.reach - a.reach);
      this.facings.push({ normal, nearest: several ? quads[quads.length - 1]!.reach : -Infinity, mesh: this.meshOf(quads, shared) });
    }
    this.unitMesh = ofUnits.length > 0 ? this.meshOf(ofUnits, shared) : null;
  }

  // Colour values of 0 to 255 for the lower and the upper half.
  paint(index: number, low: Rgb, high: Rgb): void {
    const at = this.slots[index]! * 8;
    this.texels.set(low, at);
    this.texels.set(high, at + 4);
  }

  painted(): void {
    this.tints.needsUpdate = true;
  }

  showUnits(shown: boolean): void {
    if (this.unitMesh !== null) this.unitMesh.visible = shown;
  }

  // Leaves out whatever looks away from there, as a whole.
  seenFrom(eye: Vector3): void {
    for (const { normal, nearest, mesh } of this.facings) mesh.visible = normal.dot(eye) > nearest;
  }

  find(id: string): Box | undefined {
    return this.byId.get(id);
  }

  under(ray: Raycaster): string | null {
    const hit = ray.intersectObjects(this.group.children.filter((each) => each.visible), false)[0];
    if (!hit?.face || hit.uv === undefined) return null;
    const members = this.runs[Math.floor(hit.face.a / (FACES.length * 4))]!.members;
    return this.all[members[Math.min(members.length - 1, Math.max(0, Math.floor(hit.uv.x)))]!]!.id;
  }

  dispose(): void {
    for (const each of this.group.children) (each as Mesh).geometry.dispose();
    this.material.dispose();
    this.tints.dispose();
  }

  private meshOf(quads: Quad[], shared: Record<string, BufferAttribute>): Mesh<BufferGeometry, ShaderMaterial> {
    const geometry = new BufferGeometry();
    geometry.setIndex(quads.flatMap(({ first }) => [first, first + 1, first + 2, first, first + 2, first + 3]));
    for (const [name, values] of Object.entries(shared)) geometry.setAttribute(name, values);
    const mesh = new Mesh(geometry, this.material);
    // Before the floor, most of which they hide; in the order in which they were added.
    mesh.renderOrder = this.group.children.length - 100;
    mesh.matrixAutoUpdate = false;
    mesh.frustumCulled = false;
    this.group.add(mesh);
    return mesh;
  }
}

function facing(looking: Map<string, { normal: Vector3; quads: Quad[] }>, normal: Vector3): Quad[] {
  const key = normal.toArray().map((each) => Math.round(each * 1000)).join(" ");
  const found = looking.get(key) ?? { normal, quads: [] };
  looking.set(key, found);
  return found.quads;
}

// A direction of a box in the room.
function turned(box: Box, [right, up, out]: Corner): Vector3 {
  const [cos, sin] = [Math.cos(box.place.yaw), Math.sin(box.place.yaw)];
  return new Vector3(cos * out + sin * right, up, sin * out - cos * right);
}

// A corner of a box in the room.
function pointOf(box: Box, [right, up, out]: Corner): Vector3 {
  const { x, y, z } = box.place;
  return turned(box, [(right * box.width) / 2, ((up + 1) * box.height) / 2, (out * box.depth) / 2]).add(new Vector3(x, z, y));
}
