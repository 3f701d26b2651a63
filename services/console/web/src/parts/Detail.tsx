// What is selected: a rack with its sensors, servers, trends and predictions, or a cooling unit with its commands.
import { signal } from "@preact/signals";
import { useMemo, useState } from "preact/hooks";
import { api, type Point, type Prediction, type Thing } from "../api";
import { alertsOf, expired, me, number, ofRoom, past, property, redrawn, restsAt, selected, shownAt, site, stale, thingShown } from "../store";
import { text } from "../text";
import { shown } from "../room/Tip";
import { classOf } from "../room/scale";
import { predicted, stateOf } from "../values";
import { Chart, limitLines, type Line } from "./Chart";
import { Acknowledge } from "./Acknowledge";
import { CommandDialog } from "./CommandDialog";
import { Elevation } from "./Elevation";
import { Card, concernsOf } from "./Findings";
import { foreseen, horizonsOf, nearestHorizon } from "./foreseen";
import { grafanaLink } from "./grafana";
import { useRead } from "./hooks";

const HOUR = 3_600_000;
const numbers = (points: Point[] | undefined): [number, number | null][] =>
  (points ?? []).map(([at, value]) => [at, typeof value === "number" ? value : null]);

const verdict = (thing: Thing, feature: "anomaly" | "maintenance", at: number): string =>
  expired(thing, feature, at) ? text.rack.expired : String(property(thing, feature, "state") ?? "–");

export function Detail() {
  redrawn();
  const thing = thingShown(selected.value);
  if (thing === undefined) return <p class="hint">{text.room.nothing}</p>;
  return (
    <section class="detail" aria-label={thing.name}>
      <header>
        <h2>{thing.name}</h2>
        <button class="plain" aria-label={text.rack.close} onClick={() => (selected.value = null)}>
          ×
        </button>
      </header>
      {past.value !== null && (
        <p class="hint">
          {text.replay.detail} <b>{new Date(past.value.at).toLocaleString()}</b>
        </p>
      )}
      {alertsOf(thing).map((alert) => (
        <p key={alert.rule} class={`alert ${alert.severity}`}>
          <b>{alert.title}</b> {alert.text}{" "}
          <small>
            {text.agoSeconds((shownAt() - alert.since) / 1000)}
            {alert.acknowledgedBy ? ` · ${text.alerts.acknowledged} ${alert.acknowledgedBy}` : ""}
          </small>
          {past.value === null && !alert.acknowledgedBy && alert.rule !== undefined && <Acknowledge thing={thing.id} rule={alert.rule} />}
        </p>
      ))}
      {thing.kind === "rack" && <Rack rack={thing} />}
      {thing.kind === "server" && <Server server={thing} />}
      {thing.kind === "cooling" && <Unit unit={thing} />}
      <Links thing={thing} />
    </section>
  );
}

