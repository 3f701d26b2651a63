// The room in 3D. Racks are instances of one box, two to a rack (bottom and top zone), so that a thousand racks are two draw
// calls; nothing is drawn while nothing changes. Knows positions and colours, nothing of twins: `room/Room3D` feeds it.
import {
  AmbientLight,
  BoxGeometry,
  BufferAttribute,
  BufferGeometry,
  CanvasTexture,
  Color,
  DirectionalLight,
  DynamicDrawUsage,
  EdgesGeometry,
  GridHelper,
  Group,
  InstancedMesh,
  LineBasicMaterial,
  LineSegments,
  Matrix4,
  Mesh,
  MeshLambertMaterial,
  MOUSE,
  Object3D,
  PerspectiveCamera,
  PlaneGeometry,
  Quaternion,
  Raycaster,
  Scene,
  ShaderMaterial,
  Sprite,
  SRGBColorSpace,
  SpriteMaterial,
  Vector2,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import type { Place } from "../values";

export interface Box {
  id: string;
  label: string;
  place: Place;
  width: number;
  depth: number;
  height: number;
}
export interface Flow {
  from: string;
  to: string;
  kind: "supply" | "recirculation";
  share: number;
}
export type Rgb = [number, number, number];

const UP = new Vector3(0, 1, 0);
const GAP = 0.015;

const turned = (place: Place): Quaternion => new Quaternion().setFromAxisAngle(UP, Math.PI / 2 - place.yaw);
const colourOf = (rgb: Rgb, into: Color): Color => into.setRGB(rgb[0] / 255, rgb[1] / 255, rgb[2] / 255, "srgb");

export class RoomScene {
  readonly frames = { drawn: 0, since: performance.now() };
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(50, 1, 0.1, 500);
  private readonly controls: OrbitControls;
  private readonly content = new Group();
  private readonly flowGroup = new Group();
  private readonly labelGroup = new Group();
  private readonly outline: LineSegments;
  private readonly colour = new Color();
  private racks: Box[] = [];
  private units: Box[] = [];
  private rackMesh: InstancedMesh | null = null;
  private unitMesh: InstancedMesh | null = null;
  private size = new Vector3(10, 3, 10);
  private dirty = true;
  private stopped = false;
  private flowMaterial: ShaderMaterial;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onPick: (id: string | null) => void,
    private readonly onHover: (id: string | null, x: number, y: number) => void,
  ) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, powerPreference: "high-performance" });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.scene.add(new AmbientLight(0xffffff, 1.9));
    const sun = new DirectionalLight(0xffffff, 1.6);
    sun.position.set(4, 12, 7);
    this.scene.add(sun, this.content, this.flowGroup, this.labelGroup);
    this.outline = new LineSegments(new EdgesGeometry(new BoxGeometry(1, 1, 1)), new LineBasicMaterial({ color: 0xffffff, linewidth: 2 }));
    this.outline.visible = false;
    this.scene.add(this.outline);
    this.flowMaterial = flowMaterial();
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = true;
    this.controls.maxPolarAngle = Math.PI / 2 - 0.02;
    this.controls.mouseButtons = { LEFT: MOUSE.ROTATE, MIDDLE: MOUSE.DOLLY, RIGHT: MOUSE.PAN };
    this.controls.addEventListener("change", () => this.redraw());
    this.listen();
    requestAnimationFrame(this.frame);
  }

  theme(background: string, line: string): void {
    this.scene.background = new Color(background);
    (this.outline.material as LineBasicMaterial).color.set(line);
    this.redraw();
  }

  build(size: { width: number; depth: number; height: number }, racks: Box[], units: Box[]): void {
    const resized = this.size.x !== size.width || this.size.z !== size.depth;
    this.racks = racks;
    this.units = units;
    this.size.set(size.width, size.height, size.depth);
    for (const child of [...this.content.children]) {
      this.content.remove(child);
      dispose(child);
    }
    this.content.add(...roomShell(size));
    this.rackMesh = boxes(racks.length * 2);
    this.unitMesh = boxes(units.length);
    const matrix = new Matrix4();
    racks.forEach((rack, index) => {
      for (const zone of [0, 1]) {
        matrix.compose(
          new Vector3(rack.place.x, rack.place.z + rack.height * (0.25 + 0.5 * zone), rack.place.y),
          turned(rack.place),
          new Vector3(rack.width - GAP, rack.height / 2 - GAP, rack.depth - GAP),
        );
        this.rackMesh!.setMatrixAt(index * 2 + zone, matrix);
      }
    });
    units.forEach((unit, index) => {
      matrix.compose(
        new Vector3(unit.place.x, unit.place.z + unit.height / 2, unit.place.y),
        turned(unit.place),
        new Vector3(unit.width, unit.height, unit.depth),
      );
      this.unitMesh!.setMatrixAt(index, matrix);
    });
    const fronts = frontMarks(racks, units);
    this.content.add(this.rackMesh, this.unitMesh, fronts);
    this.rackMesh.computeBoundingSphere();
    this.unitMesh.computeBoundingSphere();
    if (resized || this.frames.drawn === 0) this.home();
    this.redraw();
  }

  paint(rackColours: (index: number, zone: 0 | 1) => Rgb, unitColours: (index: number) => Rgb): void {
    if (this.rackMesh === null || this.unitMesh === null) return;
    for (let i = 0; i < this.racks.length; i++) {
      this.rackMesh.setColorAt(i * 2, colourOf(rackColours(i, 0), this.colour));
      this.rackMesh.setColorAt(i * 2 + 1, colourOf(rackColours(i, 1), this.colour));
    }
    for (let i = 0; i < this.units.length; i++) this.unitMesh.setColorAt(i, colourOf(unitColours(i), this.colour));
    if (this.rackMesh.instanceColor !== null) this.rackMesh.instanceColor.needsUpdate = true;
    if (this.unitMesh.instanceColor !== null) this.unitMesh.instanceColor.needsUpdate = true;
    this.redraw();
  }

  select(id: string | null): void {
    const box = id === null ? undefined : this.find(id);
    this.outline.visible = box !== undefined;
    if (box !== undefined) {
      this.outline.position.set(box.place.x, box.place.z + box.height / 2, box.place.y);
      this.outline.quaternion.copy(turned(box.place));
      this.outline.scale.set(box.width + 0.06, box.height + 0.06, box.depth + 0.06);
    }
    this.redraw();
  }

  labels(shown: boolean, colour: string): void {
    for (const child of [...this.labelGroup.children]) {
      this.labelGroup.remove(child);
      dispose(child);
    }
    // Names of hundreds of racks would hide the room: then only units are named.
    const named = shown ? [...this.units, ...(this.racks.length <= 150 ? this.racks : [])] : this.units;
    for (const box of named) this.labelGroup.add(label(box, colour));
    this.redraw();
  }

  flows(flows: Flow[]): void {
    for (const child of [...this.flowGroup.children]) {
      this.flowGroup.remove(child);
      (child as LineSegments).geometry.dispose();
    }
    const lines = flowLines(flows, (id) => this.find(id), this.flowMaterial);
    if (lines !== null) this.flowGroup.add(lines);
    this.redraw();
  }

  home(): void {
    const { x, y, z } = this.size;
    const span = Math.max(x, z);
    this.controls.target.set(x / 2, y / 3, z / 2);
    this.camera.position.set(x / 2 - span * 0.25, span * 0.75 + 2, z / 2 + span * 0.95);
    this.controls.update();
    this.redraw();
  }

  look(id: string): void {
    const box = this.find(id);
    if (box === undefined) return;
    this.controls.target.set(box.place.x, 1, box.place.y);
    this.controls.update();
    this.redraw();
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.camera.aspect = clientWidth / clientHeight;
    this.camera.updateProjectionMatrix();
    this.redraw();
  }

  // Draws as fast as it can for a while; frames a second. For measuring.
  async measure(milliseconds: number): Promise<number> {
    const began = performance.now();
    let drawn = 0;
    while (performance.now() - began < milliseconds) {
      await new Promise(requestAnimationFrame);
      this.controls.target.x += 0.001;
      this.renderer.render(this.scene, this.camera);
      this.renderer.getContext().finish();
      drawn++;
    }
    return (drawn * 1000) / (performance.now() - began);
  }

  redraw(): void {
    this.dirty = true;
  }

  destroy(): void {
    this.stopped = true;
    this.controls.dispose();
    this.content.children.forEach(dispose);
    this.renderer.dispose();
  }

  private readonly frame = (at: number): void => {
    if (this.stopped) return;
    const moving = this.flowGroup.children.length > 0;
    if (moving) this.flowMaterial.uniforms["time"]!.value = at / 1000;
    this.controls.update();
    if (this.dirty || moving) {
      this.dirty = false;
      this.renderer.render(this.scene, this.camera);
      this.frames.drawn++;
    }
    requestAnimationFrame(this.frame);
  };

  private find(id: string): Box | undefined {
    return this.racks.find((each) => each.id === id) ?? this.units.find((each) => each.id === id);
  }

  private listen(): void {
    const ray = new Raycaster();
    const at = new Vector2();
    const hit = (event: PointerEvent): string | null => {
      const bounds = this.canvas.getBoundingClientRect();
      at.set(((event.clientX - bounds.left) / bounds.width) * 2 - 1, 1 - ((event.clientY - bounds.top) / bounds.height) * 2);
      ray.setFromCamera(at, this.camera);
      const meshes = [this.rackMesh, this.unitMesh].filter((mesh): mesh is InstancedMesh => mesh !== null);
      const first = ray.intersectObjects(meshes, false)[0];
      if (first?.instanceId === undefined) return null;
      return first.object === this.rackMesh
        ? (this.racks[Math.floor(first.instanceId / 2)]?.id ?? null)
        : (this.units[first.instanceId]?.id ?? null);
    };
    let down: [number, number] | null = null;
    this.canvas.addEventListener("pointerdown", (event) => (down = [event.clientX, event.clientY]));
    this.canvas.addEventListener("pointerup", (event) => {
      // A drag turns the view; only a click selects.
      if (down !== null && Math.hypot(event.clientX - down[0], event.clientY - down[1]) < 4) this.onPick(hit(event));
      down = null;
    });
    let last = 0;
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons !== 0 || event.timeStamp - last < 50) return;
      last = event.timeStamp;
      this.onHover(hit(event), event.offsetX, event.offsetY);
    });
    this.canvas.addEventListener("pointerleave", () => this.onHover(null, 0, 0));
  }
}

