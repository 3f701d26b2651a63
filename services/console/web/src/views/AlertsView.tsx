// What is wrong now, the worst first: what, where, since when, what to do, and who looks after it.
import { useState } from "preact/hooks";
import { api, ApiError } from "../api";
import { go } from "../parts/go";
import { useRead } from "../parts/hooks";
import { me, now, site } from "../store";
import { text } from "../text";

export function AlertsView() {
  const [again, setAgain] = useState(0);
  const [error, setError] = useState<string | null>(null);
  const alerts = useRead(() => api.alerts(site.value), [site.value, again], 2000);
  const allowed = me.value !== null && me.value.role !== "viewer";
  const acknowledge = async (thing: string, rule: string): Promise<void> => {
    setError(null);
    try {
      await api.acknowledge(site.value, thing, rule);
      setAgain(again + 1);
    } catch (problem) {
      setError(problem instanceof ApiError ? problem.message : text.errors.failed);
    }
  };
  return (
    <div class="page">
      <h1>{text.alerts.heading}</h1>
      {(error ?? alerts.error) !== null && <p class="error">{error ?? alerts.error}</p>}
      {alerts.value !== null && alerts.value.length === 0 && <p class="hint">{text.alerts.none}</p>}
      <ul class="alerts">
        {(alerts.value ?? []).map((alert) => (
          <li key={`${alert.thing} ${alert.rule}`} class={`alert ${alert.severity}`}>
            <h2>
              <span class="badge">{alert.severity}</span> {alert.title}
            </h2>
            <p>
              <button class="link" onClick={() => go(alert.thing, alert.room)}>
                {alert.name}
              </button>{" "}
              {alert.text} <small>{text.agoSeconds((now.value - alert.since) / 1000)}</small>
            </p>
            <p>
              <b>{text.alerts.what}:</b> {alert.action}
            </p>
            {alert.acknowledged_by !== null ? (
              <p class="hint">
                {text.alerts.acknowledged} {alert.acknowledged_by}
              </p>
            ) : (
              <button disabled={!allowed} onClick={() => void acknowledge(alert.thing, alert.rule)}>
                {text.alerts.acknowledge}
              </button>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