function Rows({ rows }: { rows: [string, string, boolean?][] }) {
  return (
    <dl class="rows">
      {rows.map(([name, value, old]) => (
        <div key={name} class={old ? "old" : ""}>
          <dt>{name}</dt>
          <dd>
            {value}
            {old && <em> {text.rack.stale}</em>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

// Until when curves are read. A replay would ask anew with every step, so while it plays they follow in strides.
const HALF_MINUTE = 30_000;
function curvesUntil(): { at: number; stride: string } {
  const at = shownAt();
  return { at, stride: past.value === null ? String(Math.floor(at / HALF_MINUTE)) : `${Math.floor(at / 900_000)} ${restsAt.value ?? ""}` };
}

// Who may send commands, and why others may not. From the past nobody may: a command acts now.
function mayCommand(): { allowed: boolean; why: string } {
  if (past.value !== null) return { allowed: false, why: text.replay.commands };
  const allowed = me.value !== null && me.value.role !== "viewer";
  return { allowed, why: allowed ? "" : text.command.viewer };
}

// Its sensors from the front's top down, then those at the back.
const PLACES = ["top", "middle", "bottom", "rear-top", "rear-middle", "rear-bottom"];
function sensorsOf(rack: Thing): string[] {
  const rank = (feature: string): number => (PLACES.indexOf(feature.replace("environment.", "")) + PLACES.length + 1) % (PLACES.length + 1);
  const known = Object.keys(rack.features).filter((feature) => feature.startsWith("environment."));
  return [...new Set(["environment.top", "environment.bottom", ...known])].sort((a, b) => rank(a) - rank(b));
}

// What is wrong with it by models and upkeep; of the past their verdicts are recorded, their evidence is not.
function Findings({ thing }: { thing: Thing }) {
  return (
    <>
      {concernsOf(thing).map((concern) => (
        <Card key={concern} thing={thing} concern={concern} named={false} />
      ))}
    </>
  );
}

// How far ahead the curves of what models said look. One choice for whatever is looked at next.
const horizon = signal(900);
function Ahead({ said }: { said: Prediction[] }) {
  const known = horizonsOf(said);
  if (known.length === 0) return null;
  return (
    <label>
      {text.rack.ahead}{" "}
      <select value={nearestHorizon(said, horizon.value)} onChange={(event) => (horizon.value = Number(event.currentTarget.value))}>
        {known.map((each) => (
          <option key={each} value={each}>
            {each / 60} min
          </option>
        ))}
      </select>
    </label>
  );
}

function Rack({ rack }: { rack: Thing }) {
  const { at, stride } = curvesUntil();
  const series = useRead(
    async () => {
      const [top, bottom, said, power] = await Promise.all([
        api.series(site.value, rack.id, "environment.top", ["temperature"], at - HOUR, at, 180),
        api.series(site.value, rack.id, "environment.bottom", ["temperature"], at - HOUR, at, 180),
        api.predictions(site.value, rack.id, at - HOUR, at),
        api.series(site.value, rack.id, "power", ["power"], at - HOUR, at, 180),
      ]);
      const kilowatts = numbers(power.series["power"]).map(([time, value]): [number, number | null] => [time, value === null ? null : value / 1000]);
      return { power: kilowatts, top: numbers(top.series["temperature"]), bottom: numbers(bottom.series["temperature"]), said };
    },
    [rack.id, stride],
  );
  const lines = useMemo((): Line[] => {
    if (series.value === null) return [];
    const { said, top, bottom } = series.value;
    const made: Line[] = [
      { label: text.rack.top, colour: "#e69f00", points: top },
      { label: text.rack.bottom, colour: "#56b4e9", points: bottom },
    ];
    for (const [place, label, colour] of [["top", text.rack.topPredicted, "#cc79a7"], ["bottom", text.rack.bottomPredicted, "#009e73"]] as const) {
      made.push(...foreseen(said, made.length, { target: `environment.${place}/temperature`, horizonS: nearestHorizon(said, horizon.value), label, colour }));
    }
    return made;
  }, [series.value, horizon.value]);
  const air = (feature: string): [string, string, boolean] => {
    const place = feature.replace("environment.", "");
    const values = [
      shown(number(rack, feature, "temperature"), 1, "°C"),
      shown(number(rack, feature, "relativeHumidity"), 0, "%"),
      `${text.rack.dew} ${shown(number(rack, feature, "dewPoint"), 1, "°C")}`,
    ];
    return [text.rack.places[place] ?? place, values.join(" · "), stale(rack, feature, at)];
  };
  const ahead = [predicted(rack, "top", at), predicted(rack, "bottom", at)];
  const expected = past.value !== null && ahead.every((each) => each === null) ? text.replay.notRecorded : ahead.map((each) => shown(each, 1, "°C")).join(" / ");
  const power = number(rack, "power", "power");
  const powerLines = useMemo((): Line[] => {
    const said = series.value?.said ?? [];
    const of = { target: "power/power", horizonS: nearestHorizon(said, horizon.value), label: text.rack.predicted, colour: "#cc79a7", per: 1000 };
    return [{ label: text.rack.power, colour: "#56b4e9", points: series.value?.power ?? [] }, ...foreseen(said, 1, of)];
  }, [series.value, horizon.value]);
  const serving = ofRoom("cooling", String(rack.attributes["location"] ?? "")).filter((unit) => ((unit.attributes["racks"] as string[] | undefined) ?? []).includes(rack.id));
  const { allowed, why } = mayCommand();
  const [asking, setAsking] = useState<string | null>(null);
  const asked = asking === null || past.value !== null ? undefined : thingShown(asking);
  const servers = ((rack.attributes["servers"] as string[] | undefined) ?? []).map((id) => thingShown(id)).filter((each): each is Thing => each !== undefined);
  servers.sort((a, b) => Number(b.attributes["position"] ?? 0) - Number(a.attributes["position"] ?? 0));
  return (
    <>
      <Rows
        rows={[
          ...sensorsOf(rack).map(air),
          [text.rack.power, `${shown(power === null ? null : power / 1000, 2, "kW")} / ${shown(Number(rack.attributes["availablePower"] ?? 0) / 1000, 0, "kW")}`],
          [text.rack.deltaT, shown(number(rack, "cooling", "deltaT"), 1, "K")],
          [text.rack.state, `${stateOf(rack) ?? "–"} (${classOf(rack)})`],
          [`${text.rack.predicted} (15 min)`, expected],
          [text.rack.anomaly, verdict(rack, "anomaly", at)],
          [text.rack.maintenance, verdict(rack, "maintenance", at)],
        ]}
      />
      <Findings thing={rack} />
      <h3>{text.rack.trend}</h3>
      <Ahead said={series.value?.said ?? []} />
      {series.error !== null ? <p class="error">{series.error}</p> : <Chart lines={lines} unit="°C" limits={limitLines([classOf(rack)])} label={`${text.quantity.inlet}: ${rack.name}`} />}
      <h3>{text.rack.power}</h3>
      <Chart lines={powerLines} unit="kW" height={110} label={`${text.rack.power}: ${rack.name}`} />
      <h3>{text.rack.cooledBy}</h3>
      {serving.length === 0 ? (
        <p class="hint">{text.rack.noUnits}</p>
      ) : (
        <ul class="plain">
          {serving.map((unit) => (
            <li key={unit.id}>
              <button class="link" onClick={() => (selected.value = unit.id)}>
                {unit.name}
              </button>{" "}
              {shown(number(unit, "air", "supplyTemperature"), 1, "°C")}, {shown(number(unit, "control", "fanSpeed"), 0, "%")}{" "}
              <button disabled={!allowed} title={why} onClick={() => setAsking(unit.id)}>
                {text.unit.command}
              </button>
            </li>
          ))}
        </ul>
      )}
      {asked !== undefined && <CommandDialog unit={asked} onClose={() => setAsking(null)} />}
      <h3>{text.rack.servers}</h3>
      {servers.length === 0 ? <p class="hint">{text.rack.noServers}</p> : <Elevation rack={rack} servers={servers} />}
    </>
  );
}

function Server({ server }: { server: Thing }) {
  const { at, stride } = curvesUntil();
  const series = useRead(
    async () => {
      const read = (feature: string, name: string): Promise<[number, number | null][]> =>
        api.series(site.value, server.id, feature, [name], at - HOUR, at, 180).then((found) => numbers(found.series[name]));
      const [load, warm, power, said] = await Promise.all([read("cpu", "utilization"), read("thermal", "cpuTemperature"), read("power", "power"), api.predictions(site.value, server.id, at - HOUR, at)]);
      return { load, warm, power, said };
    },
    [server.id, stride],
  );
  const [lines, warmth, watts] = useMemo((): [Line[], Line[], Line[]] => {
    const { load = [], warm = [], power = [], said = [] } = series.value ?? {};
    const ahead = { horizonS: nearestHorizon(said, horizon.value), label: text.rack.predicted, colour: "#cc79a7" };
    return [
      [{ label: text.server.cpu, colour: "#56b4e9", points: load }],
      [{ label: text.server.cpuTemperature, colour: "#e69f00", points: warm }, ...foreseen(said, 1, { ...ahead, target: "thermal/cpuTemperature" })],
      [{ label: text.rack.power, colour: "#56b4e9", points: power }, ...foreseen(said, 1, { ...ahead, target: "power/power" })],
    ];
  }, [series.value, horizon.value]);
  const measured = (of: Line[]): boolean => of.some((line) => line.points.some(([, value]) => value !== null));
  const bytes = (value: number | null): string => (value === null ? "–" : `${(value / 2 ** 30).toFixed(1)} GiB`);
  const rate = (value: number | null): string => (value === null ? "–" : `${(value / 1e6).toFixed(2)} MB/s`);
  return (
    <>
      <Rows
        rows={[
          [text.server.cpu, shown(number(server, "cpu", "utilization"), 0, "%"), stale(server, "cpu", at)],
          [text.server.memory, `${bytes(number(server, "memory", "used"))} / ${bytes(number(server, "memory", "total"))}`],
          [text.server.disk, `${rate(number(server, "disk", "readBytes"))} / ${rate(number(server, "disk", "writeBytes"))}`],
          [text.server.network, `${rate(number(server, "network", "rx"))} / ${rate(number(server, "network", "tx"))}`],
          [text.server.cpuTemperature, shown(number(server, "thermal", "cpuTemperature"), 0, "°C")],
          [text.rack.inlet, shown(number(server, "thermal", "inletTemperature"), 1, "°C")],
          [text.rack.power, shown(number(server, "power", "power"), 0, "W")],
          [text.rack.maintenance, verdict(server, "maintenance", at)],
        ]}
      />
      <Findings thing={server} />
      <h3>{text.rack.trend}</h3>
      {series.error !== null && <p class="error">{series.error}</p>}
      <Chart lines={lines} unit="%" label={`${text.server.cpu}: ${server.name}`} />
      <Ahead said={series.value?.said ?? []} />
      {measured(warmth) && <Chart lines={warmth} unit="°C" label={`${text.server.cpuTemperature}: ${server.name}`} />}
      {measured(watts) && <Chart lines={watts} unit="W" height={110} label={`${text.rack.power}: ${server.name}`} />}
    </>
  );
}

function Unit({ unit }: { unit: Thing }) {
  const { at, stride } = curvesUntil();
  const [asking, setAsking] = useState(false);
  const series = useRead(() => api.series(site.value, unit.id, "air", ["supplyTemperature", "returnTemperature"], at - HOUR, at, 180), [unit.id, stride]);
  const lines = useMemo(
    (): Line[] => [
      { label: text.unit.supply, colour: "#56b4e9", points: numbers(series.value?.series["supplyTemperature"]) },
      { label: text.unit.return, colour: "#e69f00", points: numbers(series.value?.series["returnTemperature"]) },
    ],
    [series.value],
  );
  const last = property(unit, "control", "lastCommand") as Record<string, unknown> | undefined;
  const kilowatts = (name: string): string => {
    const value = number(unit, "power", name);
    return shown(value === null ? null : value / 1000, 1, "kW");
  };
  const { allowed, why } = mayCommand();
  return (
    <>
      <Rows
        rows={[
          [text.unit.supply, shown(number(unit, "air", "supplyTemperature"), 1, "°C"), stale(unit, "air", at)],
          [text.unit.return, shown(number(unit, "air", "returnTemperature"), 1, "°C")],
          [text.unit.setpoint, shown(number(unit, "control", "setpoint"), 1, "°C")],
          [text.unit.fan, shown(number(unit, "control", "fanSpeed"), 0, "%")],
          [text.unit.mode, String(property(unit, "control", "mode") ?? "–")],
          [text.unit.heat, kilowatts("heatRemoved")],
          [text.unit.power, kilowatts("power")],
          [text.unit.cop, shown(number(unit, "power", "cop"), 2, "")],
          [text.rack.maintenance, verdict(unit, "maintenance", at)],
          [text.unit.serves, `${((unit.attributes["racks"] as string[] | undefined) ?? []).length} ${text.unit.racks}`],
        ]}
      />
      <Findings thing={unit} />
      <button class="main" disabled={!allowed} title={why} onClick={() => setAsking(true)}>
        {text.unit.command}
      </button>
      {past.value !== null && <p class="hint">{why}</p>}
      {last !== undefined && last !== null && (
        <p class={`last ${String(last["state"])}`} role="status">
          {text.unit.last}: <b>{String(last["state"])}</b> {last["detail"] === undefined || last["detail"] === null ? "" : `– ${String(last["detail"])}`}{" "}
          <small>
            {String(last["who"] ?? "")} {typeof last["at"] === "number" ? text.agoSeconds((at - last["at"]) / 1000) : ""}
          </small>
        </p>
      )}
      <h3>{text.rack.trend}</h3>
      <Chart lines={lines} unit="°C" label={`${text.unit.supply}: ${unit.name}`} />
      {asking && past.value === null && <CommandDialog unit={unit} onClose={() => setAsking(false)} />}
    </>
  );
}

function Links({ thing }: { thing: Thing }) {
  const { grafana, ditto_ui: ditto } = me.value ?? {};
  const board = ({ rack: "rack", server: "server", cooling: "cooling" } as const)[thing.kind as "rack" | "server" | "cooling"];
  const values = { room: String(thing.attributes["location"] ?? ""), [thing.kind === "cooling" ? "unit" : thing.kind]: thing.name };
  return (
    <p class="links">
      {grafana && board && <a href={grafanaLink(grafana, board, values)}>{text.rack.grafana}</a>}
      {ditto && <a href={`${ditto.replace(/\/$/, "")}/?filter=${encodeURIComponent(thing.id)}`}>{text.rack.ditto}</a>}
    </p>
  );
}
