// The colour scale of a quantity for each rack: inlets are judged by the rack's own ASHRAE class, so colours mean the same verdict
// on every rack. Apart from the 3D view, so that what needs no three.js waits for none.
import type { Thing } from "../api";
import { scaleOf, type Scale } from "../colour";
import { theSite, type Quantity } from "../store";

export const siteClass = (): string => theSite.value?.ashrae_class ?? "A2";
export const classOf = (rack: Thing | undefined): string => String(rack?.attributes["ashraeClass"] ?? siteClass());
// Classes of these racks, each once.
export const classesOf = (racks: Thing[]): string[] => [...new Set(racks.map(classOf))].sort();
export const judged = (quantity: Quantity): boolean => quantity === "inlet" || quantity === "predicted";

// How a rack is coloured, among these.
export function scales(racks: Thing[], quantity: Quantity): (rack: Thing) => Scale {
  let largest = 0;
  if (quantity === "power") for (const rack of racks) largest = Math.max(largest, Number(rack.attributes["availablePower"] ?? 0));
  if (!judged(quantity)) {
    const common = scaleOf(quantity, siteClass(), largest);
    return () => common;
  }
  const made = new Map<string, Scale>();
  return (rack) => {
    const name = classOf(rack);
    let found = made.get(name);
    if (found === undefined) made.set(name, (found = scaleOf(quantity, name, 0)));
    return found;
  };
}

// What units blow is coloured as inlets of the site's class are.
export const airScale = (): Scale => scaleOf("inlet", siteClass(), 0);