function boxes(count: number): InstancedMesh {
  const mesh = new InstancedMesh(new BoxGeometry(1, 1, 1), new MeshLambertMaterial(), Math.max(1, count));
  mesh.count = count;
  mesh.instanceMatrix.setUsage(DynamicDrawUsage);
  for (let i = 0; i < count; i++) mesh.setColorAt(i, new Color(0x5a626c));
  return mesh;
}

function roomShell(size: { width: number; depth: number; height: number }): Object3D[] {
  const { width, depth, height } = size;
  const floor = new Mesh(new PlaneGeometry(width, depth), new MeshLambertMaterial({ color: 0x39424d }));
  floor.rotation.x = -Math.PI / 2;
  floor.position.set(width / 2, -0.01, depth / 2);
  // Floor tiles are 0.6 m.
  const tiles = Math.max(1, Math.round(Math.max(width, depth) / 0.6));
  const grid = new GridHelper(tiles * 0.6, tiles, 0x56616d, 0x465059);
  grid.position.set((tiles * 0.6) / 2, 0, (tiles * 0.6) / 2);
  grid.scale.set(width / (tiles * 0.6), 1, depth / (tiles * 0.6));
  grid.position.set(width / 2, 0, depth / 2);
  const walls = new LineSegments(new EdgesGeometry(new BoxGeometry(width, height, depth)), new LineBasicMaterial({ color: 0x6c7885 }));
  walls.position.set(width / 2, height / 2, depth / 2);
  return [floor, grid, walls];
}

