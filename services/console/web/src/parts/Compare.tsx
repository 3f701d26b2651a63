// A what-if beside its baseline: both rooms at the same moment, the hottest inlets over time, and when each rack leaves its limits.
import { useMemo, useState } from "preact/hooks";
import { api, type Scenario } from "../api";
import { limitsOf } from "../colour";
import { Plan } from "../room/Plan";
import { shown } from "../room/Tip";
import { classOf, classesOf } from "../room/scale";
import { ofRoom, room, selected, site, things } from "../store";
import { text } from "../text";
import { Chart, limitLines, type Line } from "./Chart";
import { useRead } from "./hooks";

const BASELINE = "baseline";
const FEW = 12;
type Row = (number | null)[];

// Seconds until a rack's inlet is above a limit, between samples by a straight line; null: never.
export function crossing(times: number[], row: Row, limit: number): number | null {
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (value === null || value === undefined || value <= limit) continue;
    const before = i > 0 ? row[i - 1] : null;
    if (before === null || before === undefined) return times[i]!;
    return times[i - 1]! + ((limit - before) / (value - before)) * (times[i]! - times[i - 1]!);
  }
  return null;
}

const hottestOf = (inlets: Record<string, Row>, count: number): Row =>
  Array.from({ length: count }, (_, i) => Object.values(inlets).reduce<number | null>((most, row) => (row[i] === null || row[i] === undefined ? most : Math.max(most ?? -99, row[i]!)), null));

