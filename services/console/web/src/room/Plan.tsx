// The room from above: each rack and unit is a button, so that touch and keyboard reach it. The list is the same as a table.
import type { Thing } from "../api";
import { cssOf, scaleOf } from "../colour";
import { number, now, ofRoom, past, quantity, room, selected, theRoom, theSite, tick } from "../store";
import { text } from "../text";
import { placeOf, sizeOf, zonesOf } from "../values";
import { roomScale } from "./Room3D";
import { shown } from "./Tip";

const UNIT = 100; // SVG units in a metre

// The chosen one is drawn last, or its neighbours would hide its outline.
const last = (all: Thing[]): Thing[] => [...all].sort((a, b) => Number(a.id === selected.value) - Number(b.id === selected.value));

export function Plan() {
  tick.value;
  const racks = ofRoom("rack", room.value);
  const units = ofRoom("cooling", room.value);
  const { width, depth } = { width: theRoom.value?.width ?? 12, depth: theRoom.value?.depth ?? 10 };
  const scale = roomScale(racks);
  const air = scaleOf("inlet", theSite.value?.ashrae_class ?? "A2", 0);
  const tile = (id: string, name: string, fill: string, label: string, place: NonNullable<ReturnType<typeof placeOf>>, size: ReturnType<typeof sizeOf>) => {
    const degrees = 90 - (place.yaw * 180) / Math.PI;
    return (
      <g
        key={id}
        role="button"
        tabindex={0}
        aria-label={label}
        aria-pressed={selected.value === id}
        class={selected.value === id ? "tile chosen" : "tile"}
        transform={`translate(${place.x * UNIT} ${place.y * UNIT}) rotate(${-degrees})`}
        onClick={() => (selected.value = id)}
        onKeyDown={(event) => {
          if (event.key === "Enter" || event.key === " ") selected.value = id;
        }}
      >
        <title>{label}</title>
        <rect x={(-size.width / 2) * UNIT} y={(-size.depth / 2) * UNIT} width={size.width * UNIT} height={size.depth * UNIT} fill={fill} />
        <rect x={(-size.width / 2) * UNIT} y={(size.depth / 2) * UNIT - 8} width={size.width * UNIT} height={8} class="front" />
        {racks.length <= 150 && (
          <text transform={`rotate(${degrees})`} y={5}>
            {name.replace(/^.*?-?(r\d+-)/, "$1")}
          </text>
        )}
      </g>
    );
  };
  return (
    <svg class="plan" viewBox={`-40 -40 ${width * UNIT + 80} ${depth * UNIT + 80}`} role="group" aria-label={text.room.planLabel}>
      <rect class="floor" x={0} y={0} width={width * UNIT} height={depth * UNIT} />
      {last(racks).map((rack) => {
        const place = placeOf(rack);
        if (place === null) return null;
        const zones = zonesOf(rack, quantity.value, now.value);
        const worst = zones.top === null ? zones.bottom : zones.bottom === null ? zones.top : Math.max(zones.top, zones.bottom);
        return tile(rack.id, rack.name, cssOf(scale, worst), `${rack.name}: ${shown(worst, scale.digits, scale.unit)}`, place, sizeOf(rack));
      })}
      {units.map((unit) => {
        const place = placeOf(unit);
        if (place === null) return null;
        const supply = past.value === null ? number(unit, "air", "supplyTemperature") : null;
        return tile(unit.id, unit.name, cssOf(air, supply), `${unit.name}: ${text.unit.supply} ${shown(supply, 1, "°C")}`, place, sizeOf(unit));
      })}
    </svg>
  );
}

export function List() {
  tick.value;
  const racks = ofRoom("rack", room.value);
  const scale = roomScale(racks);
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">{text.bar.room}</th>
            <th scope="col">{text.rack.bottom}</th>
            <th scope="col">{text.rack.top}</th>
            <th scope="col">{text.rack.power}</th>
            <th scope="col">{text.rack.state}</th>
          </tr>
        </thead>
        <tbody>
          {racks.map((rack) => {
            const zones = zonesOf(rack, quantity.value, now.value);
            const state = rack.features["indices"]?.properties["ashraeState"];
            return (
              <tr key={rack.id} class={selected.value === rack.id ? "chosen" : ""}>
                <th scope="row">
                  <button class="link" onClick={() => (selected.value = rack.id)}>
                    {rack.name}
                  </button>
                </th>
                {[zones.bottom, zones.top].map((value, index) => (
                  <td key={index}>
                    <i class="dot" style={{ background: cssOf(scale, value) }} />
                    {shown(value, scale.digits, scale.unit)}
                  </td>
                ))}
                <td>{shown(zonesOf(rack, "power", now.value).top, 2, "kW")}</td>
                <td>{typeof state === "string" ? state : "–"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
