// The 3D view of the chosen room: gives the scene its boxes, and new colours whenever twins change.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Thing } from "../api";
import { rgbOf } from "../colour";
import { alertsOf, focus, layers, ofRoom, past, redrawn, shownAt, quantity, room, selected, structure, theRoom, thingShown } from "../store";
import { text } from "../text";
import { theme } from "../theme";
import { meant, placeOf, sizeOf, supplyOf, zonesOf } from "../values";
import type { Box } from "./boxes";
import { airFlows } from "./flows";
import { airScale, scales } from "./scale";
import type { Palette } from "./furniture";
import { RoomScene } from "./scene";
import { Tip } from "./Tip";

function box(thing: Thing): Box | null {
  const place = placeOf(thing);
  return place === null ? null : { id: thing.id, label: thing.kind === "rack" ? thing.name.replace(/^.*-/, "") : thing.name, place, ...sizeOf(thing) };
}
const boxes = (all: Thing[]): Box[] => all.map(box).filter((each): each is Box => each !== null);

const PALETTES: Record<"dark" | "light", Palette> = {
  dark: { background: "#12181f", floor: "#1d2630", line: "#46566a", ink: "#e7edf3", cold: "#1b4560", hot: "#5c3518" },
  light: { background: "#e6ebef", floor: "#f7f9fa", line: "#a9b6c2", ink: "#0b0f14", cold: "#cfe8f7", hot: "#f8dcc0" },
};
const UNKNOWN: [number, number, number] = [90, 98, 108];
const SIGNS = { critical: "#ff5d3b", warning: "#f0b429", info: "#56b4e9" };

// For measuring in a browser that a test drives.
declare global {
  interface Window {
    racktwinScene?: RoomScene;
  }
}

// Keys that move the view, for those without a mouse: turn, tilt, nearer.
const KEYS: Record<string, [number, number, number]> = {
  ArrowLeft: [-0.15, 0, 1],
  ArrowRight: [0.15, 0, 1],
  ArrowUp: [0, -0.1, 1],
  ArrowDown: [0, 0.1, 1],
  "+": [0, 0, 0.85],
  "-": [0, 0, 1.18],
};

export function Room3D() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scene = useRef<RoomScene | null>(null);
  const [hover, setHover] = useState<{ id: string; x: number; y: number } | null>(null);

  useEffect(() => {
    const made = new RoomScene(
      canvas.current!,
      (id) => (selected.value = id),
      (id, x, y) => setHover(id === null ? null : { id, x, y }),
    );
    scene.current = made;
    window.racktwinScene = made;
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(canvas.current!);
    const home = (): void => made.home();
    window.addEventListener("racktwin-home", home);
    return () => {
      watch.disconnect();
      window.removeEventListener("racktwin-home", home);
      made.destroy();
    };
  }, []);

  const drawn = redrawn();
  const racks = ofRoom("rack", room.value);
  const units = ofRoom("cooling", room.value);
  // Where things stand changes seldom; this tells when.
  const key = `${room.value} ${structure.value} ${JSON.stringify(theRoom.value ?? null)}`;
  const shown = layers.value;
  useEffect(() => scene.current?.theme(PALETTES[theme.value]), [theme.value]);
  useEffect(() => {
    const { width, depth, height } = theRoom.value ?? {};
    scene.current?.build({ width: width ?? 12, depth: depth ?? 10, height: height ?? 3 }, boxes(racks), boxes(units));
    scene.current?.select(selected.value);
  }, [key]);
  useEffect(() => scene.current?.show(shown), [key, shown]);
  useEffect(() => scene.current?.select(selected.value), [selected.value, key]);
  useEffect(() => scene.current?.flows(shown.flows ? airFlows(racks, units) : []), [shown.flows, key, shown.flows ? `${Math.floor(shownAt() / 10_000)} ${past.value?.known}` : ""]);
  const marked = shown.alerts ? [...racks, ...units].flatMap((each) => signOf(each)) : [];
  useEffect(() => scene.current?.mark(marked), [key, marked.map((each) => each.id + each.colour).join()]);

  useEffect(() => {
    const placed = racks.filter((each) => placeOf(each) !== null);
    const placedUnits = units.filter((each) => placeOf(each) !== null);
    const scale = scales(racks, quantity.value);
    const air = airScale();
    const at = shownAt();
    const zones = placed.map((rack) => (meant(rack, focus.value, at) ? zonesOf(rack, quantity.value, at) : null));
    const faint: [number, number, number] = theme.value === "dark" ? [44, 54, 64] : [205, 213, 220];
    scene.current?.paint(
      (index, zone) => {
        const found = zones[index]!;
        return found === null ? faint : rgbOf(scale(placed[index]!), zone === 0 ? found.bottom : found.top);
      },
      (index) => {
        const supply = supplyOf(placedUnits[index]!, at);
        return supply === null ? UNKNOWN : rgbOf(air, supply);
      },
    );
  }, [drawn, racks, quantity.value, key, theme.value, focus.value, Math.floor(shownAt() / 10_000)]);

  const under = hover === null ? undefined : thingShown(hover.id);
  return (
    <div class="stage">
      <canvas
        ref={canvas}
        role="img"
        tabIndex={0}
        aria-label={text.room.canvas}
        onKeyDown={(event) => {
          const move = KEYS[event.key];
          if (move === undefined) return;
          event.preventDefault();
          scene.current?.move(...move);
        }}
      />
      {under !== undefined && hover !== null && <Tip thing={under} x={hover.x} y={hover.y} />}
    </div>
  );
}

function signOf(thing: Thing): { id: string; colour: string }[] {
  const open = alertsOf(thing).filter((each) => !each.acknowledgedBy);
  const worst = (["critical", "warning"] as const).find((severity) => open.some((each) => each.severity === severity));
  return worst === undefined ? [] : [{ id: thing.id, colour: SIGNS[worst] }];
}
