// The room in 3D. Draws only when something changed, in a few draw calls but for names; while it moves it draws fewer pixels
// where the machine is slow, and all of them when it rests. Knows positions and colours, nothing of twins: `Room3D` feeds it.
import {
  BoxGeometry,
  Color,
  ColorManagement,
  EdgesGeometry,
  Group,
  LineBasicMaterial,
  LinearSRGBColorSpace,
  LineSegments,
  MOUSE,
  PerspectiveCamera,
  Points,
  Raycaster,
  Scene,
  Vector2,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { text } from "../text";
import { aislesOf } from "./aisles";
import { Boxes, type Box, type Rgb } from "./boxes";
import { empty, floorPlates, label, roomShell, type Palette } from "./furniture";
import { flowMaterial, flowPoints, type Flow } from "./particles";
import { Pace } from "./pace";

export interface Layers {
  aisles: boolean;
  names: boolean;
  units: boolean;
}
export interface Speed {
  fps: number;
  // Of the time between two frames.
  frame_p95_ms: number;
  js_ms: number;
  gl_ms: number;
  // Of the canvas, in CSS pixels, and pixels drawn to one of them in each direction.
  width: number;
  height: number;
  pixel_ratio: number;
  renderer: string;
}

// Names of more racks than this would hide the room: then only units are named.
const MOST_NAMED = 150;
const SETTLES_MS = 250;
// Colours are written as the screen shows them: there is no light to compute, and the way from linear values and back costs two
// powers for each pixel.
ColorManagement.enabled = false;
const HOME = new Vector3(-0.2, 0.62, 0.76).normalize();

export class RoomScene {
  readonly frames = { drawn: 0 };
  readonly software: boolean;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(50, 1, 0.1, 500);
  private readonly controls: OrbitControls;
  private readonly shell = new Group();
  private readonly aisleGroup = new Group();
  private readonly labelGroup = new Group();
  private readonly markGroup = new Group();
  private readonly outline: LineSegments;
  private readonly flowMaterial = flowMaterial();
  private flowPoints: Points | null = null;
  private boxes = new Boxes([], []);
  private racks: Box[] = [];
  private units: Box[] = [];
  private size = new Vector3(10, 3, 10);
  private palette: Palette = { background: "#12181f", floor: "#222b35", line: "#41505e", ink: "#e7edf3", cold: "#1f4e6e", hot: "#6b3a16" };
  private layers: Layers = { aisles: true, names: false, units: true };
  private queued = 0;
  private stopped = false;
  private readonly pace: Pace;
  private scale = 1;
  // Since the last frame; and the time of the last frame before which it had.
  private moved = false;
  private movedAt = 0;
  private drawnAt = 0;
  private readonly still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly onPick: (id: string | null) => void,
    private readonly onHover: (id: string | null, x: number, y: number) => void,
  ) {
    this.software = /swiftshader|llvmpipe|software|basic render/i.test(rendererOf());
    this.pace = new Pace(this.software ? 1 : 0);
    this.renderer = new WebGLRenderer({ canvas, antialias: !this.software, powerPreference: "high-performance", stencil: false });
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.setPixelRatio(this.ratio());
    this.outline = new LineSegments(new EdgesGeometry(new BoxGeometry(1, 1, 1)), new LineBasicMaterial({ color: 0xffffff, linewidth: 2 }));
    this.outline.visible = false;
    this.scene.add(this.shell, this.aisleGroup, this.labelGroup, this.markGroup, this.outline);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = !this.still;
    this.controls.maxPolarAngle = Math.PI / 2 - 0.02;
    this.controls.minDistance = 1.5;
    this.controls.mouseButtons = { LEFT: MOUSE.ROTATE, MIDDLE: MOUSE.DOLLY, RIGHT: MOUSE.PAN };
    this.controls.addEventListener("change", () => {
      this.moved = true;
      this.redraw();
    });
    this.listen();
  }

  theme(palette: Palette): void {
    this.palette = palette;
    this.scene.background = new Color(palette.background);
    (this.outline.material as LineBasicMaterial).color.set(palette.ink);
    this.furnish();
  }

  build(size: { width: number; depth: number; height: number }, racks: Box[], units: Box[]): void {
    const resized = this.size.x !== size.width || this.size.z !== size.depth;
    this.racks = racks;
    this.units = units;
    this.size.set(size.width, size.height, size.depth);
    this.scene.remove(this.boxes.group);
    this.boxes.dispose();
    this.boxes = new Boxes(racks, units);
    this.scene.add(this.boxes.group);
    this.boxes.showUnits(this.layers.units);
    this.furnish();
    if (resized || this.frames.drawn === 0) this.home();
  }

  paint(rackColours: (index: number, zone: 0 | 1) => Rgb, unitColours: (index: number) => Rgb): void {
    this.racks.forEach((_, i) => this.boxes.paint(i, rackColours(i, 0), rackColours(i, 1)));
    this.units.forEach((_, i) => this.boxes.paint(this.racks.length + i, unitColours(i), unitColours(i)));
    this.boxes.painted();
    this.redraw();
  }

  select(id: string | null): void {
    const box = id === null ? undefined : this.find(id);
    this.outline.visible = box !== undefined;
    if (box !== undefined) {
      this.outline.position.set(box.place.x, box.place.z + box.height / 2, box.place.y);
      this.outline.rotation.y = Math.PI / 2 - box.place.yaw;
      this.outline.scale.set(box.width + 0.06, box.height + 0.06, box.depth + 0.06);
    }
    this.redraw();
  }

  show(layers: Layers): void {
    this.layers = layers;
    this.boxes.showUnits(layers.units);
    this.furnish();
  }

  // What needs somebody: a sign above each of these.
  mark(found: { id: string; colour: string }[]): void {
    empty(this.markGroup);
    for (const { id, colour } of found) {
      const box = this.find(id);
      if (box !== undefined) this.markGroup.add(label({ ...box, label: "!" }, "#0b0f14", { size: 0.42, lift: 0.45, ground: colour }));
    }
    this.redraw();
  }

  flows(flows: Flow[]): void {
    if (this.flowPoints !== null) {
      this.scene.remove(this.flowPoints);
      this.flowPoints.geometry.dispose();
    }
    this.flowPoints = flowPoints(flows, (id) => this.find(id), this.flowMaterial);
    if (this.flowPoints !== null) this.scene.add(this.flowPoints);
    this.redraw();
  }

  home(): void {
    const { x, y, z } = this.size;
    this.controls.target.set(x / 2, y * 0.22, z / 2);
    const corners = [0, x].flatMap((cx) => [0, z].flatMap((cz) => [0, y * 0.8].map((cy) => new Vector3(cx, cy, cz))));
    const seen = new Vector3();
    // As near as it can be with every corner on the screen.
    for (let away = Math.max(x, z) * 0.5; away < 400; away *= 1.06) {
      this.camera.position.copy(this.controls.target).addScaledVector(HOME, away);
      this.camera.lookAt(this.controls.target);
      this.camera.updateMatrixWorld();
      if (corners.every((corner) => Math.abs(seen.copy(corner).project(this.camera).x) < 0.97 && Math.abs(seen.y) < 0.94)) break;
    }
    this.controls.update();
    this.redraw();
  }

  look(id: string): void {
    const box = this.find(id);
    if (box === undefined) return;
    const by = new Vector3(box.place.x, 1, box.place.y).sub(this.controls.target);
    this.controls.target.add(by);
    this.camera.position.add(by);
    this.controls.update();
    this.redraw();
  }

  // By keyboard: turn, tilt (radians) and come nearer (factor).
  move(turn: number, tilt: number, nearer: number): void {
    const offset = this.camera.position.clone().sub(this.controls.target);
    const radius = Math.max(this.controls.minDistance, offset.length() * nearer);
    const around = Math.atan2(offset.x, offset.z) + turn;
    const up = Math.min(Math.PI / 2 - 0.02, Math.max(0.05, Math.acos(offset.y / offset.length()) + tilt));
    this.camera.position.copy(this.controls.target).add(new Vector3().setFromSphericalCoords(radius, up, around));
    this.controls.update();
    this.redraw();
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    const first = this.camera.aspect === 1;
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.camera.aspect = clientWidth / clientHeight;
    this.camera.updateProjectionMatrix();
    if (first) this.home();
    // At once: the new size has emptied the canvas, and the next frame comes only after this one was shown.
    this.render();
    this.redraw();
  }

  // For measuring: frames a second while the view goes round the room, as a person sees it; then what a frame costs here and in GL.
  async measure(milliseconds: number): Promise<Speed> {
    const gl = this.renderer.getContext();
    // The first second is for the resolution to settle.
    await this.goRound(1000);
    const times = await this.goRound(milliseconds);
    const between = times.slice(1).map((at, i) => at - times[i]!).sort((a, b) => a - b);
    const ratio = this.renderer.getPixelRatio();
    const pixel = new Uint8Array(4);
    let [js, raster] = [0, 0];
    const rounds = 20;
    for (let i = 0; i < rounds; i++) {
      await new Promise(requestAnimationFrame);
      this.move(0.01, 0, 1);
      // This frame is drawn here, once.
      cancelAnimationFrame(this.queued);
      this.queued = 0;
      const began = performance.now();
      this.render();
      const told = performance.now();
      // Reading a pixel waits for all of them; `finish` does not, in a browser.
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
      js += told - began;
      raster += performance.now() - told;
    }
    this.redraw();
    return {
      fps: ((times.length - 1) * 1000) / (times[times.length - 1]! - times[0]!),
      frame_p95_ms: between[Math.floor(between.length * 0.95)]!,
      js_ms: js / rounds,
      gl_ms: raster / rounds,
      width: this.canvas.clientWidth,
      height: this.canvas.clientHeight,
      pixel_ratio: ratio,
      renderer: rendererOf(),
    };
  }

  redraw(): void {
    if (this.queued === 0 && !this.stopped) this.queued = requestAnimationFrame(this.frame);
  }

  destroy(): void {
    this.stopped = true;
    cancelAnimationFrame(this.queued);
    this.controls.dispose();
    for (const group of [this.shell, this.aisleGroup, this.labelGroup, this.markGroup]) empty(group);
    this.boxes.dispose();
    this.flowPoints?.geometry.dispose();
    this.flowMaterial.dispose();
    this.renderer.dispose();
  }

  // Times of the frames that were drawn meanwhile.
  private async goRound(milliseconds: number): Promise<number[]> {
    const times: number[] = [];
    const began = performance.now();
    for (let at = began; at - began < milliseconds; ) {
      const drawn = this.frames.drawn;
      this.move(0.01, 0, 1);
      at = await new Promise(requestAnimationFrame);
      if (this.frames.drawn > drawn) times.push(at);
    }
    return times;
  }

  private readonly frame = (at: number): void => {
    this.queued = 0;
    if (this.stopped) return;
    const flowing = this.flowPoints !== null && !this.still;
    if (this.moved) this.movedAt = at;
    this.moved = false;
    const moving = at - this.movedAt < SETTLES_MS;
    // Air alone need not be smooth where every pixel is computed by the processor.
    if (flowing && !moving && this.software && at - this.drawnAt < 60 && this.frames.drawn > 0) {
      this.redraw();
      return;
    }
    this.resolve(this.pace.next(moving ? at - this.drawnAt : null));
    if (flowing) this.flowMaterial.uniforms["time"]!.value = at / 1000;
    this.flowMaterial.uniforms["scale"]!.value = this.canvas.clientHeight * this.renderer.getPixelRatio();
    this.controls.update();
    this.render();
    this.frames.drawn++;
    this.drawnAt = at;
    if (flowing || moving) this.redraw();
  };

  private resolve(scale: number): void {
    if (scale === this.scale) return;
    this.scale = scale;
    this.renderer.setPixelRatio(this.ratio());
  }

  private ratio(): number {
    return Math.min(window.devicePixelRatio, this.software ? 1 : 2) * this.scale;
  }

  private render(): void {
    this.boxes.seenFrom(this.camera.position);
    this.renderer.render(this.scene, this.camera);
  }

  private find(id: string): Box | undefined {
    return this.boxes.find(id);
  }

  private furnish(): void {
    const { x: width, y: height, z: depth } = this.size;
    for (const group of [this.shell, this.aisleGroup, this.labelGroup]) empty(group);
    this.shell.add(...roomShell({ width, depth, height }, this.palette));
    const aisles = aislesOf(this.racks, { width, depth });
    if (this.layers.aisles && aisles.length > 0) {
      for (const kind of ["cold", "hot"] as const) this.aisleGroup.add(floorPlates(aisles.filter((each) => each.kind === kind), this.palette[kind]));
    }
    const units = this.layers.units ? this.units : [];
    const named = this.layers.names && this.racks.length <= MOST_NAMED ? [...units, ...this.racks] : units;
    const ground = `${this.palette.background}b0`;
    for (const box of named) this.labelGroup.add(label(box, this.palette.ink, { size: 0.22, lift: 0.18, ground }));
    if (this.layers.aisles && this.layers.names && this.racks.length <= MOST_NAMED) {
      for (const { kind, x, y } of aisles) {
        const place = { x, y, z: 0, yaw: 0 };
        this.labelGroup.add(label({ id: "", label: text.room[kind], place, width: 0, depth: 0, height: 0 }, this.palette.ink, { size: 0.22, lift: 0.05, ground }));
      }
    }
    this.redraw();
  }

  private listen(): void {
    const ray = new Raycaster();
    const at = new Vector2();
    const hit = (event: PointerEvent): string | null => {
      const bounds = this.canvas.getBoundingClientRect();
      at.set(((event.clientX - bounds.left) / bounds.width) * 2 - 1, 1 - ((event.clientY - bounds.top) / bounds.height) * 2);
      ray.setFromCamera(at, this.camera);
      return this.boxes.under(ray);
    };
    let down: [number, number] | null = null;
    this.canvas.addEventListener("pointerdown", (event) => (down = [event.clientX, event.clientY]));
    this.canvas.addEventListener("pointerup", (event) => {
      // A drag turns the view; only a click selects. A finger is less steady than a mouse.
      const still = event.pointerType === "touch" ? 12 : 4;
      if (down !== null && Math.hypot(event.clientX - down[0], event.clientY - down[1]) < still) this.onPick(hit(event));
      down = null;
    });
    let last = 0;
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.buttons !== 0 || event.pointerType === "touch" || event.timeStamp - last < 50) return;
      last = event.timeStamp;
      this.onHover(hit(event), event.offsetX, event.offsetY);
    });
    this.canvas.addEventListener("pointerleave", () => this.onHover(null, 0, 0));
  }
}

// Who draws, as the browser tells it.
function rendererOf(): string {
  const gl = document.createElement("canvas").getContext("webgl2");
  const about = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = about ? String(gl!.getParameter(about.UNMASKED_RENDERER_WEBGL)) : "unknown";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return name;
}