// A dark strip on each front, so that one sees where cold air enters.
function frontMarks(racks: Box[], units: Box[]): InstancedMesh {
  const all = [...racks, ...units];
  const mesh = new InstancedMesh(new BoxGeometry(1, 1, 1), new MeshLambertMaterial({ color: 0x11161c }), Math.max(1, all.length));
  mesh.count = all.length;
  const matrix = new Matrix4();
  all.forEach((box, index) => {
    const out = box.depth / 2 + 0.005;
    matrix.compose(
      new Vector3(box.place.x + Math.cos(box.place.yaw) * out, box.place.z + box.height / 2, box.place.y + Math.sin(box.place.yaw) * out),
      turned(box.place),
      new Vector3(box.width * 0.16, box.height * 0.94, 0.01),
    );
    mesh.setMatrixAt(index, matrix);
  });
  return mesh;
}

function label(box: Box, colour: string): Sprite {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d")!;
  context.font = "28px system-ui, sans-serif";
  canvas.width = Math.ceil(context.measureText(box.label).width) + 12;
  canvas.height = 36;
  context.font = "28px system-ui, sans-serif";
  context.fillStyle = colour;
  context.fillText(box.label, 6, 27);
  const texture = new CanvasTexture(canvas);
  texture.colorSpace = SRGBColorSpace;
  const sprite = new Sprite(new SpriteMaterial({ map: texture, depthTest: false }));
  sprite.scale.set((canvas.width / canvas.height) * 0.2, 0.2, 1);
  sprite.position.set(box.place.x, box.place.z + box.height + 0.18, box.place.y);
  return sprite;
}

