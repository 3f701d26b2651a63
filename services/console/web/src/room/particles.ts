// Air as moving points: each knows its curve and where on it it began; the graphics card moves them, so that a frame costs no
// work here. Supply leaves a unit's front near the floor and reaches a rack's front; recirculation leaves a rack's rear and
// comes back over its top.
import { BufferAttribute, BufferGeometry, Points, ShaderMaterial, Vector3 } from "three";
import { side, type Box } from "./boxes";

export interface Flow {
  from: string;
  to: string;
  kind: "supply" | "recirculation";
  share: number;
}

const SUPPLY = [0.34, 0.71, 0.91];
const WARM = [0.95, 0.55, 0.1];
const MOST = 5;

export function flowMaterial(): ShaderMaterial {
  return new ShaderMaterial({
    transparent: true,
    depthWrite: false,
    uniforms: { time: { value: 0 }, scale: { value: 600 } },
    vertexShader: `
      attribute vec3 control; attribute vec3 goal; attribute vec3 tint; attribute vec2 pace;
      uniform float time; uniform float scale; varying vec3 vTint; varying float vFade;
      void main() {
        float t = fract(pace.x + time * pace.y);
        float u = 1.0 - t;
        vec4 seen = modelViewMatrix * vec4(u * u * position + 2.0 * u * t * control + t * t * goal, 1.0);
        vTint = tint; vFade = min(1.0, 6.0 * min(t, u));
        gl_Position = projectionMatrix * seen;
        gl_PointSize = clamp(scale * 0.15 / -seen.z, 2.5, 13.0);
      }`,
    fragmentShader: `
      varying vec3 vTint; varying float vFade;
      void main() {
        vec2 from = gl_PointCoord - 0.5;
        if (dot(from, from) > 0.25) discard;
        gl_FragColor = vec4(vTint, 0.9 * vFade);
      }`,
  });
}

export function flowPoints(flows: Flow[], find: (id: string) => Box | undefined, material: ShaderMaterial): Points | null {
  const columns = { position: [] as number[], control: [] as number[], goal: [] as number[], tint: [] as number[], pace: [] as number[] };
  const control = new Vector3();
  flows.forEach((flow, number) => {
    const [from, to] = [find(flow.from), find(flow.to)];
    if (from === undefined || to === undefined) return;
    const supply = flow.kind === "supply";
    const start = side(from, supply ? 1 : -1, supply ? 0.25 : from.height * 0.75);
    const goal = side(to, 1, to.height * (supply ? 0.35 : 0.85), 0.05);
    control.addVectors(start, goal).multiplyScalar(0.5);
    if (supply) {
      // Along the aisle first, then into the rack.
      const before = side(to, 1, 0.2, 0.5);
      control.set(before.x, 0.2, before.z);
    } else control.y = Math.max(from.height, to.height) + 1.1;
    const length = start.distanceTo(control) + control.distanceTo(goal);
    const count = Math.min(MOST, Math.max(1, Math.round(flow.share * (supply ? 5 : 16))));
    for (let i = 0; i < count; i++) {
      columns.position.push(start.x, start.y, start.z);
      columns.control.push(control.x, control.y, control.z);
      columns.goal.push(goal.x, goal.y, goal.z);
      columns.tint.push(...(supply ? SUPPLY : WARM));
      // Air moves some metre a second, wherever it goes; neighbours do not move in step.
      columns.pace.push(((i + ((number * 0.618) % 1)) / count) % 1, 1.1 / Math.max(1, length));
    }
  });
  if (columns.pace.length === 0) return null;
  const geometry = new BufferGeometry();
  for (const [name, values] of Object.entries(columns)) geometry.setAttribute(name, new BufferAttribute(new Float32Array(values), name === "pace" ? 2 : 3));
  const points = new Points(geometry, material);
  points.frustumCulled = false;
  return points;
}