const spell = (seconds: number | null): string => (seconds === null ? text.whatif.never : seconds < 90 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1)} min`);

export function Compare({ scenario }: { scenario: Scenario }) {
  const names = (scenario.status.cases ?? []).map((each) => each.name).filter((name) => name !== BASELINE);
  const [chosen, setChosen] = useState(names[0] ?? BASELINE);
  const [index, setIndex] = useState<number | null>(null);
  const [all, setAll] = useState(false);
  const series = useRead(() => api.scenarioSeries(site.value, scenario.name, [BASELINE, chosen]), [site.value, scenario.name, chosen]);
  const found = series.value;
  const base = found?.cases[BASELINE];
  const other = found?.cases[chosen];
  const times = found?.times ?? [];
  const at = Math.min(index ?? times.length - 1, times.length - 1);
  const lines = useMemo((): Line[] => {
    if (base === undefined || other === undefined) return [];
    const track = (row: Row): [number, number | null][] => times.map((time, i) => [time, row[i] ?? null]);
    return [
      { label: BASELINE, colour: "#56b4e9", points: track(hottestOf(base.inlets, times.length)) },
      { label: chosen, colour: "#e69f00", points: track(hottestOf(other.inlets, times.length)) },
    ];
  }, [found]);
  const power = useMemo((): Line[] => {
    if (base === undefined || other === undefined) return [];
    const track = (row: Row): [number, number | null][] => times.map((time, i) => [time, row[i] === null || row[i] === undefined ? null : row[i]! / 1000]);
    return [
      { label: BASELINE, colour: "#56b4e9", points: track(base.power) },
      { label: chosen, colour: "#e69f00", points: track(other.power) },
    ];
  }, [found]);
  const racks = useMemo(() => {
    if (other === undefined) return [];
    return Object.entries(other.inlets)
      .map(([id, row]) => {
        const name = classOf(things.get(id));
        const own = limitsOf(name);
        const peak = row.reduce<number | null>((most, value) => (value === null ? most : Math.max(most ?? -99, value)), null);
        return { id, name, recommended: crossing(times, row, own.recommended[1]), allowable: crossing(times, row, own.allowable[1]), peak };
      })
      .sort((a, b) => (a.allowable ?? 1e9) - (b.allowable ?? 1e9) || (a.recommended ?? 1e9) - (b.recommended ?? 1e9) || (b.peak ?? 0) - (a.peak ?? 0));
  }, [found]);
  if (series.error !== null) return <p class="error">{series.error}</p>;
  if (found === null) return <p role="status">{text.replay.loading}</p>;
  if (base === undefined || other === undefined) return <p class="hint">{text.whatif.noSeries}</p>;
  // Each rack by its own class, also where the line of another class is drawn.
  const classes = classesOf(ofRoom("rack", scenario.spec.room));
  const beyond = (inlets: Record<string, Row>): string => {
    // Too warm, as in the table below: that a rack is too cold is no news of a what-if.
    const count = (range: "recommended" | "allowable"): number =>
      Object.entries(inlets).filter(([id, row]) => (row[at] ?? -99) > limitsOf(classOf(things.get(id)))[range][1]).length;
    return `${count("recommended")} ${text.whatif.beyondRecommended}, ${count("allowable")} ${text.whatif.beyondAllowable}`;
  };
  const here = scenario.spec.room === room.value;
  const moment = (inlets: Record<string, Row>): Record<string, number | null> => Object.fromEntries(Object.entries(inlets).map(([id, row]) => [id, row[at] ?? null]));
  return (
    <div class="compare">
      <div class="tools">
        {names.length > 1 && (
          <label>
            {text.whatif.case}{" "}
            <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
              {names.map((each) => (
                <option key={each}>{each}</option>
              ))}
            </select>
          </label>
        )}
        <label class="grow">
          {text.whatif.after} <output>{spell(times[at] ?? 0)}</output>
          <input type="range" min={0} max={Math.max(0, times.length - 1)} value={at} onInput={(event) => setIndex(Number(event.currentTarget.value))} />
        </label>
      </div>
      {here ? (
        <div class="pair">
          {[
            [BASELINE, base.inlets],
            [chosen, other.inlets],
          ].map(([name, inlets]) => (
            <figure key={name as string}>
              <figcaption>
                {name as string} <small>{beyond(inlets as Record<string, Row>)}</small>
              </figcaption>
              <Plan values={moment(inlets as Record<string, Row>)} of="inlet" label={`${text.room.planLabel} ${name as string}`} />
            </figure>
          ))}
        </div>
      ) : (
        <p class="hint">
          <button class="link" onClick={() => (room.value = scenario.spec.room)}>
            {text.whatif.goThere} {scenario.spec.room}
          </button>
        </p>
      )}
      <div class="pair">
        <figure>
          <figcaption>{text.dashboards.hottest}</figcaption>
          <Chart
            lines={lines}
            unit="°C"
            elapsed
            height={170}
            label={`${text.dashboards.hottest}: ${BASELINE}, ${chosen}`}
            limits={limitLines(classes)}
          />
          {classes.length > 1 && <p class="hint">{text.whatif.classes} {classes.join(", ")}</p>}
        </figure>
        <figure>
          <figcaption>{text.dashboards.coolingPower}</figcaption>
          <Chart lines={power} unit="kW" elapsed height={170} label={`${text.dashboards.coolingPower}: ${BASELINE}, ${chosen}`} />
        </figure>
      </div>
      <h3>{text.whatif.perRack}</h3>
      <div class="wide-table" tabIndex={0} role="region" aria-label={text.table}>
        <table>
          <thead>
            <tr>
              {[text.room.rack, text.whatif.class, text.whatif.recommended, text.whatif.allowable, text.whatif.peak, text.whatif.peakBase].map((each) => (
                <th scope="col" key={each}>
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {racks.slice(0, all ? undefined : FEW).map((rack) => (
              <tr key={rack.id} class={selected.value === rack.id ? "chosen" : ""}>
                <th scope="row">
                  <button class="link" onClick={() => (selected.value = rack.id)}>
                    {rack.id.replace(/^.*:rack-/, "")}
                  </button>
                </th>
                <td>{rack.name}</td>
                <td>{spell(rack.recommended)}</td>
                <td>{spell(rack.allowable)}</td>
                <td>{shown(rack.peak, 1, "°C")}</td>
                <td>{shown(Math.max(...(base.inlets[rack.id] ?? []).map((value) => value ?? -99)), 1, "°C")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {racks.length > FEW && (
        <button onClick={() => setAll(!all)}>{all ? text.whatif.fewer : `${text.whatif.allRacks} (${racks.length})`}</button>
      )}
    </div>
  );
}
