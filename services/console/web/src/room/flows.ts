// Where air goes, as far as the twins tell: supply from the units that serve a rack, recirculation where its supply fraction is
// below one.
import type { Thing } from "../api";
import { number } from "../store";
import type { Flow } from "./particles";

// Less than this share is not drawn, or the picture is all lines.
const LEAST = 0.03;

export function airFlows(racks: Thing[], units: Thing[]): Flow[] {
  const flows: Flow[] = [];
  const servers = new Map<string, Thing[]>();
  for (const unit of units) {
    for (const rack of (unit.attributes["racks"] as string[] | undefined) ?? []) servers.set(rack, [...(servers.get(rack) ?? []), unit]);
  }
  for (const rack of racks) {
    const fraction = number(rack, "cooling", "supplyFraction") ?? estimated(rack, servers.get(rack.id) ?? []);
    const serving = servers.get(rack.id) ?? [];
    // Of a unit that is silent, or of which nothing was known then, nothing is drawn.
    for (const unit of serving.filter((each) => fraction !== null || number(each, "air", "supplyTemperature") !== null)) flows.push({ from: unit.id, to: rack.id, kind: "supply", share: (fraction ?? 1) / serving.length });
    if (fraction !== null && 1 - fraction > LEAST) flows.push({ from: rack.id, to: rack.id, kind: "recirculation", share: 1 - fraction });
  }
  return flows;
}

// From temperatures alone: how far the top inlet stands between supply and outlet.
function estimated(rack: Thing, serving: Thing[]): number | null {
  const top = number(rack, "environment.top", "temperature");
  const rise = number(rack, "cooling", "deltaT");
  const supplies = serving.map((unit) => number(unit, "air", "supplyTemperature")).filter((each): each is number => each !== null);
  if (top === null || rise === null || rise <= 0 || supplies.length === 0) return null;
  const supply = supplies.reduce((sum, each) => sum + each, 0) / supplies.length;
  return Math.min(1, Math.max(0, 1 - (top - supply) / (top + rise - supply)));
}