function flowMaterial(): ShaderMaterial {
  return new ShaderMaterial({
    transparent: true,
    depthWrite: false,
    uniforms: { time: { value: 0 } },
    vertexShader: `
      attribute vec4 tint; attribute float along; varying vec4 vTint; varying float vAlong;
      void main() { vTint = tint; vAlong = along; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`,
    // Dashes that travel in the direction of the air.
    fragmentShader: `
      uniform float time; varying vec4 vTint; varying float vAlong;
      void main() { float dash = fract(vAlong * 1.6 - time * 0.9); gl_FragColor = vec4(vTint.rgb, vTint.a * smoothstep(0.0, 0.6, dash)); }`,
  });
}

const SUPPLY = new Color("#56b4e9");
const WARM = new Color("#e69f00");
const PIECES = 14;

function flowLines(flows: Flow[], find: (id: string) => Box | undefined, material: ShaderMaterial): LineSegments | null {
  const positions: number[] = [];
  const tints: number[] = [];
  const alongs: number[] = [];
  const point = new Vector3();
  const before = new Vector3();
  for (const flow of flows) {
    const [from, to] = [find(flow.from), find(flow.to)];
    if (from === undefined || to === undefined) continue;
    const supply = flow.kind === "supply";
    // Supply leaves a unit's front near the floor and reaches a rack's front; recirculation leaves a rear and rises over the top.
    const start = side(from, supply ? 1 : -1, supply ? 0.3 : from.height * 0.8);
    const end = side(to, 1, supply ? to.height * 0.3 : to.height * 0.85);
    const lift = supply ? 0.15 : Math.max(from.height, to.height) + 0.5;
    const colour = supply ? SUPPLY : WARM;
    let length = 0;
    before.copy(start);
    for (let i = 1; i <= PIECES; i++) {
      const t = i / PIECES;
      point.lerpVectors(start, end, t);
      point.y = supply ? point.y + Math.sin(Math.PI * t) * lift : (1 - t) ** 2 * start.y + 2 * t * (1 - t) * lift * 1.4 + t ** 2 * end.y;
      positions.push(...before.toArray(), ...point.toArray());
      const next = length + before.distanceTo(point);
      alongs.push(length, next);
      for (let k = 0; k < 2; k++) tints.push(colour.r, colour.g, colour.b, Math.min(0.95, 0.15 + flow.share));
      length = next;
      before.copy(point);
    }
  }
  if (positions.length === 0) return null;
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(new Float32Array(positions), 3));
  geometry.setAttribute("tint", new BufferAttribute(new Float32Array(tints), 4));
  geometry.setAttribute("along", new BufferAttribute(new Float32Array(alongs), 1));
  return new LineSegments(geometry, material);
}

function side(box: Box, direction: 1 | -1, height: number): Vector3 {
  const out = direction * (box.depth / 2 + 0.12);
  return new Vector3(box.place.x + Math.cos(box.place.yaw) * out, box.place.z + height, box.place.y + Math.sin(box.place.yaw) * out);
}

function dispose(object: Object3D): void {
  if (object instanceof Mesh || object instanceof LineSegments) {
    object.geometry.dispose();
    for (const material of Array.isArray(object.material) ? object.material : [object.material]) material.dispose();
  }
  if (object instanceof Sprite) {
    object.material.map?.dispose();
    object.material.dispose();
  }
}
