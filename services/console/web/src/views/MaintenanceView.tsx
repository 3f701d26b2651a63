// What is degrading: state, evidence, remaining life, and when to do something about it.
import type { Thing } from "../api";
import { property, room, selected, things, tick, view } from "../store";
import { text } from "../text";

const lifeOf = (thing: Thing): string => {
  const hours = property(thing, "maintenance", "remainingUsefulLife");
  if (typeof hours !== "number") return text.maintenance.unknown;
  const evidence = (property(thing, "maintenance", "evidence") ?? {}) as Record<string, unknown>;
  const days = (value: unknown): string => (typeof value === "number" ? (value / 24).toFixed(value < 240 ? 1 : 0) : "?");
  const interval = evidence["lo"] === undefined ? "" : ` (${days(evidence["lo"])}–${days(evidence["hi"])})`;
  return `${days(hours)} d${interval}`;
};

export function MaintenanceView() {
  tick.value;
  const found = [...things.values()]
    .filter((thing) => {
      const maintenance = property(thing, "maintenance", "state");
      const anomaly = property(thing, "anomaly", "state");
      return (maintenance !== undefined && maintenance !== "none") || (anomaly !== undefined && anomaly !== "normal");
    })
    .sort((a, b) => Number(property(b, "maintenance", "score") ?? property(b, "anomaly", "score") ?? 0) - Number(property(a, "maintenance", "score") ?? property(a, "anomaly", "score") ?? 0));
  return (
    <div class="page">
      <h1>{text.maintenance.heading}</h1>
      {found.length === 0 ? (
        <p class="hint">{text.maintenance.none}</p>
      ) : (
        <table class="wide">
          <thead>
            <tr>
              {[text.maintenance.thing, text.maintenance.state, text.maintenance.cause, text.maintenance.life, text.maintenance.score, text.maintenance.evidence].map((each) => (
                <th scope="col" key={each}>
                  {each}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.map((thing) => {
              const feature = thing.features["maintenance"]?.properties["state"] ? "maintenance" : "anomaly";
              const evidence = property(thing, feature, "evidence");
              return (
                <tr key={thing.id}>
                  <th scope="row">
                    <button
                      class="link"
                      onClick={() => {
                        room.value = String(thing.attributes["location"] ?? room.value);
                        selected.value = thing.id;
                        view.value = "room";
                      }}
                    >
                      {thing.name}
                    </button>
                  </th>
                  <td>{String(property(thing, feature, "state"))}</td>
                  <td>{String(property(thing, feature, "cause") ?? "")}</td>
                  <td>{lifeOf(thing)}</td>
                  <td>{Number(property(thing, feature, "score") ?? 0).toFixed(2)}</td>
                  <td>
                    <code>{evidence === undefined ? "" : JSON.stringify(evidence)}</code>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </div>
  );
}
