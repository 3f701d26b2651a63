// From things, of now or of a past moment, to the numbers that the room is coloured by.
import type { Thing } from "./api";
import { alertsOf, expired, number, property, stale, type Focus, type Quantity } from "./store";

export interface Zones {
  bottom: number | null;
  top: number | null;
}

export function zonesOf(rack: Thing, quantity: Quantity, at: number): Zones {
  const fresh = (feature: string, name: string): number | null => (stale(rack, feature, at) ? null : number(rack, feature, name));
  const one = (value: number | null): Zones => ({ bottom: value, top: value });
  switch (quantity) {
    case "inlet":
      // A rack is shown in halves: what is warmest in the middle must not hide there.
      return { bottom: fresh("environment.bottom", "temperature"), top: warmer(fresh("environment.top", "temperature"), fresh("environment.middle", "temperature")) };
    case "humidity":
      return { bottom: fresh("environment.bottom", "relativeHumidity"), top: fresh("environment.top", "relativeHumidity") };
    case "predicted":
      return { bottom: predicted(rack, "bottom", at), top: predicted(rack, "top", at) };
    case "power": {
      const power = fresh("power", "power");
      return one(power === null ? null : power / 1000);
    }
    case "deltaT":
      return one(fresh("cooling", "deltaT"));
    case "score":
      return one(expired(rack, "anomaly", at) ? null : number(rack, "anomaly", "score"));
  }
}

export function predicted(rack: Thing, zone: "top" | "bottom", at: number): number | null {
  const feature = `prediction.inlet-temperature.${zone}`;
  return expired(rack, feature, at) ? null : number(rack, feature, "value");
}

// What a unit supplies.
export function supplyOf(unit: Thing, at: number): number | null {
  return stale(unit, "air", at) ? null : number(unit, "air", "supplyTemperature");
}

// The verdict on a rack's air by its own class.
export const stateOf = (rack: Thing): string | null => {
  const state = property(rack, "indices", "ashraeState");
  return typeof state === "string" ? state : null;
};

// Whether a rack is among those that the view is about.
export function meant(rack: Thing, which: Focus, at: number): boolean {
  switch (which) {
    case "all":
      return true;
    case "out":
      return stateOf(rack) !== "recommended";
    case "alerts":
      return alertsOf(rack).length > 0;
    case "stale":
      return stale(rack, "environment.top", at) || stale(rack, "environment.bottom", at);
  }
}

const warmer = (one: number | null, other: number | null): number | null => (one === null ? other : other === null ? one : Math.max(one, other));

export const hottest = (rack: Thing, at: number): number | null => {
  const { bottom, top } = zonesOf(rack, "inlet", at);
  return warmer(bottom, top);
};

export interface Place {
  x: number;
  y: number;
  z: number;
  yaw: number;
}

export function placeOf(thing: Thing): Place | null {
  const position = thing.attributes["position"];
  if (typeof position !== "object" || position === null) return null;
  const { x, y, z, yawDeg } = position as Record<string, unknown>;
  if (typeof x !== "number" || typeof y !== "number") return null;
  return { x, y, z: typeof z === "number" ? z : 0, yaw: ((typeof yawDeg === "number" ? yawDeg : 0) * Math.PI) / 180 };
}

// Outer measures in m, as declared or those of a usual rack.
export function sizeOf(thing: Thing): { width: number; depth: number; height: number } {
  const mm = (name: string, usual: number): number => {
    const value = thing.attributes[name];
    return typeof value === "number" ? value / 1000 : usual;
  };
  if (thing.kind === "cooling") return { width: 0.9, depth: 0.9, height: 1.95 };
  const u = thing.attributes["uHeight"];
  const usual = typeof u === "number" ? u * 0.04445 + 0.12 : 2;
  return { width: mm("outerWidth", 0.6), depth: mm("outerDepth", 1.1), height: mm("outerHeight", usual) };
}
