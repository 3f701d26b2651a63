// Colour scales that people with the common colour-vision deficiencies can read: cividis for amounts, blue to orange for
// temperatures around the recommended range. Legends show the same stops.
import type { Quantity } from "./store";

export type Stop = [number, string];
export interface Scale {
  unit: string;
  stops: Stop[];
  digits: number;
}

const CIVIDIS = ["#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838"];
const even = (from: number, to: number): Stop[] => CIVIDIS.map((colour, i) => [from + ((to - from) * i) / (CIVIDIS.length - 1), colour]);

// Dry bulb at the inlet, °C (ASHRAE TC 9.9, 5th edition, 2021); a test holds it against the room physics' own.
export interface Limits {
  recommended: readonly [number, number];
  allowable: readonly [number, number];
}
const CLASSES: Record<string, Limits> = {
  A1: { recommended: [18, 27], allowable: [15, 32] },
  A2: { recommended: [18, 27], allowable: [10, 35] },
  A3: { recommended: [18, 27], allowable: [5, 40] },
  A4: { recommended: [18, 27], allowable: [5, 45] },
  H1: { recommended: [18, 22], allowable: [5, 25] },
};
export const limitsOf = (ashraeClass: string): Limits => CLASSES[ashraeClass] ?? CLASSES["A2"]!;

export type Verdict = "recommended" | "allowable" | "out";
const within = (value: number, [low, high]: readonly [number, number]): boolean => value >= low && value <= high;
// The verdict on a temperature by a class; what else counts (humidity) is in the indices' own.
export const verdictOf = (value: number, ashraeClass: string): Verdict => {
  const { recommended, allowable } = limitsOf(ashraeClass);
  return within(value, recommended) ? "recommended" : within(value, allowable) ? "allowable" : "out";
};

export function scaleOf(quantity: Quantity, ashraeClass: string, largestPower: number): Scale {
  switch (quantity) {
    case "inlet":
    case "predicted": {
      const { recommended: [cool, top], allowable: [low, high] } = limitsOf(ashraeClass);
      return {
        unit: "°C",
        digits: 1,
        stops: [
          [low, "#1f4e9e"],
          [cool, "#56b4e9"],
          [(cool + top) / 2, "#c9e6d8"],
          [top, "#f0e442"],
          [(top + high) / 2, "#e69f00"],
          [high, "#b3280d"],
        ],
      };
    }
    case "humidity":
      return { unit: "%", digits: 0, stops: even(10, 80) };
    case "power":
      return { unit: "kW", digits: 1, stops: even(0, Math.max(1000, largestPower) / 1000) };
    case "deltaT":
      return { unit: "K", digits: 1, stops: even(0, 25) };
    case "score":
      return { unit: "", digits: 2, stops: even(0, 1) };
  }
}

// Of the few colours that scales are made of: a thousand racks ask for them several times a second.
const known = new Map<string, [number, number, number]>();
function channels(hex: string): [number, number, number] {
  let found = known.get(hex);
  if (found === undefined) known.set(hex, (found = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as [number, number, number]));
  return found;
}

const mixed = (a: number, b: number, share: number): number => Math.round(a + (b - a) * share);

export function rgbOf(scale: Scale, value: number | null): [number, number, number] {
  if (value === null) return [90, 98, 108];
  const { stops } = scale;
  const first = stops[0]!;
  if (value <= first[0]) return channels(first[1]);
  for (let i = 1; i < stops.length; i++) {
    const [below, above] = [stops[i - 1]!, stops[i]!];
    if (value <= above[0]) {
      const share = (value - below[0]) / (above[0] - below[0]);
      const [a, b] = [channels(below[1]), channels(above[1])];
      return [mixed(a[0], b[0], share), mixed(a[1], b[1], share), mixed(a[2], b[2], share)];
    }
  }
  return channels(stops[stops.length - 1]![1]);
}

export const cssOf = (scale: Scale, value: number | null): string => `rgb(${rgbOf(scale, value).join(" ")})`;
// Where each stop stands on a legend, from 0 to 1: by its value, or evenly, where several scales share the colours.
export const placesOf = (scale: Scale, evenly: boolean): number[] => {
  const [low, high] = [scale.stops[0]![0], scale.stops[scale.stops.length - 1]![0]];
  return scale.stops.map(([at], i) => (evenly ? i / (scale.stops.length - 1) : (at - low) / (high - low)));
};
export const gradientOf = (scale: Scale, evenly = false): string =>
  `linear-gradient(to right, ${placesOf(scale, evenly).map((at, i) => `${scale.stops[i]![1]} ${at * 100}%`).join(", ")})`;
