// What is wrong now, the worst first: what, where, since when, what to do, who looks after it; and what was.
import { useState } from "preact/hooks";
import { api } from "../api";
import { Acknowledge } from "../parts/Acknowledge";
import { go } from "../parts/go";
import { useRead } from "../parts/hooks";
import { moment, now, room, selected, site, things, view } from "../store";
import { text } from "../text";

const DAY = 86_400_000;

// The replay at this moment.
function replayAt(at: number): void {
  moment.value = at;
  view.value = "replay";
}

export function AlertsView() {
  const [again, setAgain] = useState(0);
  const alerts = useRead(() => api.alerts(site.value), [site.value, again], 2000);
  const minute = Math.floor(now.value / 20_000);
  const before = useRead(() => api.log(site.value, "alert", now.value - DAY, now.value + 60_000), [site.value, minute]);
  return (
    <div class="page">
      <h1>{text.alerts.heading}</h1>
      {alerts.error !== null && (
        <p class="error" role="alert">
          {alerts.error}
        </p>
      )}
      {alerts.value !== null && alerts.value.length === 0 && <p class="good">{text.alerts.none}</p>}
      <ul class="alerts">
        {(alerts.value ?? []).map((alert) => (
          <li key={`${alert.thing} ${alert.rule}`} class={`alert ${alert.severity}`}>
            <h2>
              <span class="badge">{alert.severity}</span> {alert.title}{" "}
              <button class="link" onClick={() => go(alert.thing, alert.room)}>
                {alert.name}
              </button>{" "}
              <small>{alert.room}</small>
            </h2>
            <p>
              {alert.text} <small>{text.agoSeconds((now.value - alert.since) / 1000)}</small>
            </p>
            <p>
              <b>{text.alerts.what}:</b> {alert.action}
            </p>
            <p class="buttons start">
              {alert.acknowledged_by !== null ? (
                <span class="hint">
                  {text.alerts.acknowledged} {alert.acknowledged_by}
                </span>
              ) : (
                <Acknowledge thing={alert.thing} rule={alert.rule} onDone={() => setAgain((count) => count + 1)} />
              )}
              <button
                onClick={() => {
                  if (alert.room !== null) room.value = alert.room;
                  selected.value = alert.thing;
                  replayAt(alert.since);
                }}
              >
                {text.alerts.replay}
              </button>
            </p>
          </li>
        ))}
      </ul>
      <h2>{text.alerts.before}</h2>
      {before.error !== null && <p class="error">{before.error}</p>}
      {before.value !== null && before.value.length === 0 && <p class="hint">{text.alerts.noneBefore}</p>}
      {before.value !== null && before.value.length > 0 && (
        <div class="wide-table" tabIndex={0} role="region" aria-label={text.table}>
          <table>
            <thead>
              <tr>
                {[text.audit.at, text.alerts.event, text.alerts.thing, text.alerts.text].map((each) => (
                  <th scope="col" key={each}>
                    {each}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {before.value.slice(0, 50).map((each, index) => (
                <tr key={index}>
                  <td class="time">{new Date(each.at).toLocaleTimeString()}</td>
                  <td>{String(each["state"] ?? "")}</td>
                  <th scope="row">
                    <button class="link" onClick={() => go(String(each["thing"]), things.get(String(each["thing"]))?.attributes["location"] as string | undefined)}>
                      {String(each["thing"] ?? "").replace(/^.*:[a-z]+-/, "")}
                    </button>
                  </th>
                  <td>
                    {String(each["text"] ?? "")} {each["who"] ? `(${String(each["who"])})` : ""}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
