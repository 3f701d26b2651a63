// Addresses of Grafana's dashboards at the time and place that one looks at here.
import { now, past, site } from "../store";

const HOUR = 3_600_000;

export function grafanaLink(base: string, board: string, place: Record<string, string>): string {
  const middle = past.value?.at;
  const [from, to] = middle === undefined ? [now.value - 3 * HOUR, now.value] : [middle - HOUR, middle + HOUR];
  const values = new URLSearchParams({ "var-site": site.value, "var-history": site.value, from: String(from), to: String(to) });
  for (const [name, value] of Object.entries(place)) values.set(`var-${name}`, value);
  return `${base.replace(/\/$/, "")}/d/racktwin-${board}?${values}`;
}
