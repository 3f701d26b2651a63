// The room from above: each rack and unit is a button, so that touch and keyboard reach it. The list is the same as a table.
// Values may come from elsewhere (a what-if), and free places can be drawn in.
import { memo } from "preact/compat";
import type { Thing } from "../api";
import { cssOf, verdictOf } from "../colour";
import { focus, ofRoom, past, quantity, redrawn, room, selected, shownAt, theRoom, type Quantity } from "../store";
import { text } from "../text";
import { meant, placeOf, sizeOf, stateOf, supplyOf, zonesOf } from "../values";
import { airScale, classOf, judged, scales } from "./scale";
import { shown } from "./Tip";

const UNIT = 100; // SVG units in a metre

export interface Spot {
  x: number;
  y: number;
  label: string;
  fits: boolean;
  rank: number;
}
interface Props {
  // Instead of what twins show: thing -> value.
  values?: Record<string, number | null>;
  // What values are of; of nothing: what the room is coloured by.
  of?: Quantity;
  label?: string;
  spots?: Spot[];
  chosenSpot?: number | null;
  onSpot?: (rank: number) => void;
}

// The chosen one is drawn last, or its neighbours would hide its outline.
const last = (all: Thing[], chosen: string | null): Thing[] => {
  const index = all.findIndex((each) => each.id === chosen);
  return index < 0 ? all : [...all.slice(0, index), ...all.slice(index + 1), all[index]!];
};

export function Plan({ values, of = quantity.value, label: about, spots = [], chosenSpot = null, onSpot }: Props) {
  redrawn();
  const racks = ofRoom("rack", room.value);
  const units = ofRoom("cooling", room.value);
  const { width, depth } = { width: theRoom.value?.width ?? 12, depth: theRoom.value?.depth ?? 10 };
  const scaleFor = scales(racks, of);
  const air = airScale();
  const at = shownAt();
  const chosen = selected.value;
  const named = racks.length <= 150;
  const valueOf = (rack: Thing): number | null => {
    if (values !== undefined) return values[rack.id] ?? null;
    const { bottom, top } = zonesOf(rack, quantity.value, at);
    return top === null ? bottom : bottom === null ? top : Math.max(bottom, top);
  };
  return (
    <svg class="plan" viewBox={`-30 -30 ${width * UNIT + 60} ${depth * UNIT + 60}`} role="group" aria-label={about ?? text.room.planLabel}>
      <rect class="floor" x={0} y={0} width={width * UNIT} height={depth * UNIT} />
      {last(racks, chosen).map((rack) => {
        const value = valueOf(rack);
        const scale = scaleFor(rack);
        const verdict = value === null || !judged(of) ? "" : `, ${text.room.verdicts[verdictOf(value, classOf(rack))]} (${classOf(rack)})`;
        const fill = values === undefined && !meant(rack, focus.value, at) ? "var(--faint)" : cssOf(scale, value);
        return (
          <Tile key={rack.id} thing={rack} fill={fill} label={`${rack.name}: ${shown(value, scale.digits, scale.unit)}${verdict}`} chosen={chosen === rack.id} name={named ? rack.name.replace(/^.*?-?(r\d+-)/, "$1") : ""} />
        );
      })}
      {units.map((unit) => {
        const supply = supplyOf(unit, at);
        const fill = values === undefined ? cssOf(air, supply) : "var(--faint)";
        return <Tile key={unit.id} thing={unit} fill={fill} label={`${unit.name}: ${text.unit.supply} ${shown(supply, 1, "°C")}`} chosen={chosen === unit.id} name={unit.name} />;
      })}
      {spots.map((spot) => (
        <g
          key={spot.rank}
          role="button"
          tabindex={0}
          aria-label={spot.label}
          aria-pressed={chosenSpot === spot.rank}
          class={`spot ${spot.fits ? "fits" : "no"} ${chosenSpot === spot.rank ? "chosen" : ""}`}
          transform={`translate(${spot.x * UNIT} ${spot.y * UNIT})`}
          onClick={() => onSpot?.(spot.rank)}
          onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && onSpot?.(spot.rank)}
        >
          <title>{spot.label}</title>
          <rect x={-30} y={-52} width={60} height={104} rx={6} />
          <text y={9}>{spot.rank}</text>
        </g>
      ))}
    </svg>
  );
}

// Drawn anew only when something of it changed: a large room has a thousand.
interface TileProps {
  thing: Thing;
  fill: string;
  label: string;
  chosen: boolean;
  name: string;
}
const Tile = memo(function Tile({ thing, fill, label, chosen, name }: TileProps) {
  const place = placeOf(thing);
  if (place === null) return null;
  const size = sizeOf(thing);
  const degrees = 90 - (place.yaw * 180) / Math.PI;
  return (
    <g
      role="button"
      tabindex={0}
      aria-label={label}
      aria-pressed={chosen}
      class={chosen ? "tile chosen" : "tile"}
      transform={`translate(${place.x * UNIT} ${place.y * UNIT}) rotate(${-degrees})`}
      onClick={() => (selected.value = thing.id)}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        selected.value = thing.id;
      }}
    >
      <title>{label}</title>
      <rect x={(-size.width / 2) * UNIT} y={(-size.depth / 2) * UNIT} width={size.width * UNIT} height={size.depth * UNIT} fill={fill} />
      <rect x={(-size.width / 2) * UNIT} y={(size.depth / 2) * UNIT - 8} width={size.width * UNIT} height={8} class="front" />
      {name !== "" && (
        <text transform={`rotate(${degrees})`} y={5}>
          {name}
        </text>
      )}
    </g>
  );
}, same);

// A thing of a past moment is another object with each step; its tile is the same while it stands there and looks so.
function same(a: TileProps, b: TileProps): boolean {
  return a.thing.attributes === b.thing.attributes && a.fill === b.fill && a.label === b.label && a.chosen === b.chosen && a.name === b.name;
}

export function List() {
  redrawn();
  const racks = ofRoom("rack", room.value).filter((rack) => meant(rack, focus.value, shownAt()));
  const scaleFor = scales(racks, quantity.value);
  return (
    <div class="scroll">
      {racks.length === 0 && <p class="hint">{past.value === null ? text.room.noneMeant : text.replay.noneMeant}</p>}
      <table>
        <thead>
          <tr>
            <th scope="col">{text.room.rack}</th>
            <th scope="col">{text.rack.bottom}</th>
            <th scope="col">{text.rack.top}</th>
            <th scope="col">{text.rack.power}</th>
            <th scope="col">{text.rack.state}</th>
          </tr>
        </thead>
        <tbody>
          {racks.map((rack) => {
            const zones = zonesOf(rack, quantity.value, shownAt());
            const state = stateOf(rack);
            const scale = scaleFor(rack);
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
                <td>{shown(zonesOf(rack, "power", shownAt()).top, 2, "kW")}</td>
                <td>{state ?? "–"}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
