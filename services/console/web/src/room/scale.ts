// The colour scale of the chosen quantity for these racks. Apart from the 3D view, so that what needs no three.js waits for none.
import type { Thing } from "../api";
import { scaleOf, type Scale } from "../colour";
import { quantity, theSite } from "../store";

export function roomScale(racks: Thing[]): Scale {
  let largest = 0;
  if (quantity.value === "power") for (const rack of racks) largest = Math.max(largest, Number(rack.attributes["availablePower"] ?? 0));
  return scaleOf(quantity.value, theSite.value?.ashrae_class ?? "A2", largest);
}
