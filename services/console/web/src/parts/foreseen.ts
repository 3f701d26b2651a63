// What models said of a property, as lines of a chart at the times they spoke of: the expected value and its interval.
import type { Prediction } from "../api";
import type { Line } from "./Chart";

// How far ahead models looked (s), the nearest first.
export const horizonsOf = (said: Prediction[]): number[] => [...new Set(said.map((each) => each.horizonS))].sort((a, b) => a - b);

// The horizon to show where `wanted` is not told of: the furthest, since that is what one plans by.
export function nearestHorizon(said: Prediction[], wanted: number): number {
  const known = horizonsOf(said);
  return known.includes(wanted) ? wanted : (known[known.length - 1] ?? wanted);
}

interface Of {
  target: string;
  horizonS: number;
  label: string;
  colour: string;
  // Predictions are in the unit of the property; a chart may show another.
  per?: number;
}

// Three lines, or none where nothing was said. `before`: how many lines the chart has already, as bands name theirs by number.
export function foreseen(said: Prediction[], before: number, { target, horizonS, label, colour, per = 1 }: Of): Line[] {
  const mine = said.filter((each) => each.target === target && each.horizonS === horizonS).sort((a, b) => a.validAt - b.validAt);
  if (mine.length === 0) return [];
  const track = (pick: (each: Prediction) => number | null): [number, number | null][] =>
    mine.map((each) => {
      const value = pick(each);
      return [each.validAt, value === null ? null : value / per];
    });
  return [
    { label: "", colour, points: track((each) => each.hi), fillTo: before + 1, quiet: true },
    { label: "", colour, points: track((each) => each.lo), quiet: true },
    { label, colour, points: track((each) => each.value), dash: true },
  ];
}
