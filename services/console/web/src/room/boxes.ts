// One instanced mesh for all racks and units: a box in two zones with a dark strip on its front. Colours come in as the screen
// shows them, light is baked into the corners, so that a fragment costs one copy: software rendering of a thousand racks is
// then mostly the number of pixels.
import { BufferAttribute, BufferGeometry, InstancedBufferAttribute, InstancedMesh, Matrix4, Quaternion, ShaderMaterial, Vector3 } from "three";
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

export const UP = new Vector3(0, 1, 0);
export const turned = (place: Place): Quaternion => new Quaternion().setFromAxisAngle(UP, Math.PI / 2 - place.yaw);
export const findBox = (boxes: Box[], id: string): Box | undefined => boxes.find((each) => each.id === id);

// A point before (1) or behind (-1) a box, at a height.
export function side(box: Box, direction: 1 | -1, height: number, out = 0.12): Vector3 {
  const away = direction * (box.depth / 2 + out);
  return new Vector3(box.place.x + Math.cos(box.place.yaw) * away, box.place.z + height, box.place.y + Math.sin(box.place.yaw) * away);
}

const GAP = 0.012;
// How light falls on each side of a box: front, rear, left, right, top.
const SHADE = { front: 0.93, rear: 0.84, left: 0.88, right: 0.8, top: 1 };

function unitBox(): BufferGeometry {
  const positions: number[] = [];
  const shades: number[] = [];
  const zones: number[] = [];
  const corners: number[] = [];
  const quad = (a: number[], b: number[], c: number[], d: number[], shade: number, zone: number): void => {
    const first = shades.length;
    corners.push(first, first + 1, first + 2, first, first + 2, first + 3);
    for (const corner of [a, b, c, d]) {
      positions.push(...corner);
      shades.push(shade);
      zones.push(zone);
    }
  };
  for (const zone of [0, 1]) {
    const [low, high] = zone === 0 ? [-0.5, -0.004] : [0.004, 0.5];
    quad([-0.5, low, 0.5], [0.5, low, 0.5], [0.5, high, 0.5], [-0.5, high, 0.5], SHADE.front, zone);
    quad([0.5, low, -0.5], [-0.5, low, -0.5], [-0.5, high, -0.5], [0.5, high, -0.5], SHADE.rear, zone);
    quad([-0.5, low, -0.5], [-0.5, low, 0.5], [-0.5, high, 0.5], [-0.5, high, -0.5], SHADE.left, zone);
    quad([0.5, low, 0.5], [0.5, low, -0.5], [0.5, high, -0.5], [0.5, high, 0.5], SHADE.right, zone);
  }
  quad([-0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, -0.5], [-0.5, 0.5, -0.5], SHADE.top, 1);
  // The strip, so that one sees where cold air enters.
  quad([-0.08, -0.46, 0.506], [0.08, -0.46, 0.506], [0.08, 0.46, 0.506], [-0.08, 0.46, 0.506], 0.12, 1);
  const geometry = new BufferGeometry();
  geometry.setIndex(corners);
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(positions), 3));
  geometry.setAttribute("shade", new BufferAttribute(new Float32Array(shades), 1));
  geometry.setAttribute("zone", new BufferAttribute(new Float32Array(zones), 1));
  return geometry;
}

const VERTEX = `
  attribute float shade; attribute float zone; attribute vec3 low; attribute vec3 high; varying vec3 vTint;
  void main() {
    vTint = mix(low, high, zone) * shade;
    gl_Position = projectionMatrix * modelViewMatrix * instanceMatrix * vec4(position, 1.0);
  }`;
const FRAGMENT = "varying vec3 vTint; void main() { gl_FragColor = vec4(vTint, 1.0); }";

export class Boxes {
  readonly mesh: InstancedMesh;
  private readonly low: InstancedBufferAttribute;
  private readonly high: InstancedBufferAttribute;

  constructor(readonly all: Box[]) {
    const geometry = unitBox();
    const count = Math.max(1, all.length);
    this.low = new InstancedBufferAttribute(new Float32Array(count * 3).fill(0.37), 3);
    this.high = new InstancedBufferAttribute(new Float32Array(count * 3).fill(0.37), 3);
    geometry.setAttribute("low", this.low);
    geometry.setAttribute("high", this.high);
    this.mesh = new InstancedMesh(geometry, new ShaderMaterial({ vertexShader: VERTEX, fragmentShader: FRAGMENT }), count);
    this.mesh.count = all.length;
    const matrix = new Matrix4();
    all.forEach((box, index) => {
      matrix.compose(
        new Vector3(box.place.x, box.place.z + box.height / 2, box.place.y),
        turned(box.place),
        new Vector3(box.width - GAP, box.height, box.depth),
      );
      this.mesh.setMatrixAt(index, matrix);
    });
    this.mesh.computeBoundingSphere();
  }

  paint(index: number, low: Rgb, high: Rgb): void {
    this.low.setXYZ(index, low[0] / 255, low[1] / 255, low[2] / 255);
    this.high.setXYZ(index, high[0] / 255, high[1] / 255, high[2] / 255);
  }

  painted(): void {
    this.low.needsUpdate = true;
    this.high.needsUpdate = true;
  }

  dispose(): void {
    this.mesh.geometry.dispose();
    (this.mesh.material as ShaderMaterial).dispose();
    this.mesh.dispose();
  }
}
