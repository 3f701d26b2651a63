// What a thing is and its main values, beside the pointer.
import type { Thing } from "../api";
import { number, shownAt } from "../store";
import { text } from "../text";
import { stateOf, zonesOf } from "../values";
import { classOf } from "./scale";

export const shown = (value: number | null, digits: number, unit: string): string => (value === null ? "–" : `${value.toFixed(digits)} ${unit}`.trim());

export function Tip({ thing, x, y }: { thing: Thing; x: number; y: number }) {
  const rows: [string, string][] =
    thing.kind === "rack"
      ? [
          [text.rack.top, shown(zonesOf(thing, "inlet", shownAt()).top, 1, "°C")],
          [text.rack.bottom, shown(zonesOf(thing, "inlet", shownAt()).bottom, 1, "°C")],
          [text.rack.power, shown(zonesOf(thing, "power", shownAt()).top, 2, "kW")],
          [text.rack.state, `${stateOf(thing) ?? "–"} (${classOf(thing)})`],
        ]
      : [
          [text.unit.supply, shown(number(thing, "air", "supplyTemperature"), 1, "°C")],
          [text.unit.return, shown(number(thing, "air", "returnTemperature"), 1, "°C")],
          [text.unit.fan, shown(number(thing, "control", "fanSpeed"), 0, "%")],
        ];
  return (
    <div class="tip" style={{ left: `${x + 14}px`, top: `${y + 10}px` }} role="status">
      <strong>{thing.name}</strong>
      {rows.map(([name, value]) => (
        <div key={name}>
          <span>{name}</span> <b>{value}</b>
        </div>
      ))}
    </div>
  );
}
