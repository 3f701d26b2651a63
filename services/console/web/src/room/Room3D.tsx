// The 3D view of the chosen room: gives the scene its boxes, and new colours whenever twins change.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Thing } from "../api";
import { rgbOf, scaleOf, type Scale } from "../colour";
import { flows, names, now, ofRoom, past, quantity, room, selected, theRoom, theSite, things, tick } from "../store";
import { text } from "../text";
import { theme } from "../theme";
import { placeOf, sizeOf, zonesOf } from "../values";
import { airFlows } from "./flows";
import { RoomScene, type Box } from "./scene";
import { Tip } from "./Tip";

function box(thing: Thing): Box | null {
  const place = placeOf(thing);
  return place === null ? null : { id: thing.id, label: thing.kind === "rack" ? thing.name.replace(/^.*-/, "") : thing.name, place, ...sizeOf(thing) };
}
const boxes = (all: Thing[]): Box[] => all.map(box).filter((each): each is Box => each !== null);

export function roomScale(racks: Thing[]): Scale {
  const largest = Math.max(0, ...racks.map((rack) => Number(rack.attributes["availablePower"] ?? 0)));
  return scaleOf(quantity.value, theSite.value?.ashrae_class ?? "A2", largest);
}

// For measuring in a browser that a test drives.
declare global {
  interface Window {
    racktwinScene?: RoomScene;
  }
}

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

  tick.value;
  const racks = ofRoom("rack", room.value);
  const units = ofRoom("cooling", room.value);
  // Where things stand changes seldom; this tells when.
  const key = JSON.stringify([room.value, theRoom.value, ...[...racks, ...units].map((each) => [each.id, each.attributes["position"]])]);
  useEffect(() => {
    const { width, depth, height } = theRoom.value ?? {};
    scene.current?.build({ width: width ?? 12, depth: depth ?? 10, height: height ?? 3 }, boxes(racks), boxes(units));
    scene.current?.select(selected.value);
  }, [key]);

  useEffect(() => scene.current?.labels(names.value, theme.value === "dark" ? "#e7edf3" : "#1b2733"), [key, names.value, theme.value]);
  useEffect(() => scene.current?.theme(theme.value === "dark" ? "#12181f" : "#dfe5ea", theme.value === "dark" ? "#ffffff" : "#0b0f14"), [theme.value]);
  useEffect(() => scene.current?.select(selected.value), [selected.value, key]);
  useEffect(() => scene.current?.flows(flows.value ? airFlows(racks, units) : []), [flows.value, key, flows.value ? Math.floor(now.value / 5000) : 0]);

  useEffect(() => {
    const placed = racks.filter((each) => placeOf(each) !== null);
    const placedUnits = units.filter((each) => placeOf(each) !== null);
    const scale = roomScale(racks);
    const air = scaleOf("inlet", theSite.value?.ashrae_class ?? "A2", 0);
    const at = now.value;
    const zones = placed.map((rack) => zonesOf(rack, quantity.value, at));
    scene.current?.paint(
      (index, zone) => rgbOf(scale, zone === 0 ? zones[index]!.bottom : zones[index]!.top),
      (index) => {
        const supply = placedUnits[index]!.features["air"]?.properties["supplyTemperature"];
        return typeof supply === "number" && past.value === null ? rgbOf(air, supply) : [126, 140, 154];
      },
    );
  }, [tick.value, quantity.value, key, past.value, theme.value, Math.floor(now.value / 10_000)]);

  const under = hover === null ? undefined : things.get(hover.id);
  return (
    <div class="stage">
      <canvas ref={canvas} role="img" aria-label={text.room.canvas} />
      {under !== undefined && hover !== null && <Tip thing={under} x={hover.x} y={hover.y} />}
    </div>
  );
}
