// Key figures of the site and its rooms now, with links into Grafana at the same time and place.
import type { Thing } from "../api";
import { Chart, type Line } from "../parts/Chart";
import { BOARDS, grafanaLink } from "../parts/grafana";
import { useRead } from "../parts/hooks";
import { api } from "../api";
import { me, now, number, ofRoom, openAlerts, property, room, selected, site, stale, theSite, things, tick, view } from "../store";
import { text } from "../text";
import { shown } from "../room/Tip";
import { hottest } from "../values";
import { useMemo } from "preact/hooks";

const sum = (values: (number | null)[]): number | null => {
  const known = values.filter((each): each is number => each !== null);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0);
};
const ofKind = (kind: Thing["kind"]): Thing[] => [...things.values()].filter((each) => each.kind === kind);

export function DashboardsView() {
  tick.value;
  const at = now.value;
  const racks = ofKind("rack");
  const inlets = racks.map((rack) => hottest(rack, at)).filter((each): each is number => each !== null);
  const within = racks.filter((rack) => property(rack, "indices", "ashraeState") === "recommended").length;
  const judged = racks.filter((rack) => property(rack, "indices", "ashraeState") !== undefined).length;
  const it = sum(racks.map((rack) => (stale(rack, "power", at) ? null : number(rack, "power", "power"))));
  const cooling = sum(ofKind("cooling").map((unit) => number(unit, "power", "power")));
  const figures: [string, string][] = [
    [text.dashboards.reporting, `${inlets.length} / ${racks.length}`],
    [text.dashboards.alerts, String(openAlerts.value)],
    [text.dashboards.hottest, shown(inlets.length ? Math.max(...inlets) : null, 1, "°C")],
    [text.dashboards.coldest, shown(inlets.length ? Math.min(...inlets) : null, 1, "°C")],
    [text.dashboards.recommended, judged === 0 ? "–" : `${Math.round((within / judged) * 100)} %`],
    [text.dashboards.itPower, shown(it === null ? null : it / 1000, 1, "kW")],
    [text.dashboards.coolingPower, shown(cooling === null ? null : cooling / 1000, 1, "kW")],
    [text.dashboards.ratio, it !== null && cooling !== null && it > 0 ? ((it + cooling) / it).toFixed(2) : "–"],
  ];
  const hot = [...racks].sort((a, b) => (hottest(b, at) ?? -99) - (hottest(a, at) ?? -99)).slice(0, 12);
  return (
    <div class="page">
      <h1>{text.dashboards.site}</h1>
      <div class="cards">
        {figures.map(([name, value]) => (
          <div class="card" key={name}>
            <span>{name}</span>
            <b>{value}</b>
          </div>
        ))}
      </div>
      <div class="columns">
        <section>
          <h2>{text.dashboards.rooms}</h2>
          {(theSite.value?.rooms ?? []).map((each) => (
            <RoomCard key={each.name} name={each.name} />
          ))}
        </section>
        <section>
          <h2>{text.dashboards.hottestRacks}</h2>
          <table>
            <tbody>
              {hot.map((rack) => (
                <tr key={rack.id}>
                  <th scope="row">
                    <button
                      class="link"
                      onClick={() => {
                        room.value = String(rack.attributes["location"]);
                        selected.value = rack.id;
                        view.value = "room";
                      }}
                    >
                      {rack.name}
                    </button>
                  </th>
                  <td>{shown(hottest(rack, at), 1, "°C")}</td>
                  <td>{String(property(rack, "indices", "ashraeState") ?? "")}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <h2>{text.dashboards.grafana}</h2>
          <GrafanaLinks />
        </section>
      </div>
    </div>
  );
}

function RoomCard({ name }: { name: string }) {
  const at = now.value;
  const own = things.get(`racktwin.${site.value}:room-${name}`);
  const index = (field: string, digits: number, unit: string): string => shown(own === undefined ? null : number(own, "indices", field), digits, unit);
  const worst = ofRoom("rack", name).reduce<number | null>((most, rack) => {
    const value = hottest(rack, at);
    return value === null ? most : most === null ? value : Math.max(most, value);
  }, null);
  const half = Math.floor(at / 60_000);
  const history = useRead(() => api.inlets(site.value, name, at - 3_600_000, at, 120), [name, site.value, half]);
  const lines = useMemo(
    (): Line[] => [
      { label: text.dashboards.hottest, colour: "#e69f00", points: history.value?.hottest ?? [] },
      { label: text.dashboards.coldest, colour: "#56b4e9", points: history.value?.coldest ?? [] },
    ],
    [history.value],
  );
  return (
    <article class="room-card">
      <h3>
        <button
          class="link"
          onClick={() => {
            room.value = name;
            view.value = "room";
          }}
        >
          {name}
        </button>
      </h3>
      <p>
        {text.dashboards.hottest} <b>{shown(worst, 1, "°C")}</b> · {text.dashboards.rciHi} <b>{index("rciHi", 0, "%")}</b> · {text.dashboards.rti}{" "}
        <b>{index("rti", 0, "%")}</b> · {text.dashboards.shi} <b>{index("shi", 2, "")}</b>
      </p>
      {history.error !== null ? <p class="error">{history.error}</p> : <Chart lines={lines} unit="°C" height={120} label={`${text.rack.trend}: ${name}`} />}
    </article>
  );
}

function GrafanaLinks() {
  const grafana = me.value?.grafana;
  if (!grafana) return <p class="hint">{text.dashboards.noGrafana}</p>;
  const chosen = selected.value === null ? undefined : things.get(selected.value);
  const place: Record<string, string> = { room: room.value };
  if (chosen !== undefined) place[chosen.kind === "cooling" ? "unit" : chosen.kind] = chosen.name;
  return (
    <ul class="links">
      {BOARDS.map((board) => (
        <li key={board}>
          <a href={grafanaLink(grafana, board, place)}>{text.dashboards.boards[board]}</a>
        </li>
      ))}
    </ul>
  );
}
